"""Splits that are read once and kept in memory."""

import functools
import pathlib
from collections.abc import Mapping

import numpy as np
import tensorflow as tf

from avel_tf.records.dataset import input_dataset

READING_BATCH = 64


@functools.lru_cache(maxsize=6)  # one process trains many systems on the same splits
def read_split(
    folder: pathlib.Path, names: tuple[str, ...], pool_maps: bool
) -> Mapping[str, np.ndarray]:
    """Parsed features of a whole split; callers share the arrays and must not change them.

    Args:
        folder: A `Split-<name>` folder.
        names: Features to parse.
        pool_maps: Boolean. Whether to keep the mean of each map of visual features alone, as a
            map of one region, float32 (N, T, 1, 1, C); the models that pool it get the same.
    Returns:
        Dict of arrays with leading axis N, the number of records.
    Raises:
        ValueError: If a shard is missing.
    """
    batches = []
    for batch in input_dataset(folder, READING_BATCH, names):
        if pool_maps:
            maps = tf.cast(batch["visual_features"], tf.float32)
            batch["visual_features"] = tf.reduce_mean(maps, axis=(2, 3), keepdims=True)
        batches.append({name: value.numpy() for name, value in batch.items()})
    arrays = {name: np.concatenate([batch.pop(name) for batch in batches]) for name in names}
    for array in arrays.values():
        array.flags.writeable = False
    return arrays


def memory_dataset(
    arrays: Mapping[str, np.ndarray],
    batch_size: int,
    *,
    epochs: range | None = None,
    seed: int = 0,
) -> tf.data.Dataset:
    """Batches of a split in memory; each epoch's order comes from the seed and its number alone.

    Args:
        arrays: What `read_split` returned.
        batch_size: Integer. Records a batch; the last batch of an epoch may have fewer.
        epochs: Numbers of the epochs to yield one after the other, shuffled. Once and in order
            if None.
        seed: Integer.
    Returns:
        Dataset of dicts of tensors with leading axis `batch_size`.
    """
    count = len(next(iter(arrays.values())))

    def orders():
        for epoch in [None] if epochs is None else epochs:
            order = np.arange(count)
            if epoch is not None:
                np.random.default_rng([seed, epoch]).shuffle(order)
            for start in range(0, count, batch_size):
                rows = order[start : start + batch_size]
                yield {name: array[rows] for name, array in arrays.items()}

    signature = {
        name: tf.TensorSpec((None, *array.shape[1:]), array.dtype) for name, array in arrays.items()
    }
    batches = tf.data.Dataset.from_generator(orders, output_signature=signature)
    # Keras takes the end of a dataset of unknown size for a mistake.
    num_batches = -(-count // batch_size) * (1 if epochs is None else len(epochs))
    return batches.apply(tf.data.experimental.assert_cardinality(num_batches)).prefetch(2)
