"""Settings in files: what is written is read again, and what is wrong is named."""

import json

import pytest

from avel_tf.configuration import ModelConfig, TrainingConfig
from avel_tf.errors import InputError
from avel_tf.training.settings import read_settings, system_training, write_settings


def test_what_is_written_is_read(tmp_path):
    training = TrainingConfig(
        "cml", model=ModelConfig(units=512, dropout=0.3), learning_rate=0.03, settings_name="mine"
    )
    write_settings(training, tmp_path / "mine.json")
    assert read_settings(tmp_path / "mine.json") == training
    assert system_training("cml", "dam", str(tmp_path / "mine.json")) == training


def test_settings_are_named_after_the_file_and_have_defaults(tmp_path):
    path = tmp_path / "few.json"
    path.write_text('{"task": "sel", "model": {"num_heads": 8}, "learning_rate": 1}')
    expected = TrainingConfig(
        "sel", model=ModelConfig(num_heads=8), learning_rate=1, settings_name="few"
    )
    assert read_settings(path) == expected


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"task": "sel", "unit": 3}, "unit is not a setting. The settings are task, "),
        ({"task": "sel", "model": {"unit": 3}}, "model: unit is not a setting"),
        ({"task": "sel", "model": {"units": "3"}}, "model: units must be like 256. Received: '3'"),
        ({"task": "sel", "xla": 1}, "xla must be like False. Received: 1"),
        ({"task": "sel", "epochs": True}, "epochs must be like 100. Received: True"),
        ({"task": "sel", "epochs": 0}, "`epochs` must be a positive integer"),
        ({"task": "sel", "model": 3}, "model: must hold an object of settings. Received: 3"),
        ({"epochs": 3}, "lacks the key task"),
        ([], r"json: must hold an object of settings. Received: \[\]"),
    ],
)
def test_wrong_files_name_the_key(content, message, tmp_path):
    path = tmp_path / "wrong.json"
    path.write_text(json.dumps(content))
    with pytest.raises(InputError, match=message) as error:
        read_settings(path)
    assert str(path) in str(error.value)


def test_what_is_no_file_of_settings_is_named(tmp_path):
    with pytest.raises(InputError, match="none.json is not a file of settings: .*No such file"):
        read_settings(tmp_path / "none.json")
    (tmp_path / "table.json").write_text("| Val |")
    with pytest.raises(InputError, match="table.json is not a file of settings"):
        read_settings(tmp_path / "table.json")


def test_a_file_for_another_task_is_refused(tmp_path):
    path = tmp_path / "cml-best.json"
    write_settings(TrainingConfig("cml"), path)
    with pytest.raises(InputError, match="settings for task 'cml'. Received: 'sel'. Give --task"):
        system_training("sel", "dam", str(path))
