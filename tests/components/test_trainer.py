"""The Trainer in a pipeline: what it publishes, and how it says what is wrong."""

import csv
import json

import keras
import numpy as np
import pytest

from avel_tf.configuration import TrainingConfig
from components.artifacts import ExampleAnomalies, Examples, Model, ModelRun
from components.component import Channel, ComponentError
from components.trainer import Trainer


@pytest.fixture
def trainer():
    """A Trainer that asks for a GPU."""
    return Trainer(
        TrainingConfig("cml", devices="gpu"),
        examples=Channel("Dataset", "examples", Examples),
        anomalies=Channel("Dataset", "anomalies", ExampleAnomalies),
    )


@pytest.mark.slow
def test_model_and_its_history_are_published(model_runs):
    result = model_runs.results["first"]["Trainer"]
    assert result.state == "COMPLETE", result.error
    model, model_run = result.outputs["model"], result.outputs["model_run"]
    assert isinstance(model, Model) and isinstance(model_run, ModelRun)
    assert keras.saving.load_model(model.keras_path()).units == 8
    assert (model.serving_path() / "saved_model.pb").is_file()
    assert json.loads(model.configuration_path().read_text())["learning_rate"] == 3e-3
    with model_run.history_path().open(newline="") as file:
        (epoch,) = csv.DictReader(file)
    val_accuracy = float(epoch["val_accuracy"])
    seconds = result.summary.pop("seconds")
    assert result.summary == {"best_epoch": 1, "val_accuracy": val_accuracy, "epochs": 1}
    assert seconds > 0
    for name in ("train", "validation"):
        assert list((model_run.path() / name).iterdir())


@pytest.mark.slow
def test_lineage_knows_what_the_model_was_made_of(model_runs):
    store, outputs = model_runs.lineage.store, model_runs.results["second"]["Trainer"].outputs
    dataset = model_runs.results["second"]["Dataset"]
    (event,) = store.get_events_by_artifact_ids([outputs["model_run"].id])
    (execution,) = store.get_executions_by_id([event.execution_id])
    properties = execution.custom_properties
    assert properties["seed"].int_value == 1
    assert json.loads(properties["model"].string_value)["block"] == "full"
    keys = {
        each.path.steps[0].key: each.artifact_id
        for each in store.get_events_by_execution_ids([execution.id])
    }
    artifacts = dataset.outputs | outputs
    assert keys == {key: artifact.id for key, artifact in artifacts.items()}


@pytest.mark.slow
def test_other_seed_is_another_model(model_runs):
    first, second = (
        keras.saving.load_model(model_runs.results[name]["Trainer"].outputs["model"].keras_path())
        for name in ("first", "second")
    )
    for weight, other in zip(first.trainable_weights, second.trainable_weights, strict=True):
        assert not np.array_equal(weight, other), weight.path


def test_missing_gpu_is_an_expected_failure(trainer, tmp_path):
    (tmp_path / "dataset.json").write_text('{"num_records": {"train": 4, "val": 4}}')
    inputs = {"examples": Examples(str(tmp_path))}
    outputs = {"model": Model(str(tmp_path)), "model_run": ModelRun(str(tmp_path))}
    with pytest.raises(ComponentError, match="`devices` is 'gpu', but .* choose 'auto'"):
        trainer.execute(inputs, outputs, tmp_path)
