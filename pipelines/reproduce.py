"""Trains the systems of the paper and writes its tables, with the published numbers beside ours."""

import argparse
import dataclasses
import json
import math
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))

from avel_tf.configuration import TrainingConfig
from avel_tf.flags import override
from avel_tf.locks import exclusive
from avel_tf.screen import quiet
from components.component import Pipeline
from components.launcher import Result
from components.lineage import Lineage
from components.scorer import Scorer, ScorerParameters
from pipelines import configs, paper
from pipelines.experiments import (
    add_data_flags,
    add_training_flags,
    prepare_features,
    run_afresh,
    train_only,
)

EXAMPLES = """\
examples:
  All tables on the official features:
    python pipelines/reproduce.py --features_dir features
  Without them, on features simulated for AVE's annotations:
    python pipelines/reproduce.py --annotations_dir AVE_Dataset
  One cell of Table 3, one run:
    python pipelines/reproduce.py --features_dir features --tables 3 --rows "DAM, GRU" --runs 1

Every run of every row is kept: the same command goes on where it was stopped, and trains only what
is new. A table is written again after every run, with the rows and runs that were asked for last.
"""


def parse_arguments(arguments: list[str] | None = None) -> argparse.Namespace:
    """Reads the command line."""
    keys = list(paper.tables("ave"))
    parser = argparse.ArgumentParser(
        prog="reproduce.py",
        description=__doc__,
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--tables",
        nargs="+",
        choices=keys,
        default=keys[:6],
        metavar="TABLE",
        help=f"which: {', '.join(keys)} (default: {' '.join(keys[:6])}, all that the paper has)",
    )
    parser.add_argument(
        "--rows",
        nargs="+",
        metavar="NAME",
        help="only rows of these names, written as TABLE-rows, the last compared with the others "
        "(default: all)",
    )
    parser.add_argument(
        "--runs", type=int, default=3, metavar="N", help="of different seeds (default: 3)"
    )
    parser.add_argument(
        "--settings",
        choices=configs.SETTINGS,
        default="ave",
        help="ave: chosen on val of simulated features, ordinary cross-entropy (default); "
        "faithful: what the papers say",
    )
    parser.add_argument(
        "--output_root",
        type=pathlib.Path,
        default=pathlib.Path("runs/reproduce"),
        metavar="DIR",
        help="where everything goes, the tables in DIR/tables (default: runs/reproduce)",
    )
    parser.add_argument(
        "--lineage",
        metavar="DB",
        help="lineage database, as for local_runner.py (default: OUTPUT_ROOT/lineage.sqlite)",
    )
    add_data_flags(parser)
    add_training_flags(parser)
    flags = parser.parse_args(arguments)
    if flags.runs < 1:
        parser.error(f"`--runs` must be at least 1. Received: --runs {flags.runs}")
    return flags


def select(flags: argparse.Namespace) -> list[paper.Table]:
    """The tables and rows that the command line asks for, with its training settings.

    Raises:
        ValueError: If a setting is out of range, or no row has one of the names.
    """
    selected, found = [], set()
    for key in flags.tables:
        table = paper.tables(flags.settings)[key]
        rows = []
        for row in table.rows:
            if flags.rows is None or row.name in flags.rows:
                training = override(row.training, flags)
                epochs = min(training.epochs, row.training.epochs)  # of some it is published
                training = dataclasses.replace(training, epochs=epochs, in_memory=True)
                rows.append(dataclasses.replace(row, training=training))
        found |= {row.name for row in rows}
        # A part of a table must not take the place of the whole, nor settings that of others.
        key = table.key if flags.settings == "ave" else f"{table.key}-{flags.settings}"
        key += "" if len(rows) == len(table.rows) else "-rows"
        selected.append(dataclasses.replace(table, key=key, rows=tuple(rows)))
    if unknown := set(flags.rows or ()) - found:
        raise ValueError(
            f"No row of tables {', '.join(flags.tables)} is called {sorted(unknown)}. They are: "
            + "; ".join(row.name for key in flags.tables for row in paper.tables("ave")[key].rows)
        )
    return [table for table in selected if table.rows]


def create_pipeline(features_dir: str, training: TrainingConfig) -> Pipeline:
    """Features to the scores of one system, trained with one seed."""
    example_gen, *others, trainer = train_only(features_dir, training)
    scorer = Scorer(
        ScorerParameters(training.task),
        examples=example_gen.outputs["examples"],
        model=trainer.outputs["model"],
    )
    return Pipeline(f"reproduce-{training.task}", (example_gen, *others, trainer, scorer))


class Reproduction:
    """Runs rows, each configuration once, and keeps the tables up to date.

    Args:
        features_dir: String.
        data: String. What the features are, for the tables.
        settings: String. Which settings the rows have, for the tables.
        output_root: Path.
        lineage: `Lineage`.
        runs: Integer. Of each row.
    """

    def __init__(
        self,
        features_dir: str,
        data: str,
        settings: str,
        output_root: pathlib.Path,
        lineage: Lineage,
        runs: int,
    ):
        self._features_dir = features_dir
        self._data = data
        self._settings = settings
        self._output_root = output_root
        self._lineage = lineage
        self._runs = runs
        self._results: dict[TrainingConfig, dict] = {}

    def run(self, tables: list[paper.Table]) -> int:
        """Runs what is missing; returns how many runs failed.

        Raises:
            RuntimeError: If the data cannot be had, which every row needs.
        """
        from avel_tf.result_tables import SHORT_NAMES

        todo = [
            (table, row, dataclasses.replace(row.training, seed=row.training.seed + run), run)
            for run in range(self._runs)  # one run of everything first
            for table in tables
            for row in table.rows
        ]
        for number, (table, row, training, run) in enumerate(todo, start=1):
            label = f"{table.key}: {row.name}, run {run + 1}"
            print(f"[{number}/{len(todo)}] {label}", flush=True)
            if training not in self._results:
                self._results[training] = self._run_once(training)
            result = self._results[training]
            if result["error"]:
                print(f"      FAILED: {result['error']}", flush=True)
            else:
                values = ", ".join(
                    f"{SHORT_NAMES[name]} {result['metrics'][name]:.2%}" for name in table.metrics
                )
                print(
                    f"      {values} (epoch {result['best_epoch']} of {result['epochs']}, "
                    f"{result['seconds']:.0f} s{', from cache' if result['is_cached'] else ''})",
                    flush=True,
                )
                if result["is_cached"]:  # what was kept is written with what follows
                    continue
            self._write(table)
        for table in tables:
            self._write(table)
        return sum(result["error"] is not None for result in self._results.values())

    def _run_once(self, training: TrainingConfig) -> dict:
        import numpy as np

        from avel_tf.metrics import PRIMARY_METRIC

        pipeline = create_pipeline(self._features_dir, training)
        results = run_afresh(pipeline, self._output_root, self._lineage)
        if results[-1].state == "FAILED":
            last: Result = results[-1]
            message = f"{last.component_id}: {last.error}"
            if last.component_id not in ("Trainer", "Scorer"):
                raise RuntimeError(message)
            return {"error": message}
        by_id = {result.component_id: result for result in results}
        scores = by_id["Scorer"].outputs["scores"]
        content = json.loads(scores.metrics_path().read_text())
        if not math.isfinite(content["metrics"][PRIMARY_METRIC[training.task]]):
            return {"error": "Trainer: diverged, the scores are not numbers"}
        records = np.load(scores.records_path())
        order = np.argsort(records["record_id"])
        return {
            "error": None,
            **content,
            **by_id["Trainer"].summary,
            "accuracies": records["accuracy"][order],
            "model": by_id["Trainer"].outputs["model"].uri,
            "is_cached": by_id["Trainer"].state == "CACHED",
        }

    def _write(self, table: paper.Table) -> None:
        from avel_tf.metrics import PRIMARY_METRIC
        from avel_tf.result_tables import write_table

        by_row = [self._runs_of(row) for row in table.rows]
        reference = by_row[-1]
        done = next((run for runs in by_row for run in runs if not run["error"]), {})
        write_table(
            {
                "key": table.key,
                "title": f"{_title(table.key)}: {table.title}",
                "note": table.note,
                "data": self._data,
                "settings": self._describe(table.rows[-1].training),
                "metrics": table.metrics,
                "primary_metric": PRIMARY_METRIC[table.task],
                "trivial_baselines": done.get("trivial_baselines", {}),
                "yardsticks": done.get("yardsticks", {}),
                "rows": [
                    self._row(row, runs, reference if runs is not reference else [])
                    for row, runs in zip(table.rows, by_row, strict=True)
                ],
            },
            self._output_root / "tables",
        )

    def _describe(self, training: TrainingConfig) -> str:
        loss = f"relevance loss {training.relevance_loss}, " if training.system == "dam" else ""
        return (
            f"{self._settings}; of the last row {loss}{training.precision}, at most "
            f"{training.epochs} epochs, patience {training.patience}. The JSON file has each row's."
        )

    def _runs_of(self, row: paper.Row) -> list[dict]:
        trainings = [
            dataclasses.replace(row.training, seed=row.training.seed + run)
            for run in range(self._runs)
        ]
        return [self._results[training] for training in trainings if training in self._results]

    def _row(self, row: paper.Row, runs: list[dict], reference: list[dict]) -> dict:
        from avel_tf.comparison import bootstrap_interval, over_runs

        errors = [run["error"] for run in runs if run["error"]]
        runs, reference = ([run for run in some if not run["error"]] for some in (runs, reference))
        result = {
            "name": row.name,
            "published": row.published,
            "error": errors[0] if errors else None,
            "failures": len(errors),
            "training": dataclasses.asdict(row.training),
        }
        if not runs:
            return result
        accuracies = [run["accuracies"] for run in runs]
        others = [run["accuracies"] for run in reference]
        return result | {
            "metrics": {
                name: over_runs([run["metrics"][name] for run in runs])
                for name in runs[0]["metrics"]
            },
            "interval": bootstrap_interval(accuracies),
            "difference": bootstrap_interval(accuracies, others) if others else None,
            "seconds": over_runs([run["seconds"] for run in runs])["mean"],
            "epochs": over_runs([run["epochs"] for run in runs])["mean"],
            "models": [run["model"] for run in runs],
        }


def _title(key: str) -> str:
    key = key.partition("-")[0]
    return {"figure5": "Figure 5", "weak": "Weak setting"}.get(key, f"Table {key}")


def main(arguments: list[str] | None = None) -> int:
    """Writes the tables; returns the exit status, 1 if a run failed."""
    flags = parse_arguments(arguments)
    flags.output_root = flags.output_root.resolve()
    quiet()
    try:
        tables = select(flags)
        with exclusive(flags.output_root):
            features_dir, data = prepare_features(flags)
            lineage = Lineage(flags.lineage or str(flags.output_root / "lineage.sqlite"))
            reproduction = Reproduction(
                features_dir, data, flags.settings, flags.output_root, lineage, flags.runs
            )
            failed = reproduction.run(tables)
    except (ValueError, RuntimeError, OSError) as error:
        print(f"Error: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("\nStopped. The same command goes on from here.", file=sys.stderr)
        return 130
    folder = flags.output_root / "tables"
    for table in tables:
        print("\n" + (folder / f"{table.key}.md").read_text())
    print(f"Tables: {folder}")
    if failed:
        print(
            f"Failed runs: {failed}. The same command tries them again, but a run that diverged "
            "would again.",
            file=sys.stderr,
        )
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
