"""TFRecord shards, which are complete or absent."""

import concurrent.futures
import contextlib
import gzip
import os
import pathlib
import shutil
import zlib
from collections.abc import Iterable, Iterator

import tensorflow as tf

from avel_tf.errors import InputError
from avel_tf.utils.atomic import whole_file

# Level 1: level 6 saves 3 % more and takes four times as long (docs/decisions/0003-wire-format.md).
OPTIONS = tf.io.TFRecordOptions(compression_type="GZIP", compression_level=1)

ADVICE = "Copy the dataset again from where it is whole, or make it again."
SHARDS = "data_tfrecord-*-of-*.gz"  # in the folder of a split


def shard_name(index: int, count: int) -> str:
    """Returns the file name of one shard, as in TFX."""
    return f"data_tfrecord-{index:05d}-of-{count:05d}.gz"


def shard_paths(folder: str | pathlib.Path) -> list[str]:
    """Returns the sorted paths of a split's shards.

    Raises:
        InputError: If there are none, or one is missing.
    """
    paths = sorted(pathlib.Path(folder).glob(SHARDS))
    count = int(paths[0].name.rpartition("-")[2].removesuffix(".gz")) if paths else 0
    if not paths or [path.name for path in paths] != [shard_name(i, count) for i in range(count)]:
        raise InputError(
            f"{folder} holds {len(paths)} of {count or 'an unknown number of'} TFRecord shards. "
            f"{ADVICE}"
        )
    return [str(path) for path in paths]


def write_shard(path: str, serialized: Iterable[bytes]) -> None:
    """Writes a compressed shard, whole or not at all, however many attempts a runner makes."""
    with (
        whole_file(pathlib.Path(path)) as partial,
        tf.io.TFRecordWriter(str(partial), OPTIONS) as writer,
    ):
        for example in serialized:
            writer.write(example)


def unpack_shards(folder: pathlib.Path, target: pathlib.Path) -> None:
    """Copies the shards of a split into gzip files without compression.

    They are read in the same way, but twice as fast.

    Args:
        folder: The split's folder.
        target: Empty folder.
    Raises:
        InputError: If a shard is damaged.
    """

    def unpack(path: pathlib.Path) -> None:
        with _unpacked(path) as source, gzip.open(target / path.name, "wb", 0) as copy:
            shutil.copyfileobj(source, copy, 2**20)

    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as executor:
        list(executor.map(unpack, map(pathlib.Path, shard_paths(folder))))


def read_shard(path: str) -> Iterator[bytes]:
    """Yields the serialized tf.Examples of one shard, in order.

    A shard that was cut just between two records may end there without an error; `check_split`
    notices.

    Raises:
        InputError: If the shard is damaged.
    """
    is_empty = True
    try:
        for serialized in tf.data.TFRecordDataset(path, compression_type="GZIP"):
            is_empty = False
            yield serialized.numpy()
    except tf.errors.DataLossError as error:
        raise _damaged(path, error.message.rpartition("}} ")[2]) from error
    if is_empty:
        check_compression(path)  # TensorFlow also finds no record where a file has no content


def check_compression(path: str | pathlib.Path) -> None:
    """Raises InputError if a shard is not whole; reads all of it."""
    with _unpacked(path) as source:
        while source.read(2**20):
            pass


@contextlib.contextmanager
def _unpacked(path: str | pathlib.Path) -> Iterator[gzip.GzipFile]:
    """Opens a shard for reading its unpacked content; damage becomes an InputError."""
    if not os.path.getsize(path):
        raise _damaged(path, "it has 0 bytes")
    with gzip.open(path) as source:
        try:
            yield source
        except (gzip.BadGzipFile, EOFError, zlib.error) as error:
            raise _damaged(path, error) from error


def _damaged(path: str | pathlib.Path, detail: object) -> InputError:
    return InputError(f"{path} is damaged ({detail}). {ADVICE}")
