"""From the Trainer to the Pusher: three models in one pipeline and one lineage."""

import csv
import json

import keras
import numpy as np
import pytest
import tensorflow as tf

from avel_tf.evaluation.record_accuracies import RecordAccuracies
from avel_tf.evaluation.results import Evaluation
from components.artifacts import InfraBlessing, Model, ModelBlessing, ModelEvaluation, ModelRun

pytestmark = pytest.mark.slow
SEEDS = {"first": 0, "second": 1, "untrained": 2}


@pytest.fixture
def evaluations(model_runs):
    """Results of the Evaluator by run."""
    return {name: results["Evaluator"] for name, results in model_runs.results.items()}


def model_of(model_runs, name):
    return model_runs.results[name]["Trainer"].outputs["model"]


def test_model_and_its_history_are_published(model_runs):
    result = model_runs.results["first"]["Trainer"]
    assert result.state == "COMPLETE", result.error
    model, model_run = result.outputs["model"], result.outputs["model_run"]
    assert isinstance(model, Model) and isinstance(model_run, ModelRun)
    trained = keras.saving.load_model(model.folder().keras_path)
    assert trained.units == 8
    assert (model.folder().serving_path / "saved_model.pb").is_file()
    assert json.loads(model.folder().configuration_path.read_text())["learning_rate"] == 3e-3
    with model_run.folder().history_path.open(newline="") as file:
        (epoch,) = csv.DictReader(file)
    val_accuracy = float(epoch["val_accuracy"])
    seconds = result.summary.pop("seconds")
    assert result.summary == {
        "best_epoch": 1,
        "val_accuracy": val_accuracy,
        "epochs": 1,
        "parameters": sum(np.size(weight) for weight in trained.trainable_weights),
        "data": "official features",
        "caution": "",
    }
    assert seconds > 0
    for name in ("train", "validation"):
        assert list((model_run.path() / "dam-cml-custom-full-seed0" / name).iterdir())


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


def test_other_seed_is_another_model(model_runs):
    first, second = (
        keras.saving.load_model(
            model_runs.results[name]["Trainer"].outputs["model"].folder().keras_path
        )
        for name in ("first", "second")
    )
    for weight, other in zip(first.trainable_weights, second.trainable_weights, strict=True):
        assert not np.array_equal(weight, other), weight.path


def test_numbers_report_and_summary_agree(evaluations):
    for name, result in evaluations.items():
        assert result.state == "COMPLETE", result.error
        evaluation = result.outputs["evaluation"]
        assert isinstance(evaluation, ModelEvaluation)
        metrics = json.loads(evaluation.folder().metrics_path.read_text())
        assert metrics.pop("slices").keys() == {"category", "event_length"}
        assert (metrics.pop("previous_slices") is None) == (result is evaluations["first"])
        assert metrics.pop("confusion") is None  # which only a task with labels has
        assert metrics.pop("label_names")
        assert (metrics.pop("data"), metrics.pop("caution")) == ("official features", "")
        assert metrics.pop("best_records") and metrics.pop("worst_records")
        summary = dict(result.summary)
        assert summary.pop("run") == {
            **{"task": "cml", "system": "dam", "settings": "custom", "supervision": "full"},
            **{"seed": SEEDS[name], "data": "official features", "caution": "", "encoders": ""},
        }
        assert Evaluation.from_json(metrics) == Evaluation.from_json(summary)
        assert metrics.keys() == summary.keys()
        records = RecordAccuracies.load(evaluation.folder().records_path)
        value = metrics["metrics"][records.metric]
        assert np.nanmean(records.accuracy) == pytest.approx(value)
        page = evaluation.folder().report_path.read_text(encoding="utf-8")
        assert f"dam, full supervision, seed {SEEDS[name]}</title>" in page
        assert f"{metrics['metrics']['average_accuracy']:.2%}" in page


def test_each_candidate_meets_the_last_blessed_model(model_runs, evaluations):
    first, second, third = (
        evaluations[name].outputs["blessing"] for name in ("first", "second", "untrained")
    )
    assert isinstance(first, ModelBlessing) and first.is_blessed and second.is_blessed
    assert "baseline_model" not in first.custom
    assert evaluations["first"].summary["previous_metrics"] is None
    # The third meets the second, which is newer than the first.
    for candidate, previous, name, other in (
        (second, first, "second", "first"),
        (third, second, "untrained", "second"),
    ):
        assert candidate.custom["current_model_id"] == model_of(model_runs, name).id
        assert candidate.custom["baseline_model_id"] == model_of(model_runs, other).id
        assert candidate.custom["baseline_model"] == model_of(model_runs, other).uri
        assert (
            evaluations[name].summary["previous_metrics"] == evaluations[other].summary["metrics"]
        )
        assert previous.is_blessed


def test_untrained_model_is_not_blessed(evaluations):
    blessing = evaluations["untrained"].outputs["blessing"]
    assert not blessing.is_blessed
    assert [path.name for path in blessing.path().glob("[!.]*")] == ["NOT_BLESSED"]
    summary = evaluations["untrained"].summary
    assert summary["blessed"] is False
    value, bar = summary["metrics"]["average_accuracy"], max(summary["trivial_baselines"].values())
    assert value < bar
    assert summary["reasons"][0].startswith(
        f"average_accuracy is {value:.2%}; its difference to the {bar:.2%} of the trivial baseline"
    )


def test_each_model_can_be_served(model_runs):
    for results in model_runs.results.values():
        result = results["InfraValidator"]
        blessing = result.outputs["infra_blessing"]
        assert isinstance(blessing, InfraBlessing) and blessing.is_blessed
        assert [path.name for path in blessing.path().glob("[!.]*")] == ["INFRA_BLESSED"]
        assert result.summary["reasons"] == [] and result.summary["load_seconds"] > 0


def test_versions_in_a_pipeline(model_runs):
    pushed = {
        name: results["Pusher"].outputs["pushed_model"]
        for name, results in model_runs.results.items()
    }
    versions = sorted(model_runs.served.glob("[0-9]*"))
    assert [str(version) for version in versions] == [
        pushed[name].custom["pushed_destination"] for name in ("first", "second")
    ]
    assert pushed["untrained"].custom["pushed"] == 0
    assert model_runs.results["untrained"]["Pusher"].summary == {"pushed": ""}
    assert "serving_default" in tf.saved_model.load(str(versions[-1])).signatures
    facts = json.loads((versions[-1] / "model_card.json").read_text())
    assert facts["lineage"]["model"] == model_of(model_runs, "second").id
    evaluation = model_runs.results["second"]["Evaluator"].summary
    assert Evaluation.from_json(facts["evaluation"]) == Evaluation.from_json(evaluation)
    card = (versions[-1] / "model_card.md").read_text()
    assert f"{evaluation['metrics']['average_accuracy']:.2%}" in card
    (proto,) = model_runs.lineage.store.get_artifacts_by_id([pushed["second"].id])
    assert proto.custom_properties["pushed_version"].string_value == versions[-1].name
