"""What `python -m avel_tf.media_export` refuses, before it loads the encoders."""

import keras
import pytest

from avel_tf import encoders
from avel_tf.media_export.__main__ import main
from avel_tf.models import SYSTEMS


@pytest.fixture
def refused(tmp_path, monkeypatch, capsys):
    """Function that gives the error of a command, which must leave nothing behind."""

    def load(*arguments):
        raise AssertionError("It came as far as the encoders.")

    monkeypatch.setattr(encoders, "Vgg19Encoder", load)
    monkeypatch.setattr(encoders, "VggishEncoder", load)

    def run(model, *weights, output="served/1"):
        before = sorted(path for path in tmp_path.rglob("*") if path.name != "served")
        assert main([str(model), str(tmp_path / output), *weights]) == 2
        assert sorted(path for path in tmp_path.rglob("*") if path.name != "served") == before
        return capsys.readouterr().err

    return run


WEIGHTS = ("--audio_weights", "random", "--visual_weights", "random")


def test_audio_weights_are_needed(refused, tmp_path):
    assert refused(tmp_path / "a.keras") == (
        "Error: `--audio_weights` must be given. See --help.\n"
    )


def test_what_is_there_stays(refused, tmp_path):
    (tmp_path / "served").mkdir()
    (tmp_path / "served" / "labels.txt").write_text("mine")
    assert "served exists already" in refused("a.keras", *WEIGHTS, output="served")
    assert (tmp_path / "served" / "labels.txt").read_text() == "mine"


@pytest.mark.parametrize("content", [None, b"no Keras file"])
def test_a_file_that_keras_cannot_load_is_named(refused, tmp_path, content):
    path = tmp_path / "damaged.keras"
    if content:
        path.write_bytes(content)
    assert refused(path, *WEIGHTS).startswith(
        f"Error: {path} must be a .keras file of this project. Keras cannot load it: "
    )


def test_a_system_that_is_given_the_event_is_refused(refused, tmp_path):
    SYSTEMS["cml"]["dam"](units=16).save(tmp_path / "cml.keras")
    error = refused(tmp_path / "cml.keras", *WEIGHTS)
    assert "`model` must be a system of supervised event localization" in error
    assert "Received: CrossModalityLocalizer with ['audio_features', 'event_relevance'," in error


def test_another_model_is_refused(refused, tmp_path):
    keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)]).save(tmp_path / "other.keras")
    assert "It holds a Sequential that does not" in refused(tmp_path / "other.keras", *WEIGHTS)
