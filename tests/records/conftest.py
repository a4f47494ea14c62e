"""Records with features that half precision represents exactly."""

import dataclasses

import numpy as np
import pytest

from avel_tf.ave import Annotation
from avel_tf.records import DatasetFolder, Record, serialize, write_shard
from avel_tf.records.description import AVE
from avel_tf.records.shards import shard_name


@pytest.fixture(scope="session")
def make_record():
    """Function that makes the record of a row; its features are multiples of 1/8."""

    def make(row=0, **features):
        rng = np.random.default_rng(row)
        for name, shape in AVE.feature_shapes.items():
            features.setdefault(name, (rng.integers(0, 32, shape) / 8).astype("float32"))
        annotation = Annotation(row, "Cat", f"-video_{row}", row % 5, row % 5 + row % 6)
        return Record(annotation, **features)

    return make


@pytest.fixture(scope="session")
def write_tables():
    """Function that writes the tables of a dataset with records 0, 1, … in the split train."""

    def write(dataset, count):
        annotations = [Annotation(row, "Cat", f"-video_{row}", 0, 5) for row in range(count)]
        records = [{"split": "train", **dataclasses.asdict(each)} for each in annotations]
        columns = ["split", *(field.name for field in dataclasses.fields(Annotation))]
        dataset.write_tables({"num_records": {"train": count}}, columns, records, [])

    return write


@pytest.fixture
def write_split(tmp_path, make_record, write_tables):
    """Function that writes a split train of records 0, 1, … in shards of the given sizes.

    They are without visual features, to save time. It returns the split's folder.
    """
    template = serialize(make_record())
    dataset = DatasetFolder(tmp_path)
    folder = dataset.split_path("train")

    def write(*sizes):
        import tensorflow as tf

        folder.mkdir(exist_ok=True)
        row = 0
        for index, size in enumerate(sizes):
            examples = []
            for _ in range(size):
                example = tf.train.Example.FromString(template)
                del example.features.feature["visual_features"]
                example.features.feature["record_id"].int64_list.value[:] = [row]
                examples.append(example.SerializeToString())
                row += 1
            write_shard(str(folder / shard_name(index, len(sizes))), examples)
        write_tables(dataset, row)
        return folder

    return write
