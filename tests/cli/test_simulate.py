"""The command that writes simulated data."""

import functools
import json

import numpy as np
import pytest

from avel_tf.ave import OfficialFeatures, read_annotations
from avel_tf.cli import simulate
from avel_tf.cli.program import run_command
from avel_tf.simulation.ave_annotations import MIN_RECORDS
from avel_tf.simulation.feature_model import FeatureModel

main = functools.partial(run_command, simulate, "avel simulate")
NUM_RECORDS = ["--num_records", str(MIN_RECORDS)]


@pytest.fixture
def quick(monkeypatch):
    """Makes all features 1, which takes no time; what they hold is tested elsewhere."""
    ones = np.ones((10, 128), "float32"), np.ones((10, 7, 7, 512), "float32")
    monkeypatch.setattr(FeatureModel, "record", lambda *_: ones)


def test_features_as_official_files(quick, tmp_path, capsys):
    assert main(["features", str(tmp_path / "out"), *NUM_RECORDS, "--seed", "3"]) == 0
    assert str(tmp_path / "out") in capsys.readouterr().out
    assert len(read_annotations(tmp_path / "out" / "Annotations.txt")) == MIN_RECORDS
    OfficialFeatures(tmp_path / "out", MIN_RECORDS).close()
    assert json.loads((tmp_path / "out" / "simulation.json").read_text())["seed"] == 3


@pytest.mark.slow
def test_features_as_records(quick, tmp_path):
    out = tmp_path / "out"
    command = ["features", str(out), "--format", "tfrecord", "--task", "cml", *NUM_RECORDS]
    assert main(command) == 0
    metadata = json.loads((out / "dataset.json").read_text())
    assert sum(metadata["num_records"].values()) == MIN_RECORDS
    assert metadata["source"]["kind"] == "simulated_features"
    assert [path.name for path in tmp_path.iterdir()] == ["out"]  # nothing left over
    assert main(command) == 2  # the folder is taken


def test_clips(tmp_path):
    folder = tmp_path / "clips"
    command = ["clips", str(folder), "--num_clips", "3", "--num_categories", "1"]
    assert main(command) == 0
    assert len(list((folder / "AVE").glob("*.mp4"))) == 3


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--task", "sel"], "`--task` is for `--format tfrecord`"),
        (["--format", "tfrecord", "--dtype", "float32"], "`--dtype` is for `--format hdf5`"),
        (["--num_records", "5"], "`--num_records` must be at least"),
        (["--annotations_dir", "nowhere"], "`--annotations_dir`: "),
    ],
)
def test_errors_are_one_line(tmp_path, capsys, arguments, message):
    assert main(["features", str(tmp_path / "out"), *arguments]) == 2
    errors = capsys.readouterr().err
    assert errors.startswith("Error: ") and message in errors and errors.count("\n") == 1
    assert not (tmp_path / "out").exists()
