"""Sound of segments -> audio features, for any network."""

from collections.abc import Callable
from typing import Any

import keras
import numpy as np

from avel_tf.encoders.log_mel import SAMPLE_RATE_HZ


class AudioEncoder:
    """Computes audio features of one-second segments. T: segments.

    Always in float32: a second of sound costs a small part of its frames.

    Args:
        model: Keras model from what `preprocess` returns to vectors (B, D).
        preprocess: Function from seconds of sound (B, 16000) to the model's input, for arrays.
        preprocess_in_graph: The same for tensors, with operations of TensorFlow.
        metadata: What tells the encoder's features from another's, JSON-able.
    Attributes:
        feature_shape: Tuple (D,).
    Call arguments:
        waveform: float32 array (T, 16000) in [-1, 1], one second per row, at 16 kHz.
    Returns:
        float32 array (T, D).
    Raises:
        ValueError: If a row of `waveform` is not one second long.
    """

    def __init__(
        self,
        model: keras.Model,
        preprocess: Callable[[np.ndarray], np.ndarray],
        preprocess_in_graph: Callable[[Any], Any],
        metadata: dict[str, object],
    ) -> None:
        self.model = model
        self.preprocess = preprocess
        self.preprocess_in_graph = preprocess_in_graph
        self.feature_shape = model.output_shape[1:]
        self._metadata = metadata

    def __call__(self, waveform: np.ndarray) -> np.ndarray:
        if waveform.ndim != 2 or waveform.shape[1] != SAMPLE_RATE_HZ:
            raise ValueError(
                f"`waveform` must have shape (T, {SAMPLE_RATE_HZ}). Received: {waveform.shape}."
            )
        return self.model.predict_on_batch(self.preprocess(waveform)).astype(np.float32)

    def metadata(self) -> dict[str, object]:
        """Describes the encoder, for the features' metadata: plain values, ready for JSON."""
        return dict(self._metadata)
