import numpy as np
import pytest

from avel_tf.encoders.log_mel import log_mel_spectrogram, mel_matrix


def test_equals_the_formula_in_float64(reference):
    generator = np.random.default_rng(0)
    seconds = generator.normal(0, [[0.2], [0.001]], (2, 16000)).astype(np.float32)
    spectrogram = log_mel_spectrogram(seconds)
    assert spectrogram.shape == (2, 96, 64)
    assert spectrogram.dtype == np.float32
    for row, second in zip(spectrogram, seconds, strict=True):
        np.testing.assert_allclose(row, reference.log_mel(second), atol=1e-4)


def test_silence_is_the_logarithm_of_the_offset():
    np.testing.assert_allclose(log_mel_spectrogram(np.zeros((1, 16000))), np.log(0.01), rtol=1e-6)


def test_a_sine_is_loudest_in_its_own_band():
    second = np.sin(2 * np.pi * 1000 * np.arange(16000) / 16000)
    loudest = log_mel_spectrogram(second[None])[0].argmax(axis=1)
    # 1000 Hz is mel 1000.0; bands are centered every 40.9 mel above mel 185.2 at 125 Hz.
    assert set(loudest) == {round((1000.0 - 185.2) / 40.9) - 1}


def test_the_constant_part_of_a_sound_is_in_no_band():
    np.testing.assert_array_equal(mel_matrix()[0], 0)


@pytest.mark.parametrize("shape", [(16000,), (1, 15999)])
def test_rows_must_be_seconds(shape):
    with pytest.raises(ValueError, match=r"`waveform` must have shape \(T, 16000\)\. Received"):
        log_mel_spectrogram(np.zeros(shape))
