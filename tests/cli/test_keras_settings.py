import json

import pytest

from avel_tf.cli.keras_settings import check_keras_settings
from avel_tf.errors import InputError
from pipelines.command import main


@pytest.fixture(autouse=True)
def keras_home(tmp_path, monkeypatch):
    """Folder of Keras's settings, without any."""
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    monkeypatch.delenv("KERAS_BACKEND", raising=False)
    return tmp_path


@pytest.mark.parametrize("text", [None, "{", "[]", "7", "{}", '{"backend": "tensorflow"}'])
def test_usual_settings_pass(keras_home, text):
    if text is not None:
        (keras_home / "keras.json").write_text(text)
    check_keras_settings()


@pytest.mark.parametrize(
    ("name", "value", "needed"),
    [("backend", "jax", "tensorflow"), ("image_data_format", "channels_first", "channels_last")],
)
def test_other_settings_are_named_before_anything_is_done(keras_home, capsys, name, value, needed):
    (keras_home / "keras.json").write_text(json.dumps({name: value}))
    assert main(["predict", "a.mp4", "--model", "m"]) == 2
    error = capsys.readouterr().err
    assert f'keras.json sets "{name}" to "{value}", but this command needs "{needed}".' in error


def test_the_variable_decides_on_the_backend(keras_home, monkeypatch):
    (keras_home / "keras.json").write_text('{"backend": "jax"}')
    monkeypatch.setenv("KERAS_BACKEND", "tensorflow")
    check_keras_settings()
    monkeypatch.setenv("KERAS_BACKEND", "torch")
    with pytest.raises(InputError, match="KERAS_BACKEND is 'torch', but .* Unset it, or set"):
        check_keras_settings()
