"""A trained system, from whichever of its files, as functions from arrays to arrays."""

import dataclasses
import pathlib
import tempfile
from collections.abc import Callable

import numpy as np
import tensorflow as tf

from avel_tf.ave import DataError
from avel_tf.export import label_names, write_labels
from avel_tf.feature_origin import read_origin
from avel_tf.keras_files import load_system
from avel_tf.signatures import signatures


@dataclasses.dataclass(frozen=True)
class System:
    """A trained system.

    Args:
        path: Path. What it was read from.
        signatures: Dict from a signature's name to a function from arrays by name to a dict of
            arrays; see `avel_tf.signatures`.
        source: How the features it was trained on were made, as `dataset.json` says; None if the
            file does not tell.
    """

    path: pathlib.Path
    signatures: dict[str, Callable[..., dict[str, np.ndarray]]]
    source: dict | None


def read_system(path: pathlib.Path) -> System:
    """Reads a Keras file, a SavedModel or the highest version in a folder of them.

    Args:
        path: File or folder.
    Raises:
        DataError: If it is none of these, or no system of this package.
    """
    versions = [each for each in path.glob("[0-9]*") if each.name.isdigit()]
    if not (path / "saved_model.pb").is_file() and versions:
        path = max(versions, key=lambda version: int(version.name))
    if path.suffix == ".keras" and path.is_file():
        return System(path, _of_keras_file(path), read_origin(path))
    if not (path / "saved_model.pb").is_file():
        raise DataError(
            f"{path} is no model. Give a .keras file, the folder of a SavedModel, or the folder "
            "that a pipeline pushes its versions to."
        )
    try:
        loaded = tf.saved_model.load(str(path))
    except (OSError, tf.errors.OpError, ValueError, KeyError) as error:
        raise DataError(f"{path} is no whole SavedModel: {error}. Export it again.") from error
    found = {
        name: _with_arrays(function)
        for name, function in loaded.signatures.items()
        if name != "serving_default"
    }
    return System(path, found, read_origin(path))


def _of_keras_file(path: pathlib.Path) -> dict[str, Callable]:
    model = load_system(path)
    with tempfile.TemporaryDirectory() as folder:
        names = label_names(write_labels(pathlib.Path(folder)))
    found = {}
    for name, (function, specs) in signatures(model, names).items():
        graph = tf.function(function, input_signature=specs)
        keys = [spec.name for spec in specs]
        found[name] = _with_arrays(
            lambda graph=graph, keys=keys, **arrays: graph(*(arrays[key] for key in keys))
        )
    return found


def _with_arrays(function: Callable) -> Callable[..., dict[str, np.ndarray]]:
    def call(**arrays: np.ndarray) -> dict[str, np.ndarray]:
        tensors = {name: tf.constant(array, tf.float32) for name, array in arrays.items()}
        return {name: value.numpy() for name, value in function(**tensors).items()}

    return call
