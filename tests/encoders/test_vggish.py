import itertools

import keras
import numpy as np
import pytest
from scipy import signal

from avel_tf.encoders import VggishEncoder
from avel_tf.encoders.log_mel import log_mel_spectrogram
from avel_tf.encoders.vggish import build_vggish


@pytest.fixture(scope="module")
def waveform():
    generator = np.random.default_rng(0)
    time = np.arange(16000) / 16000
    tones = [np.sin(2 * np.pi * hz * time) for hz in (200, 1500)]
    sounds = np.stack([*tones, generator.normal(0, 0.3, 16000), np.zeros(16000)])
    return (0.3 * sounds).astype(np.float32)


def test_each_second_gives_128_non_negative_numbers(vggish, waveform):
    features = vggish(waveform)
    assert features.shape == (4, 128)
    assert features.dtype == np.float32
    assert features.min() == 0
    assert 0.05 < features.mean() < 1


def test_seconds_are_encoded_independently(vggish, waveform):
    np.testing.assert_allclose(vggish(waveform)[2:3], vggish(waveform[2:3]), rtol=1e-3, atol=1e-5)


def test_the_network_has_the_published_weights_in_the_published_order(vggish):
    shapes = [tuple(variable.shape) for variable in vggish._model.weights]
    widths = [1, 64, 128, 256, 256, 512, 512]
    convolutions = [(3, 3, i, o) for i, o in itertools.pairwise(widths)]
    dense = [(12288, 4096), (4096, 4096), (4096, 128)]
    assert shapes[::2] == convolutions + dense
    assert shapes[1::2] == [(shape[-1],) for shape in convolutions + dense]
    assert vggish._model.count_params() == 72_141_184
    assert vggish.metadata()["output_shape"] == [128]


def test_the_first_block_equals_a_plain_computation(vggish, waveform):
    log_mel = log_mel_spectrogram(waveform[:1])
    model = vggish._model
    block = keras.Model(model.input, model.get_layer("pool1").output)
    kernel, bias = model.get_layer("conv1").get_weights()
    for channel in (0, 63):
        convolved = signal.correlate2d(log_mel[0], kernel[:, :, 0, channel], mode="same")
        activated = np.maximum(convolved + bias[channel], 0)
        pooled = activated.reshape(48, 2, 32, 2).max(axis=(1, 3))
        output = np.asarray(block(log_mel[..., None]))[0, :, :, channel]
        np.testing.assert_allclose(output, pooled, rtol=1e-4, atol=1e-5)


def test_dense_layers_read_time_then_frequency_then_channel(vggish, waveform):
    model = vggish._model
    tail = keras.Model(model.input, [model.get_layer(n).output for n in ("pool4", "fc1_1", "fc2")])
    last_map, first_dense, embedding = (
        np.asarray(output) for output in tail(log_mel_spectrogram(waveform)[..., None])
    )
    assert last_map.shape == (4, 6, 4, 512)
    kernel, bias = model.get_layer("fc1_1").get_weights()
    expected = np.einsum("ntfc,tfcd->nd", last_map, kernel.reshape(6, 4, 512, 4096)) + bias
    np.testing.assert_allclose(first_dense, np.maximum(expected, 0), rtol=1e-2, atol=1e-3)
    np.testing.assert_allclose(vggish(waveform), embedding, rtol=1e-3, atol=1e-4)


def test_random_weights_tell_sounds_apart(vggish, waveform):
    keras.utils.set_random_seed(0)
    plain = build_vggish().predict_on_batch(log_mel_spectrogram(waveform)[..., None])
    assert mean_cosine(vggish(waveform)) < mean_cosine(plain) - 0.1


def test_a_second_must_be_16000_samples(vggish):
    with pytest.raises(ValueError, match="`waveform` must have shape"):
        vggish(np.zeros((10, 15600), np.float32))


def test_a_missing_file_names_the_official_checkpoint():
    with pytest.raises(ValueError, match=r"absent\.weights\.h5.*vggish_model\.ckpt"):
        VggishEncoder(weights="absent.weights.h5")


@pytest.mark.slow
def test_weights_travel_in_a_file(vggish, waveform, tmp_path):
    vggish._model.save_weights(tmp_path / "converted.weights.h5")
    loaded = VggishEncoder(weights=tmp_path / "converted.weights.h5")
    assert loaded.metadata() == vggish.metadata() | {"weights": "converted.weights.h5"}
    np.testing.assert_array_equal(loaded(waveform), vggish(waveform))


def mean_cosine(rows):
    rows = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    return (rows @ rows.T)[np.triu_indices(len(rows), 1)].mean()
