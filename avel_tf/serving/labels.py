"""Names of the labels in an exported model: `labels.txt`, a name per line."""

import contextlib
import pathlib
import tempfile
from collections.abc import Iterator, Sequence

import keras
import tensorflow as tf


@contextlib.contextmanager
def tracked_label_names(
    archive: keras.export.ExportArchive, names: Sequence[str]
) -> Iterator[tf.lookup.StaticHashTable]:
    """Makes a table from label to name, included in an archive written within the `with` block."""
    with tempfile.TemporaryDirectory() as assets:
        table = label_names(write_labels(pathlib.Path(assets), names))
        archive.track(table)
        yield table


def write_labels(folder: pathlib.Path, names: Sequence[str]) -> pathlib.Path:
    """Writes `labels.txt`, the name of each label on a line; returns its path."""
    path = folder / "labels.txt"
    path.write_text("".join(f"{name}\n" for name in names))
    return path


def label_names(path: pathlib.Path) -> tf.lookup.StaticHashTable:
    """Makes a table from label to name, from a file with one name per line that exports include."""
    lines = tf.lookup.TextFileInitializer(
        str(path),
        *(tf.int64, tf.lookup.TextFileIndex.LINE_NUMBER),
        *(tf.string, tf.lookup.TextFileIndex.WHOLE_LINE),
    )
    return tf.lookup.StaticHashTable(lines, default_value="")
