"""Similarity, distance and scale of features, with gradients that are finite everywhere."""

from typing import Any

from keras import ops

SMALLEST_SQUARE = 1e-12  # a square root has no finite derivative at zero


def cosine_similarity(features: Any, others: Any) -> Any:
    """Float32 cosine over the last axis, for shapes that broadcast; 0 for a feature of zeros."""
    features, others = (unit_length(ops.cast(x, "float32")) for x in (features, others))
    return ops.sum(features * others, axis=-1)


def euclidean_distance(features: Any, others: Any) -> Any:
    """Float32 distance over the last axis, for shapes that broadcast; at least 1e-6."""
    difference = ops.cast(features, "float32") - ops.cast(others, "float32")
    return ops.sqrt(ops.sum(difference**2, axis=-1) + SMALLEST_SQUARE)


def unit_length(x: Any) -> Any:
    """Scales the last axis of a float32 tensor to a length of 1; zeros stay zero."""
    square = ops.sum(x**2, axis=-1, keepdims=True)
    return x / ops.sqrt(ops.maximum(square, SMALLEST_SQUARE))


def to_unit_sum(values: Any) -> Any:
    """Scales the last axis of a tensor without negative values to a sum of 1; zeros stay zero."""
    total = ops.sum(values, axis=-1, keepdims=True)
    return values / ops.where(total > 0, total, 1.0)
