"""Rows of the paper's tables, run one after the other, and the tables made from them."""

import dataclasses
import json
import math
import pathlib
from collections.abc import Callable, Collection, Sequence
from typing import TYPE_CHECKING

from avel_tf.configuration import TrainingConfig
from components.component import Pipeline
from components.scorer import Scorer, ScorerParameters
from pipelines import paper
from pipelines.experiments import Data, run_afresh, train_only

if TYPE_CHECKING:
    from avel_tf.evaluation.record_accuracies import RecordAccuracies
    from avel_tf.evaluation.results import Scores
    from avel_tf.reporting.result_rows import ResultRow, RowResult
    from avel_tf.training.result import TrainingResult
    from components.launcher import Result
    from components.lineage import Lineage


@dataclasses.dataclass(frozen=True)
class PlannedRow:
    """One row of a table, and how to train it.

    Args:
        row: `paper.Row`.
        training: `TrainingConfig` of the first run.
    """

    row: paper.Row
    training: TrainingConfig

    def training_of(self, run: int) -> TrainingConfig:
        """Configuration of a run, counted from 0: each has its own seed."""
        return dataclasses.replace(self.training, seed=self.training.seed + run)


@dataclasses.dataclass(frozen=True)
class PlannedTable:
    """One table, or some of its rows.

    Args:
        key: String. Name of its files.
        table: `paper.Table`.
        rows: Tuple of `PlannedRow`; the others are compared with the last one.
    """

    key: str
    table: paper.Table
    rows: tuple[PlannedRow, ...]


def plan_tables(
    keys: Sequence[str],
    settings: str | None = None,
    names: Collection[str] | None = None,
    adjust: Callable[[TrainingConfig], TrainingConfig] = lambda training: training,
) -> list[PlannedTable]:
    """Chooses tables and rows.

    Args:
        keys: Sequence of keys of `paper.TABLES`.
        settings: String. As for `paper.Row.training`; None for each table's own.
        names: Names of rows, or None for all.
        adjust: Function that changes each row's `TrainingConfig`.
    Raises:
        ValueError: If no row has one of the names.
    """
    planned, found = [], set()
    for key in keys:
        every_row = paper.rows_of(key)
        chosen = [row for row in every_row if names is None or row.name in names]
        found |= {row.name for row in chosen}
        # Part of a table must not replace the whole, nor one kind of settings another.
        usual = paper.TABLES[key].settings
        parts = [
            key,
            *([pathlib.Path(settings).stem] if settings not in (None, usual) else []),
            *(["rows"] if len(chosen) < len(every_row) else []),
        ]
        rows = tuple(PlannedRow(row, adjust(row.training(settings or usual))) for row in chosen)
        if rows:
            planned.append(PlannedTable("-".join(parts), paper.TABLES[key], rows))
    rows = [row for table in planned for row in table.rows]
    names_of_settings = {row.training.settings_name for row in rows}
    if (settings or "").endswith(".json") and pathlib.Path(settings).stem not in names_of_settings:
        raise ValueError(f"{settings} is for none of the rows. Give --tables of its task.")
    if unknown := set(names or ()) - found:
        raise ValueError(
            f"No row of tables {', '.join(keys)} is called {sorted(unknown)}. They are: "
            + "; ".join(row.name for key in keys for row in paper.rows_of(key))
        )
    return planned


def create_pipeline(data: Data, training: TrainingConfig) -> Pipeline:
    """The pipeline from features to the scores of one system, trained with one seed."""
    example_gen, *others, trainer = train_only(data, training)
    scorer = Scorer(
        ScorerParameters(training.task),
        examples=example_gen.outputs["examples"],
        model=trainer.outputs["model"],
    )
    return Pipeline(f"reproduce-{training.task}", (example_gen, *others, trainer, scorer))


@dataclasses.dataclass(frozen=True, eq=False)
class FinishedRun:
    """One training and its scores.

    Args:
        scores: `Scores`.
        records: `RecordAccuracies`.
        training: `TrainingResult`.
        model: String. Folder of the model.
        is_cached: Boolean. Whether an earlier training served again.
    """

    scores: "Scores"
    records: "RecordAccuracies"
    training: "TrainingResult"
    model: str
    is_cached: bool


@dataclasses.dataclass(frozen=True)
class FailedRun:
    """A training or scoring that failed.

    Args:
        error: String. Component and message.
    """

    error: str


class Reproduction:
    """Runs rows, each configuration once, and keeps the tables up to date.

    Args:
        data: `Data`.
        settings: String. Which settings the rows have, for the tables.
        output_root: Path.
        lineage: `Lineage`.
        runs: Integer. Per row.
    """

    def __init__(
        self,
        data: Data,
        settings: str,
        output_root: pathlib.Path,
        lineage: "Lineage",
        runs: int,
    ):
        self._data = data
        self._settings = settings
        self._output_root = output_root
        self._lineage = lineage
        self._runs = runs
        self._results: dict[TrainingConfig, FinishedRun | FailedRun] = {}

    def run(self, tables: Sequence[PlannedTable]) -> int:
        """Runs what is missing; returns how many runs failed.

        Raises:
            RuntimeError: If the data, which every row needs, cannot be had.
        """
        from avel_tf.records import keep_splits

        todo = [
            (table, planned, run)
            for run in range(self._runs)  # one run of everything first
            for table in tables
            for planned in table.rows
        ]
        print(f"Data: {self._data.description}")
        with keep_splits():
            for number, (table, planned, run) in enumerate(todo, start=1):
                label = f"{table.key}: {planned.row.name}, run {run + 1}"
                print(f"[{number}/{len(todo)}] {label}", flush=True)
                training = planned.training_of(run)
                if training not in self._results:
                    self._results[training] = self._run_once(training)
                result = self._results[training]
                print(f"      {_describe_run(result, table.table.metrics)}", flush=True)
                if isinstance(result, FinishedRun) and result.is_cached:
                    continue  # written with the next run that is new, or at the end
                self._write(table)
        for table in tables:
            self._write(table)
        return sum(isinstance(result, FailedRun) for result in self._results.values())

    def _run_once(self, training: TrainingConfig) -> FinishedRun | FailedRun:
        from avel_tf.evaluation.record_accuracies import RecordAccuracies
        from avel_tf.evaluation.results import Scores
        from avel_tf.training.result import TrainingResult

        pipeline = create_pipeline(self._data, training)
        results = run_afresh(pipeline, self._output_root, self._lineage)
        if results[-1].state == "FAILED":
            last: Result = results[-1]
            message = f"{last.component_id}: {last.error}"
            if last.component_id not in ("Trainer", "Scorer"):
                raise RuntimeError(message)
            return FailedRun(message)
        by_id = {result.component_id: result for result in results}
        artifact = by_id["Scorer"].outputs["scores"]
        scores = Scores.from_json(json.loads(artifact.folder().metrics_path.read_text()))
        if not math.isfinite(scores.primary_value):
            return FailedRun("Trainer: diverged, the scores are not numbers")
        trainer = by_id["Trainer"]
        return FinishedRun(
            scores=scores,
            records=RecordAccuracies.load(artifact.folder().records_path),
            training=TrainingResult(**trainer.summary),
            model=trainer.outputs["model"].uri,
            is_cached=trainer.state == "CACHED",
        )

    def _write(self, table: PlannedTable) -> None:
        from avel_tf.metrics import PRIMARY_METRIC
        from avel_tf.reporting.result_rows import ResultTable
        from avel_tf.reporting.result_tables import write_table

        by_row = [self._runs_of(planned) for planned in table.rows]
        finished = [_finished(runs) for runs in by_row]
        first = next((run for runs in finished for run in runs), None)
        write_table(
            ResultTable(
                key=table.key,
                title=f"{table.table.name}: {table.table.title}",
                note=table.table.note,
                data=self._data.description,
                caution=first.training.caution if first else "",
                settings=self._describe(table.rows[-1].training),
                metrics=table.table.metrics,
                primary_metric=PRIMARY_METRIC[table.table.task],
                trivial_baselines=first.scores.trivial_baselines if first else {},
                yardsticks=first.scores.yardsticks if first else {},
                rows=tuple(
                    _make_row(planned, runs, [] if planned is table.rows[-1] else finished[-1])
                    for planned, runs in zip(table.rows, by_row, strict=True)
                ),
                x_label=table.table.x_label,
            ),
            self._output_root / "tables",
        )

    def _describe(self, training: TrainingConfig) -> str:
        loss = f"relevance loss {training.relevance_loss}, " if training.system == "dam" else ""
        return (
            f"{self._settings}; of the last row {loss}{training.precision}, at most "
            f"{training.epochs} epochs, patience {training.patience}. The JSON file has each row's."
        )

    def _runs_of(self, planned: PlannedRow) -> list[FinishedRun | FailedRun]:
        trainings = [planned.training_of(run) for run in range(self._runs)]
        return [self._results[training] for training in trainings if training in self._results]


def _describe_run(result: FinishedRun | FailedRun, metrics: Sequence[str]) -> str:
    from avel_tf.reporting.result_tables import SHORT_NAMES

    if isinstance(result, FailedRun):
        return f"FAILED: {result.error}"
    values = [f"{SHORT_NAMES[name]} {result.scores.metrics[name]:.2%}" for name in metrics]
    cached = ", from cache" if result.is_cached else ""
    return (
        f"{', '.join(values)} (epoch {result.training.best_epoch} of {result.training.epochs}, "
        f"{result.training.seconds:.0f} s{cached})"
    )


def _finished(runs: Sequence[FinishedRun | FailedRun]) -> list[FinishedRun]:
    return [run for run in runs if isinstance(run, FinishedRun)]


def _make_row(
    planned: PlannedRow,
    runs: Sequence[FinishedRun | FailedRun],
    reference: Sequence[FinishedRun],
) -> "ResultRow":
    """One row, compared with the runs of another one if there are any."""
    from avel_tf.reporting.result_rows import ResultRow

    errors = [run.error for run in runs if isinstance(run, FailedRun)]
    finished = _finished(runs)
    return ResultRow(
        name=planned.row.name,
        published=planned.row.published_metrics(),
        result=_summarize(finished, reference) if finished else None,
        error=errors[0] if errors else None,
        failures=len(errors),
        training=dataclasses.asdict(planned.training),
        x=planned.row.category_weight,
    )


def _summarize(runs: Sequence[FinishedRun], reference: Sequence[FinishedRun]) -> "RowResult":
    import numpy as np

    from avel_tf.evaluation.bootstrap import bootstrap_interval, spread_over_runs
    from avel_tf.evaluation.controls import compare_with_control
    from avel_tf.reporting.result_rows import RowResult

    accuracies = [run.records.accuracy for run in runs]
    others = [run.records.accuracy for run in reference]
    return RowResult(
        metrics={
            name: spread_over_runs([run.scores.metrics[name] for run in runs])
            for name in runs[0].scores.metrics
        },
        num_records=int(np.isfinite(accuracies[0]).sum()),
        interval=bootstrap_interval(accuracies),
        difference=bootstrap_interval(accuracies, others) if others else None,
        seconds=spread_over_runs([run.training.seconds for run in runs]).mean,
        epochs=spread_over_runs([run.training.epochs for run in runs]).mean,
        parameters=runs[0].training.parameters,
        models=tuple(run.model for run in runs),
        controls={
            name: dataclasses.replace(
                compare_with_control(accuracies, [run.records.controls[name] for run in runs]),
                is_oracle=control.is_oracle,
                note=control.note,
            )
            for name, control in runs[0].scores.controls.items()
        },
    )
