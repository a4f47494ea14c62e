"""Scores a model on a dataset's test split, as the pipeline does, and writes the report."""

import argparse
import pathlib

from avel_tf.cli.train import open_labelled
from avel_tf.configuration import EvaluationConfig
from avel_tf.errors import InputError
from avel_tf.utils.atomic import whole_folder

EXAMPLES = """\
example:
  avel evaluate models/mine simulated_sel

REPORT gets report.html, metrics.json, records.npz and the files of TFMA, once they are complete.
"""
WHEN_STOPPED = "Nothing was written."


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the arguments of the command."""
    parser.add_argument(
        "model",
        type=pathlib.Path,
        metavar="MODEL",
        help="folder that `avel train` made, or a Trainer's model in artifacts",
    )
    parser.add_argument(
        "dataset", type=pathlib.Path, metavar="DATASET", help="folder of a labelled dataset"
    )
    parser.add_argument(
        "--report",
        type=pathlib.Path,
        metavar="REPORT",
        help="new folder of the results (default: MODEL-evaluation)",
    )


def run(flags: argparse.Namespace) -> int:
    """Prints the scores; returns the exit status.

    Raises:
        InputError: If MODEL or DATASET is wrong.
        OSError: If REPORT exists.
    """
    from avel_tf.evaluation.evaluation_folder import EvaluationFolder
    from avel_tf.serving.model_folder import ModelFolder

    model = ModelFolder(flags.model.resolve())
    if not model.configuration_path.is_file():
        raise InputError(f"{model.configuration_path} does not exist. Give the folder of a model.")
    dataset, task = open_labelled(flags.dataset)
    if model.configuration()["task"] != task:
        raise InputError(
            f"{model.path} is for {model.configuration()['task']}, but {dataset.path} for {task}. "
            "Give a dataset of the model's task."
        )
    report = (flags.report or model.path.with_name(f"{model.path.name}-evaluation")).resolve()
    with whole_folder(report) as partial:
        from avel_tf.evaluation.model_analysis import evaluate  # heavy
        from avel_tf.reporting.report import score_lines, write_report
        from avel_tf.reporting.run_description import RunDescription

        folder = EvaluationFolder(partial)
        found = evaluate(EvaluationConfig(task), model.serving_path, None, dataset, partial)
        description = RunDescription.read(model, dataset)
        folder.write_scores(description.marked(found.to_json()), found.accuracies)
        write_report(found.evaluation, found.details, description, folder.report_path)
    print("\n".join(score_lines(found.evaluation, description.caution)))
    print(f"\nReport: {EvaluationFolder(report).report_path}")
    return 0
