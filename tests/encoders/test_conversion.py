"""Conversion of VGGish's checkpoint, written here in the layout of the released one."""

import subprocess
import sys

import keras
import numpy as np
import pytest
import tensorflow as tf

from avel_tf.encoders import VggishEncoder, conversion, convert_vggish
from pipelines.command import main

V1, V2 = tf.compat.v1.train.SaverDef.V1, tf.compat.v1.train.SaverDef.V2
URL = r"https://storage\.googleapis\.com/audioset/vggish_model\.ckpt"
LAYERS = [
    ("vggish/conv1", (3, 3, 1, 64)),
    ("vggish/conv2", (3, 3, 64, 128)),
    ("vggish/conv3/conv3_1", (3, 3, 128, 256)),
    ("vggish/conv3/conv3_2", (3, 3, 256, 256)),
    ("vggish/conv4/conv4_1", (3, 3, 256, 512)),
    ("vggish/conv4/conv4_2", (3, 3, 512, 512)),
    ("vggish/fc1/fc1_1", (12288, 4096)),
    ("vggish/fc1/fc1_2", (4096, 4096)),
    ("vggish/fc2", (4096, 128)),
]


def write_checkpoint(path, variables, version=V1):
    v1 = tf.compat.v1
    with tf.Graph().as_default(), v1.Session() as session:
        for name, value in variables.items():
            # The default initializer is random, which is an error once determinism is required.
            variable = v1.get_variable(
                name, value.shape, value.dtype, v1.zeros_initializer(), use_resource=False
            )
            variable.load(value, session)
        v1.train.Saver(write_version=version).save(session, str(path), write_meta_graph=False)


def released_variables():
    """Random variables with the released names and shapes, and leftovers of training."""
    generator = np.random.default_rng(0)
    shapes = {f"{scope}/weights": shape for scope, shape in LAYERS}
    shapes |= {f"{scope}/biases": shape[-1:] for scope, shape in LAYERS}
    shapes |= {"vggish/conv1/weights/Adam": (3, 3, 1, 64)}
    variables = {
        name: generator.standard_normal(shape, np.float32) * np.float32(0.02)
        for name, shape in shapes.items()
    }
    return variables | {"global_step": np.array(7, np.int64)}


@pytest.mark.slow
def test_the_released_layout_is_converted(tmp_path, capsys):
    variables = released_variables()
    checkpoint, output = tmp_path / "vggish_model.ckpt", tmp_path / "vggish.weights.h5"
    write_checkpoint(checkpoint, variables)
    assert list(tmp_path.glob("vggish*")) == [checkpoint]  # the first format is one file
    output.write_text("an older one")
    assert main(["convert-weights", str(checkpoint), str(output)]) == 0
    encoder = VggishEncoder(weights=output)
    assert encoder.metadata()["weights"] == "vggish.weights.h5"
    printed = capsys.readouterr().out
    assert encoder.metadata()["weights_sha256"] in printed
    assert f"--audio_weights {output}" in printed
    expected = [
        variables[f"{scope}/{kind}"] for scope, _ in LAYERS for kind in ("weights", "biases")
    ]
    for array, other in zip(encoder.model.get_weights(), expected, strict=True):
        np.testing.assert_array_equal(array, other)
    assert not [path for path in tmp_path.iterdir() if path.name.startswith(".")]


@pytest.mark.parametrize("version", [V1, V2])
def test_all_faults_of_a_checkpoint_are_named(version, vggish, tmp_path):
    variables = {
        f"{scope}/{kind}": np.zeros(1, np.float32)
        for scope, _ in LAYERS
        for kind in ("weights", "biases")
    }
    del variables["vggish/conv4/conv4_2/biases"], variables["vggish/fc2/weights"]
    write_checkpoint(tmp_path / "other.ckpt", variables, version)
    with pytest.raises(ValueError) as error:
        conversion.read_checkpoint(tmp_path / "other.ckpt", vggish.model)
    message = str(error.value)
    assert "other.ckpt' is not a VGGish checkpoint: it lacks " in message
    assert "lacks vggish/conv4/conv4_2/biases, vggish/fc2/weights; " in message
    assert "vggish/fc1/fc1_2/weights has shape (1,) instead of (4096, 4096)" in message
    assert message.count(" has shape ") == 16
    assert message.endswith("audioset/vggish_model.ckpt")


@pytest.mark.parametrize("fault", ["garbage", "cut off", "empty", "folder"])
def test_a_damaged_checkpoint_must_be_downloaded_again(fault, vggish, tmp_path):
    path = tmp_path / "damaged.ckpt"
    write_checkpoint(path, {"vggish/fc2/biases": np.zeros(128, np.float32)})
    whole = path.read_bytes()
    path.write_bytes({"garbage": b"?" * 999, "cut off": whole[:-9]}.get(fault, b""))
    if fault == "folder":
        path = tmp_path
    with pytest.raises(
        ValueError, match=rf"is not an intact TensorFlow checkpoint \(.*again: {URL}"
    ):
        conversion.read_checkpoint(path, vggish.model)


def test_a_missing_checkpoint_must_be_downloaded(vggish, tmp_path):
    with pytest.raises(ValueError, match=rf"no checkpoint '.*absent\.ckpt'\. Download it: {URL}"):
        conversion.read_checkpoint(tmp_path / "absent.ckpt", vggish.model)


@pytest.mark.parametrize("name", ["vggish.h5", "absent/vggish.weights.h5"])
def test_the_output_must_be_a_possible_weights_file(name, tmp_path, capsys):
    assert main(["convert-weights", "any.ckpt", str(tmp_path / name)]) == 2
    assert f"Received: output='{tmp_path / name}'" in capsys.readouterr().err


def test_an_unfinished_output_is_not_left(monkeypatch, vggish, tmp_path):
    def fill_the_disk(model, path):
        path.write_bytes(b"half of it")
        raise OSError("no space left")

    monkeypatch.setattr(conversion, "build_vggish", lambda: vggish.model)
    monkeypatch.setattr(conversion, "read_checkpoint", lambda path, model: model.get_weights())
    monkeypatch.setattr(keras.Model, "save_weights", fill_the_disk)
    output = tmp_path / "vggish.weights.h5"
    output.write_text("an older one")
    with pytest.raises(OSError, match="no space left"):
        convert_vggish("any.ckpt", output)
    assert list(tmp_path.iterdir()) == [output]
    assert output.read_text() == "an older one"


@pytest.mark.slow
def test_the_command_prints_only_its_own_message(tmp_path):
    command = ["avel_tf", "convert-weights", "absent.ckpt", tmp_path / "new.weights.h5"]
    run = subprocess.run([sys.executable, "-m", *command], capture_output=True, text=True)
    assert (run.returncode, run.stdout) == (2, "")
    assert run.stderr.startswith("Error: There is no checkpoint 'absent.ckpt'. Download it: http")
    assert run.stderr.count("\n") == 1
    assert not list(tmp_path.iterdir())
