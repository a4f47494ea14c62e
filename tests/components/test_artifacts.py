"""File trees, splits, presence, and properties that other components rely on."""

import json
import pathlib
import shutil

import pytest

from avel_tf.records import DatasetFolder
from avel_tf.serving.model_folder import ModelFolder
from avel_tf.training.run_folder import RunFolder
from components import artifacts


def test_paths_lie_in_the_artifact():
    def relative(artifact_type, method, *arguments):
        artifact = artifact_type("/root/1")
        if isinstance(artifact, artifacts.SplitArtifact):
            artifact.splits = ["train", "test"]
        return str(getattr(artifact, method)(*arguments).relative_to("/root/1"))

    assert relative(artifacts.Examples, "split_path", "test") == "Split-test"
    statistics = relative(artifacts.ExampleStatistics, "statistics_path", "train")
    assert statistics == "Split-train/FeatureStats.pb"
    anomalies = relative(artifacts.ExampleAnomalies, "anomalies_path", "train")
    assert anomalies == "Split-train/SchemaDiff.pb"
    assert relative(artifacts.ExampleAnomalies, "summary_path") == "anomalies.json"


def test_folders_match_the_library():
    root = pathlib.Path("/root/1")
    assert artifacts.Examples("/root/1").folder() == DatasetFolder(root)
    assert artifacts.Model("/root/1").folder() == ModelFolder(root)
    assert artifacts.ModelRun("/root/1").folder() == RunFolder(root)


def test_splits_are_stored_as_a_json_list():
    examples = artifacts.Examples("/root/1")
    assert examples.splits == []
    examples.splits = ["train", "val"]
    assert examples.properties == {"split_names": '["train", "val"]'}
    assert examples.splits == ["train", "val"]


def test_unknown_split_is_refused():
    examples = artifacts.Examples("/root/1", {"split_names": '["train"]'})
    with pytest.raises(
        ValueError,
        match=r"`name` must be a split of Examples, one of \['train'\]. Received: name='eval'.",
    ):
        examples.split_path("eval")


def test_properties_are_not_shared_between_artifacts():
    artifacts.Examples("/root/1").splits = ["train"]
    assert artifacts.Examples("/root/2").splits == []


def test_an_artifact_is_present_while_its_folder_is(tmp_path):
    assert artifacts.Model(str(tmp_path)).is_present()
    assert not artifacts.Model(str(tmp_path / "gone")).is_present()


@pytest.mark.parametrize(
    ("blessed", "file", "value"), [(True, "BLESSED", 1), (False, "NOT_BLESSED", 0)]
)
def test_verdict_is_recorded_as_in_tfx(tmp_path, blessed, file, value):
    blessing = artifacts.ModelBlessing(str(tmp_path))
    candidate, baseline = artifacts.Model("/new", id=7), artifacts.Model("/old", id=3)
    blessing.record_verdict(blessed, candidate, baseline)
    assert [path.name for path in tmp_path.iterdir()] == [file]
    assert blessing.custom == {
        "blessed": value,
        "current_model": "/new",
        "current_model_id": 7,
        "baseline_model": "/old",
        "baseline_model_id": 3,
    }
    assert blessing.is_blessed is blessed


def test_verdict_without_baseline_names_none(tmp_path):
    blessing = artifacts.ModelBlessing(str(tmp_path))
    blessing.record_verdict(True, artifacts.Model("/new", id=7), None)
    assert blessing.custom.keys() == {"blessed", "current_model", "current_model_id"}


def test_pushed_model_is_present_while_its_destination_is(tmp_path):
    folder, destination = tmp_path / "pushed", tmp_path / "serving" / "7"
    folder.mkdir()
    destination.mkdir(parents=True)
    pushed = artifacts.PushedModel(str(folder))
    pushed.record_push(destination, 7)
    assert pushed.custom == {
        "pushed": 1,
        "pushed_destination": str(destination),
        "pushed_version": "7",
    }
    assert json.loads((folder / "pushed.json").read_text()) == pushed.custom
    assert pushed.is_present()
    shutil.rmtree(destination)
    assert not pushed.is_present()


def test_unpushed_model_needs_no_destination(tmp_path):
    pushed = artifacts.PushedModel(str(tmp_path))
    pushed.record_no_push()
    assert pushed.custom == {"pushed": 0}
    assert json.loads((tmp_path / "pushed.json").read_text()) == {"pushed": 0}
    assert pushed.is_present()
