"""Trains a system on a dataset of `avel extract` or `avel simulate`, without the pipeline."""

import argparse
import hashlib
import pathlib
import shutil
from typing import TYPE_CHECKING

from avel_tf.ave import fingerprint
from avel_tf.cli.flags import add_system, add_training, override
from avel_tf.errors import InputError
from avel_tf.training.settings import system_training
from avel_tf.utils.locks import exclusive

if TYPE_CHECKING:
    from avel_tf.records import DatasetFolder

EXAMPLES = """\
example:
  avel simulate features simulated_sel --format tfrecord --task sel --num_records 500
  avel train simulated_sel models/mine
  avel evaluate models/mine simulated_sel

MODEL appears once it is complete; MODEL/run has the course of its training, also for TensorBoard.
After a kill, the same command resumes the training.
"""
WHEN_STOPPED = "The same command resumes."


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the arguments of the command."""
    parser.add_argument(
        "dataset", type=pathlib.Path, metavar="DATASET", help="folder of a labelled dataset"
    )
    parser.add_argument("model", type=pathlib.Path, metavar="MODEL", help="new folder of the model")
    training = parser.add_argument_group("training")
    add_system(training)
    add_training(training)


def run(flags: argparse.Namespace) -> int:
    """Trains the model; returns the exit status.

    Raises:
        InputError: If a flag or the dataset is wrong.
        RuntimeError: If another command is making the same model.
    """
    output = flags.model.resolve()
    if output.exists():
        raise InputError(f"{output} exists. Give another MODEL, or remove it.")
    dataset, task = open_labelled(flags.dataset)
    config = override(
        system_training(task, flags.system, flags.settings or "ave", flags.supervision), flags
    )
    from avel_tf.serving.model_folder import ModelFolder  # heavy, and not needed for --help
    from avel_tf.training.run_folder import RunFolder
    from avel_tf.training.train import train

    # Checkpoints only count if neither dataset nor settings have changed since.
    content = f"{fingerprint([dataset.path])} {config}"
    with exclusive(output.parent / f".{output.name}.working") as home:
        working_dir = home / hashlib.sha256(content.encode()).hexdigest()[:16]
        partial = home / "output"
        shutil.rmtree(partial, ignore_errors=True)  # leftovers of a killed run
        for folder in (working_dir, partial, partial / "run"):
            folder.mkdir(exist_ok=True)
        result = train(
            config, dataset, ModelFolder(partial), RunFolder(partial / "run"), working_dir
        )
        partial.rename(output)
        shutil.rmtree(home)
    print(
        f"Val {result.val_accuracy:.2%} (epoch {result.best_epoch} of {result.epochs}, "
        f"{result.seconds:.0f} s)\n{result.caution or f'Data: {result.data}'}\nModel: {output}"
    )
    return 0


def open_labelled(path: pathlib.Path) -> tuple["DatasetFolder", str]:
    """Returns a dataset and its task.

    Raises:
        InputError: If the folder is not a dataset, or has no labels.
    """
    from avel_tf.records.dataset_folder import DatasetFolder

    dataset = DatasetFolder(path.resolve())
    if not dataset.metadata_path.is_file():
        raise InputError(f"{dataset.metadata_path} does not exist. Give the folder of a dataset.")
    task = dataset.metadata().get("task")
    if task is None:
        raise InputError(f"{dataset.path} has no labels. Extract the AVE release with `--task`.")
    return dataset, task
