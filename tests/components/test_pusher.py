"""The Pusher alone: blessed models go out, others do not."""

import json

import pytest

from components.artifacts import (
    Examples,
    InfraBlessing,
    Model,
    ModelBlessing,
    ModelEvaluation,
    PushedModel,
)
from components.component import Channel
from components.pusher import Pusher, PusherParameters

EVALUATION = {
    **{"task": "cml", "primary_metric": "average_accuracy", "previous_metrics": None},
    **{"metrics": {"example_count": 2.0, "average_accuracy": 0.5}, "interval": [0.4, 0.6]},
    **{"trivial_baselines": {"random window": 0.2}, "yardsticks": {}, "difference": None},
    **{"num_records": 2, "trivial_difference": [0.1, 0.5]},
    **{"blessed": True, "reasons": []},
}


@pytest.fixture
def push(tmp_path):
    """Function that runs a Pusher on a model of one file, blessed or not."""
    kinds = (Examples, Model, ModelEvaluation, ModelBlessing, InfraBlessing)
    examples, model, evaluation, blessing, infra_blessing = (
        kind(str(tmp_path / kind.TYPE_NAME), id=number) for number, kind in enumerate(kinds)
    )
    model.folder().serving_path.mkdir(parents=True)
    (model.folder().serving_path / "saved_model.pb").write_text("model")
    model.folder().configuration_path.write_text('{"system": "dam"}')
    (examples.path() / "Split-test").mkdir(parents=True)
    examples.folder().records_path.write_text("row")
    dataset = {"num_records": {"test": 1}, "num_rejected": {}, "source": {"kind": "media"}}
    examples.folder().metadata_path.write_text(json.dumps(dataset))
    evaluation.path().mkdir()
    evaluation.folder().metrics_path.write_text(json.dumps(EVALUATION))
    blessing.path().mkdir()
    infra_blessing.path().mkdir()
    pusher = Pusher(
        PusherParameters(str(tmp_path / "served"), 5),
        examples=Channel("AveExampleGen", "examples", Examples),
        model=Channel("Trainer", "model", Model),
        evaluation=Channel("Evaluator", "evaluation", ModelEvaluation),
        blessing=Channel("Evaluator", "blessing", ModelBlessing),
        infra_blessing=Channel("InfraValidator", "infra_blessing", InfraBlessing),
    )

    def run(blessed, servable=True):
        blessing.record_verdict(blessed, model, None)
        infra_blessing.record_verdict(servable)
        pushed = PushedModel(str(tmp_path / "pushed"))
        pushed.path().mkdir()
        inputs = {
            **{"examples": examples, "model": model, "evaluation": evaluation},
            **{"blessing": blessing, "infra_blessing": infra_blessing},
        }
        return pusher.execute(inputs, {"pushed_model": pushed}, tmp_path), pushed

    return run


def test_blessed_model_is_pushed(push, tmp_path):
    summary, pushed = push(blessed=True)
    (version,) = (tmp_path / "served").glob("[0-9]*")
    assert (version / "saved_model.pb").read_text() == "model"
    assert (version / "model_card.md").read_text().startswith("# served")
    lineage = json.loads((version / "model_card.json").read_text())["lineage"]
    assert lineage == {
        **{"examples": 0, "model": 1, "evaluation": 2},
        **{"blessing": 3, "infra_blessing": 4},
    }
    assert summary == {"pushed": str(version)}
    assert pushed.custom == {
        "pushed": 1,
        "pushed_destination": str(version),
        "pushed_version": version.name,
    }
    assert json.loads((pushed.path() / "pushed.json").read_text()) == pushed.custom


@pytest.mark.parametrize(("blessed", "servable"), [(False, True), (True, False)])
def test_model_without_both_blessings_is_held_back(push, tmp_path, blessed, servable):
    summary, pushed = push(blessed, servable)
    assert summary == {"pushed": ""}
    assert pushed.custom == {"pushed": 0}
    assert not (tmp_path / "served").exists()


@pytest.mark.parametrize("keep_versions", [0, 1])
def test_two_versions_stay_at_least(keep_versions):
    with pytest.raises(ValueError, match=f"Received: keep_versions={keep_versions}"):
        PusherParameters("served", keep_versions)
