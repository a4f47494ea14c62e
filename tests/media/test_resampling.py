import importlib.util
import math

import numpy as np
import pytest
from scipy import signal

from avel_tf.media import resampling
from avel_tf.media.resampling import resample_seconds

RATES = [8000, 11025, 22050, 32000, 44100, 48000, 96000]
HAS_TENSORFLOW_IO = importlib.util.find_spec("tensorflow_io") is not None


@pytest.fixture(params=resampling.RESAMPLERS)
def package(request, monkeypatch):
    """Each package that can resample, as if it were the one installed."""
    if request.param == "tensorflow-io" and not HAS_TENSORFLOW_IO:
        pytest.skip("tensorflow-io has no build for this Python")
    monkeypatch.setattr(resampling, "_installed", lambda: request.param)
    return request.param


def sines(rate_hz, frequencies):
    return np.stack(
        [np.sin(2 * np.pi * f * np.arange(rate_hz) / rate_hz) for f in frequencies]
    ).astype(np.float32)


@pytest.mark.parametrize("rate_hz", RATES)
def test_sines_come_out_as_sampled_directly(package, rate_hz):
    frequencies = [100, 440, 3000]
    resampled = resample_seconds(sines(rate_hz, frequencies), rate_hz, 16000)
    assert resampled.dtype == np.float32
    expected = sines(16000, frequencies)
    # Beyond 200 samples from the edges, where the filter sees the silence around the second.
    np.testing.assert_allclose(resampled[:, 200:-200], expected[:, 200:-200], atol=1e-4)


@pytest.mark.parametrize("rate_hz", RATES)
def test_edges_match_a_filter_without_delay(package, rate_hz):
    second = sines(rate_hz, [440])
    divisor = math.gcd(rate_hz, 16000)
    expected = signal.resample_poly(second[0], 16000 // divisor, rate_hz // divisor)
    np.testing.assert_allclose(resample_seconds(second, rate_hz, 16000)[0], expected, atol=0.015)


@pytest.mark.parametrize("rate_hz", [44100, 48000])
def test_what_16_khz_cannot_carry_is_removed(package, rate_hz):
    resampled = resample_seconds(sines(rate_hz, [10000]), rate_hz, 16000)
    assert np.abs(resampled[:, 200:-200]).max() < 1e-2


def test_the_wanted_rate_is_passed_through():
    second = sines(16000, [440])
    np.testing.assert_array_equal(resample_seconds(second, 16000, 16000), second)


def test_the_metadata_names_what_resamples(package):
    name, _, version = resampling.resampler().partition(" ")
    assert name == package and version[0].isdigit()


@pytest.mark.skipif(not HAS_TENSORFLOW_IO, reason="tensorflow-io has no build for this Python")
@pytest.mark.parametrize("rate_hz", RATES)
def test_both_packages_agree(rate_hz, monkeypatch):
    # Real sound: noise up to 6 kHz, which both filters pass, and its onset in mid-second.
    noise = np.random.default_rng(0).normal(size=(2, rate_hz)) * (np.arange(rate_hz) > rate_hz / 3)
    band = min(6000, 0.4 * rate_hz)
    second = signal.sosfilt(signal.butter(8, band / 2, fs=rate_hz, output="sos"), noise)
    second = (0.1 * second).astype(np.float32)
    results = []
    for name in resampling.RESAMPLERS:
        monkeypatch.setattr(resampling, "_installed", lambda name=name: name)
        results.append(resample_seconds(second, rate_hz, 16000))
    assert np.abs(results[0]).max() > 0.05
    np.testing.assert_allclose(results[0][:, 200:-200], results[1][:, 200:-200], atol=1e-4)
    np.testing.assert_allclose(*results, atol=2e-3)  # the filters are of different lengths
