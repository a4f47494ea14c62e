import dataclasses
import json

from avel_tf.configuration import TrainingConfig
from avel_tf.records import DatasetFolder
from avel_tf.reporting.run_description import RunDescription
from avel_tf.serving.model_folder import ModelFolder
from avel_tf.serving.provenance import PATH


def test_a_run_is_named_by_its_files(tmp_path):
    training = TrainingConfig("sel", "audio", supervision="weak", seed=5, settings_name="ave")
    (tmp_path / "configuration.json").write_text(json.dumps(dataclasses.asdict(training)))
    (tmp_path / "dataset.json").write_text('{"source": {"kind": "official_features"}}')
    run = RunDescription.read(ModelFolder(tmp_path), DatasetFolder(tmp_path))
    assert run == RunDescription("sel", "audio", "ave", "weak", 5, "official features", "")
    assert run.title == "Supervised event localization: audio, weak supervision, seed 5"


def test_made_up_training_of_a_model_is_told_whatever_it_is_tested_on(tmp_path):
    (tmp_path / "configuration.json").write_text(
        json.dumps(dataclasses.asdict(TrainingConfig("sel")))
    )
    (tmp_path / "dataset.json").write_text('{"source": {"kind": "official_features"}}')
    model = ModelFolder(tmp_path)
    (model.serving_path / PATH.parent).mkdir(parents=True)
    (model.serving_path / PATH).write_text('{"kind": "simulated_features"}')
    run = RunDescription.read(model, DatasetFolder(tmp_path))
    assert run.data == "official features; trained on simulated features"
    assert run.caution == "From simulated features: these numbers say nothing about real videos."


def test_numbers_as_json_begin_with_what_they_come_from():
    run = RunDescription("sel", "dam", "ave", "full", 0, "simulated features", "From a simulation.")
    assert list(run.marked({"accuracy": 0.5}).items()) == [
        ("data", "simulated features"),
        ("caution", "From a simulation."),
        ("accuracy", 0.5),
    ]
