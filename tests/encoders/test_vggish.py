import itertools

import keras
import numpy as np
import pytest

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
    shapes = [tuple(variable.shape) for variable in vggish.model.weights]
    widths = [1, 64, 128, 256, 256, 512, 512]
    convolutions = [(3, 3, i, o) for i, o in itertools.pairwise(widths)]
    dense = [(12288, 4096), (4096, 4096), (4096, 128)]
    assert shapes[::2] == convolutions + dense
    assert shapes[1::2] == [(shape[-1],) for shape in convolutions + dense]
    assert vggish.model.count_params() == 72_141_184
    assert vggish.metadata()["output_shape"] == [128]


def test_equals_an_independent_computation(vggish, with_biases, reference, waveform):
    weights = with_biases(vggish)
    expected = reference.vggish(weights, waveform)
    assert expected.min() == 0  # some are rectified
    # float32 compared with float64, relative to the largest feature.
    assert np.abs(vggish(waveform) - expected).max() < 1e-4 * expected.max()


def test_random_weights_tell_sounds_apart(vggish, waveform):
    keras.utils.set_random_seed(0)
    plain = build_vggish().predict_on_batch(log_mel_spectrogram(waveform)[..., None])
    assert mean_cosine(vggish(waveform)) < mean_cosine(plain) - 0.1


def test_a_second_must_be_16000_samples(vggish):
    with pytest.raises(ValueError, match="`waveform` must have shape"):
        vggish(np.zeros((10, 15600), np.float32))


@pytest.mark.parametrize("exists", [True, False])
def test_a_checkpoint_must_be_converted_first(tmp_path, exists):
    if exists:
        (tmp_path / "vggish_model.ckpt").touch()
    with pytest.raises(ValueError, match=r"vggish_model\.ckpt.*https://.*: avel convert-weights"):
        VggishEncoder(weights=tmp_path / "vggish_model.ckpt")


def test_computes_in_float32_whatever_the_global_policy():
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        model = build_vggish()
    finally:
        keras.config.set_dtype_policy(before)
    assert {layer.compute_dtype for layer in model.layers[1:]} == {"float32"}


def mean_cosine(rows):
    rows = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    return (rows @ rows.T)[np.triu_indices(len(rows), 1)].mean()
