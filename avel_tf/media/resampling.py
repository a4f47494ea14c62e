"""Sampling-rate conversion; the one place that knows tensorflow-io."""

import functools
import math
from collections.abc import Callable

import numpy as np


def resample_seconds(seconds: np.ndarray, rate_hz: int, target_rate_hz: int) -> np.ndarray:
    """Resample one-second pieces of sound, each on its own.

    A piece knows nothing of its neighbours: beyond its edges is silence. Without delay: a
    pulse stays where it was. The first call imports tensorflow-io.

    Args:
        seconds: float32 array (T, rate_hz).
        rate_hz: Integer. Samples a second, given.
        target_rate_hz: Integer. Samples a second, wanted.
    Returns:
        float32 array (T, target_rate_hz).
    """
    if rate_hz == target_rate_hz:
        return seconds
    divisor = math.gcd(rate_hz, target_rate_hz)
    up, down = target_rate_hz // divisor, rate_hz // divisor
    # tensorflow-io's filter is causal: its output lags by half the filter and loses as much at
    # the end. Silence behind the piece gives the end back; silence before it makes the lag a
    # whole number of output samples, which are then dropped.
    lag = _half_filter_length(rate_hz, target_rate_hz)
    lead = -lag % down
    dropped = (lead + lag) // down * up
    padded = np.pad(seconds.T, ((lead, lag), (0, 0)))
    resampled = _resampler()(padded, rate_hz, target_rate_hz).numpy()
    return np.ascontiguousarray(resampled[dropped : dropped + target_rate_hz].T)


def _half_filter_length(rate_hz: int, target_rate_hz: int) -> int:
    """Lag of tensorflow-io's resampler (Speex, quality 4) in input samples."""
    if rate_hz <= target_rate_hz:
        return 32
    return math.ceil(64 * rate_hz // target_rate_hz / 8) * 8 // 2  # whole vectors of 8 taps


@functools.cache
def _resampler() -> Callable:
    """A graph for all rates: called eagerly, tensorflow-io traces its loop anew every time."""
    import tensorflow as tf
    import tensorflow_io as tfio

    rate = tf.TensorSpec((), tf.int64)
    return tf.function(
        tfio.audio.resample, input_signature=[tf.TensorSpec((None, None), tf.float32), rate, rate]
    )
