"""Searches settings of dual attention matching that the paper leaves open, only on val.

Random settings are trained once, the best of them with more seeds. The test split is never scored.
"""

import argparse
import dataclasses
import json
import math
import pathlib
import random
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))

from avel_tf.choices import (
    BLOCKS,
    NORMALIZATIONS,
    PROJECTIONS,
    RELEVANCE_LOSSES,
    SIMILARITIES,
    TASKS,
)
from avel_tf.cli.flags import override
from avel_tf.cli.program import run_command
from avel_tf.configuration import TrainingConfig
from avel_tf.training.settings import system_training, write_settings
from avel_tf.utils.arguments import check_positive_integer
from avel_tf.utils.atomic import whole_file
from avel_tf.utils.locks import exclusive
from components.component import Pipeline
from pipelines.experiments import (
    Data,
    add_data_flags,
    add_training_flags,
    check_data_flags,
    prepare_features,
    run_afresh,
    train_only,
)

if TYPE_CHECKING:
    from components.lineage import Lineage

EXAMPLES = """\
examples:
  avel tune --task cml --features_dir features
  avel tune --task sel --features_dir features --trials 12

Every trial is kept: the same command resumes where it was stopped.
"""
WHEN_STOPPED = "The same command resumes."
SPACE = {
    "units": (128, 256, 512),
    "num_heads": (1, 4, 8),
    "block": BLOCKS,
    "dropout": (0.0, 0.1, 0.3),
    "normalization": NORMALIZATIONS,
    "projection": PROJECTIONS,
    "similarity": SIMILARITIES,
    "relevance_loss": RELEVANCE_LOSSES,
    "optimizer": ("adam", "sgd"),
    "schedule": ("constant", "cosine"),
    "batch_size": (32, 64, 128),
}
EPOCHS, PATIENCE = 40, 8
LEARNING_RATES = {"adam": (3e-4, 1e-3, 3e-3), "sgd": (0.01, 0.03, 0.1)}


def draw_trials(task: str, count: int, seed: int) -> list[TrainingConfig]:
    """Draws random settings, after the faithful ones.

    Args:
        task: String. `"sel"` or `"cml"`.
        count: Integer. Total number of trials.
        seed: Integer. A larger count with the same seed only adds trials.
    """
    faithful = system_training(task, "dam", "faithful")
    generator = random.Random(seed)
    trials = [faithful]
    while len(trials) < count:
        drawn = {name: generator.choice(values) for name, values in SPACE.items()}
        drawn["learning_rate"] = generator.choice(LEARNING_RATES[drawn["optimizer"]])
        trial = override(faithful, argparse.Namespace(**drawn))
        if trial not in trials:
            trials.append(trial)
    return trials


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the arguments of the command."""
    parser.add_argument(
        "--task", choices=TASKS, default="cml", help="sel or cml (default: cml, the cheaper one)"
    )
    parser.add_argument(
        "--trials", type=int, default=24, metavar="N", help="settings to try (default: 24)"
    )
    parser.add_argument(
        "--finalists",
        type=int,
        default=3,
        metavar="N",
        help="best settings to train with more seeds (default: 3)",
    )
    parser.add_argument(
        "--runs", type=int, default=3, metavar="N", help="seeds per finalist (default: 3)"
    )
    parser.add_argument(
        "--output_root",
        type=pathlib.Path,
        default=pathlib.Path("runs/reproduce"),
        metavar="DIR",
        help="where everything goes, the results in DIR/tuning (default: runs/reproduce, "
        "where a table's row of the same settings, --epochs and --patience is not trained again)",
    )
    parser.add_argument(
        "--lineage", metavar="DB", help="as for reproduce.py (default: OUTPUT_ROOT/lineage.sqlite)"
    )
    add_data_flags(parser)
    add_training_flags(parser, EPOCHS, PATIENCE)


def search(flags: argparse.Namespace) -> tuple[list[dict], str]:
    """Trains the trials, then the best with more seeds.

    Returns:
        All of them, the best first, and the features in words.
    """
    from avel_tf.records import keep_splits
    from components.lineage import Lineage

    data = prepare_features(flags)
    print(f"Data: {data.description}")
    lineage = Lineage(flags.lineage or str(flags.output_root / "lineage.sqlite"))
    trainings = [
        _whole_schedule(dataclasses.replace(override(trial, flags), in_memory=True))
        for trial in draw_trials(flags.task, flags.trials, flags.seed)
    ]
    results = []
    with keep_splits():
        for number, training in enumerate(trainings, start=1):
            print(f"[{number}/{len(trainings)}] {describe(training)}", flush=True)
            runs = [_train(data, training, flags.output_root, lineage)]
            results.append({"training": training, "runs": runs})
            _write(results, data.description, flags)
        results.sort(key=_rank, reverse=True)
        for result in results[: flags.finalists]:
            for seed in range(1, flags.runs):
                print(f"Finalist, seed {seed}: {describe(result['training'])}", flush=True)
                training = dataclasses.replace(result["training"], seed=flags.seed + seed)
                result["runs"].append(_train(data, training, flags.output_root, lineage))
                _write(results, data.description, flags)
    results.sort(key=_rank, reverse=True)
    _write(results, data.description, flags)
    return results, data.description


def best_path(flags: argparse.Namespace) -> pathlib.Path:
    """Returns the file of the best settings, for `--settings` of other commands."""
    return flags.output_root / "tuning" / f"{flags.task}-best.json"


def _whole_schedule(training: TrainingConfig) -> TrainingConfig:
    """Turns off early stopping, with which "cosine" would not reach its small learning rates."""
    if training.schedule == "constant":
        return training
    return dataclasses.replace(training, patience=training.epochs)


def describe(training: TrainingConfig) -> str:
    """Describes the searched settings in one line."""
    values = dataclasses.asdict(training) | dataclasses.asdict(training.model)
    return ", ".join(f"{name} {values[name]}" for name in [*SPACE, "learning_rate"])


def _train(
    data: Data, training: TrainingConfig, output_root: pathlib.Path, lineage: "Lineage"
) -> dict:
    pipeline = Pipeline(f"reproduce-{training.task}", train_only(data, training))
    results = run_afresh(pipeline, output_root, lineage)
    if results[-1].state == "FAILED":
        raise RuntimeError(f"{results[-1].component_id} failed: {results[-1].error}")
    summary = results[-1].summary
    print(
        f"      val {summary['val_accuracy']:.2%} (epoch {summary['best_epoch']} of "
        f"{summary['epochs']}, {summary['seconds']:.0f} s)",
        flush=True,
    )
    return summary


def _mean(result: dict) -> float:
    return sum(run["val_accuracy"] for run in result["runs"]) / len(result["runs"])


def _rank(result: dict) -> tuple[int, float]:
    """Ranks results with more seeds first: the best single run owes part of its lead to chance."""
    mean = _mean(result)
    return len(result["runs"]), -math.inf if math.isnan(mean) else mean  # of a diverged run


def _write(results: list[dict], data: str, flags: argparse.Namespace) -> None:
    folder = flags.output_root / "tuning"
    folder.mkdir(parents=True, exist_ok=True)
    ordered = sorted(results, key=_rank, reverse=True)
    table = [
        {**item, "training": dataclasses.asdict(item["training"]), "val_accuracy": _mean(item)}
        for item in ordered
    ]
    lines = [f"Data: {data}", "", "| Val, % | Runs | Settings |", "| --- | --- | --- |"]
    lines += [
        f"| {100 * _mean(item):.1f} | {len(item['runs'])} | {describe(item['training'])} |"
        for item in ordered
    ]
    write_settings(ordered[0]["training"], best_path(flags))
    for suffix, text in (("json", json.dumps(table, indent=2)), ("md", "\n".join(lines) + "\n")):
        with whole_file(folder / f"{flags.task}.{suffix}") as partial:
            partial.write_text(text)


def run(flags: argparse.Namespace) -> int:
    """Runs the search; returns the exit status."""
    for name in ("trials", "finalists", "runs"):
        check_positive_integer(name, getattr(flags, name))
    check_data_flags(flags)
    flags.output_root = flags.output_root.resolve()
    with exclusive(flags.output_root):
        results, data = search(flags)
    best = results[0]
    print(f"\nBest on val, {_mean(best):.2%}: {describe(best['training'])}\nData: {data}")
    print(f"Use them: --task {flags.task} --settings {best_path(flags)}")
    print(f"All trials: {flags.output_root / 'tuning' / flags.task}.md")
    return 0


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command as a program of its own; returns the exit status."""
    return run_command(sys.modules[__name__], "tune.py", arguments)


if __name__ == "__main__":
    sys.exit(main())
