"""Keras model to SavedModel."""

import contextlib
import pathlib
import tempfile
from collections.abc import Iterator

import keras
import tensorflow as tf

from avel_tf.ave import BACKGROUND_NAME, CATEGORIES
from avel_tf.feature_origin import write_origin
from avel_tf.records import parse_examples
from avel_tf.signatures import signatures
from avel_tf.warm_up import write_warm_up


def export_model(model: keras.Model, folder: pathlib.Path, source: dict) -> None:
    """Writes a SavedModel of a system.

    Its `serving_default` takes serialized tf.Examples, as the dataset holds them, and returns what
    the model does; for the others see `avel_tf.signatures`. `assets/labels.txt` has the name of
    each label, a line each; `assets.extra/` has requests for TF Serving to warm up with, and in
    `features.json` how the features were made that the model was trained on.

    Args:
        model: A system of either task.
        folder: Folder to write to.
        source: How the features were made, as `dataset.json` says.
    """
    # It finds the weights itself; told to track the model, it would write them twice.
    archive = keras.export.ExportArchive()

    def serving_default(examples: tf.Tensor) -> dict[str, tf.Tensor]:
        features = parse_examples(examples, tuple(model.input))
        features = {name: tf.cast(value, tf.float32) for name, value in features.items()}
        return model(features, training=False)

    signature = [tf.TensorSpec([None], tf.string, name="examples")]
    archive.add_endpoint("serving_default", serving_default, input_signature=signature)
    with tracked_label_names(archive) as names:
        others = signatures(model, names)
        for name, (function, specs) in others.items():
            archive.add_endpoint(name, function, input_signature=specs)
        archive.write_out(str(folder), verbose=False)
    write_warm_up(folder, ("serving_default", *others))
    write_origin(folder, source)


@contextlib.contextmanager
def tracked_label_names(archive: keras.export.ExportArchive) -> Iterator[tf.lookup.StaticHashTable]:
    """Table from label to name, which an archive written within the `with` block takes along."""
    with tempfile.TemporaryDirectory() as assets:
        names = label_names(write_labels(pathlib.Path(assets)))
        archive.track(names)
        yield names


def write_labels(folder: pathlib.Path) -> pathlib.Path:
    """Writes `labels.txt`, the name of each label on its line; returns its path."""
    path = folder / "labels.txt"
    path.write_text("".join(f"{name}\n" for name in (*CATEGORIES, BACKGROUND_NAME)))
    return path


def label_names(path: pathlib.Path) -> tf.lookup.StaticHashTable:
    """Table from label to name that reads a file with a name a line; an export takes it along."""
    lines = tf.lookup.TextFileInitializer(
        str(path),
        *(tf.int64, tf.lookup.TextFileIndex.LINE_NUMBER),
        *(tf.string, tf.lookup.TextFileIndex.WHOLE_LINE),
    )
    return tf.lookup.StaticHashTable(lines, default_value="")
