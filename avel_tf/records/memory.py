"""Splits in memory, and batches of them."""

import contextlib
import contextvars
import functools
import pathlib
import weakref
from collections.abc import Iterator, Mapping

import numpy as np
import tensorflow as tf

from avel_tf.ave import fingerprint
from avel_tf.choices import PADDING
from avel_tf.errors import InputError
from avel_tf.records.dataset_folder import DatasetFolder
from avel_tf.records.input_pipeline import read_batches
from avel_tf.records.integrity import check_split, listed_ids
from avel_tf.records.shards import shard_paths

READING_BATCH = 64
KEPT_SPLITS = 6  # train, val and test, with visual maps and with their means


def read_split(
    dataset: DatasetFolder,
    split: str,
    names: tuple[str, ...],
    pool_maps: bool,
    *,
    with_background: bool = False,
) -> Mapping[str, np.ndarray]:
    """Reads the features of a whole labelled split, or finds them again within `keep_splits`.

    Args:
        dataset: `DatasetFolder`.
        split: Name of the split.
        names: Features to parse.
        pool_maps: Boolean. Whether to keep only the mean of each map of visual features, as a
            map of one region, float32 (N, T, 1, 1, C); for the models that pool maps themselves
            this makes no difference.
        with_background: Boolean. Whether the clips without an event follow the split's records.
    Returns:
        Dict of read-only arrays with leading axis N, the number of records.
    Raises:
        InputError: If a shard is damaged, missing or another's, or records are missing.
    """
    splits = (split, "background") if with_background else (split,)
    paths = [path for each in splits for path in shard_paths(dataset.split_path(each))]
    return _reader.get()(dataset, splits, names, pool_maps, fingerprint(map(pathlib.Path, paths)))


@contextlib.contextmanager
def keep_splits() -> Iterator[None]:
    """Keeps the splits last read until the end of the `with` block; up to 2 GB for all of AVE.

    For programs that train many systems on the same records. A split that has been written again
    since it was read is read again.
    """
    token = _reader.set(functools.lru_cache(KEPT_SPLITS)(_read))
    try:
        yield
    finally:
        _reader.reset(token)


def _read(
    dataset: DatasetFolder,
    splits: tuple[str, ...],
    names: tuple[str, ...],
    pool_maps: bool,
    shards: str,
) -> Mapping[str, np.ndarray]:
    """Reads splits; `shards` tells their states apart where reading is cached."""
    batches = []
    for split in splits:
        batches += _read_whole(dataset, split, names, pool_maps)
    arrays = {name: _join(batches, name) for name in names}
    for array in arrays.values():
        array.flags.writeable = False  # callers may share it
    return arrays


def _read_whole(
    dataset: DatasetFolder, split: str, names: tuple[str, ...], pool_maps: bool
) -> list[dict[str, np.ndarray]]:
    """Reads a split in batches."""
    folder, description = dataset.split_path(split), dataset.description()
    parsed = tuple({*names, "record_id"})
    batches, record_ids = [], []
    try:
        for batch in read_batches(folder, READING_BATCH, parsed, description=description):
            if pool_maps:
                maps = tf.cast(batch["visual_features"], tf.float32)
                batch["visual_features"] = tf.reduce_mean(maps, axis=(2, 3), keepdims=True)
            batches.append({name: value.numpy() for name, value in batch.items()})
            record_ids += batches[-1]["record_id"].tolist()
        is_whole = sorted(record_ids) == sorted(listed_ids(dataset, split))
    except tf.errors.OpError:
        is_whole = False
    if not is_whole:
        check_split(dataset, split)  # finds out which shard it is
        raise InputError(f"{folder} was written to while it was read. Run again.")
    return batches


def _join(batches: list[dict[str, np.ndarray]], name: str) -> np.ndarray:
    """Joins what batches have of a feature; they lose it, for two copies of AVE take 4 GB."""
    count = sum(len(batch[name]) for batch in batches)
    joined = np.empty((count, *batches[0][name].shape[1:]), batches[0][name].dtype)
    end = 0
    for batch in batches:
        part = batch.pop(name)
        joined[end : end + len(part)] = part
        end += len(part)
    return joined


# Components read splits; the program that runs them decides whether they are kept.
_reader = contextvars.ContextVar("reader", default=_read)


def segments_of(arrays: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Makes each segment a record of its own, of one segment; padded ones are left out.

    Args:
        arrays: What `read_split` returned, with `event_relevance` (N, T).
    Returns:
        Dict of arrays with leading axes (segments, 1), or (segments,) for what a record has once.
    """
    is_present = arrays["event_relevance"] != PADDING
    of_record, _ = np.nonzero(is_present)
    return {
        name: array[of_record] if array.ndim == 1 else array[is_present][:, None]
        for name, array in arrays.items()
    }


def batch_arrays(
    arrays: Mapping[str, np.ndarray],
    batch_size: int,
    *,
    epochs: range | None = None,
    seed: int = 0,
) -> tf.data.Dataset:
    """Makes batches of a split; each epoch's order comes only from the seed and its number.

    Args:
        arrays: What `read_split` returned.
        batch_size: Integer. Records per batch; the last batch of an epoch may have fewer.
        epochs: Numbers of the epochs to yield one after the other, shuffled. Once and in order
            if None.
        seed: Integer.
    Returns:
        Dataset of dicts of tensors with leading axis `batch_size`.
    """
    count = len(next(iter(arrays.values())))
    # TensorFlow may keep a generator for as long as the process lives. It must not keep the
    # features, which are its dataset's.
    references = {name: weakref.ref(array) for name, array in arrays.items()}

    def orders():
        for epoch in [None] if epochs is None else epochs:
            order = np.arange(count)
            if epoch is not None:
                np.random.default_rng([seed, epoch]).shuffle(order)
            for start in range(0, count, batch_size):
                rows = order[start : start + batch_size]
                yield {name: array()[rows] for name, array in references.items()}

    signature = {
        name: tf.TensorSpec((None, *array.shape[1:]), array.dtype) for name, array in arrays.items()
    }
    batches = tf.data.Dataset.from_generator(orders, output_signature=signature)
    # Keras takes the end of a dataset of unknown size for a mistake.
    num_batches = -(-count // batch_size) * (1 if epochs is None else len(epochs))
    batches = batches.apply(tf.data.experimental.assert_cardinality(num_batches)).prefetch(2)
    batches.arrays = arrays
    return batches
