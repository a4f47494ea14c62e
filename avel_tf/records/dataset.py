"""tf.data input pipelines over TFRecord shards."""

import pathlib

import tensorflow as tf

from avel_tf.arguments import check_positive_integer
from avel_tf.records.example import parse_examples
from avel_tf.records.shards import shard_paths

READERS = 4  # shards read at a time; decompression is the costly part
SHUFFLE_RECORDS = 256  # 128 MB of serialized full-size records


def input_dataset(
    folder: str | pathlib.Path,
    batch_size: int,
    names: tuple[str, ...],
    *,
    epochs: range | None = None,
    seed: int = 0,
) -> tf.data.Dataset:
    """Batches of parsed features of one split.

    Shards already hold their records in a random order; each epoch shuffles the shards and a
    window of `SHUFFLE_RECORDS` records anew, from the seed and the epoch's number alone, so
    that a run resumed at epoch n sees what an uninterrupted one sees.

    Args:
        folder: A `Split-<name>` folder.
        batch_size: Integer. Records a batch; the last batch may have fewer.
        names: Features to parse.
        epochs: Numbers of the epochs to yield one after the other, shuffled. Once and in order
            if None.
        seed: Integer.
    Returns:
        Dataset of dicts of tensors with leading axis `batch_size`.
    Raises:
        ValueError: If `batch_size` is not positive, or a shard is missing.
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
        # Stateless, since a dataset's own shuffle takes no seed that changes with the epoch.
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
        lambda serialized: parse_examples(serialized, names),
        num_parallel_calls=tf.data.AUTOTUNE,
        deterministic=True,
    ).prefetch(2)
