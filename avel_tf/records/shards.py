"""TFRecord shards: whole or not there."""

import concurrent.futures
import gzip
import os
import pathlib
import shutil
import uuid
import zlib
from collections.abc import Iterable, Iterator

import tensorflow as tf

from avel_tf.ave import DataError

# Level 1: level 6 saves 3 % more and takes four times as long (docs/decisions/0003-wire-format.md).
OPTIONS = tf.io.TFRecordOptions(compression_type="GZIP", compression_level=1)


def shard_name(index: int, count: int) -> str:
    """File name of one shard, as TFX names them."""
    return f"data_tfrecord-{index:05d}-of-{count:05d}.gz"


def shard_paths(folder: str | pathlib.Path) -> list[str]:
    """Sorted paths of a split's shards.

    Raises:
        ValueError: If there is none, or one is missing.
    """
    paths = sorted(pathlib.Path(folder).glob("data_tfrecord-*-of-*.gz"))
    count = int(paths[0].name.rpartition("-")[2].removesuffix(".gz")) if paths else 0
    if not paths or [path.name for path in paths] != [shard_name(i, count) for i in range(count)]:
        raise ValueError(
            f"{folder} holds {len(paths)} of {count or 'an unknown number of'} TFRecord shards. "
            "Write the split again."
        )
    return [str(path) for path in paths]


def write_shard(path: str, serialized: Iterable[bytes]) -> None:
    """Writes a compressed shard under a name of its own and renames it when it is whole.

    Two attempts at one shard, as some runners make, do not meet.
    """
    partial = f"{path}.{uuid.uuid4().hex}.partial"
    with tf.io.TFRecordWriter(partial, OPTIONS) as writer:
        for example in serialized:
            writer.write(example)
    tf.io.gfile.rename(partial, path, overwrite=True)


def unpack_shards(folder: pathlib.Path, target: pathlib.Path) -> None:
    """Copies the shards of a split into gzip files that are not compressed.

    What reads the ones reads the others, but these twice as fast. Shards that `target` has already
    are kept.

    Raises:
        DataError: If a shard is damaged.
    """

    def unpack(path: pathlib.Path) -> None:
        if (target / path.name).exists():
            return
        partial = target / f"{path.name}.partial"
        with gzip.open(path) as source, gzip.open(partial, "wb", compresslevel=0) as copy:
            try:
                shutil.copyfileobj(source, copy, 2**20)
            except (gzip.BadGzipFile, EOFError, zlib.error) as error:
                raise DataError(f"{path} is damaged ({error}). Write the split again.") from error
        partial.rename(target / path.name)

    target.mkdir(parents=True, exist_ok=True)
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as executor:
        list(executor.map(unpack, map(pathlib.Path, shard_paths(folder))))


def read_shard(path: str) -> Iterator[bytes]:
    """Serialized tf.Examples of one shard, in order."""
    for serialized in tf.data.TFRecordDataset(path, compression_type="GZIP"):
        yield serialized.numpy()
