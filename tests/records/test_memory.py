import json

import numpy as np
import pytest

from avel_tf.records import input_dataset, memory_dataset, read_split, serialize, write_shard
from avel_tf.records.shards import shard_name

NAMES = ("audio_features", "record_id", "visual_features")


@pytest.fixture(scope="module")
def split(tmp_path_factory, make_record):
    """A split of three whole records in two shards."""
    folder = tmp_path_factory.mktemp("split")
    for shard, rows in enumerate(((0, 1), (2,))):
        examples = [serialize(make_record(row)) for row in rows]
        write_shard(str(folder / shard_name(shard, 2)), examples)
    return folder


def ids(batches):
    return [batch["record_id"].numpy().tolist() for batch in batches]


def epochs_of(arrays, epochs, **arguments):
    """The record ids of each epoch."""
    batches = ids(memory_dataset(arrays, 4, epochs=epochs, **arguments))
    size = len(batches) // len(epochs)
    return [batches[start : start + size] for start in range(0, len(batches), size)]


@pytest.fixture
def arrays():
    """23 records that are their own numbers."""
    return {"record_id": np.arange(23), "doubled": np.arange(46.0).reshape(23, 2)}


def test_split_is_what_its_records_hold(split, make_record):
    arrays = read_split(split, NAMES, pool_maps=False)
    assert tuple(arrays) == NAMES
    assert sorted(arrays["record_id"]) == [0, 1, 2]
    for position, row in enumerate(arrays["record_id"]):
        for name in ("audio_features", "visual_features"):
            expected = getattr(make_record(row), name)
            np.testing.assert_array_equal(arrays[name][position], expected)
    assert arrays["visual_features"].shape == (3, 10, 7, 7, 512)


def test_order_is_that_of_the_dataset(split):
    whole = read_split(split, ("record_id",), pool_maps=False)["record_id"]
    (batch,) = input_dataset(split, 3, ("record_id",))
    np.testing.assert_array_equal(whole, batch["record_id"])


def test_pooled_maps_are_means(split):
    maps = read_split(split, NAMES, pool_maps=False)["visual_features"].astype("float32")
    pooled = read_split(split, NAMES, pool_maps=True)["visual_features"]
    assert (pooled.shape, pooled.dtype) == ((3, 10, 1, 1, 512), np.float32)
    np.testing.assert_allclose(pooled, maps.mean(axis=(2, 3), keepdims=True), rtol=1e-6)


def test_read_once_and_not_to_be_changed(split):
    arrays = read_split(split, NAMES, pool_maps=True)
    assert read_split(split, NAMES, pool_maps=True) is arrays
    with pytest.raises(ValueError, match="read-only"):
        arrays["audio_features"][0] = 0


def test_missing_shard_is_noticed(write_split):
    folder = write_split(2, 2)
    (folder / shard_name(1, 2)).unlink()
    with pytest.raises(ValueError, match="holds 1 of 2 TFRecord shards"):
        read_split(folder, ("record_id",), pool_maps=False)


def test_once_and_in_order(arrays):
    assert sum(ids(memory_dataset(arrays, 4)), []) == list(range(23))
    assert ids(memory_dataset(arrays, 4, seed=1)) == ids(memory_dataset(arrays, 4))


def test_features_stay_with_their_record(arrays):
    for batch in memory_dataset(arrays, 4, epochs=range(2)):
        expected = arrays["doubled"][batch["record_id"].numpy()]
        np.testing.assert_array_equal(batch["doubled"], expected)
        assert batch["doubled"].dtype == "float64"


def test_last_smaller_batch_is_kept_and_the_number_known(arrays):
    sizes = [4] * 5 + [3]
    batches = memory_dataset(arrays, 4)
    assert [len(batch) for batch in ids(batches)] == sizes
    assert len(batches) == 6
    batches = memory_dataset(arrays, 4, epochs=range(2, 4))
    assert [len(batch) for batch in ids(batches)] == sizes * 2
    assert len(batches) == 12


def test_every_record_once_an_epoch_in_orders_that_differ(arrays):
    epochs = epochs_of(arrays, range(3))
    for epoch in epochs:
        assert sorted(sum(epoch, [])) == list(range(23))
    assert len({json.dumps(epoch) for epoch in [*epochs, ids(memory_dataset(arrays, 4))]}) == 4


def test_only_the_seed_and_the_epoch_decide(arrays):
    whole = epochs_of(arrays, range(4), seed=5)
    assert epochs_of(arrays, range(4), seed=5) == whole
    assert epochs_of(arrays, range(2, 4), seed=5) == whole[2:]
    assert epochs_of(arrays, range(0, 4, 2), seed=5) == whole[::2]
    assert epochs_of(arrays, range(4), seed=6) != whole
