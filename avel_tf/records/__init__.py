"""The tf.Example wire format: the only code that knows it."""

from avel_tf.records.dataset import input_dataset
from avel_tf.records.example import MediaFile, Record, parse_examples, serialize
from avel_tf.records.memory import memory_dataset, read_split
from avel_tf.records.schema import read_schema
from avel_tf.records.shards import read_shard, shard_paths, unpack_shards, write_shard

__all__ = [
    "MediaFile",
    "Record",
    "input_dataset",
    "memory_dataset",
    "parse_examples",
    "read_schema",
    "read_shard",
    "read_split",
    "serialize",
    "shard_paths",
    "unpack_shards",
    "write_shard",
]
