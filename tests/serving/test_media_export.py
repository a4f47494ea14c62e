"""The SavedModel with both encoders in a server, compared with encoders and Keras model."""

import json
import subprocess
import sys

import keras
import numpy as np
import pytest
import tensorflow as tf

from avel_tf.ave import BACKGROUND_NAME, CATEGORIES
from avel_tf.cli import export
from avel_tf.cli.program import run_command
from avel_tf.encoders import Vgg19Encoder, VggishEncoder, choosing
from avel_tf.models import SYSTEMS
from avel_tf.serving import serving_process, warm_up
from avel_tf.serving.labels import label_names
from avel_tf.serving.provenance import read_origin, read_threshold, write_origin
from avel_tf.serving.signatures import signatures
from avel_tf.serving.warm_up import read_warm_up

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def encoders():
    return Vgg19Encoder(), VggishEncoder()


@pytest.fixture(scope="module")
def model():
    keras.utils.set_random_seed(1)
    return SYSTEMS["sel"]["dam"](units=16, num_heads=2, threshold=0.3)


@pytest.fixture(scope="module")
def saved_model(model, encoders, tmp_path_factory):
    """SavedModel as the command writes it, but with a warm-up of two seconds."""

    def same(encoder, *expected):  # large, so that it is made once
        def choose(*chosen):
            assert chosen == expected
            return encoder

        return choose

    folder = tmp_path_factory.mktemp("media_export")
    keras_file = folder / "Format-Keras" / "model.keras"
    keras_file.parent.mkdir()
    original = type(model).from_config(model.get_config() | {"threshold": 0.5})
    original.set_weights(model.get_weights())
    original.save(keras_file)
    (folder / "Format-Serving" / "assets.extra").mkdir(parents=True)
    write_origin(folder / "Format-Serving", {"kind": "official_features"})
    weights = ["--audio_weights", "random", "--visual_weights", "random"]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(warm_up, "NUM_SEGMENTS", 2)
        patch.setitem(choosing.VISUAL_ENCODERS, "vgg19", same(encoders[0], "random", "float32"))
        patch.setitem(choosing.AUDIO_ENCODERS, "vggish", same(encoders[1], "random"))
        output = folder / "served" / "1"
        arguments = [str(keras_file), str(output), *weights, "--threshold", "0.3"]
        assert run_command(export, "avel export", arguments) == 0
    return output


@pytest.fixture(scope="module")
def expected(model, encoders, saved_model):
    """Function that answers a request with the encoders and the Keras model."""
    vgg19, vggish = encoders
    names = label_names(saved_model / "assets" / "labels.txt")
    localize_event, _ = signatures(model, names)["localize_event"]

    def answer(frames, waveform):
        visual_features = np.stack([vgg19(clip) for clip in frames])
        audio_features = np.stack([vggish(clip.reshape(-1, 16000)) for clip in waveform])
        outputs = localize_event(tf.constant(audio_features), tf.constant(visual_features))
        return {name: value.numpy() for name, value in outputs.items()}

    return answer


def assert_agree(found, expected):
    assert found.keys() == expected.keys()
    for name, value in expected.items():
        if value.dtype.kind == "f":
            np.testing.assert_allclose(found[name], value, atol=1e-4, err_msg=name)
        else:
            np.testing.assert_array_equal(found[name], value.astype(found[name].dtype), name)


def test_a_server_matches_encoders_and_keras_model(saved_model, expected, tmp_path):
    ((name, request),) = read_warm_up(saved_model)
    assert name == "localize_media"
    assert request["frames"].shape == (1, 2, 1, 224, 224, 3)
    command = [
        sys.executable,
        "-I",
        serving_process.__file__,
        saved_model,
        tmp_path / "answers.npz",
    ]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    assert json.loads(done.stdout.splitlines()[-1])["foreign_ops"] == []
    answers = dict(np.load(tmp_path / "answers.npz"))
    found = {key.removeprefix("localize_media/"): value for key, value in answers.items()}
    assert_agree(found, expected(**request))


def test_any_number_of_clips_segments_and_frames(saved_model, expected):
    signature = tf.saved_model.load(str(saved_model)).signatures["localize_media"]
    generator = np.random.default_rng(0)
    for batch, num_segments, num_frames in [(2, 1, 2), (1, 3, 1)]:
        shape = (batch, num_segments, num_frames, 224, 224, 3)
        request = {
            "frames": generator.integers(0, 256, shape, np.uint8),
            "waveform": generator.uniform(-1, 1, (batch, num_segments * 16000)).astype("f4"),
        }
        outputs = signature(**{name: tf.constant(value) for name, value in request.items()})
        found = {name: value.numpy() for name, value in outputs.items()}
        assert_agree(found, expected(**request))


@pytest.mark.parametrize(
    ("frames", "waveform", "message"),
    [
        ((1, 2, 1), (1, 31999), r"`waveform` must have 16000 samples for each second of `frames`"),
        ((1, 1, 0), (1, 16000), "`frames` must have .* only its first axis may be empty"),
    ],
)
def test_frames_and_sound_of_other_lengths_are_refused(saved_model, frames, waveform, message):
    signature = tf.saved_model.load(str(saved_model)).signatures["localize_media"]
    with pytest.raises(tf.errors.InvalidArgumentError, match=message):
        signature(frames=tf.zeros((*frames, 224, 224, 3), tf.uint8), waveform=tf.zeros(waveform))


def test_other_batches_and_sound_that_is_not_finite_are_refused(saved_model):
    signature = tf.saved_model.load(str(saved_model)).signatures["localize_media"]
    frames, waveform = tf.zeros((1, 1, 1, 224, 224, 3), tf.uint8), tf.zeros((1, 16000))
    with pytest.raises(tf.errors.InvalidArgumentError, match="`frames` and `waveform` must agree"):
        signature(frames=tf.repeat(frames, 2, axis=0), waveform=waveform)
    with pytest.raises(tf.errors.InvalidArgumentError, match="`waveform` must hold finite num"):
        signature(frames=frames, waveform=waveform / 0)


def test_states_its_encoders(saved_model, encoders, model):
    written = json.loads((saved_model / "assets.extra" / "encoders.json").read_text())
    visual, audio = (encoder.metadata() for encoder in encoders)
    assert written == {"visual_encoder": visual, "audio_encoder": audio}
    assert read_origin(saved_model) == {"kind": "official_features"}
    assert read_threshold(saved_model, None) == 0.3
    names = (saved_model / "assets" / "labels.txt").read_text().splitlines()
    assert names == [*CATEGORIES, BACKGROUND_NAME]
    # Each weight once.
    num_weights = sum(each.count_params() for each in (model, *(each.model for each in encoders)))
    assert sum(file.stat().st_size for file in saved_model.rglob("*.data-*")) < 4.1 * num_weights
