"""Records with features that half precision holds exactly."""

import numpy as np
import pytest

from avel_tf.ave import Annotation
from avel_tf.records import Record, serialize, write_shard
from avel_tf.records.example import FEATURE_SHAPES
from avel_tf.records.shards import shard_name


@pytest.fixture(scope="session")
def make_record():
    """Function that makes a record of a row; its features are multiples of 1/8."""

    def make(row=0, **features):
        rng = np.random.default_rng(row)
        for name, shape in FEATURE_SHAPES.items():
            features.setdefault(name, (rng.integers(0, 32, shape) / 8).astype("float32"))
        annotation = Annotation(row, "Cat", f"-video_{row}", row % 5, row % 5 + row % 6)
        return Record(annotation, **features)

    return make


@pytest.fixture
def write_split(tmp_path, make_record):
    """Function that writes records 0, 1, … in shards of the given sizes, small to save time."""
    template = serialize(make_record())

    def write(*sizes):
        import tensorflow as tf

        row = 0
        for index, size in enumerate(sizes):
            examples = []
            for _ in range(size):
                example = tf.train.Example.FromString(template)
                del example.features.feature["visual_features"]
                example.features.feature["record_id"].int64_list.value[:] = [row]
                examples.append(example.SerializeToString())
                row += 1
            write_shard(str(tmp_path / shard_name(index, len(sizes))), examples)
        return tmp_path

    return write
