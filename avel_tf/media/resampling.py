"""Sampling-rate conversion; the only module that knows tensorflow-io and soxr."""

import functools
import importlib.metadata
import importlib.util
import math
from collections.abc import Callable

import numpy as np


def resample_seconds(seconds: np.ndarray, rate_hz: int, target_rate_hz: int) -> np.ndarray:
    """Resamples one-second pieces of sound separately.

    Each piece is treated as if there were silence beyond its edges. There is no delay: a pulse
    stays where it was. Uses tensorflow-io if it is installed, otherwise soxr; the two agree to
    0.002, and to 0.0001 away from the edges. The first call imports the package.

    Args:
        seconds: float32 array (T, rate_hz).
        rate_hz: Integer. Samples per second of the input.
        target_rate_hz: Integer. Samples per second of the result.
    Returns:
        float32 array (T, target_rate_hz).
    """
    if rate_hz == target_rate_hz:
        return seconds
    resample = RESAMPLERS[_installed()]
    return np.ascontiguousarray(resample(seconds.T, rate_hz, target_rate_hz).T)


def resampler() -> str:
    """Returns the name and version of the package that resamples here."""
    return f"{_installed()} {importlib.metadata.version(_installed())}"


def _installed() -> str:
    # tensorflow-io has no build for current versions of Python and TensorFlow.
    return "tensorflow-io" if importlib.util.find_spec("tensorflow_io") else "soxr"


def _resample_by_soxr(seconds: np.ndarray, rate_hz: int, target_rate_hz: int) -> np.ndarray:
    import soxr

    return soxr.resample(seconds, rate_hz, target_rate_hz)


def _resample_by_tensorflow_io(
    seconds: np.ndarray, rate_hz: int, target_rate_hz: int
) -> np.ndarray:
    divisor = math.gcd(rate_hz, target_rate_hz)
    up, down = target_rate_hz // divisor, rate_hz // divisor
    # tensorflow-io's filter is causal: its output lags by half the filter and loses as much at
    # the end. Silence behind the piece gives the end back; silence before it makes the lag a
    # whole number of output samples, which are then dropped.
    lag = _half_filter_length(rate_hz, target_rate_hz)
    lead = -lag % down
    dropped = (lead + lag) // down * up
    padded = np.pad(seconds, ((lead, lag), (0, 0)))
    resampled = _tensorflow_io_graph()(padded, rate_hz, target_rate_hz).numpy()
    return resampled[dropped : dropped + target_rate_hz]


def _half_filter_length(rate_hz: int, target_rate_hz: int) -> int:
    """Returns the lag of tensorflow-io's resampler (Speex, quality 4) in input samples."""
    if rate_hz <= target_rate_hz:
        return 32
    return math.ceil(64 * rate_hz // target_rate_hz / 8) * 8 // 2  # whole vectors of 8 taps


@functools.cache
def _tensorflow_io_graph() -> Callable:
    """Makes one graph for all rates: tensorflow-io traces its loop anew in every eager call."""
    import tensorflow as tf
    import tensorflow_io as tfio

    rate = tf.TensorSpec((), tf.int64)
    return tf.function(
        tfio.audio.resample, input_signature=[tf.TensorSpec((None, None), tf.float32), rate, rate]
    )


# By the name of the package; from (samples, T) to (samples, T).
RESAMPLERS = {"tensorflow-io": _resample_by_tensorflow_io, "soxr": _resample_by_soxr}
