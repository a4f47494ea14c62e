"""A closer look at the test split: confused labels, the best and the worst records."""

from collections.abc import Mapping, Sequence

import numpy as np

from avel_tf.ave import BACKGROUND_NAME, Annotation
from avel_tf.choices import PADDING
from avel_tf.evaluation.results import Drawing, DrawnRecord
from avel_tf.localization import (
    count_present,
    expected_overlap,
    overlap_and_chance,
    segment_probabilities,
)
from avel_tf.metrics import window_scores_by_direction
from avel_tf.records import Window

NUM_DRAWN = 3  # of the best, and of the worst
Arrays = Mapping[str, np.ndarray]


def count_confusions(labels: Arrays, predictions: Arrays, num_categories: int) -> list[list[int]]:
    """Counts the segments of each label that are taken for each label.

    B: batch, T: segments, K: event categories.

    Args:
        labels: `segment_label` (B, T).
        predictions: `segment_label` (B, T).
        num_categories: Integer, K.
    Returns:
        K + 1 rows, one per true label, of K + 1 counts, one per predicted label; background last.
    """
    counts = np.zeros((num_categories + 1, num_categories + 1), int)
    is_present = labels["segment_label"] != PADDING
    found = (each["segment_label"][is_present] for each in (labels, predictions))
    np.add.at(counts, tuple(found), 1)
    return counts.tolist()


def draw_best_and_worst(
    task: str,
    annotations: Sequence[Annotation | Window],
    label_names: Sequence[str],
    labels: Arrays,
    predictions: Arrays,
    accuracies: np.ndarray,
) -> tuple[list[DrawnRecord], list[DrawnRecord]]:
    """Chooses the records that went best and worst.

    Among the best, records with the same accuracy are ordered by how sure the model was of the
    truth, the surest first; among the worst, the least sure first. No record is in both.

    Args:
        task: `"sel"` or `"cml"`.
        annotations: Sequence of B annotations.
        label_names: Name of each label, background last.
        labels: As for `metrics.record_accuracies`.
        predictions: As for `metrics.record_accuracies`.
        accuracies: Array (B,), the primary metric of each record; NaN where it does not count.
            Records whose predictions are not numbers are left out.
    Returns:
        The best and the worst records.
    """
    draw, sureness = (_draw_sel, _sureness_sel) if task == "sel" else (_draw_cml, _sureness_cml)
    keys = np.stack([sureness(labels, predictions), accuracies])
    counted = np.flatnonzero(np.isfinite(keys).all(axis=0))
    order = counted[np.lexsort(keys[:, counted])].tolist()  # the worst first
    best = order[: -NUM_DRAWN - 1 : -1]
    worst = order[: len(order) - len(best)][:NUM_DRAWN]

    def drawn(record: int) -> DrawnRecord:
        annotation, one = annotations[record], slice(record, record + 1)
        drawings = draw(
            annotation,
            label_names,
            {name: array[one] for name, array in labels.items()},
            {name: array[one] for name, array in predictions.items()},
        )
        accuracy = float(accuracies[record])
        return DrawnRecord(annotation.video_id, annotation.category, accuracy, drawings)

    return [drawn(record) for record in best], [drawn(record) for record in worst]


def _sureness_sel(labels: Arrays, predictions: Arrays) -> np.ndarray:
    """Computes the mean probability of the correct labels."""
    probabilities = np.asarray(segment_probabilities(predictions))
    is_present = labels["segment_label"] != PADDING
    label = np.where(is_present, labels["segment_label"], 0)
    right = np.take_along_axis(probabilities, label[..., None], axis=-1)[..., 0]
    return right.mean(axis=1, where=is_present)


def _sureness_cml(labels: Arrays, predictions: Arrays) -> np.ndarray:
    """Computes the mean overlap of the windows with the event."""
    scores = window_scores_by_direction(predictions).values()
    return np.mean(
        [expected_overlap(each, labels["event_relevance"])[0] for each in scores], axis=0
    )


def _draw_sel(
    annotation: Annotation | Window, names: Sequence[str], labels: Arrays, predictions: Arrays
) -> list[Drawing]:
    seconds = slice(count_present(labels["segment_label"][0]))
    truth = [names[label] for label in labels["segment_label"][0][seconds]]
    curves = {"event": 1 - np.asarray(segment_probabilities(predictions))[0, :, -1]}
    for modality in ("audio", "visual"):
        if (name := f"{modality}_relevance_logits") in predictions:
            curves[modality] = 1 / (1 + np.exp(-predictions[name][0]))
    return [
        Drawing(
            title="",
            labels=[names[label] for label in predictions["segment_label"][0][seconds]],
            truth=truth,
            curves={name: _rounded(curve[seconds]) for name, curve in curves.items()},
        )
    ]


def _draw_cml(
    annotation: Annotation, names: Sequence[str], labels: Arrays, predictions: Arrays
) -> list[Drawing]:
    """Draws the window chosen in each direction, the middle one if several tie."""
    seconds = slice(count_present(labels["event_relevance"][0]))
    is_event = labels["event_relevance"][0, seconds] > 0.5
    drawings = []
    for direction, scores in window_scores_by_direction(predictions).items():
        _, chance, _ = overlap_and_chance(scores, labels["event_relevance"], np)
        starts = np.flatnonzero(chance[0])
        start = starts[(len(starts) - 1) // 2]
        window = range(start, start + annotation.event_length)
        # Scores of pairs are averaged over the event's segments.
        scores = (
            scores[0, seconds]
            if scores.ndim == 2
            else scores[0, seconds, seconds][is_event].mean(axis=0)
        )
        drawings.append(
            Drawing(
                title=direction.replace("_", " "),
                labels=[
                    annotation.category if segment in window else BACKGROUND_NAME
                    for segment in range(len(scores))
                ],
                truth=[annotation.category if event else BACKGROUND_NAME for event in is_event],
                curves={direction.split("_")[-1]: _rounded(scores)},
                query=direction.split("_")[0],
            )
        )
    return drawings


def _rounded(curve: np.ndarray) -> list[float]:
    return [round(float(value), 4) for value in curve]
