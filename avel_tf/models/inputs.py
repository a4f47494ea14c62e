"""Preparation of the inputs that several models share."""

from typing import Any

import keras
from keras import ops

from avel_tf.choices import NORMALIZATIONS
from avel_tf.utils.arguments import check_choice, check_positive_integer


def check_visual_shape(visual_shape: Any) -> tuple[int, int, int]:
    """Returns `visual_shape` as a tuple; raises ValueError if it is not (H, W, C)."""
    if not isinstance(visual_shape, (tuple, list)) or len(visual_shape) != 3:
        raise ValueError(
            "`visual_shape` must be (height, width, channels). "
            f"Received: visual_shape={visual_shape!r}."
        )
    for position, size in enumerate(visual_shape):
        check_positive_integer(f"visual_shape[{position}]", size)
    return tuple(visual_shape)


def feature_inputs(audio_dim: int, visual_shape: tuple) -> dict[str, Any]:
    """Makes the inputs of a system: the features of records with any number of segments.

    Args:
        audio_dim: Integer. Width of the audio features.
        visual_shape: Tuple (H, W, C); H and W are None for a map of any size.
    Returns:
        Dict of `keras.Input`: `audio_features` (B, T, audio_dim), `visual_features` (B, T, H, W,
        C).
    """
    return {
        "audio_features": keras.Input((None, audio_dim), name="audio_features"),
        "visual_features": keras.Input((None, *visual_shape), name="visual_features"),
    }


def present_segments(audio_features: Any, visual_features: Any) -> Any:
    """Finds the segments that a record has; shorter records are padded with zeros at their end.

    A segment is padding if its audio features and the first region of its map are all 0.

    B: batch, T: segments, H, W: map size.

    Args:
        audio_features: Float tensor (B, T, audio width).
        visual_features: Float tensor (B, T, H, W, C).
    Returns:
        Float32 tensor (B, T): 1 for segments that are there, 0 for padding.
    """
    is_heard = ops.any(ops.not_equal(audio_features, 0), axis=-1)
    is_seen = ops.any(ops.not_equal(visual_features[:, :, 0, 0], 0), axis=-1)
    return ops.cast(ops.logical_or(is_heard, is_seen), "float32")


def feature_normalization(normalization: str, dtype: Any, name: str) -> keras.layers.Layer:
    """Returns the layer that normalizes one modality's features, or passes them through.

    Features of untrained encoders vary little around a large mean and need normalization to zero
    mean and unit variance; published features are used unchanged.

    Args:
        normalization: String. `"none"` passes features through; `"batch"` normalizes each
            feature by the batch in training and by running statistics at inference.
        dtype: Dtype policy of the layer.
        name: String. Name of the layer.
    Raises:
        ValueError: If `normalization` is neither.
    """
    check_choice("normalization", normalization, NORMALIZATIONS)
    if normalization == "none":
        return keras.layers.Identity(dtype=dtype, name=name)
    return keras.layers.BatchNormalization(momentum=0.9, dtype=dtype, name=name)


def normalized(layer: keras.layers.Layer, features: Any, is_present: Any) -> Any:
    """Applies a layer of `feature_normalization`, whose statistics leave out padded segments.

    Args:
        layer: What `feature_normalization` returned.
        features: Float tensor (B, T, ...), batch and segments first, the width last.
        is_present: Float tensor (B, T), see `present_segments`.
    Returns:
        Float tensor of the shape of `features`.
    """
    if isinstance(layer, keras.layers.Identity):
        return layer(features)
    mask = is_present > 0
    for _ in features.shape[3:]:
        mask = mask[..., None]
    mask = ops.logical_and(mask, ops.ones_like(features[..., 0], dtype="bool"))  # of every region
    # Copied without Keras's mask, of which later layers would warn.
    return ops.copy(layer(features, mask=mask))


def mean_over_map(visual_features: Any) -> Any:
    """Averages maps (B, T, H, W, C) of any size to (B, T, C); a 1 x 1 map keeps its values."""
    return ops.mean(visual_features, axis=(2, 3))


def pools_maps(model: keras.Model) -> bool:
    """Returns whether a model sees only the mean of its map, and so accepts maps of any size."""
    return None in model.input["visual_features"].shape[2:4]
