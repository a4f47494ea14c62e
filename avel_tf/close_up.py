"""A closer look at the test split: labels that are confused, the best and the worst records."""

from collections.abc import Mapping, Sequence

import numpy as np

from avel_tf.ave import BACKGROUND, BACKGROUND_NAME, CATEGORIES, Annotation
from avel_tf.localization import expected_overlap, overlap_and_chance, segment_probabilities
from avel_tf.metrics import window_scores_by_direction

NUM_EXAMPLES = 3  # of the best, and of the worst
Arrays = Mapping[str, np.ndarray]


def confusion(labels: Arrays, predictions: Arrays) -> list[list[int]]:
    """How many segments of each label are taken for which.

    B: batch, T: segments, K: event categories.

    Args:
        labels: `segment_label` (B, T).
        predictions: `segment_label` (B, T).
    Returns:
        K + 1 rows, one a true label, of K + 1 counts, one a predicted label; background last.
    """
    counts = np.zeros((BACKGROUND + 1, BACKGROUND + 1), int)
    np.add.at(counts, (labels["segment_label"], predictions["segment_label"]), 1)
    return counts.tolist()


def examples(
    task: str,
    annotations: Sequence[Annotation],
    labels: Arrays,
    predictions: Arrays,
    accuracies: np.ndarray,
) -> dict[str, list[dict]]:
    """The records that went best and worst.

    Of records with the same accuracy, those come first that were surest of what is right, or the
    least sure among the worst. None is both.

    Args:
        task: `"sel"` or `"cml"`.
        annotations: Sequence of B annotations.
        labels: As for `metrics.record_accuracies`.
        predictions: As for `metrics.record_accuracies`.
        accuracies: Array (B,), the primary metric of each record; NaN where it does not count.
            Records whose predictions are not numbers are left out.
    Returns:
        Dict of `best` and `worst`, each a list of dicts: `video_id`, `category`, `accuracy`, and
        `drawings`, a list of arguments for `avel_tf.time_line` with a `title`.
    """
    draw, sureness = (_draw_sel, _sureness_sel) if task == "sel" else (_draw_cml, _sureness_cml)
    keys = np.stack([sureness(labels, predictions), accuracies])
    counted = np.flatnonzero(np.isfinite(keys).all(axis=0))
    order = counted[np.lexsort(keys[:, counted])].tolist()  # the worst first
    best = order[: -NUM_EXAMPLES - 1 : -1]
    chosen = {"best": best, "worst": order[: len(order) - len(best)][:NUM_EXAMPLES]}
    return {
        kind: [
            {
                "video_id": annotations[record].video_id,
                "category": annotations[record].category,
                "accuracy": float(accuracies[record]),
                "drawings": draw(
                    annotations[record],
                    {name: array[record : record + 1] for name, array in labels.items()},
                    {name: array[record : record + 1] for name, array in predictions.items()},
                ),
            }
            for record in records
        ]
        for kind, records in chosen.items()
    }


def _sureness_sel(labels: Arrays, predictions: Arrays) -> np.ndarray:
    """Mean probability of the right labels."""
    probabilities = np.asarray(segment_probabilities(predictions))
    right = np.take_along_axis(probabilities, labels["segment_label"][..., None], axis=-1)
    return right.mean(axis=(1, 2))


def _sureness_cml(labels: Arrays, predictions: Arrays) -> np.ndarray:
    """Mean overlap of the windows with the event."""
    scores = window_scores_by_direction(predictions).values()
    return np.mean(
        [expected_overlap(each, labels["event_relevance"])[0] for each in scores], axis=0
    )


def _draw_sel(annotation: Annotation, labels: Arrays, predictions: Arrays) -> list[dict]:
    names = (*CATEGORIES, BACKGROUND_NAME)
    curves = {"event": 1 - np.asarray(segment_probabilities(predictions))[0, :, -1]}
    for modality in ("audio", "visual"):
        if (name := f"{modality}_relevance_logits") in predictions:
            curves[modality] = 1 / (1 + np.exp(-predictions[name][0]))
    return [
        {
            "title": "",
            "labels": [names[label] for label in predictions["segment_label"][0]],
            "truth": [names[label] for label in labels["segment_label"][0]],
            "curves": {name: _rounded(curve) for name, curve in curves.items()},
        }
    ]


def _draw_cml(annotation: Annotation, labels: Arrays, predictions: Arrays) -> list[dict]:
    """For each direction the window that is taken, of tied ones that in their middle."""
    is_event = labels["event_relevance"][0] > 0.5
    drawings = []
    for direction, scores in window_scores_by_direction(predictions).items():
        _, chance, _ = overlap_and_chance(scores, labels["event_relevance"], np)
        starts = np.flatnonzero(chance[0])
        start = starts[(len(starts) - 1) // 2]
        window = range(start, start + annotation.event_length)
        # Of pairs, what the event's segments say of each candidate.
        scores = scores[0] if scores.ndim == 2 else scores[0][is_event].mean(axis=0)
        spread = np.ptp(scores) or 1.0
        drawings.append(
            {
                "title": direction.replace("_", " ") + ", scores from the lowest to the highest",
                "labels": [
                    annotation.category if segment in window else BACKGROUND_NAME
                    for segment in range(len(scores))
                ],
                "truth": [annotation.category if event else BACKGROUND_NAME for event in is_event],
                "curves": {direction.split("_")[-1]: _rounded((scores - scores.min()) / spread)},
            }
        )
    return drawings


def _rounded(curve: np.ndarray) -> list[float]:
    return [round(float(value), 4) for value in curve]
