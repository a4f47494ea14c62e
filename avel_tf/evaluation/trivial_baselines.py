"""Scores of predictions that never look at the features: the floor under every result.

All functions return the accuracy of each record in [0, 1], as float array (N,), so that a model can
be compared record by record. Padded segments, whose label is `choices.PADDING`, are not scored.
N: records, T: segments.
"""

import numpy as np

from avel_tf.choices import PADDING
from avel_tf.localization import count_present
from avel_tf.metrics import record_shares


def always_background(segment_label: np.ndarray, background: int) -> np.ndarray:
    """Supervised localization: every segment is background.

    Args:
        segment_label: Integer array (N, T).
        background: Integer. Label of background.
    """
    return record_shares(segment_label == background, segment_label)


def most_common_label(train_segment_label: np.ndarray, segment_label: np.ndarray) -> np.ndarray:
    """Supervised localization: every segment has the label most common in training.

    Ties between equally common labels are broken at random.

    Args:
        train_segment_label: Integer array (N of train, T).
        segment_label: Integer array (N, T).
    """
    present = train_segment_label[train_segment_label != PADDING]
    labels, counts = np.unique(present, return_counts=True)
    most_common = labels[counts == counts.max()]
    return record_shares(np.isin(segment_label, most_common), segment_label) / len(most_common)


def always_event(event_category: np.ndarray, segment_label: np.ndarray) -> np.ndarray:
    """Supervised localization: the true category, in every segment.

    Not a floor but a yardstick: the score of perfect recognition without any localization.

    Args:
        event_category: Integer array (N,).
        segment_label: Integer array (N, T).
    """
    return record_shares(segment_label == event_category[:, None], segment_label)


def random_window(event_relevance: np.ndarray) -> np.ndarray:
    """Cross-modality localization: any window of the event's length.

    Args:
        event_relevance: Array (N, T), 1 in the segments of the event, 0 in others. Records without
            an event or without background do not count and are NaN, here and below. `PADDING` in
            padded segments.
    """
    _, _, last_start = _windows(event_relevance)
    return _only_counting(event_relevance, 1.0 / (last_start + 1))


def first_window(event_relevance: np.ndarray) -> np.ndarray:
    """Cross-modality localization: the window at the start of the record.

    Args:
        event_relevance: Array (N, T).
    """
    start, _, _ = _windows(event_relevance)
    return _only_counting(event_relevance, start == 0)


def last_window(event_relevance: np.ndarray) -> np.ndarray:
    """Cross-modality localization: the window at the end of the record.

    Args:
        event_relevance: Array (N, T).
    """
    start, _, last_start = _windows(event_relevance)
    return _only_counting(event_relevance, start == last_start)


def most_common_start(train_event_relevance: np.ndarray, event_relevance: np.ndarray) -> np.ndarray:
    """Cross-modality localization: the start most common in training for the event's length.

    Ties between equally common starts are broken at random, and a length that training lacks has
    a random start.

    Args:
        train_event_relevance: Array (N of train, T).
        event_relevance: Array (N, T).
    """
    num_segments = event_relevance.shape[1]
    start_counts = np.zeros((num_segments, num_segments))  # by length and start
    train_start, train_length, _ = _windows(train_event_relevance)
    np.add.at(start_counts, (train_length, train_start), 1)
    start, length, last_start = _windows(event_relevance)
    possible = np.arange(num_segments) <= last_start[:, None]
    start_counts = np.where(possible, start_counts[length], -1)  # (N, start)
    most_common = start_counts == start_counts.max(axis=1, keepdims=True)
    hits = most_common[np.arange(len(start)), start] / most_common.sum(axis=1)
    return _only_counting(event_relevance, hits)


def _windows(event_relevance: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Returns start, length and last possible start of the event of each record that counts."""
    is_event = np.asarray(event_relevance)[_counts(event_relevance)] > 0.5
    start, length = is_event.argmax(axis=1), is_event.sum(axis=1)
    return start, length, count_present(event_relevance)[_counts(event_relevance)] - length


def _counts(event_relevance: np.ndarray) -> np.ndarray:
    """Returns for each record whether its event is shorter than it: boolean (N,)."""
    length = np.sum(np.asarray(event_relevance) > 0.5, axis=1)
    return (length > 0) & (length < count_present(event_relevance))


def _only_counting(event_relevance: np.ndarray, accuracies: np.ndarray) -> np.ndarray:
    counts = _counts(event_relevance)
    spread = np.full(len(counts), np.nan)
    spread[counts] = accuracies
    return spread
