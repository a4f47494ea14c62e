"""Runs the AVE pipeline on this machine: videos or features in, a served model out."""

import argparse
import dataclasses
import datetime
import pathlib
import re
import shlex
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))

from avel_tf.choices import TASKS
from avel_tf.cli.flags import (
    absolute,
    add_beam,
    add_encoding,
    add_own_events,
    add_system,
    add_training,
    override,
)
from avel_tf.cli.program import run_command
from avel_tf.configuration import EncodingConfig
from pipelines import configs, demo
from pipelines.ave_pipeline import create_pipeline

if TYPE_CHECKING:
    from components.launcher import Result

EXAMPLES = """\
examples:
  Try it out, with simulated clips:
    avel run
  The AVE videos, with VGGish weights you have:
    avel run --config ave --data_root AVE_Dataset \\
        --audio_weights vggish.weights.h5
  Your own videos, of any length, and a list of their events with the columns
  file,start,end,event:
    avel run --config own --data_root videos --events events.csv \\
        --audio_encoder yamnet --visual_encoder efficientnetv2b0
  The official features, cross-modality localization:
    avel run --config ave --features_dir features --task cml

A second run executes only what has changed; after a kill, the same command resumes the run. The
exit status is 3 if the model was not blessed, and so not pushed.
"""
WHEN_STOPPED = "The same command resumes."
NOT_BLESSED = 3  # exit status, as in `avel_tf.cli.program.EXIT_STATUS`


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the arguments of the command."""
    parser.add_argument(
        "--config",
        choices=("demo", "ave", "own"),
        default="demo",
        help="demo: simulated clips, and learned encoders if their weights are there or quickly "
        "downloaded, else untrained ones, minutes (default); "
        "ave: the AVE dataset, from --data_root or --features_dir; own: videos of your own in "
        "--data_root, with a list of their --events",
    )
    parser.add_argument(
        "--task",
        choices=TASKS,
        default="sel",
        help="sel: supervised event localization, which event in each second (default); "
        "cml: cross-modality localization, where in one modality the event of the other is",
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
    data = parser.add_argument_group("data, for --config ave and own")
    data.add_argument(
        "--data_root",
        type=absolute,
        metavar="DIR",
        default="",
        help="folder with Annotations.txt and AVE/*.mp4, or for own of the videos",
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
        help="fail if more than this share of the clips cannot be read",
    )
    data.add_argument(
        "--allow_anomaly",
        action="append",
        default=[],
        metavar="NAME",
        help="accept an anomaly by the name that the validator gives it; may be repeated",
    )
    add_own_events(parser.add_argument_group("events, for --config own"))
    training = parser.add_argument_group("training")
    add_system(training)
    add_training(training)
    gate = parser.add_argument_group("gate and deployment")
    gate.add_argument(
        "--max_regression",
        type=float,
        metavar="X",
        help="hold back a model that is worse than the last blessed one by more than this, by the "
        "95 %% interval of the difference (default: 0.01)",
    )
    gate.add_argument(
        "--keep_versions", type=int, metavar="N", help="versions of the served model to keep"
    )


def build_config(flags: argparse.Namespace, output_root: pathlib.Path) -> configs.PipelineConfig:
    """Returns the named configuration with the values of the given flags.

    Raises:
        ValueError: If a value is wrong, or flags contradict each other.
    """
    if flags.config == "demo":
        if flags.data_root or flags.features_dir or flags.events:
            raise ValueError(
                "`--data_root` and `--features_dir` need `--config ave`, `--events` needs "
                "`--config own`."
            )
        if flags.settings:
            raise ValueError("`--settings` needs `--config ave`.")
        config = configs.demo(
            flags.task, str(output_root / "clips"), flags.system, flags.supervision
        )
    elif flags.config == "own":
        if not (flags.data_root and flags.events):
            raise ValueError("`--config own` needs `--data_root` and `--events`.")
        if flags.features_dir or flags.supervision != "full":
            raise ValueError(
                "`--config own` is for videos and full supervision: leave `--features_dir` and "
                "`--supervision` out."
            )
        config = configs.own(
            flags.task,
            flags.data_root,
            flags.events,
            override(configs.OWN_ENCODING, flags),
            flags.system,
            flags.settings or "own",
        )
    else:
        if flags.events:
            raise ValueError("`--events` needs `--config own`.")
        config = configs.ave(
            flags.task,
            flags.data_root,
            flags.features_dir,
            override(EncodingConfig(), flags),
            flags.system,
            flags.settings or "ave",
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


def print_summary(results: "list[Result]", page: pathlib.Path | None, lineage: str) -> None:
    """Prints the accuracy next to the trivial baselines, and where everything is.

    Args:
        results: Of all components.
        page: The page of a clip that the demo's model was not trained on, if there is one.
        lineage: The lineage database.
    """
    from avel_tf.evaluation.results import Evaluation
    from avel_tf.reporting.report import score_lines

    by_id = {result.component_id: result for result in results}
    summary = by_id["Evaluator"].summary
    evaluation = Evaluation.from_json(summary)
    print("\n" + "\n".join(score_lines(evaluation, summary["run"]["caution"])))
    pushed = by_id["Pusher"].summary["pushed"]
    reasons = [*evaluation.reasons, *by_id["InfraValidator"].summary["reasons"]]
    places = {
        "Page": page,
        "Encoders": summary["run"]["encoders"],
        "Model": pushed or f"not pushed: {' '.join(reasons)}",
        "Report": by_id["Evaluator"].outputs["evaluation"].folder().report_path,
        "TensorBoard": by_id["Trainer"].outputs["model_run"].path(),
        "Lineage": re.sub("//.*@", "//", lineage),  # without user and password
    }
    print()
    for name, place in places.items():
        if place:
            print(f"{name + ':':13}{place}")
    print(f"{'Time:':13}" + ", ".join(f"{r.component_id} {r.seconds:.1f} s" for r in results))


def run(flags: argparse.Namespace) -> int:
    """Runs the pipeline; returns the exit status, 1 if a component failed."""
    from components.launcher import run_pipeline
    from components.lineage import Lineage

    output_root = flags.output_root or pathlib.Path("runs") / f"{flags.config}-{flags.task}"
    output_root = output_root.resolve()
    runs = output_root if flags.output_root else output_root.parent  # both tasks use the same clips
    feature_store = (flags.feature_store or runs / "encoded_clips").resolve()
    config = build_config(flags, output_root)
    if not config.simulation:
        config.extraction.check_paths()  # before anything is made
    beam_args = shlex.split(flags.beam_args)
    if beam_args:
        from avel_tf import beam_jobs

        beam_jobs.options(beam_args)  # a misspelled option fails here, not after an hour
    if config.simulation:
        demo.render_clips(pathlib.Path(config.extraction.data_root), config.simulation, output_root)
        config = demo.with_learned_encoders(config, flags)
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
    if results[-1].state == "FAILED":
        print(
            f"\n{results[-1].component_id} failed: {flags.as_typed(results[-1].error)}\n"
            "Finished components are kept: the same command resumes the run.",
            file=sys.stderr,
        )
        return 1
    pushed = results[-1].summary["pushed"]
    page = None
    if config.simulation and pushed:
        model = pathlib.Path(pushed)
        page = demo.show_unseen_clip(flags.task, model, config.simulation, output_root)
    print_summary(results, page, connection)
    return 0 if pushed else NOT_BLESSED


def _outcome(result: "Result") -> str:
    words = {"COMPLETE": "done", "CACHED": "unchanged, served from cache", "FAILED": "FAILED"}
    lines = [f"{words[result.state]} ({result.seconds:.1f} s)"]
    if result.component_id != "Evaluator":  # its findings are the summary at the end
        found = (result.summary or {}).items()
        lines += [f"{name.replace('_', ' ')}: {_text(value)}" for name, value in found if value]
    return "\n".join(f"      {line}" for line in lines)


def _text(value) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{count} {name}" for name, count in value.items())
    if isinstance(value, list):
        return ", ".join(value)
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command as a program of its own; returns the exit status."""
    return run_command(sys.modules[__name__], "local_runner.py", arguments)


if __name__ == "__main__":
    sys.exit(main())
