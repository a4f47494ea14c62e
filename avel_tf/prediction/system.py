"""Loading of a trained system from any of its formats, as functions from arrays to arrays."""

import dataclasses
import pathlib
import tempfile
from collections.abc import Callable

import keras
import numpy as np
import tensorflow as tf

from avel_tf.errors import InputError
from avel_tf.models.localizer import CONFIG
from avel_tf.presets import from_preset
from avel_tf.records import Description
from avel_tf.records.description import AVE
from avel_tf.serving.labels import label_names, write_labels
from avel_tf.serving.loading import load_system
from avel_tf.serving.provenance import read_description, read_origin
from avel_tf.serving.signatures import signatures
from avel_tf.serving.versions import newest_version


@dataclasses.dataclass(frozen=True)
class System:
    """A trained system.

    Args:
        path: Path. File or folder it was read from.
        signatures: Dict from a signature's name to a function from arrays by name to a dict of
            arrays; see `avel_tf.serving.signatures`.
        source: How the features it was trained on were made, as in `dataset.json`; None if the
            file does not say.
        description: What the records of its training were.
    """

    path: pathlib.Path
    signatures: dict[str, Callable[..., dict[str, np.ndarray]]]
    source: dict | None
    description: Description


def read_system(path: pathlib.Path) -> System:
    """Reads a Keras file, a preset, a SavedModel or the highest version in a folder of them.

    Args:
        path: File or folder.
    Raises:
        InputError: If it is none of these, or not a system of this package.
    """
    if not (path / "saved_model.pb").is_file():
        path = newest_version(path) or path
    if path.suffix == ".keras" and path.is_file():
        description = read_description(path)
        found = signatures_of(load_system(path), description)
        return System(path, found, read_origin(path), description)
    if (path / CONFIG).is_file():
        return _preset(path)
    if not (path / "saved_model.pb").is_file():
        raise InputError(
            f"{path} is not a model. Pass a .keras file, the folder of a SavedModel or of a "
            "preset, or the folder to which a pipeline pushes its versions."
        )
    try:
        loaded = tf.saved_model.load(str(path))
    except Exception as error:  # TensorFlow has many for damaged files
        raise InputError(
            f"{path} is not an intact SavedModel: {error}. Export it again."
        ) from error
    found = {
        name: _with_arrays(function)
        for name, function in loaded.signatures.items()
        if name != "serving_default"
    }
    return System(path, found, read_origin(path), read_description(path))


def _preset(path: pathlib.Path) -> System:
    try:
        model = from_preset(path)
    except (ValueError, OSError) as error:
        raise InputError(str(error)) from error
    known = model.trained_on or {}
    description = Description.from_json(known.get("description"))
    return System(path, signatures_of(model, description), known.get("source"), description)


def read_system_for(task: str, path: pathlib.Path) -> System:
    """Reads a system that takes segment features and is for a task.

    Args:
        task: String. `"sel"` or `"cml"`.
        path: As for `read_system`.
    Raises:
        InputError: If there is no such system.
    """
    system = read_system(path)
    if "localize_media" in system.signatures:
        raise InputError(
            f"{system.path} has its encoders in it and takes frames and sound. Give the model that "
            "it was exported from."
        )
    if {"sel": "localize_event", "cml": "audio_to_visual"}[task] not in system.signatures:
        raise InputError(f"{system.path} is not a model for --task {task}.")
    return system


def signatures_of(
    model: keras.Model, description: Description = AVE
) -> dict[str, Callable[..., dict[str, np.ndarray]]]:
    """The signatures of `System`, of a model in memory."""
    with tempfile.TemporaryDirectory() as folder:
        names = label_names(write_labels(pathlib.Path(folder), description.label_names))
    found = {}
    for name, (function, specs) in signatures(model, names).items():
        keys = [spec.name for spec in specs]
        # Not as a graph: tracing one takes longer than a clip.
        found[name] = _with_arrays(
            lambda function=function, keys=keys, **arrays: function(*(arrays[key] for key in keys))
        )
    return found


def _with_arrays(function: Callable) -> Callable[..., dict[str, np.ndarray]]:
    def call(**arrays: np.ndarray) -> dict[str, np.ndarray]:
        tensors = {name: tf.constant(array, tf.float32) for name, array in arrays.items()}
        return {name: value.numpy() for name, value in function(**tensors).items()}

    return call
