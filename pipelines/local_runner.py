"""Runs the AVE pipeline on this machine: videos or features in, a served model out."""

import argparse
import dataclasses
import datetime
import logging
import os
import pathlib
import re
import shlex
import sys
import warnings

# Before TensorFlow is imported anywhere: what it logs on start-up (that a GPU plug-in is
# registered twice) are false alarms; real failures are exceptions.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))

from avel_tf.configuration import DEVICES, PRECISIONS, TASKS
from components.launcher import Result, run_pipeline
from components.lineage import Lineage
from pipelines import configs
from pipelines.ave_pipeline import create_pipeline

EXAMPLES = """\
examples:
  Try it out, with simulated clips:
    python pipelines/local_runner.py
  The AVE videos, with VGGish weights you have:
    python pipelines/local_runner.py --config ave --data_root AVE_Dataset \\
        --audio_weights vggish.weights.h5
  The official features, cross-modality localization:
    python pipelines/local_runner.py --config ave --features_dir features --task cml

A second run executes only what has changed; one that was killed goes on where it stopped.
"""


def parse_arguments(arguments: list[str] | None = None) -> argparse.Namespace:
    """Reads the command line."""
    parser = argparse.ArgumentParser(
        prog="local_runner.py",
        description=__doc__,
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--config",
        choices=("demo", "ave"),
        default="demo",
        help="demo: simulated clips and untrained encoders, minutes (default); "
        "ave: the AVE dataset, from --data_root or --features_dir",
    )
    parser.add_argument(
        "--task",
        choices=TASKS,
        default="sel",
        help="sel: supervised event localization, which event in each second (default); "
        "cml: cross-modality localization, where in one modality is what the other shows",
    )
    parser.add_argument(
        "--output_root",
        type=pathlib.Path,
        metavar="DIR",
        help="where everything goes (default: runs/CONFIG-TASK)",
    )
    parser.add_argument(
        "--lineage",
        metavar="DB",
        help="lineage database: an SQLite file, mysql://user:password@host:port/database or "
        "postgresql://… (default: OUTPUT_ROOT/lineage.sqlite)",
    )
    parser.add_argument("--no_cache", action="store_true", help="execute every component")
    data = parser.add_argument_group("data, for --config ave")
    data.add_argument(
        "--data_root",
        type=_absolute,
        metavar="DIR",
        default="",
        help="folder with Annotations.txt and AVE/*.mp4",
    )
    data.add_argument(
        "--features_dir",
        type=_absolute,
        metavar="DIR",
        default="",
        help="folder with the official audio_feature.h5, visual_feature.h5 and *_order*.h5; "
        "used instead of the videos",
    )
    data.add_argument(
        "--visual_weights",
        metavar="W",
        help="VGG-19: imagenet (default, downloaded by Keras), a weights file, or random",
    )
    data.add_argument(
        "--audio_weights",
        metavar="W",
        default="",
        help="VGGish: a .weights.h5 file, or random; needed to encode videos",
    )
    data.add_argument(
        "--max_rejected_share",
        type=float,
        metavar="X",
        help="fail when more than this share of the clips cannot be read",
    )
    data.add_argument(
        "--allow_anomaly",
        action="append",
        default=[],
        metavar="NAME",
        help="accept an anomaly by the name the validator gives it; may be repeated",
    )
    data.add_argument(
        "--beam_args",
        default="",
        metavar='"ARGS"',
        help="Beam's own options as one string, after an equals sign: "
        '--beam_args="--runner=DirectRunner …" (default runner: FnApiRunner, in this process)',
    )
    training = parser.add_argument_group("training")
    training.add_argument("--epochs", type=int, metavar="N", help="at most so many")
    training.add_argument("--batch_size", type=int, metavar="N", help="records a step")
    training.add_argument("--learning_rate", type=float, metavar="X", help="of Adam")
    training.add_argument("--seed", type=int, metavar="N", help="same seed, same model")
    training.add_argument(
        "--relevance_loss",
        choices=("mean", "each"),
        help="mean: on p_t of Eq. 7, as the paper; each: on both directions",
    )
    training.add_argument("--precision", choices=PRECISIONS, help="of the computation")
    training.add_argument(
        "--xla", action="store_true", default=None, help="compile the training step with XLA"
    )
    training.add_argument(
        "--devices",
        choices=DEVICES,
        help="auto: all GPUs there are, else the CPU (default); mirrored: MirroredStrategy",
    )
    gate = parser.add_argument_group("gate")
    gate.add_argument(
        "--max_regression",
        type=float,
        metavar="X",
        help="how much worse than the last blessed model a new one may be",
    )
    return parser.parse_args(arguments)


def _absolute(path: str) -> str:
    return path and str(pathlib.Path(path).resolve())  # the default stays empty


def build_config(flags: argparse.Namespace, output_root: pathlib.Path) -> configs.PipelineConfig:
    """The named configuration with the values of the flags that were given.

    Raises:
        ValueError: If a value is wrong, or flags contradict each other.
    """
    if flags.config == "demo":
        if flags.data_root or flags.features_dir:
            raise ValueError("`--data_root` and `--features_dir` need `--config ave`.")
        config = configs.demo(flags.task, str(output_root / "clips"))
    else:
        config = configs.ave(flags.task, flags.data_root, flags.features_dir, flags.audio_weights)
    allowed = (*config.validation.allowed_anomalies, *flags.allow_anomaly)
    validation = dataclasses.replace(config.validation, allowed_anomalies=allowed)
    return dataclasses.replace(
        config,
        extraction=_override(config.extraction, flags),
        validation=_override(validation, flags),
        training=_override(config.training, flags),
        evaluation=_override(config.evaluation, flags),
    )


def _override(config, flags: argparse.Namespace):
    """A dataclass with the values of the flags that have a field's name and were given."""
    names = {field.name for field in dataclasses.fields(config)}
    given = {
        name: value
        for name, value in vars(flags).items()
        if name in names and value not in (None, "")
    }
    return dataclasses.replace(config, **given)


def print_summary(results: list[Result], output_root: pathlib.Path, lineage: str) -> None:
    """Accuracy beside the trivial baselines, and where everything lies."""
    from avel_tf.report import TITLES, comparison, note, percent

    by_id = {result.component_id: result for result in results}
    evaluation = by_id["Evaluator"].summary
    print(f"\n{TITLES[evaluation['task']]}, test split: {evaluation['primary_metric']}")
    for name, value, kind in comparison(evaluation):
        print(f"  {name:44} {percent(value):>7}   {note(kind)}".rstrip())
    others = {
        name: value
        for name, value in evaluation["metrics"].items()
        if name.endswith(("accuracy", "f1")) and name != evaluation["primary_metric"]
    }
    print("  " + ", ".join(f"{name} {percent(value)}" for name, value in others.items()))
    pushed = by_id["Pusher"].summary["pushed"]
    places = {
        "Model": pushed or f"not pushed: {' '.join(evaluation['reasons'])}",
        "Report": by_id["Evaluator"].outputs["evaluation"].report_path(),
        "TensorBoard": by_id["Trainer"].outputs["model_run"].path(),
        "Lineage": re.sub("//.*@", "//", lineage),  # without user and password
    }
    print()
    for name, place in places.items():
        print(f"{name + ':':13}{place}")
    print(f"{'Time:':13}" + ", ".join(f"{r.component_id} {r.seconds:.1f} s" for r in results))


def main(arguments: list[str] | None = None) -> int:
    """Runs the pipeline; returns the exit status."""
    flags = parse_arguments(arguments)
    output_root = flags.output_root or pathlib.Path("runs") / f"{flags.config}-{flags.task}"
    output_root = output_root.resolve()
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s: %(message)s")
    logging.getLogger().handlers[0].addFilter(_is_for_users)
    warnings.filterwarnings("ignore", category=FutureWarning, module=r"google\.")
    try:
        config = build_config(flags, output_root)
        if config.simulation:
            from avel_tf.simulation import render_dataset

            render_dataset(pathlib.Path(config.extraction.data_root), config.simulation)
        beam_args = shlex.split(flags.beam_args)
        if beam_args:
            from avel_tf import beam_jobs

            beam_jobs.options(beam_args)  # a misspelt option fails here, not after an hour
        pipeline = create_pipeline(config, output_root / "served" / config.name, beam_args)
        output_root.mkdir(parents=True, exist_ok=True)
        connection = flags.lineage or str(output_root / "lineage.sqlite")
        lineage = Lineage(connection)
        steps = iter(range(1, len(pipeline.components) + 1))
        print(f"Pipeline {config.name}, in {output_root}", flush=True)
        results = run_pipeline(
            pipeline,
            pipeline_root=output_root / "artifacts",
            lineage=lineage,
            run_id=f"{config.name}-{datetime.datetime.now():%Y%m%d-%H%M%S-%f}",
            enable_cache=not flags.no_cache,
            on_start=lambda name: print(
                f"[{next(steps)}/{len(pipeline.components)}] {name}", flush=True
            ),
            on_finish=lambda result: print(_outcome(result), flush=True),
        )
    except (ValueError, RuntimeError, OSError) as error:
        print(f"Error: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("\nStopped. The same command goes on from here.", file=sys.stderr)
        return 130
    if results[-1].state == "FAILED":
        print(
            f"\n{results[-1].component_id} failed: {results[-1].error}\n"
            "Finished components are kept: the same command goes on from here.",
            file=sys.stderr,
        )
        return 1
    print_summary(results, output_root, connection)
    return 0


def _is_for_users(record: logging.LogRecord) -> bool:
    """Warnings of other packages are for their makers; errors are for everybody."""
    return record.levelno >= logging.ERROR or record.name.startswith(("avel_tf", "components"))


def _outcome(result: Result) -> str:
    words = {"COMPLETE": "done", "CACHED": "unchanged, served from cache", "FAILED": "FAILED"}
    lines = [f"{words[result.state]} ({result.seconds:.1f} s)"]
    if result.component_id != "Evaluator":  # what that one found is the summary at the end
        found = (result.summary or {}).items()
        lines += [f"{name.replace('_', ' ')}: {_text(value)}" for name, value in found if value]
    return "\n".join(f"      {line}" for line in lines)


def _text(value) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{count} {name}" for name, count in value.items())
    if isinstance(value, list):
        return ", ".join(value)
    return f"{value:.4g}" if isinstance(value, float) else str(value)


if __name__ == "__main__":
    sys.exit(main())
