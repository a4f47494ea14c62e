"""Frames of segments -> visual features, for any network."""

from collections.abc import Callable
from typing import Any

import keras
import numpy as np

from avel_tf.media.repeats import distinct_frames

BATCH = 16  # frames; 8 take longer per frame, 32 need more memory and are no faster
POLICIES = {"float32": "float32", "bfloat16": "mixed_bfloat16"}  # precision -> Keras's name


class VisualEncoder:
    """Computes visual features of one-second segments: a network's map, averaged over the frames.

    Frames are encoded in batches, and those that come again only once. T: segments, F: frames per
    segment.

    Args:
        model: Keras model from preprocessed pixels (B, height, width, 3) to a map (B, H, W, C).
        preprocess: Function from float32 pixels (B, height, width, 3), RGB from 0 to 255, to the
            model's input; for arrays and tensors.
        metadata: What tells the encoder's features from another's, JSON-able.
    Attributes:
        frame_shape: Tuple (height, width, 3).
        feature_shape: Tuple (H, W, C).
    Call arguments:
        frames: uint8 array (T, F, *frame_shape), RGB.
    Returns:
        float32 array (T, *feature_shape).
    Raises:
        ValueError: If `frames` has another shape or dtype.
    """

    def __init__(
        self, model: keras.Model, preprocess: Callable[[Any], Any], metadata: dict[str, object]
    ) -> None:
        self.model = model
        self.preprocess = preprocess
        self.frame_shape = model.input_shape[1:]
        self.feature_shape = model.output_shape[1:]
        self._metadata = metadata

    def __call__(self, frames: np.ndarray) -> np.ndarray:
        if frames.ndim != 5 or frames.shape[2:] != self.frame_shape or frames.dtype != np.uint8:
            shape = ", ".join(map(str, self.frame_shape))
            raise ValueError(
                f"`frames` must be a uint8 array of shape (T, F, {shape}). "
                f"Received: {frames.dtype} {frames.shape}."
            )
        flat = frames.reshape(-1, *self.frame_shape)
        indices, places = distinct_frames(flat)
        maps = np.concatenate(
            [self._encode(flat[indices[i : i + BATCH]]) for i in range(0, len(indices), BATCH)]
        )[places]  # (T * F, H, W, C)
        return maps.reshape(*frames.shape[:2], *maps.shape[1:]).mean(axis=1)

    def metadata(self) -> dict[str, object]:
        """Describes the encoder, for the features' metadata: plain values, ready for JSON."""
        return dict(self._metadata)

    def _encode(self, frames: np.ndarray) -> np.ndarray:
        pixels = self.preprocess(frames.astype(np.float32))
        return self.model.predict_on_batch(pixels).astype(np.float32)


def with_policy(model: keras.Model, policy: str) -> keras.Model:
    """Copies a model with another dtype policy, which Keras's applications do not offer."""

    def in_policy(layer: keras.layers.Layer) -> keras.layers.Layer:
        config = layer.get_config()
        if isinstance(layer, keras.layers.Layer):  # not a bare operation
            config |= {"dtype": policy}
        return layer.from_config(config)

    clone = keras.models.clone_model(model, clone_function=in_policy)
    clone.set_weights(model.get_weights())
    return clone
