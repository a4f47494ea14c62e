import gc
import itertools
import json
import shutil
import weakref

import numpy as np
import pytest

from avel_tf.errors import InputError
from avel_tf.records import (
    DatasetFolder,
    batch_arrays,
    keep_splits,
    read_batches,
    read_split,
    serialize,
    write_shard,
)
from avel_tf.records import memory as memory_module
from avel_tf.records.memory import KEPT_SPLITS
from avel_tf.records.shards import shard_name

NAMES = ("audio_features", "record_id", "visual_features")


@pytest.fixture(scope="module")
def split(tmp_path_factory, make_record, write_tables):
    """The folder of a split of three whole records in two shards."""
    dataset = DatasetFolder(tmp_path_factory.mktemp("dataset"))
    write_tables(dataset, 3)
    folder = dataset.split_path("train")
    folder.mkdir()
    for shard, rows in enumerate(((0, 1), (2,))):
        examples = [serialize(make_record(row)) for row in rows]
        write_shard(str(folder / shard_name(shard, 2)), examples)
    return folder


def read(folder, names, pool_maps=False):
    return read_split(DatasetFolder(folder.parent), "train", names, pool_maps)


def ids(batches):
    return [batch["record_id"].numpy().tolist() for batch in batches]


def epochs_of(arrays, epochs, **arguments):
    """Returns the record ids of each epoch."""
    batches = ids(batch_arrays(arrays, 4, epochs=epochs, **arguments))
    size = len(batches) // len(epochs)
    return [batches[start : start + size] for start in range(0, len(batches), size)]


@pytest.fixture
def arrays():
    """23 records whose features are their number."""
    return {"record_id": np.arange(23), "doubled": np.arange(46.0).reshape(23, 2)}


def test_split_equals_its_records(split, make_record, monkeypatch):
    monkeypatch.setattr(memory_module, "READING_BATCH", 2)  # the last has one record
    arrays = read(split, NAMES)
    assert tuple(arrays) == NAMES
    assert sorted(arrays["record_id"]) == [0, 1, 2]
    for position, row in enumerate(arrays["record_id"]):
        for name in ("audio_features", "visual_features"):
            expected = getattr(make_record(row), name)
            np.testing.assert_array_equal(arrays[name][position], expected)
    assert arrays["visual_features"].shape == (3, 10, 7, 7, 512)


def test_order_equals_that_of_the_dataset(split):
    whole = read(split, ("record_id",))["record_id"]
    (batch,) = read_batches(split, 3, ("record_id",))
    np.testing.assert_array_equal(whole, batch["record_id"])


def test_pooled_maps_are_means(split):
    maps = read(split, NAMES)["visual_features"].astype("float32")
    pooled = read(split, NAMES, pool_maps=True)["visual_features"]
    assert (pooled.shape, pooled.dtype) == ((3, 10, 1, 1, 512), np.float32)
    np.testing.assert_allclose(pooled, maps.mean(axis=(2, 3), keepdims=True), rtol=1e-6)


def test_arrays_are_not_to_be_changed(split):
    arrays = read(split, NAMES, pool_maps=True)
    with pytest.raises(ValueError, match="read-only"):
        arrays["audio_features"][0] = 0


def test_splits_are_kept_within_the_block_and_not_beyond(split):
    with keep_splits():
        arrays = read(split, NAMES, pool_maps=True)
        assert read(split, NAMES, pool_maps=True) is arrays
        assert read(split, NAMES) is not arrays
        memory = weakref.ref(arrays["visual_features"])
        del arrays
        assert memory() is not None
    assert memory() is None
    with keep_splits():
        assert read(split, NAMES, pool_maps=True)["visual_features"] is not None
    outside = weakref.ref(read(split, NAMES, pool_maps=True)["visual_features"])
    assert outside() is None


def test_an_error_ends_keeping(split):
    with pytest.raises(KeyboardInterrupt), keep_splits():
        memory = weakref.ref(read(split, NAMES, pool_maps=True)["visual_features"])
        raise KeyboardInterrupt
    assert memory() is None


def test_only_the_last_splits_are_kept(split):
    with keep_splits():
        first = weakref.ref(read(split, NAMES[:1])["audio_features"])
        *others, last = itertools.permutations(("record_id", "event_category", "event_length"))
        assert len(others) == KEPT_SPLITS - 1
        for names in others:
            read(split, names)
        assert first() is not None
        read(split, last)
        assert first() is None


def test_a_split_written_again_is_read_again(write_split):
    with keep_splits():
        before = read(write_split(3, 2), ("record_id",))
        after = read(write_split(2, 2), ("record_id",))
    assert sorted(before["record_id"]) == [0, 1, 2, 3, 4]
    assert sorted(after["record_id"]) == [0, 1, 2, 3]


def test_missing_shard_is_noticed(write_split):
    folder = write_split(2, 2)
    (folder / shard_name(1, 2)).unlink()
    with pytest.raises(InputError, match="holds 1 of 2 TFRecord shards"):
        read(folder, ("record_id",))


@pytest.mark.parametrize("content", [lambda data: b"", lambda data: data[:-20]])
def test_a_damaged_shard_is_named(write_split, content):
    folder = write_split(2, 2)
    path = folder / shard_name(1, 2)
    path.write_bytes(content(path.read_bytes()))
    with pytest.raises(InputError, match=rf"{path} is damaged .+ Copy the dataset again"):
        read(folder, NAMES[:1])


def test_a_shard_of_another_dataset_is_named(write_split):
    folder = write_split(2, 2)
    shutil.copy(folder / shard_name(0, 2), folder / shard_name(1, 2))
    with pytest.raises(InputError, match=rf"{folder / shard_name(1, 2)} holds the record 0"):
        read(folder, NAMES[:1])


def test_a_split_that_changes_while_it_is_read_is_not_used(write_split, monkeypatch):
    folder = write_split(2, 2)
    monkeypatch.setattr(memory_module, "read_batches", lambda *_, **__: [])
    with pytest.raises(InputError, match="train was written to while it was read. Run again"):
        read(folder, NAMES[:1])


def test_once_and_in_order(arrays):
    assert sum(ids(batch_arrays(arrays, 4)), []) == list(range(23))
    assert ids(batch_arrays(arrays, 4, seed=1)) == ids(batch_arrays(arrays, 4))


def test_features_stay_with_their_record(arrays):
    for batch in batch_arrays(arrays, 4, epochs=range(2)):
        expected = arrays["doubled"][batch["record_id"].numpy()]
        np.testing.assert_array_equal(batch["doubled"], expected)
        assert batch["doubled"].dtype == "float64"


def test_last_smaller_batch_is_kept_and_the_number_known(arrays):
    sizes = [4] * 5 + [3]
    batches = batch_arrays(arrays, 4)
    assert [len(batch) for batch in ids(batches)] == sizes
    assert len(batches) == 6
    batches = batch_arrays(arrays, 4, epochs=range(2, 4))
    assert [len(batch) for batch in ids(batches)] == sizes * 2
    assert len(batches) == 12


def test_every_record_once_per_epoch_in_different_orders(arrays):
    epochs = epochs_of(arrays, range(3))
    for epoch in epochs:
        assert sorted(sum(epoch, [])) == list(range(23))
    assert len({json.dumps(epoch) for epoch in [*epochs, ids(batch_arrays(arrays, 4))]}) == 4


def test_only_the_seed_and_the_epoch_decide(arrays):
    whole = epochs_of(arrays, range(4), seed=5)
    assert epochs_of(arrays, range(4), seed=5) == whole
    assert epochs_of(arrays, range(2, 4), seed=5) == whole[2:]
    assert epochs_of(arrays, range(0, 4, 2), seed=5) == whole[::2]
    assert epochs_of(arrays, range(4), seed=6) != whole


def test_features_end_with_their_dataset():
    features = {"number": np.arange(6.0)}
    memory = weakref.ref(features["number"])
    batches = batch_arrays(features, 4).map(lambda batch: batch["number"] + 1)
    del features
    assert [batch.numpy().tolist() for batch in batches] == [[1, 2, 3, 4], [5, 6]]
    del batches
    gc.collect()
    assert memory() is None
