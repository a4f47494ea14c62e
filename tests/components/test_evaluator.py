"""The Evaluator in a pipeline: its verdict, its files, and whom it compares with."""

import json

import pytest

from components.artifacts import ModelBlessing, ModelEvaluation


@pytest.fixture
def evaluations(model_runs):
    """Results of the Evaluator by run."""
    return {name: results["Evaluator"] for name, results in model_runs.results.items()}


def model_of(model_runs, name):
    return model_runs.results[name]["Trainer"].outputs["model"]


@pytest.mark.slow
def test_numbers_report_and_summary_agree(evaluations):
    for result in evaluations.values():
        assert result.state == "COMPLETE", result.error
        evaluation = result.outputs["evaluation"]
        assert isinstance(evaluation, ModelEvaluation)
        metrics = json.loads(evaluation.metrics_path().read_text())
        assert metrics.pop("slices").keys() == {"category", "event_length"}
        assert metrics == result.summary
        page = evaluation.report_path().read_text(encoding="utf-8")
        assert f"{metrics['metrics']['average_accuracy']:.2%}" in page


@pytest.mark.slow
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


@pytest.mark.slow
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
