"""Audio encoders that see log-mel spectrograms."""

import keras

from avel_tf.encoders import in_graph, log_mel
from avel_tf.encoders.audio_encoder import AudioEncoder


class LogMelEncoder(AudioEncoder):
    """An audio encoder whose network takes log-mel spectrograms (96, 64, 1), as images.

    Args:
        model: Keras model from spectrograms (B, 96, 64, 1) to vectors (B, D).
        log_offset: Float. See `avel_tf.encoders.log_mel.log_mel_spectrogram`.
        metadata: As for `AudioEncoder`.
    """

    def __init__(self, model: keras.Model, log_offset: float, metadata: dict[str, object]) -> None:
        super().__init__(
            model,
            lambda waveform: log_mel.log_mel_spectrogram(waveform, log_offset)[..., None],
            lambda waveform: in_graph.log_mel_spectrogram(waveform, log_offset)[..., None],
            metadata,
        )
