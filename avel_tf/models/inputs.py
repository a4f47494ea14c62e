"""What both localizers do with their inputs before anything else."""

from typing import Any

import keras
from keras import ops

from avel_tf.arguments import check_choice, check_positive_integer

NORMALIZATIONS = ("none", "batch")


def check_visual_shape(visual_shape: Any) -> tuple[int, int, int]:
    """Returns `visual_shape` as a tuple, or raises ValueError if it is no (H, W, C)."""
    if not isinstance(visual_shape, (tuple, list)) or len(visual_shape) != 3:
        raise ValueError(
            "`visual_shape` must be (height, width, channels). "
            f"Received: visual_shape={visual_shape!r}."
        )
    for position, size in enumerate(visual_shape):
        check_positive_integer(f"visual_shape[{position}]", size)
    return tuple(visual_shape)


def feature_normalization(normalization: str, dtype: Any, name: str) -> keras.layers.Layer:
    """The layer that brings one modality's features to zero mean and unit variance.

    Features of untrained encoders differ little around a large mean and need it; published
    features are used as they are.

    Args:
        normalization: String. `"none"` passes features through, `"batch"` normalizes each
            feature by the batch in training, by running statistics in inference.
        dtype: Dtype policy of the layer.
        name: String. Name of the layer.
    Raises:
        ValueError: If `normalization` is neither.
    """
    check_choice("normalization", normalization, NORMALIZATIONS)
    if normalization == "none":
        return keras.layers.Identity(dtype=dtype, name=name)
    return keras.layers.BatchNormalization(momentum=0.9, dtype=dtype, name=name)


def mean_over_map(visual_features: Any) -> Any:
    """Pools maps (B, T, H, W, C) of any size to (B, T, C); one pooled before stays as it is."""
    return ops.mean(visual_features, axis=(2, 3))


def pools_maps(model: keras.Model) -> bool:
    """Whether a model takes visual features of any map size, since it only sees their mean."""
    return None in model.input["visual_features"].shape[2:4]
