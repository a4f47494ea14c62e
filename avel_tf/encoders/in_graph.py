"""The encoders as stock TensorFlow operations, for a graph that takes pixels and sound."""

from collections.abc import Callable

import keras
import tensorflow as tf

from avel_tf.encoders.log_mel import (
    FFT_LENGTH,
    HOP_SAMPLES,
    LOG_OFFSET,
    NUM_FRAMES,
    SAMPLE_RATE_HZ,
    WINDOW_SAMPLES,
    mel_matrix,
)
from avel_tf.encoders.vgg19 import BATCH, FRAME_SHAPE, Vgg19Encoder
from avel_tf.encoders.vggish import VggishEncoder


def encode_frames(encoder: Vgg19Encoder, frames: tf.Tensor) -> tf.Tensor:
    """What a `Vgg19Encoder` makes of clips. B: batch, T: segments, F: frames a segment.

    Args:
        encoder: `Vgg19Encoder`.
        frames: uint8 tensor (B, T, F, 224, 224, 3), RGB.
    Returns:
        float32 tensor (B, T, 7, 7, 512). The encoder's own differ by less than 1e-5 of the
        largest, those of an encoder in bfloat16 by less than 1e-2.
    """

    def encode(some: tf.Tensor) -> tf.Tensor:
        pixels = keras.applications.vgg19.preprocess_input(tf.cast(some, tf.float32))
        return encoder.model(pixels, training=False)

    batch, num_segments, num_frames = tf.unstack(tf.shape(frames)[:3])
    maps = _in_batches(encode, tf.reshape(frames, (-1, *FRAME_SHAPE)), encoder.model.output_shape)
    maps = tf.reshape(maps, (batch, num_segments, num_frames, *maps.shape[1:]))
    return tf.reduce_mean(maps, axis=2)


def encode_waveform(encoder: VggishEncoder, waveform: tf.Tensor) -> tf.Tensor:
    """What a `VggishEncoder` makes of clips. B: batch, T: segments.

    Args:
        encoder: `VggishEncoder`.
        waveform: float32 tensor (B, T * 16000) in [-1, 1], at 16 kHz.
    Returns:
        float32 tensor (B, T, 128). The encoder's own differ by less than 1e-5 of the largest.
    """

    def encode(seconds: tf.Tensor) -> tf.Tensor:
        return encoder.model(log_mel_spectrogram(seconds)[..., None], training=False)

    batch, num_samples = tf.unstack(tf.shape(waveform))
    seconds = tf.reshape(waveform, (-1, SAMPLE_RATE_HZ))
    features = _in_batches(encode, seconds, encoder.model.output_shape)
    return tf.reshape(features, (batch, num_samples // SAMPLE_RATE_HZ, *features.shape[1:]))


def log_mel_spectrogram(waveform: tf.Tensor) -> tf.Tensor:
    """What `avel_tf.encoders.log_mel.log_mel_spectrogram` makes of seconds; 1e-5 apart at most.

    Args:
        waveform: Float tensor (T, 16000) in [-1, 1], one second a row, at 16 kHz.
    Returns:
        float32 tensor (T, 96, 64): time, then frequency.
    """
    # In float64: float32 errs by 3e-4 in the silent bands beside a loud tone.
    spectra = tf.signal.stft(
        tf.cast(waveform, tf.float64), WINDOW_SAMPLES, HOP_SAMPLES, FFT_LENGTH
    )  # (T, 98, 257), after periodic Hann windows
    magnitudes = tf.abs(spectra[:, :NUM_FRAMES])
    return tf.cast(tf.math.log(magnitudes @ mel_matrix() + LOG_OFFSET), tf.float32)


def _in_batches(
    encode: Callable[[tf.Tensor], tf.Tensor], items: tf.Tensor, output_shape: tuple
) -> tf.Tensor:
    """`encode` of the items (N, …), a few at a time: what its layers need does not grow with N."""
    num_batches = -(-tf.shape(items)[0] // BATCH)
    results = tf.TensorArray(tf.float32, num_batches, infer_shape=False, element_shape=output_shape)

    def step(number: tf.Tensor, results: tf.TensorArray) -> tuple[tf.Tensor, tf.TensorArray]:
        some = items[number * BATCH : (number + 1) * BATCH]
        return number + 1, results.write(number, tf.cast(encode(some), tf.float32))

    # Not AutoGraph, which Keras's archives do not apply; one batch at a time, not ten at once.
    _, results = tf.while_loop(
        lambda number, _: number < num_batches, step, (0, results), parallel_iterations=1
    )
    return results.concat()
