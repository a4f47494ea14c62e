"""Presets: the same system again, from files that anybody may have written."""

import json
import pathlib

import keras
import numpy as np
import pytest

from avel_tf.models import SYSTEMS, CrossModalityLocalizer
from avel_tf.presets import from_preset, save_to_preset

RANDOM = np.random.default_rng(0)
INPUTS = {
    "audio_features": RANDOM.random((2, 10, 128), np.float32),
    "visual_features": RANDOM.random((2, 10, 7, 7, 512), np.float32),
    "event_relevance": np.ones((2, 10), np.float32),
}
GOLDEN = pathlib.Path(__file__).parent / "golden"


def outputs_of(model):
    outputs = model({name: INPUTS[name] for name in model.input})
    return {name: keras.ops.convert_to_numpy(value) for name, value in outputs.items()}


@pytest.fixture
def model():
    keras.utils.set_random_seed(0)
    return CrossModalityLocalizer(units=16, num_heads=2)


@pytest.fixture
def preset(model, tmp_path):
    save_to_preset(model, tmp_path / "preset")
    return tmp_path / "preset"


@pytest.mark.parametrize(
    ("task", "system"), [(task, system) for task in SYSTEMS for system in SYSTEMS[task]]
)
def test_every_system_comes_back(tmp_path, task, system):
    model = SYSTEMS[task][system]()
    save_to_preset(model, tmp_path / "preset")
    again = from_preset(tmp_path / "preset")
    assert type(again) is type(model)
    assert again.get_config() == model.get_config()
    for ours, theirs in zip(model.get_weights(), again.get_weights(), strict=True):
        np.testing.assert_array_equal(theirs, ours)


def test_outputs_and_precision_come_back(tmp_path):
    model = SYSTEMS["sel"]["dam"](units=16, normalization="batch", dtype="mixed_bfloat16")
    save_to_preset(model, tmp_path / "preset")
    again = from_preset(tmp_path / "preset")
    assert again.dtype_policy.name == "mixed_bfloat16"
    for name, value in outputs_of(model).items():
        np.testing.assert_array_equal(outputs_of(again)[name], value, err_msg=name)


def test_what_tensorflow_wrote_answers_the_same_on_this_backend():
    model = from_preset(GOLDEN / "preset")  # by make_preset.py
    outputs = model(dict(np.load(GOLDEN / "preset_inputs.npz")))
    expected = np.load(GOLDEN / "preset_outputs.npz")
    assert outputs.keys() == set(expected)
    for name, value in outputs.items():
        found = keras.ops.convert_to_numpy(value)
        np.testing.assert_allclose(found, expected[name], rtol=1e-4, atol=1e-5)


def test_files(model, preset):
    assert {path.name for path in preset.iterdir()} == {
        "config.json",
        "model.weights.h5",
        "README.md",
    }
    content = json.loads((preset / "config.json").read_text())
    assert content["class"] == "avel_tf>CrossModalityLocalizer"
    assert content["config"]["units"] == 16
    card = (preset / "README.md").read_text()
    assert f"{model.count_params():,} parameters" in card and "- units: 16" in card


def test_own_card(model, tmp_path):
    save_to_preset(model, tmp_path / "preset", card="# Mine\n")
    assert (tmp_path / "preset" / "README.md").read_text() == "# Mine\n"


def test_nothing_is_overwritten(model, preset):
    with pytest.raises(FileExistsError, match="preset exists already"):
        save_to_preset(model, preset)


def test_a_preset_is_there_whole_or_not_at_all(model, tmp_path, monkeypatch):
    def fail(path):
        path.write_bytes(b"half")
        raise OSError("no space left")

    monkeypatch.setattr(model, "save_weights", fail)
    with pytest.raises(OSError, match="no space left"):
        save_to_preset(model, tmp_path / "preset")
    assert not list(tmp_path.iterdir())


def test_other_models_are_refused(tmp_path):
    with pytest.raises(ValueError, match="holds a system of avel_tf.models. Received: 'Sequent"):
        save_to_preset(keras.Sequential(), tmp_path / "preset")
    assert not list(tmp_path.iterdir())


def change(preset, **fields):
    path = preset / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | fields))


@pytest.mark.parametrize("name", ["Lambda", "builtins>eval", "avel_tf>CrossMatching", 7, None])
def test_only_systems_are_made(preset, name):
    change(preset, **{"class": name})
    with pytest.raises(ValueError, match="A preset holds a system"):
        from_preset(preset)


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"class": "avel_tf>CrossModalityLocalizer"}'])
def test_damaged_configurations_are_named(preset, text):
    (preset / "config.json").write_text(text)
    with pytest.raises(ValueError, match="config.json does not describe a system"):
        from_preset(preset)


def test_unknown_settings_are_refused(preset):
    content = json.loads((preset / "config.json").read_text())
    change(preset, config=content["config"] | {"later_option": 1})
    with pytest.raises(ValueError, match=r"config.json does not .* argument 'later_option'"):
        from_preset(preset)


@pytest.mark.parametrize("name", ["config.json", "model.weights.h5"])
def test_missing_files_are_named(preset, name):
    (preset / name).unlink()
    with pytest.raises(FileNotFoundError, match=f"is no preset: it lacks {name}"):
        from_preset(preset)


def test_damaged_weights_are_named(preset):
    weights = preset / "model.weights.h5"
    weights.write_bytes(weights.read_bytes()[:1000])
    with pytest.raises(ValueError, match=r"model\.weights\.h5 is damaged: "):
        from_preset(preset)


def test_weights_of_another_size_are_refused(preset):
    content = json.loads((preset / "config.json").read_text())
    change(preset, config=content["config"] | {"units": 32})
    with pytest.raises(ValueError):
        from_preset(preset)
