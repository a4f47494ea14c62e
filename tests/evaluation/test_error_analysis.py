import numpy as np
import pytest

from avel_tf import metrics
from avel_tf.ave import BACKGROUND, CATEGORIES, Annotation
from avel_tf.choices import PADDING
from avel_tf.evaluation.error_analysis import count_confusions, draw_best_and_worst
from avel_tf.records.description import AVE

BELL = CATEGORIES[0]


def one_hot_logits(labels, scale):
    return np.eye(BACKGROUND + 1)[labels] * np.reshape(scale, (-1, 1, 1))


def test_confusion_counts_segments():
    truth = np.array([[0, 0, BACKGROUND], [3, 3, 3]])
    predicted = np.array([[0, BACKGROUND, BACKGROUND], [3, 0, 0]])
    counts = np.array(count_confusions({"segment_label": truth}, {"segment_label": predicted}, 28))
    assert counts.sum() == 6
    assert (counts[0, 0], counts[0, BACKGROUND], counts[BACKGROUND, BACKGROUND]) == (1, 1, 1)
    assert (counts[3, 3], counts[3, 0]) == (1, 2)


@pytest.fixture
def sel():
    """Five records whose event is in seconds 2 to 4, correct in fewer and fewer seconds."""
    annotations = [Annotation(row, BELL, f"v{row}", 2, 5) for row in range(5)]
    truth = np.array([annotation.segment_label for annotation in annotations])
    predicted = truth.copy()
    for row in range(1, 4):
        predicted[row, 10 - 2 * row :] = 5
    predicted[4] = predicted[3]  # as wrong as the one before, but surer of it
    logits = one_hot_logits(predicted, [1, 1, 1, 1, 3])
    labels = {"segment_label": truth}
    predictions = {"segment_label": predicted, "segment_label_logits": logits}
    return annotations, labels, predictions


def test_records_in_order_of_accuracy_then_of_sureness(sel):
    annotations, labels, predictions = sel
    accuracies = metrics.record_accuracies("sel", labels, predictions)
    best, worst = draw_best_and_worst(
        "sel", annotations, AVE.label_names, labels, predictions, accuracies
    )
    assert [each.video_id for each in best] == ["v0", "v1", "v2"]
    assert [each.accuracy for each in best] == [1, 0.8, 0.6]
    probabilities = np.exp(predictions["segment_label_logits"])
    probabilities /= probabilities.sum(axis=-1, keepdims=True)
    sure = [probabilities[row, range(10), labels["segment_label"][row]].mean() for row in (3, 4)]
    expected = ["v3", "v4"] if sure[0] < sure[1] else ["v4", "v3"]
    assert [each.video_id for each in worst] == expected  # no record is in both


def test_what_is_drawn_of_an_event(sel):
    annotations, labels, predictions = sel
    predictions["audio_relevance_logits"] = np.zeros((5, 10))
    accuracies = metrics.record_accuracies("sel", labels, predictions)
    best, worst = draw_best_and_worst(
        "sel", annotations, AVE.label_names, labels, predictions, accuracies
    )
    (drawing,) = best[1].drawings
    assert best[1].category == BELL
    assert drawing.truth == ["Background"] * 2 + [BELL] * 3 + ["Background"] * 5
    assert drawing.labels[:8] == drawing.truth[:8]
    assert drawing.labels[8:] == [CATEGORIES[5]] * 2
    assert drawing.curves["audio"] == [0.5] * 10
    assert drawing.curves["event"][2] > drawing.curves["event"][0]
    assert "visual" not in drawing.curves


def test_records_without_numbers_are_left_out(sel):
    annotations, labels, predictions = sel
    predictions["segment_label_logits"][:4] = np.nan
    accuracies = metrics.record_accuracies("sel", labels, predictions)
    best, worst = draw_best_and_worst(
        "sel", annotations, AVE.label_names, labels, predictions, accuracies
    )
    assert [each.video_id for each in best] == ["v4"]
    assert worst == []


@pytest.mark.parametrize("pairs", [False, True])
def test_chosen_windows_are_drawn(pairs):
    annotations = [Annotation(0, BELL, "a", 2, 5), Annotation(1, BELL, "whole", 0, 10)]
    relevance = np.array([annotation.event_relevance for annotation in annotations])
    relevance[0, 9] = PADDING
    visual = np.tile(np.array([0, 0, 0, 4, 5, 6, 0, 0, 0, -4.0]), (2, 1))
    audio = np.tile(np.array([0, 0, 3, 3, 3, 0, 0, 0, 0, 0.0]), (2, 1))
    predictions = {"visual_relevance_logits": visual, "audio_relevance_logits": audio}
    if pairs:  # audio by visual, both directions alike: the diagonal one second late
        predictions = {"audio_visual_scores": np.tile(np.eye(10, k=1), (2, 1, 1))}
    labels = {"event_relevance": relevance}
    accuracies = metrics.record_accuracies("cml", labels, predictions)
    best, worst = draw_best_and_worst(
        "cml", annotations, AVE.label_names, labels, predictions, accuracies
    )
    (record,) = best  # an event of ten seconds has nothing to find
    assert record.accuracy == (0 if pairs else 0.5)
    first, second = record.drawings
    assert (first.title, first.query) == ("audio to visual", "audio")
    assert first.labels == ["Background"] * 3 + [BELL] * 3 + ["Background"] * 3
    assert first.truth == ["Background"] * 2 + [BELL] * 3 + ["Background"] * 4
    start = 1 if pairs else 2
    expected = ["Background"] * start + [BELL] * 3 + ["Background"] * (6 - start)
    assert second.labels == expected
    if not pairs:
        assert first.curves["visual"] == visual[0, :9].tolist()
