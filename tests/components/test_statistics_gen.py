"""StatisticsGen: statistics of every split, at the artifact's path."""

import dataclasses

import pytest
import tensorflow_data_validation as tfdv

from avel_tf.ave import Annotation
from avel_tf.errors import InputError
from avel_tf.records import Record, serialize, write_shard
from avel_tf.records.description import AVE
from avel_tf.records.shards import shard_name
from components.artifacts import Examples, ExampleStatistics
from components.component import Channel, NoParameters
from components.statistics_gen import StatisticsGen

NUM_RECORDS = {"train": 3, "test": 1}


@pytest.fixture
def examples(tmp_path):
    """Two splits of constant features."""
    import numpy as np

    artifact = Examples(str(tmp_path / "examples"))
    artifact.splits = list(NUM_RECORDS)
    features = {name: np.ones(shape) for name, shape in AVE.feature_shapes.items()}
    records = []
    for split, count in NUM_RECORDS.items():
        artifact.split_path(split).mkdir(parents=True)
        annotations = [Annotation(row, "Bark", f"{split}{row}", 0, 5) for row in range(count)]
        write_shard(
            str(artifact.split_path(split) / shard_name(0, 1)),
            [serialize(Record(annotation, **features)) for annotation in annotations],
        )
        records += [{"split": split, **dataclasses.asdict(each)} for each in annotations]
    artifact.folder().write_tables({"num_records": NUM_RECORDS}, [*records[0]], records, [])
    return artifact


@pytest.fixture
def statistics(tmp_path):
    artifact = ExampleStatistics(str(tmp_path / "statistics"))
    artifact.path().mkdir()
    return artifact


def execute(examples, statistics, working_dir):
    channel = Channel("AveExampleGen", "examples", Examples)
    StatisticsGen(NoParameters(), examples=channel).execute(
        {"examples": examples}, {"statistics": statistics}, working_dir
    )


def test_statistics_of_every_split(examples, statistics, tmp_path):
    execute(examples, statistics, tmp_path)
    assert statistics.splits == ["train", "test"]
    for split, count in NUM_RECORDS.items():
        (dataset,) = tfdv.load_stats_binary(str(statistics.statistics_path(split))).datasets
        assert dataset.num_examples == count
        video_id = tfdv.get_feature_stats(dataset, tfdv.FeaturePath(["video_id"]))
        top = {value.value for value in video_id.string_stats.top_values}
        assert top == {f"{split}{row}" for row in range(count)}


@pytest.mark.parametrize("end", [0, -20])
def test_a_damaged_shard_has_no_statistics(examples, statistics, tmp_path, end):
    path = examples.split_path("test") / shard_name(0, 1)
    path.write_bytes(path.read_bytes()[:end])
    with pytest.raises(InputError, match=f"{path} is damaged"):
        execute(examples, statistics, tmp_path)
    assert not statistics.statistics_path("test").exists()
