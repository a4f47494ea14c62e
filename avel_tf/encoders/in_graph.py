"""The encoders as standard TensorFlow operations, for graphs that take pixels and sound."""

from collections.abc import Callable

import tensorflow as tf

from avel_tf.encoders.audio_encoder import AudioEncoder
from avel_tf.encoders.log_mel import (
    FFT_LENGTH,
    HOP_SAMPLES,
    LOG_OFFSET,
    NUM_FRAMES,
    SAMPLE_RATE_HZ,
    WINDOW_SAMPLES,
    mel_matrix,
)
from avel_tf.encoders.visual_encoder import BATCH, VisualEncoder


def encode_frames(encoder: VisualEncoder, frames: tf.Tensor) -> tf.Tensor:
    """Encodes frames as a `VisualEncoder` does. B: batch, T: segments, F: frames per segment.

    Args:
        encoder: `VisualEncoder`.
        frames: uint8 tensor (B, T, F, *frame_shape), RGB.
    Returns:
        float32 tensor (B, T, *feature_shape). Differs from the encoder's own output by less than
        1e-5 of the largest feature; in bfloat16, by less than 1e-2.
    """

    def encode(some: tf.Tensor) -> tf.Tensor:
        return encoder.model(encoder.preprocess(tf.cast(some, tf.float32)), training=False)

    batch, num_segments, num_frames = tf.unstack(tf.shape(frames)[:3])
    flat = tf.reshape(frames, (-1, *encoder.frame_shape))
    maps = _in_batches(encode, flat, encoder.model.output_shape)
    maps = tf.reshape(maps, (batch, num_segments, num_frames, *maps.shape[1:]))
    return tf.reduce_mean(maps, axis=2)


def encode_waveform(encoder: AudioEncoder, waveform: tf.Tensor) -> tf.Tensor:
    """Encodes sound as an `AudioEncoder` does. B: batch, T: segments.

    Args:
        encoder: `AudioEncoder`.
        waveform: float32 tensor (B, T * 16000) in [-1, 1], at 16 kHz.
    Returns:
        float32 tensor (B, T, D). Differs from the encoder's own output by less than 1e-5 of the
        largest feature.
    """

    def encode(seconds: tf.Tensor) -> tf.Tensor:
        return encoder.model(encoder.preprocess_in_graph(seconds), training=False)

    batch, num_samples = tf.unstack(tf.shape(waveform))
    seconds = tf.reshape(waveform, (-1, SAMPLE_RATE_HZ))
    features = _in_batches(encode, seconds, encoder.model.output_shape)
    return tf.reshape(features, (batch, num_samples // SAMPLE_RATE_HZ, *features.shape[1:]))


def log_mel_spectrogram(waveform: tf.Tensor, log_offset: float = LOG_OFFSET) -> tf.Tensor:
    """Computes `avel_tf.encoders.log_mel.log_mel_spectrogram` to within 1e-5.

    Args:
        waveform: Float tensor (T, 16000) in [-1, 1], one second per row, at 16 kHz.
        log_offset: Float. VGGish's, or another.
    Returns:
        float32 tensor (T, 96, 64): time, then frequency.
    """
    # In float64: float32 is off by 3e-4 in the silent bands next to a loud tone.
    spectra = tf.signal.stft(
        tf.cast(waveform, tf.float64), WINDOW_SAMPLES, HOP_SAMPLES, FFT_LENGTH
    )  # (T, 98, 257), after periodic Hann windows
    magnitudes = tf.abs(spectra[:, :NUM_FRAMES])
    return tf.cast(tf.math.log(magnitudes @ mel_matrix() + log_offset), tf.float32)


def _in_batches(
    encode: Callable[[tf.Tensor], tf.Tensor], items: tf.Tensor, output_shape: tuple
) -> tf.Tensor:
    """Applies `encode` to items (N, …) in batches, so that its memory does not grow with N."""
    num_batches = -(-tf.shape(items)[0] // BATCH)
    results = tf.TensorArray(tf.float32, num_batches, infer_shape=False, element_shape=output_shape)

    def step(number: tf.Tensor, results: tf.TensorArray) -> tuple[tf.Tensor, tf.TensorArray]:
        some = items[number * BATCH : (number + 1) * BATCH]
        return number + 1, results.write(number, tf.cast(encode(some), tf.float32))

    # Keras's export archives do not apply AutoGraph. One batch at a time, not the default ten.
    _, results = tf.while_loop(
        lambda number, _: number < num_batches, step, (0, results), parallel_iterations=1
    )
    return results.concat()
