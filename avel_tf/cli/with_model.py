"""Flags and checks of the commands that apply a trained system to media files."""

import argparse
import pathlib
import tempfile
from collections.abc import Mapping
from typing import TYPE_CHECKING

from avel_tf.cli.flags import add_encoding, read_encoding
from avel_tf.errors import InputError

if TYPE_CHECKING:
    from avel_tf.prediction.clips import ClipReader

MODEL_NOTE = """\
MODEL is a .keras file, a SavedModel, or the folder to which a pipeline pushes its versions. The
encoders' weights must be those that made its training data.
"""


def add_model_flags(parser: argparse.ArgumentParser) -> None:
    """Adds the flags of the model, the encoders and the JSON file."""
    parser.add_argument(
        "--model", type=pathlib.Path, required=True, metavar="MODEL", help="see below"
    )
    parser.add_argument("--json", type=pathlib.Path, metavar="FILE", help="write JSON")
    add_encoding(parser.add_argument_group("encoding"))


def open_reader(flags: argparse.Namespace, source: dict | None) -> "ClipReader":
    """Loads the encoders, after checking that they are those of the training data.

    Args:
        flags: Parsed command line.
        source: How the features of the training data were made; None if unknown.
    Raises:
        InputError: If weights are missing, or differ from those of the training data.
    """
    from avel_tf.prediction.clips import load_reader  # heavy

    return load_reader(read_encoding(flags, source), source)


def check_outputs(outputs: Mapping[str, pathlib.Path | None]) -> None:
    """Checks before the encoding, which takes long, that its results can be written.

    Args:
        outputs: Mapping from a suffix to the file to write, or to None.
    Raises:
        InputError: If a file cannot be written, or must not be replaced.
    """
    given = {suffix: path.resolve() for suffix, path in outputs.items() if path}
    for suffix, path in given.items():
        if not path.parent.is_dir():
            raise InputError(f"{path.parent} is not a folder. Make it first.")
        if path.exists() and not (path.is_file() and path.suffix == suffix):
            # After `--json`, taken for a switch, a video must not be overwritten.
            raise InputError(
                f"{path} already exists and is not a {suffix} file. Give another name."
            )
        if list(given.values()).count(path) > 1:
            raise InputError(f"{path} is given twice. Give each output its own name.")
        with tempfile.TemporaryFile(dir=path.parent):  # or its error says why not
            pass
