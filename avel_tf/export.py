"""Keras model to SavedModel, and SavedModel to where it is served."""

import pathlib
import shutil
import time
from collections.abc import Sequence

import keras
import tensorflow as tf

from avel_tf.records import parse_examples


def export_model(model: keras.Model, inputs: Sequence[str], folder: pathlib.Path) -> None:
    """Writes a SavedModel whose `serving_default` takes serialized tf.Examples.

    Args:
        model: Keras model with named dict inputs and outputs.
        inputs: Names of the features it takes.
        folder: Folder to write to.
    """
    archive = keras.export.ExportArchive()
    archive.track(model)

    def serving_default(examples: tf.Tensor) -> dict[str, tf.Tensor]:
        features = parse_examples(examples, tuple(inputs))
        features = {name: tf.cast(value, tf.float32) for name, value in features.items()}
        return model(features, training=False)

    signature = [tf.TensorSpec([None], tf.string, name="examples")]
    archive.add_endpoint("serving_default", serving_default, input_signature=signature)
    archive.write_out(str(folder), verbose=False)


def push_model(saved_model: pathlib.Path, base: pathlib.Path) -> pathlib.Path:
    """Copies a SavedModel to a new version folder, which appears in one step.

    TF Serving loads the highest integer below its base path; the copy is made under a name that
    is none and then renamed.

    Args:
        saved_model: Folder to copy.
        base: Base path of the served model; made if need be.
    Returns:
        The version's folder: the time in seconds, or one more than the highest version.
    """
    base.mkdir(parents=True, exist_ok=True)
    for leftover in base.glob(".partial-*"):  # of a push that was killed
        shutil.rmtree(leftover)
    versions = [int(path.name) for path in base.iterdir() if path.name.isdigit()]
    version = max([int(time.time()), *(version + 1 for version in versions)])
    partial = base / f".partial-{version}"
    shutil.copytree(saved_model, partial)
    return partial.rename(base / str(version))
