"""Errors of `avel export` before it loads the encoders."""

import keras
import pytest

from avel_tf import encoders
from avel_tf.cli import export
from avel_tf.cli.program import run_command
from avel_tf.models import SYSTEMS


@pytest.fixture
def refused(tmp_path, monkeypatch, capsys):
    """Function that returns the error of a command, which must leave nothing behind."""

    def load(*arguments):
        raise AssertionError("It came as far as the encoders.")

    monkeypatch.setattr(encoders, "Vgg19Encoder", load)
    monkeypatch.setattr(encoders, "VggishEncoder", load)

    def run(model, *weights, output="served/1"):
        before = sorted(path for path in tmp_path.rglob("*") if path.name != "served")
        arguments = [str(model), str(tmp_path / output), *weights]
        assert run_command(export, "avel export", arguments) == 2
        assert sorted(path for path in tmp_path.rglob("*") if path.name != "served") == before
        return capsys.readouterr().err

    return run


WEIGHTS = ("--audio_weights", "random", "--visual_weights", "random")


def test_existing_output_is_kept(refused, tmp_path):
    (tmp_path / "served").mkdir()
    (tmp_path / "served" / "labels.txt").write_text("mine")
    assert "served exists already" in refused("a.keras", *WEIGHTS, output="served")
    assert (tmp_path / "served" / "labels.txt").read_text() == "mine"


@pytest.mark.parametrize("content", [None, b"not a Keras file"])
def test_a_file_that_keras_cannot_load_is_named(refused, tmp_path, content):
    path = tmp_path / "damaged.keras"
    if content:
        path.write_bytes(content)
    assert refused(path, *WEIGHTS).startswith(
        f"Error: {path} must be a .keras file of this project. Keras cannot load it: "
    )


def test_a_folder_is_refused_with_the_file_to_give(refused, tmp_path):
    keras_file = tmp_path / "4" / "Format-Keras" / "model.keras"
    for path in (keras_file.parent, tmp_path / "4" / "Format-Serving", tmp_path / "pushed"):
        path.mkdir(parents=True)
    keras_file.touch()
    for folder in (tmp_path / "4", tmp_path / "4" / "Format-Serving"):
        assert f"{folder} is a folder, " in (error := refused(folder, *WEIGHTS))
        assert error.endswith(f"Give {keras_file}.\n")
    assert refused(tmp_path / "pushed", *WEIGHTS).endswith(
        "Give Format-Keras/model.keras of the Trainer.\n"
    )


def test_a_system_that_is_given_the_event_is_refused(refused, tmp_path):
    SYSTEMS["cml"]["dam"](units=16).save(tmp_path / "cml.keras")
    error = refused(tmp_path / "cml.keras", *WEIGHTS)
    assert "`MODEL` must be a system of supervised event localization" in error
    assert "Received: CrossModalityLocalizer with ['audio_features', 'event_relevance'," in error


def test_a_threshold_is_for_systems_that_have_one(refused, tmp_path):
    SYSTEMS["sel"]["audio"]().save(tmp_path / "audio.keras")
    error = refused(tmp_path / "audio.keras", *WEIGHTS, "--threshold", "0.6")
    assert "AudioVisualLocalizer decides without a threshold. Leave out --threshold." in error


def test_another_model_is_refused(refused, tmp_path):
    keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)]).save(tmp_path / "other.keras")
    assert "It holds a Sequential that does not" in refused(tmp_path / "other.keras", *WEIGHTS)
