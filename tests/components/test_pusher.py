"""The Pusher alone: blessed models go out, others do not."""

import json

import pytest

from components.artifacts import InfraBlessing, Model, ModelBlessing, PushedModel
from components.component import Channel
from components.pusher import Pusher, PusherParameters


@pytest.fixture
def push(tmp_path):
    """Function that runs a Pusher on a model of one file, blessed or not."""
    model, blessing, infra_blessing = (
        kind(str(tmp_path / kind.TYPE_NAME), id=7) for kind in (Model, ModelBlessing, InfraBlessing)
    )
    model.serving_path().mkdir(parents=True)
    (model.serving_path() / "saved_model.pb").write_text("model")
    blessing.path().mkdir()
    infra_blessing.path().mkdir()
    pusher = Pusher(
        PusherParameters(str(tmp_path / "served"), 5),
        model=Channel("Trainer", "model", Model),
        blessing=Channel("Evaluator", "blessing", ModelBlessing),
        infra_blessing=Channel("InfraValidator", "infra_blessing", InfraBlessing),
    )

    def run(blessed, servable=True):
        blessing.record_verdict(blessed, model, None)
        infra_blessing.record_verdict(servable)
        pushed = PushedModel(str(tmp_path / "pushed"))
        pushed.path().mkdir()
        inputs = {"model": model, "blessing": blessing, "infra_blessing": infra_blessing}
        return pusher.execute(inputs, {"pushed_model": pushed}, tmp_path), pushed

    return run


def test_blessed_model_is_pushed(push, tmp_path):
    summary, pushed = push(blessed=True)
    (version,) = (tmp_path / "served").iterdir()
    assert (version / "saved_model.pb").read_text() == "model"
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
