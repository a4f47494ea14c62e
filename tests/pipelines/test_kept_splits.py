"""Programs that train many systems read each split once."""

import dataclasses

import pytest
import tensorflow as tf

from avel_tf.ave import Annotation
from avel_tf.records import DatasetFolder, read_split, write_shard
from avel_tf.records.shards import shard_name
from components import launcher
from components.launcher import Result
from pipelines import reproduce, tune


@pytest.mark.parametrize(
    ("program", "arguments", "state"),
    [
        (reproduce, ["--tables", "1", "--runs", "2"], "FAILED"),
        (tune, ["--trials", "2", "--finalists", "2", "--runs", "2"], "COMPLETE"),
    ],
    ids=["reproduce", "tune"],
)
def test_a_split_is_read_once(program, arguments, state, tmp_path, monkeypatch):
    example = tf.train.Example()
    example.features.feature["record_id"].int64_list.value.append(7)
    dataset = DatasetFolder(tmp_path)
    dataset.split_path("train").mkdir()
    path = dataset.split_path("train") / shard_name(0, 1)
    write_shard(str(path), [example.SerializeToString()])
    record = {"split": "train", **dataclasses.asdict(Annotation(7, "Bark", "a", 0, 5))}
    dataset.write_tables({"num_records": {"train": 1}}, [*record], [record], [])
    found = []

    def run_pipeline(pipeline, **_):
        found.append(read_split(dataset, "train", ("record_id",), pool_maps=False))
        summary = {"best_epoch": 3, "epochs": 5, "seconds": 7.0, "val_accuracy": 0.5}
        return [Result("Trainer", state, 1.0, summary=summary, error="no memory left")]

    monkeypatch.setattr(launcher, "run_pipeline", run_pipeline)
    (tmp_path / "features").mkdir()
    folders = ["--features_dir", str(tmp_path / "features"), "--output_root", str(tmp_path / "out")]
    program.main([*folders, *arguments])
    assert len(found) >= 4
    assert all(split is found[0] for split in found)
    assert found[0]["record_id"] == [7]
    assert read_split(dataset, "train", ("record_id",), pool_maps=False) is not found[0]
