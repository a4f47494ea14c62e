"""What every baseline of supervised localization makes of its segment logits."""

from typing import Any

from keras import ops

from avel_tf.localization import most_likely


def localization_outputs(segment_label_logits: Any) -> dict[str, Any]:
    """The decision for each segment, and the category of the record that follows from them.

    B: batch, T: segments, K: event categories.

    Args:
        segment_label_logits: Float32 tensor (B, T, K + 1), background last.
    Returns:
        Dict of
        `segment_label_logits`: the argument.
        `segment_label`: Int32 tensor (B, T), the label of the largest logit, K for background.
        `event_category_logits`: Float32 tensor (B, K), the logarithm of each event's probability
        averaged over the segments; the record's category is the largest.
    """
    log_probabilities = ops.log_softmax(segment_label_logits, axis=-1)[:, :, :-1]
    # The largest taken out first, so that no event's probability underflows to log(0).
    largest = ops.max(log_probabilities, axis=1, keepdims=True)
    mean = ops.mean(ops.exp(log_probabilities - largest), axis=1)
    return {
        "segment_label_logits": segment_label_logits,
        "segment_label": most_likely(segment_label_logits),
        "event_category_logits": largest[:, 0] + ops.log(mean),
    }
