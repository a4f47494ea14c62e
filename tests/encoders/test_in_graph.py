"""Encoders in a graph, compared with the encoders themselves."""

import types

import keras
import numpy as np
import pytest
import tensorflow as tf

from avel_tf.encoders import in_graph
from avel_tf.encoders.log_mel import log_mel_spectrogram


@pytest.fixture(scope="module")
def waveform():
    """Six seconds of loud and soft noise, and of a loud tone that leaves other bands silent."""
    generator = np.random.default_rng(0)
    noise = generator.normal(0, [[0.3], [0.001], [0.1], [0.0]], (4, 16000))
    tone = np.sin(2 * np.pi * 440 * np.arange(16000) / 16000)
    return np.stack([*noise, tone, tone / 100]).astype(np.float32)


@pytest.fixture
def stub():
    """Makes an encoder that maps a frame to its brightest value and notes batch sizes in `seen`."""
    seen = []

    def model(pixels, training):
        assert not training
        seen.append(len(pixels))
        # Blue comes first, minus its mean over ImageNet.
        brightest = tf.reduce_max(pixels[..., 0], axis=(1, 2)) + 103.939
        return tf.broadcast_to(brightest[:, None, None, None], (len(pixels), 7, 7, 512))

    model.output_shape = (None, 7, 7, 512)
    return types.SimpleNamespace(
        model=model,
        preprocess=keras.applications.vgg19.preprocess_input,
        frame_shape=(224, 224, 3),
        seen=seen,
    )


def relative_error(found, expected):
    assert found.shape == expected.shape
    return np.abs(found - expected).max() / np.abs(expected).max()


def test_spectrograms_agree(waveform):
    found = tf.function(in_graph.log_mel_spectrogram)(waveform)
    assert found.dtype == tf.float32
    np.testing.assert_allclose(found, log_mel_spectrogram(waveform), atol=1e-5)


def test_sound_agrees(vggish, waveform, monkeypatch):
    monkeypatch.setattr(in_graph, "BATCH", 4)  # and one of two
    encode = tf.function(
        lambda waveform: in_graph.encode_waveform(vggish, waveform),
        input_signature=[tf.TensorSpec((None, None))],
    )
    found = encode(waveform.reshape(2, 3 * 16000))
    assert relative_error(found, vggish(waveform).reshape(2, 3, 128)) < 1e-5


@pytest.mark.parametrize(
    ("encoder", "tolerance"), [("vgg19", 1e-5), ("vgg19_in_bfloat16", 1e-2)], ids=str
)
def test_frames_agree(encoder, tolerance, request, monkeypatch):
    monkeypatch.setattr(in_graph, "BATCH", 3)  # and one of one
    encoder = request.getfixturevalue(encoder)
    frames = np.random.default_rng(0).integers(0, 256, (2, 1, 2, 224, 224, 3), np.uint8)
    encode = tf.function(
        lambda frames: in_graph.encode_frames(encoder, frames),
        input_signature=[tf.TensorSpec((None, None, None, 224, 224, 3), tf.uint8)],
    )
    found = encode(frames)
    assert found.dtype == tf.float32
    assert relative_error(found, np.stack([encoder(clip) for clip in frames])) < tolerance


@pytest.mark.parametrize(
    ("shape", "batches"),
    [((1, 1, 1), [1]), ((2, 4, 2), [16]), ((3, 2, 3), [16, 2]), ((1, 3, 11), [16, 16, 1])],
)
def test_frames_go_through_in_batches_and_find_their_segment(stub, shape, batches):
    values = np.random.default_rng(0).integers(0, 256, (*shape, 1, 1, 1), np.uint8)
    frames = values * np.uint8([0, 0, 1]) * np.ones((224, 224, 1), np.uint8)  # RGB
    found = in_graph.encode_frames(stub, tf.constant(frames))
    assert stub.seen == batches
    assert found.shape == (*shape[:2], 7, 7, 512)
    expected = values.reshape(shape).mean(axis=2)
    np.testing.assert_allclose(found[..., 3, 3, 7], expected, rtol=1e-5)


def test_one_batch_at_a_time(stub):
    graph = tf.function(
        lambda frames: in_graph.encode_frames(stub, frames),
        input_signature=[tf.TensorSpec((1, 40, 1, 224, 224, 3), tf.uint8)],
    )
    model, stub.model = stub.model, lambda pixels, training: tf.zeros((16, 7, 7, 512))
    stub.model.output_shape = model.output_shape
    operations = graph.get_concrete_function().graph.get_operations()
    loops = [each for each in operations if each.type in ("While", "StatelessWhile")]
    assert [each.get_attr("parallel_iterations") for each in loops] == [1]
