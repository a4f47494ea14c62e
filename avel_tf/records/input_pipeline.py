"""tf.data input pipelines over TFRecord shards."""

import pathlib

import tensorflow as tf

from avel_tf.records.description import AVE, Description
from avel_tf.records.example import parse_examples
from avel_tf.records.shards import shard_paths
from avel_tf.utils.arguments import check_positive_integer

READERS = 4  # shards read at a time; decompression is the costly part
SHUFFLE_RECORDS = 256  # 128 MB of serialized full-size records


def read_batches(
    folder: str | pathlib.Path,
    batch_size: int,
    names: tuple[str, ...],
    *,
    description: Description = AVE,
    epochs: range | None = None,
    seed: int = 0,
) -> tf.data.Dataset:
    """Reads a split from its shards in batches of parsed features.

    Shards already hold their records in a random order; each epoch reshuffles the shards and a
    window of `SHUFFLE_RECORDS` records, determined only by the seed and the epoch's number, so
    that a run resumed at epoch n sees the same batches as an uninterrupted one.

    Args:
        folder: The split's folder.
        batch_size: Integer. Records per batch; the last batch may have fewer.
        names: Features to parse.
        description: `Description` of the dataset.
        epochs: Numbers of the epochs to yield one after another, shuffled. Once and in order if
            None.
        seed: Integer.
    Returns:
        Dataset of dicts of tensors with leading axis `batch_size`.
    Raises:
        ValueError: If `batch_size` is not positive.
        InputError: If a shard is missing.
    """
    check_positive_integer("batch_size", batch_size)
    paths = shard_paths(folder)

    def records(files: tf.data.Dataset) -> tf.data.Dataset:
        return files.interleave(
            lambda path: tf.data.TFRecordDataset(path, compression_type="GZIP"),
            cycle_length=READERS,
            num_parallel_calls=tf.data.AUTOTUNE,
            deterministic=True,
        )

    def shuffled(epoch: tf.Tensor) -> tf.data.Dataset:
        # Stateless, because a dataset's own shuffle cannot take a seed per epoch.
        def shuffle(values: tf.Tensor, number: tf.Tensor) -> tf.Tensor:
            key = tf.stack([tf.cast(seed, tf.int64), epoch * 2**32 + number])
            return tf.random.experimental.stateless_shuffle(values, key)

        files = shuffle(tf.constant(paths), tf.constant(0, tf.int64))
        windows = records(tf.data.Dataset.from_tensor_slices(files)).batch(SHUFFLE_RECORDS)
        windows = windows.enumerate(start=1).map(lambda number, window: shuffle(window, number))
        return windows.unbatch().batch(batch_size)

    if epochs is None:
        batches = records(tf.data.Dataset.from_tensor_slices(paths)).batch(batch_size)
    else:
        batches = tf.data.Dataset.range(epochs.start, epochs.stop, epochs.step).flat_map(shuffled)
    return batches.map(
        lambda serialized: parse_examples(serialized, names, description),
        num_parallel_calls=tf.data.AUTOTUNE,
        deterministic=True,
    ).prefetch(2)
