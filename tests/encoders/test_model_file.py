"""Keras model files as encoders."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers

from avel_tf.encoders import FileAudioEncoder, FileVisualEncoder, in_graph
from avel_tf.encoders.precision import lowest_cosine
from avel_tf.errors import InputError
from avel_tf.media import read_clip


@pytest.fixture(scope="module")
def save(tmp_path_factory):
    """Writes a model of these layers, and returns its path."""
    folder = tmp_path_factory.mktemp("models")

    def save(name, shape, *its_layers):
        path = folder / f"{name}.keras"
        keras.Sequential([keras.Input(shape), *its_layers], name=name).save(path)
        return path

    return save


@pytest.fixture(scope="module")
def pictures(save):
    """A network of its own size: the means of 2 x 2 quarters of the picture, from 0 to 1."""
    return save("quarters", (32, 48, 3), layers.Rescaling(1 / 255), layers.AvgPool2D((16, 24)))


def test_pixels_reach_the_network_as_they_are(pictures):
    encoder = FileVisualEncoder(pictures)
    frames = np.zeros((1, 2, 32, 48, 3), np.uint8)
    frames[0, 0, :16, 24:, 1] = 255  # green at the upper right, in one frame of two
    assert encoder.frame_shape == (32, 48, 3) and encoder.feature_shape == (2, 2, 3)
    expected = np.zeros((1, 2, 2, 3))
    expected[0, 0, 1, 1] = 0.5
    np.testing.assert_allclose(encoder(frames), expected)
    found = in_graph.encode_frames(encoder, tf.constant(frames[None]))
    np.testing.assert_allclose(found, expected[None])
    assert encoder.metadata()["is_model_file"] and encoder.metadata()["path"] == str(pictures)


def test_seconds_of_sound_reach_the_network_as_they_are(save):
    path = save(
        "loudness", (16000,), layers.Reshape((2, 8000)), layers.GlobalMaxPooling1D("channels_first")
    )
    encoder = FileAudioEncoder(path)
    waveform = np.random.default_rng(0).uniform(-1, 1, (3, 16000)).astype(np.float32)
    expected = waveform.reshape(3, 2, 8000).max(axis=2)
    assert encoder.feature_shape == (2,)
    np.testing.assert_allclose(encoder(waveform), expected)
    found = in_graph.encode_waveform(encoder, tf.constant(waveform.reshape(1, -1)))
    np.testing.assert_allclose(found[0], expected)


def test_its_precision_can_be_chosen(save):
    pictures = save("filters", (32, 48, 3), layers.Conv2D(8, 16, 16, activation="relu"))
    frames = np.random.default_rng(0).integers(0, 256, (2, 1, 32, 48, 3), np.uint8)
    half, full = (FileVisualEncoder(pictures, each) for each in ("bfloat16", "float32"))
    assert half.metadata()["precision"] == "bfloat16"
    np.testing.assert_allclose(half(frames), full(frames), rtol=0.02, atol=2.0)
    assert np.abs(half(frames) - full(frames)).max() > 0


@pytest.mark.parametrize(
    ("kind", "shape", "its_layers", "problem"),
    [
        (FileVisualEncoder, (32, 32, 3), [layers.Flatten()], "take pixels"),
        (FileVisualEncoder, (32, 32, 1), [layers.ReLU()], "take pixels"),
        (FileVisualEncoder, (None, None, 3), [layers.ReLU()], "of fixed sizes"),
        (FileAudioEncoder, (8000,), [layers.ReLU()], "seconds of sound"),
        (FileAudioEncoder, (16000, 1), [layers.Flatten()], "seconds of sound"),
    ],
)
def test_other_kinds_of_models_are_refused(kind, shape, its_layers, problem, save):
    path = save("other", shape, *its_layers)
    with pytest.raises(InputError, match=rf"other\.keras turns .*{problem}"):
        kind(path)


def test_files_that_cannot_be_loaded_safely_are_refused(save, tmp_path):
    unsafe = save("unsafe", (32, 32, 3), layers.Lambda(lambda x: x))
    with pytest.raises(InputError, match=r"unsafe\.keras is not a Keras model that can be loaded"):
        FileVisualEncoder(unsafe)
    half = tmp_path / "half.keras"
    half.write_bytes(unsafe.read_bytes()[:1000])
    with pytest.raises(InputError, match=r"half\.keras is not a Keras model"):
        FileVisualEncoder(half)
    with pytest.raises(InputError, match=r"absent\.keras, .* does not exist"):
        FileAudioEncoder(tmp_path / "absent.keras")


def test_efficientnet_tells_pictures_apart(real_data):
    encoder = FileVisualEncoder(real_data / "encoders" / "efficientnet_lite0.keras")
    path = real_data / "clips" / "ave" / "22olCB3wQaA.mp4"
    frames = read_clip(path, frames_per_segment=2, modalities=("visual",)).frames
    maps = encoder(frames)
    assert maps.shape == (10, 7, 7, 1280)
    np.testing.assert_allclose(maps[3], encoder(frames[3:4])[0], atol=1e-3)
    flat = maps.reshape(10, -1)
    cosines = np.corrcoef(flat)[np.triu_indices(10, 1)]
    assert cosines.min() < 0.9  # untrained networks give nearly the same for all pictures


@pytest.mark.slow
def test_efficientnet_is_the_same_in_bfloat16_and_in_a_graph(real_data):
    path = real_data / "encoders" / "efficientnet_lite0.keras"
    clip = real_data / "clips" / "ave" / "22olCB3wQaA.mp4"
    frames = read_clip(clip, frames_per_segment=1, modalities=("visual",)).frames[::4]
    full, half = (FileVisualEncoder(path, each) for each in ("float32", "bfloat16"))
    maps = full(frames)
    assert lowest_cosine(maps, half(frames)) > 0.99
    for encoder, tolerance in ((full, 1e-5), (half, 1e-2)):
        found = in_graph.encode_frames(encoder, tf.constant(frames[None]))[0]
        assert np.abs(found - encoder(frames)).max() < tolerance * maps.max()
