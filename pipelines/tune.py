"""Searches what the paper leaves open about dual attention matching, on val alone.

Random settings are trained once; the best of them with more seeds. The test split is never scored.
"""

import argparse
import dataclasses
import json
import math
import pathlib
import random
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))

from avel_tf.configuration import TASKS, TrainingConfig
from avel_tf.flags import override
from avel_tf.locks import exclusive
from avel_tf.screen import quiet
from components.component import Pipeline
from components.lineage import Lineage
from pipelines import configs
from pipelines.experiments import (
    add_data_flags,
    add_training_flags,
    prepare_features,
    run_afresh,
    train_only,
)

EXAMPLES = """\
examples:
  python pipelines/tune.py --task cml --features_dir features
  python pipelines/tune.py --task sel --features_dir features --trials 12

Every trial is kept: the same command goes on where it was stopped.
"""
SPACE = {
    "units": (128, 256, 512),
    "num_heads": (1, 4, 8),
    "block": ("plain", "full"),
    "dropout": (0.0, 0.1, 0.3),
    "normalization": ("none", "batch"),
    "relevance_loss": ("mean", "each"),
    "optimizer": ("adam", "sgd"),
    "schedule": ("constant", "cosine"),
    "batch_size": (32, 64, 128),
}
EPOCHS, PATIENCE = 40, 8
LEARNING_RATES = {"adam": (3e-4, 1e-3, 3e-3), "sgd": (0.01, 0.03, 0.1)}


def draw_trials(task: str, count: int, seed: int) -> list[TrainingConfig]:
    """The faithful settings, and random ones.

    Args:
        task: String. `"sel"` or `"cml"`.
        count: Integer. Trials in all.
        seed: Integer. A larger count with the same seed only adds trials.
    """
    faithful = configs.system_training(task, "dam", "faithful")
    generator = random.Random(seed)
    trials = [faithful]
    while len(trials) < count:
        drawn = {name: generator.choice(values) for name, values in SPACE.items()}
        drawn["learning_rate"] = generator.choice(LEARNING_RATES[drawn["optimizer"]])
        trial = override(faithful, argparse.Namespace(**drawn))
        if trial not in trials:
            trials.append(trial)
    return trials


def parse_arguments(arguments: list[str] | None = None) -> argparse.Namespace:
    """Reads the command line."""
    parser = argparse.ArgumentParser(
        prog="tune.py",
        description=__doc__,
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
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
        "--runs", type=int, default=3, metavar="N", help="seeds of a finalist (default: 3)"
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
    flags = parser.parse_args(arguments)
    for name in ("trials", "finalists", "runs"):
        if getattr(flags, name) < 1:
            parser.error(f"`--{name}` must be at least 1. Received: {getattr(flags, name)}")
    return flags


def search(flags: argparse.Namespace) -> list[dict]:
    """Trains the trials, then more seeds of the best; returns them, the best first."""
    features_dir, _ = prepare_features(flags)
    lineage = Lineage(flags.lineage or str(flags.output_root / "lineage.sqlite"))
    trainings = [
        _whole_schedule(dataclasses.replace(override(trial, flags), in_memory=True))
        for trial in draw_trials(flags.task, flags.trials, flags.seed)
    ]
    results = []
    for number, training in enumerate(trainings, start=1):
        print(f"[{number}/{len(trainings)}] {describe(training)}", flush=True)
        runs = [_train(features_dir, training, flags.output_root, lineage)]
        results.append({"training": training, "runs": runs})
        _write(results, flags)
    results.sort(key=_rank, reverse=True)
    for result in results[: flags.finalists]:
        for seed in range(1, flags.runs):
            print(f"Finalist, seed {seed}: {describe(result['training'])}", flush=True)
            training = dataclasses.replace(result["training"], seed=flags.seed + seed)
            result["runs"].append(_train(features_dir, training, flags.output_root, lineage))
            _write(results, flags)
    results.sort(key=_rank, reverse=True)
    _write(results, flags)
    return results


def _whole_schedule(training: TrainingConfig) -> TrainingConfig:
    """Stopped early, "cosine" would never come to its small learning rates."""
    if training.schedule == "constant":
        return training
    return dataclasses.replace(training, patience=training.epochs)


def describe(training: TrainingConfig) -> str:
    """The settings that are searched, in one line."""
    values = dataclasses.asdict(training) | dataclasses.asdict(training.model)
    return ", ".join(f"{name} {values[name]}" for name in [*SPACE, "learning_rate"])


def _train(
    features_dir: str, training: TrainingConfig, output_root: pathlib.Path, lineage: Lineage
) -> dict:
    pipeline = Pipeline(f"reproduce-{training.task}", train_only(features_dir, training))
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
    """Those with more seeds first: the best of single runs owes some of it to chance."""
    mean = _mean(result)
    return len(result["runs"]), -math.inf if math.isnan(mean) else mean  # of a diverged run


def _write(results: list[dict], flags: argparse.Namespace) -> None:
    folder = flags.output_root / "tuning"
    folder.mkdir(parents=True, exist_ok=True)
    ordered = sorted(results, key=_rank, reverse=True)
    table = [
        {**item, "training": dataclasses.asdict(item["training"]), "val_accuracy": _mean(item)}
        for item in ordered
    ]
    lines = ["| Val, % | Runs | Settings |", "| --- | --- | --- |"]
    lines += [
        f"| {100 * _mean(item):.1f} | {len(item['runs'])} | {describe(item['training'])} |"
        for item in ordered
    ]
    for suffix, text in (("json", json.dumps(table, indent=2)), ("md", "\n".join(lines) + "\n")):
        partial = folder / f".{flags.task}.partial"
        partial.write_text(text)
        partial.replace(folder / f"{flags.task}.{suffix}")


def main(arguments: list[str] | None = None) -> int:
    """Runs the search; returns the exit status."""
    flags = parse_arguments(arguments)
    flags.output_root = flags.output_root.resolve()
    quiet()
    try:
        with exclusive(flags.output_root):
            results = search(flags)
    except (ValueError, RuntimeError, OSError) as error:
        print(f"Error: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("\nStopped. The same command goes on from here.", file=sys.stderr)
        return 130
    best = results[0]
    print(f"\nBest on val, {_mean(best):.2%}: {describe(best['training'])}")
    print(f"All trials: {flags.output_root / 'tuning' / flags.task}.md")
    return 0


if __name__ == "__main__":
    sys.exit(main())
