"""Input pipelines: every record once per epoch, in an order that depends on seed and epoch only."""

import pytest

from avel_tf.records import input_pipeline as module
from avel_tf.records import read_batches

SIZES = (7, 5, 6, 0, 5)  # more shards than are read at a time, one empty
NUM_RECORDS = sum(SIZES)


@pytest.fixture
def folder(write_split, monkeypatch):
    monkeypatch.setattr(module, "SHUFFLE_RECORDS", 8)  # several windows per epoch
    return write_split(*SIZES)


def rows(folder, batch_size=4, **arguments):
    """Returns the record ids of each batch."""
    return [
        batch["record_id"].numpy().tolist()
        for batch in read_batches(folder, batch_size, ("record_id",), **arguments)
    ]


def flat(batches):
    return sum(batches, [])


def epochs_of(folder, epochs, **arguments):
    """Returns the record ids of each epoch."""
    batches = rows(folder, epochs=epochs, **arguments)
    size = len(batches) // len(epochs)
    return [batches[start : start + size] for start in range(0, len(batches), size)]


def test_unshuffled_once_and_always_the_same(folder):
    batches = rows(folder)
    assert sorted(flat(batches)) == list(range(NUM_RECORDS))
    assert [rows(folder) for _ in range(3)] == [batches] * 3
    assert rows(folder, seed=1) == batches


def test_every_record_once_per_epoch(folder):
    for epoch in epochs_of(folder, range(3)):
        assert sorted(flat(epoch)) == list(range(NUM_RECORDS))


def test_last_smaller_batch_is_kept(folder):
    assert NUM_RECORDS == 23
    assert [len(batch) for batch in rows(folder)] == [4] * 5 + [3]
    assert [len(batch) for batch in rows(folder, epochs=range(2))] == ([4] * 5 + [3]) * 2


def test_epochs_differ(folder):
    first, second, third = epochs_of(folder, range(3))
    assert len({str(epoch) for epoch in (first, second, third, rows(folder))}) == 4
    # Not merely the same batches in another order.
    assert {frozenset(batch) for batch in first}.isdisjoint(frozenset(batch) for batch in second)


def test_shards_come_in_another_order_each_epoch(folder):
    # The first window is made of the first shards' first records.
    windows = [set(epoch[0]) for epoch in epochs_of(folder, range(3), batch_size=8)]
    assert windows[0] != windows[1] != windows[2] != windows[0]


def test_records_of_a_shard_are_shuffled(folder):
    for epoch in epochs_of(folder, range(3)):
        first_shard = [row for row in flat(epoch) if row < SIZES[0]]
        assert first_shard != sorted(first_shard)


def test_only_the_seed_and_the_epoch_decide(folder):
    assert rows(folder, epochs=range(2), seed=5) == rows(folder, epochs=range(2), seed=5)
    assert rows(folder, epochs=range(2), seed=5) != rows(folder, epochs=range(2), seed=6)


def test_resumed_run_sees_what_an_uninterrupted_one_sees(folder):
    whole = epochs_of(folder, range(4), seed=3)
    assert epochs_of(folder, range(2, 4), seed=3) == whole[2:]
    assert epochs_of(folder, range(3, 4), seed=3) == whole[3:]
    assert epochs_of(folder, range(0, 4, 2), seed=3) == whole[::2]


def test_batches_hold_the_requested_features(folder, make_record):
    names = ("audio_features", "event_relevance")
    batch = next(iter(read_batches(folder, 4, names, epochs=range(1))))
    assert {name: value.shape for name, value in batch.items()} == {
        "audio_features": (4, 10, 128),
        "event_relevance": (4, 10),
    }
    assert (batch["audio_features"][0].numpy() == make_record().audio_features).all()


def test_missing_shard_is_noticed_before_training(folder):
    (folder / "data_tfrecord-00001-of-00005.gz").unlink()
    with pytest.raises(ValueError, match="holds 4 of 5 TFRecord shards"):
        read_batches(folder, 4, ("record_id",))


def test_batch_size_must_be_positive(folder):
    with pytest.raises(ValueError, match=r"`batch_size` must be a positive integer. Received: ba"):
        read_batches(folder, 0, ("record_id",))
