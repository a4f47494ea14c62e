"""Windows that stand out by themselves: finding an event without looking at the query.

Cross-modality localization asks for the event that a query belongs to. Where the event is whatever
differs from the rest of a record, these scores find it too, without the query and without training;
a system that does no better has not been shown to match sound and picture.
"""

from collections.abc import Callable, Mapping

import numpy as np

from avel_tf.localization import count_present, window_scores

ROUNDING = 1e-9  # of float64, relative to the largest score


def change_point(features: np.ndarray, length: int) -> np.ndarray:
    """Scores each window of a record by its variance to the rest of the record.

    It is the variance between the two parts, which weighs their sizes: the split of a record in
    two that explains most of it.

    T: segments, D: width of the features, W = T - L + 1: windows.

    Args:
        features: Float array (T, D) of one modality.
        length: Integer from 1 to T - 1. L, segments in the window.
    Returns:
        Float64 array (W,), by the window's first segment.
    """
    centred = np.asarray(features, np.float64) - np.mean(features, axis=0, dtype=np.float64)
    return np.square(window_scores(centred.T, length)).sum(axis=0)


def direction_change(features: np.ndarray, length: int) -> np.ndarray:
    """Scores like `change_point`, after each segment's features were scaled to the norm 1."""
    norms = np.linalg.norm(features, axis=1, keepdims=True)
    return change_point(features / np.where(norms > 0, norms, 1), length)


def edges(features: np.ndarray, length: int) -> np.ndarray:
    """Scores each window by the changes at its ends; those of the record are none.

    Args and returns: as for `change_point`.
    """
    steps = np.linalg.norm(np.diff(np.asarray(features, np.float64), axis=0), axis=1)
    steps = np.concatenate([[0], steps, [0]])  # before each segment, and after the last
    return steps[: len(steps) - length] + steps[length:]


def norm(features: np.ndarray, length: int) -> np.ndarray:
    """Scores each window by the sum of its segments' norms: the loudest, the most active.

    Args and returns: as for `change_point`.
    """
    return window_scores(np.linalg.norm(np.asarray(features, np.float64), axis=1), length)


SCORES: Mapping[str, Callable[[np.ndarray, int], np.ndarray]] = {
    "change point": change_point,
    "change of direction": direction_change,
    "changes at its ends": edges,
    "norm": norm,
}


def query_blind_hits(name: str, features: np.ndarray, event_relevance: np.ndarray) -> np.ndarray:
    """Computes in which records the best window by one of `SCORES` is that of the event.

    N: records, T: segments, D: width of the features.

    Args:
        name: String. A key of `SCORES`.
        features: Float array (N, T, D), or (N, T, H, W, D), whose maps are averaged: of the
            candidates' modality.
        event_relevance: Array (N, T), 1 in the segments of the event, 0 in others, `PADDING` in
            padded ones.
    Returns:
        Float array (N,): the probability of a hit, with ties broken at random; NaN for a record
        without an event or without background.
    """
    hits = np.full(len(features), np.nan)
    for record, relevance in enumerate(np.asarray(event_relevance)):
        num_present = int(count_present(relevance))
        is_event = relevance[:num_present] > 0.5
        length = int(is_event.sum())
        if not 0 < length < num_present:
            continue
        present = np.asarray(features[record, :num_present], np.float32)
        if present.ndim == 4:
            present = present.mean(axis=(1, 2))
        scores = SCORES[name](present, length)
        is_best = scores >= scores.max() - ROUNDING * np.abs(scores).max()
        hits[record] = is_best[is_event.argmax()] / is_best.sum()
    return hits


def best_query_blind(
    val: tuple[np.ndarray, np.ndarray], test: tuple[np.ndarray, np.ndarray]
) -> tuple[str, np.ndarray]:
    """Chooses the score that finds most events on val, and applies it to test.

    Args:
        val: `features` and `event_relevance`, as for `query_blind_hits`.
        test: The same.
    Returns:
        Name of the score, the first if several are best; and its hits on test, float array (N,).
    """

    def on_val(name: str) -> float:
        hits = query_blind_hits(name, *val)
        counting = hits[~np.isnan(hits)]
        return float(counting.mean()) if counting.size else 0.0

    best = max(SCORES, key=on_val)
    return best, query_blind_hits(best, *test)
