"""Assignment of records to shards."""

from avel_tf.ave import Annotation
from avel_tf.extraction.plan import plan


def test_shards_share_the_records_evenly():
    annotations = [Annotation(row, "Bark", f"id{row}", 0, 5) for row in range(10)]
    splits = {"train": annotations[:9], "val": annotations[9:]}
    shards = plan(splits, records_per_shard=4)
    assert [(shard.split, len(shard.items)) for shard in shards] == [
        ("train", 3),
        ("train", 3),
        ("train", 3),
        ("val", 1),
    ]
    rows = [item.row for shard in shards for item in shard.items]
    assert sorted(rows) == list(range(10)) != rows
