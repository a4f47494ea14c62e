"""Checkpoints after each epoch, early stopping, and reloading without loss."""

import json
import time

import keras
import numpy as np
import pytest

from avel_tf.training.checkpoints import Checkpoints


@pytest.fixture
def model():
    layers = [keras.layers.Dense(2), keras.layers.Dropout(0.5)]
    model = keras.Sequential([keras.Input((3,)), *layers])
    model.compile(keras.optimizers.Adam(0.1), "mse")
    model.optimizer.build(model.trainable_variables)
    return model


def start(folder, model, patience=2):
    checkpoints = Checkpoints(folder / "checkpoints", "score", patience)
    checkpoints.set_model(model)
    return checkpoints


def run_epochs(checkpoints, scores):
    """Runs epochs that set the weights to their number, until stopped; returns those run."""
    model = checkpoints.model
    for epoch, score in enumerate(scores, start=len(checkpoints.history)):
        model.set_weights([np.full(weight.shape, epoch) for weight in model.weights])
        checkpoints.on_epoch_end(epoch, {"score": np.float32(score), "loss": 1.0})
        if model.stop_training:
            return epoch + 1
    return len(checkpoints.history)


def kept(checkpoints_folder):
    return sorted(path.name for path in checkpoints_folder.iterdir())


def test_new_folder_has_no_checkpoint(model, tmp_path):
    checkpoints = start(tmp_path, model)
    assert checkpoints.history == [] and not checkpoints.is_finished
    assert kept(tmp_path / "checkpoints") == []


def test_best_and_last_model_are_kept(model, tmp_path):
    checkpoints = start(tmp_path, model, patience=5)
    run_epochs(checkpoints, [0.25, 0.75, 0.5, 0.75, 0.5])
    assert checkpoints.best_epoch == 1  # the first of equals
    assert kept(tmp_path / "checkpoints") == [
        "epoch-00001.keras",
        "epoch-00004.keras",
        "progress.json",
    ]
    for epoch in (1, 4):
        assert all((weight == epoch).all() for weight in checkpoints.load(epoch).get_weights())
    assert checkpoints.history[1] == {"score": 0.75, "loss": 1.0}


@pytest.mark.parametrize(
    ("scores", "epochs"),
    [
        ([0.5, 0.5, 0.5, 0.5], 3),  # equal is not better
        ([0.1, 0.2, 0.1, 0.3, 0.2, 0.2, 0.9], 6),
        ([0.1, 0.2, 0.3, 0.4], 4),
    ],
)
def test_stops_after_patience_also_across_a_resume(model, tmp_path, scores, epochs):
    assert run_epochs(start(tmp_path / "whole", model), scores) == epochs
    for first in range(1, epochs):
        folder = tmp_path / str(first)
        assert run_epochs(start(folder, model), scores[:first]) == first
        again = start(folder, model)
        assert not again.is_finished and len(again.history) == first
        assert run_epochs(again, scores[first:]) == epochs
    assert start(tmp_path / "whole", model).is_finished == (epochs < len(scores))


def test_seconds_before_a_kill_count(model, tmp_path):
    checkpoints = start(tmp_path, model)
    time.sleep(0.2)
    run_epochs(checkpoints, [1.0])
    first = checkpoints.seconds
    again = start(tmp_path, model)
    assert again.seconds == first >= 0.2
    run_epochs(again, [2.0])
    assert again.seconds > first


def test_diverged_epoch_is_not_the_best(model, tmp_path):
    checkpoints = start(tmp_path, model)
    assert run_epochs(checkpoints, [0.5, float("nan"), float("nan"), 0.9]) == 3
    assert start(tmp_path, model).best_epoch == 0


def test_leftovers_of_a_kill_do_no_harm(model, tmp_path):
    checkpoints = start(tmp_path, model)
    run_epochs(checkpoints, [0.5, 0.6])
    folder = tmp_path / "checkpoints"
    for name in ("partial.keras", "progress.json.partial", "epoch-00002.keras"):
        (folder / name).write_text("half")
    again = start(tmp_path, model)
    assert len(again.history) == 2
    assert run_epochs(again, [0.7]) == 3
    assert kept(folder) == ["epoch-00002.keras", "progress.json"]
    assert (again.load(2).get_weights()[0] == 2).all()


def test_resumed_model_trains_as_if_never_saved(model, tmp_path):
    checkpoints = start(tmp_path, model)
    x, y = np.ones((4, 3)), np.ones((4, 2))
    model.train_on_batch(x, y)  # moves weights, moments and dropout's random numbers
    checkpoints.on_epoch_end(0, {"score": 1.0})
    progress = json.loads((tmp_path / "checkpoints" / "progress.json").read_text())
    assert progress.keys() == {"history", "random_states", "seconds"}
    for _ in range(3):
        model.train_on_batch(x, y)
    resumed = start(tmp_path, model).resume()
    for _ in range(3):
        resumed.train_on_batch(x, y)
    for ours, theirs in zip(resumed.get_weights(), model.get_weights(), strict=True):
        np.testing.assert_array_equal(ours, theirs)
