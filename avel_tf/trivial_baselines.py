"""What can be scored without looking at the features: the floor under every result.

All functions return accuracies in [0, 1]. N: records, T: segments.
"""

import numpy as np


def always_background(segment_label: np.ndarray, background: int) -> float:
    """Supervised localization: every segment is background.

    Args:
        segment_label: Integer array (N, T).
        background: Integer. Label of background.
    """
    return float(np.mean(segment_label == background))


def most_common_label(train_segment_label: np.ndarray, segment_label: np.ndarray) -> float:
    """Supervised localization: every segment has the label most common in training.

    Labels that are equally common are chosen from by chance.

    Args:
        train_segment_label: Integer array (N of train, T).
        segment_label: Integer array (N, T).
    """
    labels, counts = np.unique(train_segment_label, return_counts=True)
    most_common = labels[counts == counts.max()]
    return float(np.isin(segment_label, most_common).mean() / len(most_common))


def always_event(event_category: np.ndarray, segment_label: np.ndarray) -> float:
    """Supervised localization: the true category, in every segment.

    Not a floor but a yardstick: what perfect recognition reaches without any localization.

    Args:
        event_category: Integer array (N,).
        segment_label: Integer array (N, T).
    """
    return float(np.mean(segment_label == event_category[:, None]))


def random_window(event_relevance: np.ndarray) -> float:
    """Cross-modality localization: any window of the event's length.

    Args:
        event_relevance: Array (N, T), 1 in the segments of the event, else 0. Records without
            event or without background do not count, here and below.
    """
    _, _, last_start = _windows(event_relevance)
    return float(np.mean(1.0 / (last_start + 1)))


def first_window(event_relevance: np.ndarray) -> float:
    """Cross-modality localization: the window at the start of the record.

    Args:
        event_relevance: Array (N, T).
    """
    start, _, _ = _windows(event_relevance)
    return float(np.mean(start == 0))


def last_window(event_relevance: np.ndarray) -> float:
    """Cross-modality localization: the window at the end of the record.

    Args:
        event_relevance: Array (N, T).
    """
    start, _, last_start = _windows(event_relevance)
    return float(np.mean(start == last_start))


def most_common_start(train_event_relevance: np.ndarray, event_relevance: np.ndarray) -> float:
    """Cross-modality localization: the start most common in training for the event's length.

    Starts that are equally common are chosen from by chance; so are all starts of a length
    that training lacks.

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
    return float(np.mean(hits))


def _windows(event_relevance: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Start, length and last possible start of each event that does not fill its record."""
    is_event = np.asarray(event_relevance) > 0.5
    num_segments = is_event.shape[1]
    length = is_event.sum(axis=1)
    is_event = is_event[(length > 0) & (length < num_segments)]
    start, length = is_event.argmax(axis=1), is_event.sum(axis=1)
    return start, length, num_segments - length
