"""Presets: saving a system, and opening files that anybody may have written."""

import json
import os
import pathlib
import re
import resource

import h5py
import keras
import numpy as np
import pytest

from avel_tf.models import (
    SYSTEMS,
    CrossModalityLocalizer,
    DualAttentionMatching,
    Localizer,
    SupervisedEventLocalizer,
)
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
def test_every_system_reloads(tmp_path, task, system):
    model = SYSTEMS[task][system]()
    save_to_preset(model, tmp_path / "preset")
    again = from_preset(tmp_path / "preset")
    assert type(again) is type(model)
    assert again.get_config() == model.get_config()
    for ours, theirs in zip(model.get_weights(), again.get_weights(), strict=True):
        np.testing.assert_array_equal(theirs, ours)


def test_outputs_and_precision_are_kept(tmp_path):
    model = SYSTEMS["sel"]["dam"](units=16, normalization="batch", dtype="mixed_bfloat16")
    save_to_preset(model, tmp_path / "preset")
    again = from_preset(tmp_path / "preset")
    assert again.dtype_policy.name == "mixed_bfloat16"
    for name, value in outputs_of(model).items():
        np.testing.assert_array_equal(outputs_of(again)[name], value, err_msg=name)


def test_a_preset_of_tensorflow_gives_the_same_outputs_on_this_backend():
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


def test_a_class_opens_only_its_own_presets(model, tmp_path):
    model.save_to_preset(tmp_path / "preset")
    for kind in (CrossModalityLocalizer, Localizer):
        again = kind.from_preset(tmp_path / "preset")
        assert type(again) is CrossModalityLocalizer
        for ours, theirs in zip(model.get_weights(), again.get_weights(), strict=True):
            np.testing.assert_array_equal(theirs, ours)
    for kind in (SupervisedEventLocalizer, DualAttentionMatching):
        with pytest.raises(ValueError, match=f"holds a CrossModality.*, not a {kind.__name__}."):
            kind.from_preset(tmp_path / "preset")


def test_a_custom_system_is_saved_once_it_is_registered(tmp_path):
    class Mine(CrossModalityLocalizer):
        pass

    model = Mine(units=16, num_heads=2)
    with pytest.raises(ValueError, match="Mine is not registered. Decorate it with "):
        model.save_to_preset(tmp_path / "preset")
    assert not list(tmp_path.iterdir())
    keras.saving.register_keras_serializable(package="mine")(Mine)
    model.save_to_preset(tmp_path / "preset")
    assert type(from_preset(tmp_path / "preset")) is Mine


def test_custom_card(model, tmp_path):
    save_to_preset(model, tmp_path / "preset", card="# Mine\n")
    assert (tmp_path / "preset" / "README.md").read_text() == "# Mine\n"


def test_nothing_is_overwritten(model, preset):
    with pytest.raises(FileExistsError, match="preset exists already"):
        save_to_preset(model, preset)


def test_a_preset_is_complete_or_absent(model, tmp_path, monkeypatch):
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


@pytest.mark.parametrize(
    "name", ["Lambda", "builtins>eval", "avel_tf>CrossMatching", 7, None, [], {"a": 1}]
)
def test_only_systems_are_made(preset, name):
    change(preset, **{"class": name})
    with pytest.raises(ValueError, match="A preset holds a system"):
        from_preset(preset)


@pytest.mark.parametrize(
    "text",
    [
        *("", "[]", "{}", '{"class": "avel_tf>CrossModalityLocalizer"}', "[" * 100_000),
        '{"class": "avel_tf>CrossModalityLocalizer", "config": []}',
        f'{{"class": "avel_tf>CrossModalityLocalizer", "config": {{"units": {"9" * 5000}}}}}',
    ],
)
def test_damaged_configurations_are_named(preset, text):
    (preset / "config.json").write_text(text)
    with pytest.raises(ValueError, match="config.json does not describe a system"):
        from_preset(preset)


def test_unknown_settings_are_refused(preset):
    content = json.loads((preset / "config.json").read_text())
    change(preset, config=content["config"] | {"later_option": 1})
    with pytest.raises(ValueError, match=r"config.json does not .* argument 'later_option'"):
        from_preset(preset)


@pytest.mark.parametrize(
    "changed",
    [
        *({"units": value} for value in (1e400, float("nan"), 10**30, -1, "16", [16], {"a": []})),
        {"dtype": {"class_name": "Nothing", "config": {}}},
        {"dtype": 7},
        {"name": []},
    ],
)
def test_settings_that_make_no_sense_are_refused(preset, changed):
    content = json.loads((preset / "config.json").read_text())
    change(preset, config=content["config"] | changed)
    with pytest.raises(
        ValueError, match=r"config.json (does not describe a system|describes weights of)"
    ):
        from_preset(preset)


def test_a_model_larger_than_its_weights_is_never_made(preset):
    content = json.loads((preset / "config.json").read_text())
    change(preset, config=content["config"] | {"units": 30_000})
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(
        ValueError, match=r"weights of the shape \(30000, 30000\), which model.weights.h5 does not"
    ):
        from_preset(preset)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 200_000  # KiB of 22 GB


@pytest.mark.parametrize("name", ["config.json", "model.weights.h5"])
def test_missing_files_are_named(preset, name):
    (preset / name).unlink()
    with pytest.raises(FileNotFoundError, match=f"is not a preset: it lacks {name}"):
        from_preset(preset)


@pytest.mark.parametrize("kept", [1000, 40_000])
def test_damaged_weights_are_named(preset, kept):
    weights = preset / "model.weights.h5"
    weights.write_bytes(weights.read_bytes()[:kept])
    with pytest.raises(ValueError, match=r"model\.weights\.h5 is damaged: "):
        from_preset(preset)


@pytest.mark.parametrize("place", [0.1, 0.5])
def test_weights_with_a_broken_inside_are_named(preset, place):
    weights = preset / "model.weights.h5"
    data = weights.read_bytes()
    headers = [match.start() for match in re.finditer(b"TREE|SNOD|HEAP", data)]
    start = headers[int(place * len(headers))]
    weights.write_bytes(data[:start] + b"\xff" * 64 + data[start + 64 :])
    with pytest.raises(ValueError, match=r"model\.weights\.h5 (is damaged|does not fit)"):
        from_preset(preset)


def test_weights_of_another_size_are_refused(preset):
    content = json.loads((preset / "config.json").read_text())
    change(preset, config=content["config"] | {"units": 32})
    message = (
        r"config\.json describes weights of the shape \(32, 32\), which model\.weights\.h5 does"
    )
    with pytest.raises(ValueError, match=message):
        from_preset(preset)


def test_a_file_as_large_as_the_model_must_hold_its_weights(preset, monkeypatch):
    content = json.loads((preset / "config.json").read_text())
    change(preset, config=content["config"] | {"units": 64})
    weights = preset / "model.weights.h5"
    os.truncate(weights, 10**9)  # sparse
    with h5py.File(weights, "a") as file:  # shapes of which nothing is in the file
        for index, shape in enumerate([(128, 64), (512, 64), (64,), (64, 64)] * 4):
            file.create_dataset(f"fill/{index}", shape, "float32", chunks=shape)
    monkeypatch.setattr(keras.Model, "load_weights", lambda *_: pytest.fail("it was made"))
    with pytest.raises(ValueError, match="which model.weights.h5 does not hold"):
        from_preset(preset)


@pytest.mark.parametrize(
    "fields", [{"class": "x" * 10**6}, {"class": [[["x" * 10**6]]]}, {"config": {"x" * 10**6: 1}}]
)
def test_an_error_is_one_line_of_words(preset, fields):
    change(preset, **fields)
    with pytest.raises(ValueError) as error:
        from_preset(preset)
    assert len(str(error.value)) < 1000 and "\n" not in str(error.value)


def test_an_error_of_keras_is_one_line(tmp_path):
    save_to_preset(SupervisedEventLocalizer(units=16, num_heads=2), tmp_path / "preset")
    content = json.loads((tmp_path / "preset" / "config.json").read_text())
    change(tmp_path / "preset", config=content["config"] | {"visual_shape": [10**6, 10**6, 512]})
    # JAX works such shapes out, TensorFlow does not.
    message = "config.json (does not describe a system: |describes weights of the shape )"
    with pytest.raises(ValueError, match=message) as error:
        from_preset(tmp_path / "preset")
    assert "\n" not in str(error.value)


def test_what_it_was_trained_on_is_kept(model, tmp_path):
    assert model.trained_on is None and "trained_on" not in model.get_config()
    trained_on = {"source": {"kind": "media"}, "description": {"categories": ["horn"]}}
    model.trained_on = trained_on
    try:
        save_to_preset(model, tmp_path / "preset")
        model.save(tmp_path / "model.keras")
        copy = type(model).from_config(model.get_config())
    finally:
        model.trained_on = None
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    for each in (copy, from_preset(tmp_path / "preset"), loaded):
        assert each.trained_on == trained_on


def test_a_configuration_of_layers_is_no_way_in(preset):
    """Keras would make any graph of layers from such a configuration."""
    content = json.loads((preset / "config.json").read_text())
    graph = {"name": "x", "trainable": True, "layers": [], "input_layers": [], "output_layers": []}
    (preset / "config.json").write_text(json.dumps(content | {"config": graph}))
    with pytest.raises(ValueError, match="config.json does not describe a system"):
        from_preset(preset)
