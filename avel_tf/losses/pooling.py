"""Maxima over the segments of a record."""

from typing import Any

from keras import ops

from avel_tf.choices import PADDING
from avel_tf.localization import LOWEST


def max_over_present(values: Any, targets: Any) -> Any:
    """Maximum over the segments of a record, padded ones left out.

    Args:
        values: Tensor (B, T) or (B, T, labels).
        targets: Tensor (B, T), `PADDING` in padded segments.
    Returns:
        Tensor (B,) or (B, labels).
    """
    is_present = ops.not_equal(targets, PADDING)
    if len(values.shape) == 3:
        is_present = is_present[..., None]
    return ops.max(ops.where(is_present, values, LOWEST), axis=1)
