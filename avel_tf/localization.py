"""From scores to decisions: segment labels, and the window of an event.

A window is a run of `length` segments. Cross-modality localization is given the event's length
and picks the window with the largest sum of scores; a prediction is correct if it matches the
event's window exactly (sections 3.3 and 4.1).

Windows tie when their sums differ by no more than the rounding errors of adding up that many
float32 scores, see `tie_tolerance`. A tie counts with its expected value: one over the
number of tied windows if the event's is among them. Picking the first of them would turn a
constant score into a guess that events start early, which is a good guess on AVE.

A record shorter than its batch is padded at its end with segments whose label and relevance are
`PADDING`. They are never scored, and no window contains one.
"""

from collections.abc import Mapping
from types import ModuleType
from typing import Any

import numpy as np
from keras import ops

from avel_tf.choices import PADDING
from avel_tf.utils.arguments import check_positive_integer

PUBLISHED_THRESHOLD = 0.5  # section 3.4
LOWEST = -1e9  # stands for minus infinity; finite, so that gradients are
FLOAT32_EPSILON = float(np.finfo(np.float32).eps)


def tie_tolerance(length: Any, size: Any) -> Any:
    """Computes by how much the sums of two windows may differ and still be equal.

    A float32 sum of n numbers is off by at most n - 1 times half an epsilon times the sum of their
    absolute values, and each score by half an epsilon of its own: together, for two windows, n
    epsilons times that of the larger one. Evaluation, Keras's metrics and serving share this bound.

    Args:
        length: Float, array or tensor. Scores in a window.
        size: Float, array or tensor. Largest sum of absolute scores of a window of the record.
    Returns:
        Float, array or tensor.
    Reference: Higham, Accuracy and Stability of Numerical Algorithms, 2002, section 4.2.
    """
    return length * FLOAT32_EPSILON * size


def most_likely(logits: Any) -> Any:
    """Index of the largest value on the last axis; the first if several tie (TensorFlow, JAX).

    Args:
        logits: Float tensor or array (..., K).
    Returns:
        Int32 tensor of the Keras backend (...).
    """
    # Under TensorFlow, Keras's argmax works on the bits of floats; ONNX and LiteRT cannot do so.
    return ops.cast(ops.top_k(logits, 1)[1][..., 0], "int32")


def count_present(targets: np.ndarray) -> np.ndarray:
    """Counts the segments that records have, without those that pad them.

    Args:
        targets: Array (..., T), `PADDING` in padded segments.
    Returns:
        Integer array (...).
    """
    return np.sum(np.asarray(targets) != PADDING, axis=-1)


def segment_weights(targets: Any) -> Any:
    """Computes weights that leave padded segments out of a mean over all segments.

    A mean of weighted values over the segments of a record is that over the segments it has; each
    record then weighs the same, however long it is.

    B: batch, T: segments.

    Args:
        targets: Tensor or array (B, T), `PADDING` in padded segments.
    Returns:
        Float32 tensor of the Keras backend (B, T): 0 in padded segments, T over the number of the
        others in these, which is exactly 1 in a record without padding.
    """
    is_present = ops.cast(ops.not_equal(targets, PADDING), "float32")
    num_present = ops.sum(is_present, axis=1, keepdims=True)
    num_segments = ops.cast(ops.shape(is_present)[1], "float32")
    return is_present * (num_segments / ops.maximum(num_present, 1.0))


def segment_labels(
    event_category_logits: Any,
    event_relevance_probabilities: Any,
    threshold: float = PUBLISHED_THRESHOLD,
) -> Any:
    """Labels each segment: the record's category where it is relevant, otherwise background.

    B: batch, T: segments, K: event categories.

    Args:
        event_category_logits: Float tensor or array (B, K).
        event_relevance_probabilities: Float tensor or array (B, T).
        threshold: Float. Lowest probability at which a segment belongs to the event.
    Returns:
        Int32 tensor of the Keras backend (B, T), with K for background.
    Reference: Wu et al., ICCV 2019, section 3.4.
    """
    background = event_category_logits.shape[-1]
    category = ops.expand_dims(most_likely(event_category_logits), axis=-1)  # (B, 1)
    return ops.where(event_relevance_probabilities >= threshold, category, background)


def segment_probabilities(outputs: Mapping[str, Any]) -> Any:
    """Computes the probability of each label in each segment.

    B: batch, T: segments, K: event categories.

    Args:
        outputs: Outputs of a system of supervised event localization: `segment_label_logits`
            (B, T, K + 1); or `event_category_logits` (B, K) and `event_relevance_probabilities`
            (B, T), which are assumed to be independent.
    Returns:
        Tensor of the Keras backend (B, T, K + 1), background last.
    Reference: Wu et al., ICCV 2019, section 3.4.
    """
    if "segment_label_logits" in outputs:
        return ops.softmax(outputs["segment_label_logits"])
    relevance = ops.expand_dims(outputs["event_relevance_probabilities"], axis=-1)  # (B, T, 1)
    category = ops.expand_dims(ops.softmax(outputs["event_category_logits"]), axis=1)  # (B, 1, K)
    return ops.concatenate([relevance * category, 1 - relevance], axis=-1)


def window_scores(scores: np.ndarray, length: int) -> np.ndarray:
    """Sums scores over all windows of one length.

    Args:
        scores: Array (..., T), one score per segment.
        length: Integer from 1 to T.
    Returns:
        Float64 array (..., T - length + 1); entry s sums segments s to s + length - 1.
    Raises:
        ValueError: If `length` is out of range.
    """
    scores = np.asarray(scores, np.float64)
    check_positive_integer("length", length)
    if length > scores.shape[-1]:
        raise ValueError(
            f"`length` must be at most the number of segments, {scores.shape[-1]}. "
            f"Received: length={length}."
        )
    return np.lib.stride_tricks.sliding_window_view(scores, length, axis=-1).sum(axis=-1)


def best_window(scores: np.ndarray, length: int) -> tuple[int, int]:
    """Finds the window of one record with the largest sum; among tied ones, the middle one.

    Args:
        scores: Array (T,), one score per segment.
        length: Integer from 1 to T.
    Returns:
        First segment of the window, and the segment after its last.
    Raises:
        ValueError: If `length` is out of range.
    Reference: Wu et al., ICCV 2019, section 3.3.
    """
    sums = window_scores(scores, length)
    tolerance = tie_tolerance(length, window_scores(np.abs(scores), length).max())
    starts = np.flatnonzero(sums >= sums.max() - tolerance)
    start = int(starts[(len(starts) - 1) // 2])
    return start, start + length


def expected_hits(scores: Any, event_relevance: Any, xp: ModuleType = np) -> tuple[Any, Any]:
    """Computes the probability that the best window of each record is that of its event.

    The window has the event's length. Records that have no event, or nothing but the event, leave
    nothing to find and do not count.

    B: batch, T: segments.

    Args:
        scores: Array (B, T), one score per candidate segment; or (B, T, T), one per pair of
            query segment and candidate: the event's segments are aligned with the window's, and
            the scores of these pairs are summed.
        event_relevance: Array (B, T), 1 in the segments of the event, 0 in others, `PADDING` in
            padded ones.
        xp: Module of array functions: `numpy`, which sums in float64, or `keras.ops`, which
            takes tensors and sums in float32.
    Returns:
        Float array (B,): the probability in [0, 1] that the window is correct, with ties broken
        at random, 0 for records that do not count; and boolean array (B,): whether the record
        counts. NaN scores give NaN.
    Reference: Wu et al., ICCV 2019, sections 3.3 and 4.1; Tian et al., ECCV 2018, section 4.4,
    for pairs.
    """
    overlap, chance, counts = overlap_and_chance(scores, event_relevance, xp)
    hits = xp.sum(xp.where(overlap == 1.0, chance, 0.0), axis=1)
    return xp.where(counts, hits, 0.0), counts


def expected_overlap(scores: Any, event_relevance: Any, xp: ModuleType = np) -> tuple[Any, Any]:
    """Temporal intersection over union of the best window of each record with its event.

    Args:
        scores: As for `expected_hits`.
        event_relevance: As for `expected_hits`.
        xp: As for `expected_hits`.
    Returns:
        Float array (B,) in [0, 1], the mean over tied windows, 0 for records that do not count;
        and boolean array (B,): whether the record counts.
    """
    overlap, chance, counts = overlap_and_chance(scores, event_relevance, xp)
    return xp.where(counts, xp.sum(overlap * chance, axis=1), 0.0), counts


def overlap_and_chance(scores: Any, event_relevance: Any, xp: ModuleType) -> tuple[Any, Any, Any]:
    """Computes the overlap of each window with the event, and its chance of being picked.

    Args:
        scores: As for `expected_hits`.
        event_relevance: As for `expected_hits`.
        xp: As for `expected_hits`.
    Returns:
        Float arrays (B, T), by the window's first segment: its temporal intersection over union
        with the event, and its chance of being picked, above 0 for the best window and all that
        tie with it; and boolean array (B,): whether the record counts.
    """
    scores = xp.array(scores, dtype="float64" if xp is np else "float32")
    event_relevance = xp.array(event_relevance)
    is_event, is_present = event_relevance > 0.5, event_relevance != PADDING
    segments = xp.arange(xp.shape(scores)[1])
    length = xp.sum(xp.where(is_event, 1, 0), axis=1)[:, None]  # (B, 1)
    num_present = xp.sum(xp.where(is_present, 1, 0), axis=1)[:, None]
    counts = ((length > 0) & (length < num_present))[:, 0]
    if len(scores.shape) == 2:
        scores = xp.where(is_present, scores, 0.0)
    else:
        scores = xp.where(is_present[:, :, None] & is_present[:, None], scores, 0.0)

    # A window starts at every segment; some do not fit.
    starts = segments[:, None]
    in_window = (segments >= starts) & (segments < starts + length[:, :, None])  # (B, start, T)
    fits = segments + length <= num_present  # (B, start)
    if len(scores.shape) == 2:

        def add(values: Any) -> Any:
            return xp.sum(xp.where(in_window, values[:, None, :], 0.0), axis=2)
    else:
        first = xp.argmax(xp.where(is_event, 1, 0), axis=1)[:, None, None]  # (B, 1, 1)
        aligned = starts + segments - first  # (B, start, query): the candidate aligned with it
        is_pair = (aligned[..., None] == segments) & is_event[:, None, :, None]

        def add(values: Any) -> Any:
            return xp.sum(xp.where(is_pair, values[:, None], 0.0), axis=(2, 3))

    sums = xp.where(fits, add(scores), -np.inf)
    size = xp.max(xp.where(fits, add(xp.abs(scores)), 0.0), axis=1)[:, None]
    num_scores = xp.sum(xp.where(is_event, 1.0, 0.0), axis=1)[:, None]
    is_best = sums >= xp.max(sums, axis=1)[:, None] - tie_tolerance(num_scores, size)
    num_best = xp.sum(xp.where(is_best, 1.0, 0.0), axis=1)[:, None]
    both = xp.sum(xp.where(in_window & is_event[:, None, :], 1.0, 0.0), axis=2)
    either = xp.sum(xp.where(in_window | is_event[:, None, :], 1.0, 0.0), axis=2)
    return both / xp.where(either > 0, either, 1.0), xp.where(is_best, 1.0, 0.0) / num_best, counts
