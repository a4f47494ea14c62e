import math

import numpy as np
import pytest
from scipy import signal

from avel_tf.media.resampling import resample_seconds

RATES = [8000, 11025, 22050, 32000, 44100, 48000, 96000]


def sines(rate_hz, frequencies):
    return np.stack(
        [np.sin(2 * np.pi * f * np.arange(rate_hz) / rate_hz) for f in frequencies]
    ).astype(np.float32)


@pytest.mark.parametrize("rate_hz", RATES)
def test_sines_come_out_as_sampled_directly(rate_hz):
    frequencies = [100, 440, 3000]
    resampled = resample_seconds(sines(rate_hz, frequencies), rate_hz, 16000)
    expected = sines(16000, frequencies)
    # Beyond 200 samples from the edges, where the filter sees the silence around the second.
    np.testing.assert_allclose(resampled[:, 200:-200], expected[:, 200:-200], atol=1e-4)


@pytest.mark.parametrize("rate_hz", RATES)
def test_edges_are_those_of_a_filter_without_delay(rate_hz):
    second = sines(rate_hz, [440])
    divisor = math.gcd(rate_hz, 16000)
    expected = signal.resample_poly(second[0], 16000 // divisor, rate_hz // divisor)
    np.testing.assert_allclose(resample_seconds(second, rate_hz, 16000)[0], expected, atol=0.01)


@pytest.mark.parametrize("rate_hz", [44100, 48000])
def test_what_16_khz_cannot_carry_is_removed(rate_hz):
    resampled = resample_seconds(sines(rate_hz, [10000]), rate_hz, 16000)
    assert np.abs(resampled[:, 200:-200]).max() < 1e-2


def test_the_wanted_rate_is_passed_through():
    second = sines(16000, [440])
    np.testing.assert_array_equal(resample_seconds(second, 16000, 16000), second)
