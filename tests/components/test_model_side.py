"""From the Trainer to the Pusher: three models in one pipeline and one lineage."""

import csv
import json

import keras
import numpy as np
import pytest
import tensorflow as tf

from components.artifacts import InfraBlessing, Model, ModelBlessing, ModelEvaluation, ModelRun

pytestmark = pytest.mark.slow


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
        keras.saving.load_model(model_runs.results[name]["Trainer"].outputs["model"].keras_path())
        for name in ("first", "second")
    )
    for weight, other in zip(first.trainable_weights, second.trainable_weights, strict=True):
        assert not np.array_equal(weight, other), weight.path


def test_numbers_report_and_summary_agree(evaluations):
    for result in evaluations.values():
        assert result.state == "COMPLETE", result.error
        evaluation = result.outputs["evaluation"]
        assert isinstance(evaluation, ModelEvaluation)
        metrics = json.loads(evaluation.metrics_path().read_text())
        assert metrics.pop("slices").keys() == {"category", "event_length"}
        assert (metrics.pop("baseline_slices") is None) == (result is evaluations["first"])
        assert metrics.pop("confusion") is None  # of a task with labels alone
        assert metrics.pop("examples").keys() == {"best", "worst"}
        assert metrics == result.summary
        page = evaluation.report_path().read_text(encoding="utf-8")
        assert f"{metrics['metrics']['average_accuracy']:.2%}" in page


def test_each_candidate_meets_the_last_blessed_model(model_runs, evaluations):
    first, second, third = (
        evaluations[name].outputs["blessing"] for name in ("first", "second", "untrained")
    )
    assert isinstance(first, ModelBlessing) and first.is_blessed and second.is_blessed
    assert "baseline_model" not in first.custom
    assert evaluations["first"].summary["baseline_metrics"] is None
    # The third meets the second, which is newer than the first.
    for candidate, baseline, name, other in (
        (second, first, "second", "first"),
        (third, second, "untrained", "second"),
    ):
        assert candidate.custom["current_model_id"] == model_of(model_runs, name).id
        assert candidate.custom["baseline_model_id"] == model_of(model_runs, other).id
        assert candidate.custom["baseline_model"] == model_of(model_runs, other).uri
        assert (
            evaluations[name].summary["baseline_metrics"] == evaluations[other].summary["metrics"]
        )
        assert baseline.is_blessed


def test_untrained_model_is_not_blessed(evaluations):
    blessing = evaluations["untrained"].outputs["blessing"]
    assert not blessing.is_blessed
    assert [path.name for path in blessing.path().iterdir()] == ["NOT_BLESSED"]
    summary = evaluations["untrained"].summary
    assert summary["blessed"] is False
    value, bar = summary["metrics"]["average_accuracy"], max(summary["trivial_baselines"].values())
    assert value < bar
    assert summary["reasons"][0].startswith(
        f"average_accuracy is {value:.2%}, its 95 % interval begins at {summary['interval'][0]:.2%}"
    )


def test_each_model_can_be_served(model_runs):
    for results in model_runs.results.values():
        result = results["InfraValidator"]
        blessing = result.outputs["infra_blessing"]
        assert isinstance(blessing, InfraBlessing) and blessing.is_blessed
        assert [path.name for path in blessing.path().iterdir()] == ["INFRA_BLESSED"]
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
    assert pushed["untrained"].custom == {"pushed": 0}
    assert model_runs.results["untrained"]["Pusher"].summary == {"pushed": ""}
    assert "serving_default" in tf.saved_model.load(str(versions[-1])).signatures
    facts = json.loads((versions[-1] / "model_card.json").read_text())
    assert facts["lineage"]["model"] == model_of(model_runs, "second").id
    evaluation = model_runs.results["second"]["Evaluator"].summary
    assert facts["evaluation"] == evaluation
    card = (versions[-1] / "model_card.md").read_text()
    assert f"{evaluation['metrics']['average_accuracy']:.2%}" in card
    (proto,) = model_runs.lineage.store.get_artifacts_by_id([pushed["second"].id])
    assert proto.custom_properties["pushed_version"].string_value == versions[-1].name
