"""Outputs of systems that label each segment, from their logits."""

from typing import Any

import numpy as np
from keras import ops

from avel_tf.localization import most_likely

IMPOSSIBLE = -1e4  # logit of a category in a padded segment; its probability is 0


def localization_outputs(segment_label_logits: Any, is_present: Any) -> dict[str, Any]:
    """Decides each segment's label, and scores the record's category from all segments it has.

    B: batch, T: segments, K: event categories.

    Args:
        segment_label_logits: Float32 tensor (B, T, K + 1), background last.
        is_present: Float32 tensor (B, T), 1 for segments that are there, 0 for padding.
    Returns:
        Dict of
        `segment_label_logits`: the argument; certain of background in padded segments.
        `segment_label`: Int32 tensor (B, T), the label of the largest logit, K for background.
        `event_category_logits`: Float32 tensor (B, K), the logarithm of each category's
        probability averaged over the segments that are there; the record's category has the
        largest.
    """
    background = np.full(segment_label_logits.shape[-1], IMPOSSIBLE, "float32")
    background[-1] = 0
    segment_label_logits = ops.where(is_present[..., None] > 0, segment_label_logits, background)
    log_probabilities = ops.log_softmax(segment_label_logits, axis=-1)[:, :, :-1]
    # The largest is factored out first, so that no probability underflows to log(0).
    largest = ops.max(log_probabilities, axis=1, keepdims=True)
    total = ops.sum(ops.exp(log_probabilities - largest), axis=1)
    mean = total / ops.maximum(ops.sum(is_present, axis=1, keepdims=True), 1.0)
    return {
        "segment_label_logits": segment_label_logits,
        "segment_label": most_likely(segment_label_logits),
        "event_category_logits": largest[:, 0] + ops.log(mean),
    }
