"""Loading of a trained system from any of its formats, as functions from arrays to arrays."""

import dataclasses
import pathlib
import tempfile
from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from avel_tf.errors import InputError
from avel_tf.localization import PUBLISHED_THRESHOLD
from avel_tf.models.localizer import CONFIG
from avel_tf.presets import from_preset
from avel_tf.records import Description
from avel_tf.records.description import AVE
from avel_tf.serving.labels import label_names, write_labels
from avel_tf.serving.loading import load_system
from avel_tf.serving.provenance import read_description, read_origin, read_threshold
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
        threshold: Float. Lowest relevance at which it takes a segment for the event; None if it
            decides otherwise.
    """

    path: pathlib.Path
    signatures: dict[str, Callable[..., dict[str, np.ndarray]]]
    source: dict | None
    description: Description
    threshold: float | None = None


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
        model = load_system(path)
        found = signatures_of(model, description)
        return System(path, found, read_origin(path), description, threshold_of(model))
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
    described = read_origin(path), read_description(path)
    return System(path, found, *described, read_threshold(path, _unrecorded_threshold(loaded)))


def _preset(path: pathlib.Path) -> System:
    try:
        model = from_preset(path)
    except (ValueError, OSError) as error:
        raise InputError(str(error)) from error
    known = model.trained_on or {}
    description = Description.from_json(known.get("description"))
    found = signatures_of(model, description)
    return System(path, found, known.get("source"), description, threshold_of(model))


def threshold_of(model: keras.Model) -> float | None:
    """Lowest relevance at which a model takes a segment for the event, if it decides so."""
    return getattr(model, "threshold", None)


def _unrecorded_threshold(saved_model: Any) -> float | None:
    """The published threshold for what can only be dual attention matching, of version 0.1.0."""
    signature = saved_model.signatures.get("localize_event")
    outputs = signature.structured_outputs if signature else ()
    return PUBLISHED_THRESHOLD if "audio_relevance_probabilities" in outputs else None


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
