"""Runs the AVE pipeline on this machine: videos or features in, a served model out."""

import argparse
import dataclasses
import datetime
import pathlib
import re
import shlex
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))

from avel_tf.configuration import DEVICES, PRECISIONS, SUPERVISIONS, SYSTEMS, TASKS
from avel_tf.flags import absolute, add_beam, add_encoding, override
from avel_tf.screen import quiet
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
        type=absolute,
        metavar="DIR",
        default="",
        help="folder with Annotations.txt and AVE/*.mp4",
    )
    data.add_argument(
        "--features_dir",
        type=absolute,
        metavar="DIR",
        default="",
        help="folder with the official audio_feature.h5, visual_feature.h5 and *_order*.h5; "
        "used instead of the videos",
    )
    add_encoding(data)
    add_beam(data)
    data.add_argument(
        "--feature_store",
        type=pathlib.Path,
        metavar="DIR",
        help="clips already encoded, which runs and tasks share (default: "
        "OUTPUT_ROOT/encoded_clips, or runs/encoded_clips without --output_root)",
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
    training = parser.add_argument_group("training")
    training.add_argument(
        "--system",
        choices=sorted({name for names in SYSTEMS.values() for name in names}),
        default="dam",
        help="dam: dual attention matching (default), or one of its baselines; for sel "
        f"{', '.join(SYSTEMS['sel'][1:])}; for cml {', '.join(SYSTEMS['cml'][1:])}",
    )
    training.add_argument(
        "--settings",
        choices=configs.SETTINGS,
        default="ave",
        help="for --config ave; ave: chosen on val of simulated features, ordinary cross-entropy "
        "(default); faithful: what the papers say",
    )
    training.add_argument(
        "--supervision",
        choices=SUPERVISIONS,
        default="full",
        help="weak: learn from each record's label alone, for sel with clips without event",
    )
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
    gate = parser.add_argument_group("gate and deployment")
    gate.add_argument(
        "--max_regression",
        type=float,
        metavar="X",
        help="hold a model back that is worse than the last blessed one by more than this, by the "
        "95 %% interval of the difference (default: 0.01)",
    )
    gate.add_argument(
        "--keep_versions", type=int, metavar="N", help="versions of the served model to keep"
    )
    return parser.parse_args(arguments)


def build_config(flags: argparse.Namespace, output_root: pathlib.Path) -> configs.PipelineConfig:
    """The named configuration with the values of the flags that were given.

    Raises:
        ValueError: If a value is wrong, or flags contradict each other.
    """
    if flags.config == "demo":
        if flags.data_root or flags.features_dir:
            raise ValueError("`--data_root` and `--features_dir` need `--config ave`.")
        config = configs.demo(
            flags.task, str(output_root / "clips"), flags.system, flags.supervision
        )
    else:
        config = configs.ave(
            flags.task,
            flags.data_root,
            flags.features_dir,
            flags.audio_weights,
            flags.system,
            flags.settings,
            flags.supervision,
        )
    allowed = (*config.validation.allowed_anomalies, *flags.allow_anomaly)
    validation = dataclasses.replace(config.validation, allowed_anomalies=allowed)
    keep_versions = config.keep_versions if flags.keep_versions is None else flags.keep_versions
    return dataclasses.replace(
        config,  # its simulation keeps its own seed
        keep_versions=keep_versions,
        extraction=override(config.extraction, flags),
        validation=override(validation, flags),
        training=override(config.training, flags),
        evaluation=override(config.evaluation, flags),
    )


def print_summary(results: list[Result], output_root: pathlib.Path, lineage: str) -> None:
    """Accuracy beside the trivial baselines, and where everything lies."""
    from avel_tf.report import TITLES, comparison, intervals, note, percent

    by_id = {result.component_id: result for result in results}
    evaluation = by_id["Evaluator"].summary
    print(f"\n{TITLES[evaluation['task']]}, test split: {evaluation['primary_metric']}")
    for name, value, kind in comparison(evaluation):
        print(f"  {name:44} {percent(value):>7}   {note(kind)}".rstrip())
    print(f"  {intervals(evaluation)}".rstrip())
    others = {
        name: value
        for name, value in evaluation["metrics"].items()
        if name.endswith(("accuracy", "f1", "average_overlap"))
        and name != evaluation["primary_metric"]
    }
    print("  " + ", ".join(f"{name} {percent(value)}" for name, value in others.items()))
    pushed = by_id["Pusher"].summary["pushed"]
    reasons = evaluation["reasons"] + by_id["InfraValidator"].summary["reasons"]
    places = {
        "Model": pushed or f"not pushed: {' '.join(reasons)}",
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
    runs = output_root if flags.output_root else output_root.parent  # both tasks use the same clips
    feature_store = (flags.feature_store or runs / "encoded_clips").resolve()
    quiet()
    try:
        config = build_config(flags, output_root)
        if config.simulation:
            from avel_tf.simulation import render_dataset

            render_dataset(pathlib.Path(config.extraction.data_root), config.simulation)
        beam_args = shlex.split(flags.beam_args)
        if beam_args:
            from avel_tf import beam_jobs

            beam_jobs.options(beam_args)  # a misspelt option fails here, not after an hour
        pipeline = create_pipeline(
            config, output_root / "served" / config.name, feature_store, beam_args
        )
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
