"""Keras model to SavedModel, and SavedModel to where it is served."""

import contextlib
import json
import pathlib
import shutil
import tempfile
import time
from collections.abc import Iterator

import keras
import tensorflow as tf

from avel_tf.ave import BACKGROUND_NAME, CATEGORIES
from avel_tf.records import parse_examples
from avel_tf.signatures import signatures
from avel_tf.warm_up import write_warm_up

FEATURES = pathlib.Path("assets.extra", "features.json")


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
    (folder / FEATURES).write_text(json.dumps(source, indent=2) + "\n")


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


def push_model(saved_model: pathlib.Path, base: pathlib.Path, keep_versions: int) -> pathlib.Path:
    """Copies a SavedModel to a new version folder, which appears in one step.

    TF Serving loads the highest integer below its base path; the copy is made under a name that
    is none and then renamed. Old versions leave in one step too, once the new one is there.

    Args:
        saved_model: Folder to copy.
        base: Base path of the served model; made if need be.
        keep_versions: Integer from 2. How many versions to keep, the new one among them. The one
            before is served until the new one has loaded.
    Returns:
        The version's folder: the time in seconds, or one more than the highest version.
    """
    base.mkdir(parents=True, exist_ok=True)
    for leftover in base.glob(".partial-*"):  # of a push that was killed
        shutil.rmtree(leftover)
    versions = sorted(int(path.name) for path in base.iterdir() if path.name.isdigit())
    version = max([int(time.time()), *(version + 1 for version in versions)])
    partial = base / f".partial-{version}"
    shutil.copytree(saved_model, partial)
    pushed = partial.rename(base / str(version))
    for old in versions[: 1 - keep_versions]:
        # Renamed first, so that a server never reads a version that is being removed.
        shutil.rmtree((base / str(old)).rename(base / f".partial-{old}"))
    return pushed
