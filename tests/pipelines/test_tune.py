"""The search as users run it, with a stand-in for training."""

import dataclasses
import json
import pathlib

import pytest

from avel_tf.cli.program import parse_arguments
from avel_tf.training.settings import system_training
from components import launcher
from components.artifacts import Model
from components.launcher import Result
from pipelines import local_runner, tune


@pytest.fixture
def root(tmp_path):
    return tmp_path / "output"


class Trainings:
    """Replaces the pipelines: val accuracy depends on the number of heads and the seed."""

    def __init__(self):
        self.done = []
        self.failure = None  # message of the Trainer from the fourth training on

    def __call__(self, pipeline, **_):
        assert "Scorer" not in {component.id for component in pipeline.components}
        training = pipeline.components[-1].parameters
        if self.failure and len(self.done) == 3:
            return [Result("Trainer", "FAILED", 1.0, error=self.failure)]
        self.done.append(training)
        # The single runs of 4 heads look best, until they are repeated.
        accuracy = {1: 0.3, 4: 0.6, 8: 0.55}[training.model.num_heads]
        accuracy -= 0.2 * training.seed * (training.model.num_heads == 4)
        accuracy = float("nan") if training.learning_rate == 0.1 else accuracy  # diverged
        summary = {"best_epoch": 3, "epochs": 5, "seconds": 7.0, "val_accuracy": accuracy}
        return [Result("Trainer", "COMPLETE", 1.0, {"model": Model("/model")}, summary)]


@pytest.fixture
def trainings(monkeypatch):
    stand_in = Trainings()
    monkeypatch.setattr(launcher, "run_pipeline", stand_in)
    return stand_in


def run(root, *arguments):
    (root.parent / "features").mkdir(exist_ok=True)
    features = ("--features_dir", str(root.parent / "features"))
    return tune.main([*features, "--output_root", str(root), *arguments])


def test_the_faithful_settings_and_distinct_random_ones_are_tried():
    trials = tune.draw_trials("sel", 30, 0)
    assert trials[0] == system_training("sel", "dam", "faithful")
    assert len(set(trials)) == 30
    for training in trials[1:]:
        assert training.learning_rate in tune.LEARNING_RATES[training.optimizer]
        assert training.relevance_loss in tune.SPACE["relevance_loss"]
    for name in ("units", "num_heads", "block", "dropout", "normalization"):
        assert {getattr(trial.model, name) for trial in trials} == set(tune.SPACE[name])
    assert tune.draw_trials("sel", 12, 0) == trials[:12]
    assert tune.draw_trials("sel", 12, 1) != trials[:12]


def test_the_best_of_several_seeds_wins(trainings, root, capsys):
    assert run(root, "--trials", "12", "--finalists", "6", "--runs", "2", "--epochs", "9") == 0
    assert len(trainings.done) == 12 + 6
    assert [training.seed for training in trainings.done] == [0] * 12 + [1] * 6
    assert {(training.epochs, training.in_memory) for training in trainings.done} == {(9, True)}
    assert {(training.schedule, training.patience) for training in trainings.done} == {
        ("constant", 8),
        ("cosine", 9),  # to its end
    }
    assert any(training.learning_rate == 0.1 for training in trainings.done)
    table = json.loads((root / "tuning" / "cml.json").read_text())
    assert [len(row["runs"]) for row in table] == [2] * 6 + [1] * 6
    assert table[0]["training"]["model"]["num_heads"] == 8
    assert table[0]["val_accuracy"] == 0.55
    for rows in (table[:6], table[6:]):
        values = [row["val_accuracy"] for row in rows if row["val_accuracy"] > 0]
        assert values == sorted(values, reverse=True)
        assert all(row["val_accuracy"] > 0 for row in rows[: len(values)])  # diverged ones last
    lines = (root / "tuning" / "cml.md").read_text().splitlines()
    assert lines[0] == f"Data: features of {root.parent / 'features'}."
    assert len(lines) == 4 + 12
    assert lines[4].startswith("| 55.0 | 2 | units ")
    screen = capsys.readouterr().out
    assert "[12/12] units" in screen and "Finalist, seed 1: units" in screen
    assert "val 60.00% (epoch 3 of 5, 7 s)" in screen
    assert "Best on val, 55.00%: units" in screen
    assert screen.count(lines[0]) == 2


def test_what_was_tried_is_kept_when_a_training_fails(trainings, root, capsys):
    trainings.failure = "no memory left"
    assert run(root, "--task", "sel") == 2
    assert len(json.loads((root / "tuning" / "sel.json").read_text())) == 3
    assert capsys.readouterr().err == "Error: Trainer failed: no memory left\n"


@pytest.mark.parametrize("name", ["trials", "finalists", "runs"])
def test_numbers_must_be_positive(name, capsys):
    assert tune.main([f"--{name}", "0"]) == 2
    assert f"`--{name}` must be a positive integer. Received: {name}=0" in capsys.readouterr().err


def test_the_best_settings_can_be_used(trainings, root):
    assert run(root, "--trials", "5", "--finalists", "2", "--runs", "2") == 0
    path = root / "tuning" / "cml-best.json"
    table = json.loads((root / "tuning" / "cml.json").read_text())
    best = next(
        training
        for training in trainings.done
        if json.loads(json.dumps(dataclasses.asdict(training))) == table[0]["training"]
    )
    flags = ("--config", "ave", "--features_dir", "features", "--task", "cml")
    given = parse_arguments(local_runner, "avel run", [*flags, "--settings", str(path)])
    config = local_runner.build_config(given, root)
    assert config.training == dataclasses.replace(best, settings_name="cml-best")


def test_every_searched_setting_has_a_flag():
    drawn = tune.draw_trials("sel", 2, 0)[1]
    values = dataclasses.asdict(drawn) | dataclasses.asdict(drawn.model)
    arguments = [f"--{name}={values[name]}" for name in (*tune.SPACE, "learning_rate")]
    arguments += ["--config", "ave", "--features_dir", "features", "--settings", "faithful"]
    given = parse_arguments(local_runner, "avel run", arguments)
    assert local_runner.build_config(given, pathlib.Path()).training == drawn
