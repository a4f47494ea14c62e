import numpy as np
import pytest

from avel_tf.ave import BACKGROUND, Annotation
from avel_tf.prediction import events
from avel_tf.prediction.events import Event, localize

CLOCK, TRUCK = 26, 7
FIRST, SECOND = events.CATEGORIES[CLOCK], events.CATEGORIES[TRUCK]


def probabilities(labels, certainty):
    """(B, T, 29): `certainty` for each label, the rest for background or, of that, the clock."""
    labels, certainty = np.broadcast_arrays(labels, certainty)
    made = np.zeros((*labels.shape, BACKGROUND + 1))
    np.put_along_axis(made, labels[..., None], certainty[..., None], axis=-1)
    others = np.where(labels == BACKGROUND, CLOCK, BACKGROUND)
    np.put_along_axis(made, others[..., None], 1 - certainty[..., None], axis=-1)
    return made


class Fake:
    """A system that takes the label and its certainty of each segment from the features."""

    def __init__(self):
        self.batches = []

    def __call__(self, audio_features, visual_features):
        np.testing.assert_array_equal(audio_features[..., 0], visual_features[..., 0, 0, 0])
        self.batches.append(audio_features.shape[:2])
        labels, certainty = audio_features[..., 0].astype(int), audio_features[..., 1]
        return {
            "segment_label": labels,
            "segment_probabilities": probabilities(labels, certainty),
            "event_relevance_probabilities": certainty,
            "audio_relevance_probabilities": certainty / 2,
            "event_category": labels[:, 0],
        }


def features(labels, certainty=0.9):
    audio = np.zeros((len(labels), 128), np.float32)
    audio[:, 0], audio[:, 1] = labels, certainty
    return audio, audio[:, None, None, :]


def test_a_clip_of_one_window_has_the_labels_the_system_gives():
    labels = [BACKGROUND, CLOCK, CLOCK, BACKGROUND, TRUCK, TRUCK, TRUCK, *[BACKGROUND] * 3]
    certainty = np.linspace(0.1, 0.3, 10)  # the labels are not the most probable ones
    found = localize(Fake(), *features(labels, certainty))
    assert found.labels.tolist() == labels
    assert [(each.start_seconds, each.end_seconds, each.category) for each in found.events] == [
        (1, 3, FIRST),
        (4, 7, SECOND),
    ]
    assert found.events[1].confidence == pytest.approx(certainty[4:7].mean())
    np.testing.assert_allclose(found.relevance["event"], certainty, rtol=1e-6)
    np.testing.assert_allclose(found.relevance["audio"], certainty / 2, rtol=1e-6)
    assert "visual" not in found.relevance


def test_a_short_clip_is_one_window():
    fake = Fake()
    found = localize(fake, *features([CLOCK, CLOCK, BACKGROUND]))
    assert fake.batches == [(1, 3)]
    assert found.events == [Event(0, 2, FIRST, pytest.approx(0.9))]


@pytest.mark.parametrize(
    ("num_segments", "starts"),
    [(1, [0]), (10, [0]), (11, [0, 1]), (15, [0, 5]), (16, [0, 5, 6]), (20, [0, 5, 10])],
)
def test_windows_overlap_and_the_last_ends_with_the_clip(num_segments, starts):
    assert events.window_starts(num_segments) == starts


def test_an_event_across_windows_is_one():
    labels = [BACKGROUND] * 3 + [CLOCK] * 200 + [BACKGROUND] * 4
    fake = Fake()
    found = localize(fake, *features(labels))
    assert found.labels.tolist() == labels
    assert found.events == [Event(3, 203, FIRST, pytest.approx(0.9))]
    assert sum(size for size, _ in fake.batches) == len(events.window_starts(207))
    assert max(size for size, _ in fake.batches) == events.WINDOWS_AT_ONCE


def test_windows_that_disagree_are_decided_by_probability():
    """Seconds 5 to 9 are in both windows, which see different things there."""

    def disagree(audio_features, visual_features):
        labels = np.array([[CLOCK] * 10, [TRUCK] * 10])
        certainty = np.array([[0.8] * 10, [0.9] * 10])
        certainty[1, :2] = 0.7
        return {
            "segment_label": labels,
            "segment_probabilities": probabilities(labels, certainty),
            "event_relevance_probabilities": certainty,
        }

    found = localize(disagree, *features([BACKGROUND] * 15))
    assert found.labels.tolist() == [CLOCK] * 7 + [TRUCK] * 8
    assert found.relevance["event"][[0, 5, 7, 14]] == pytest.approx([0.8, 0.75, 0.85, 0.9])
    # Of seconds 5 and 6 only one of two windows says so.
    assert found.events[0].confidence == pytest.approx((5 * 0.8 + 2 * 0.4) / 7)


def test_a_model_that_diverged_is_told():
    with pytest.raises(ValueError, match="probabilities are not numbers"):
        localize(Fake(), *features([CLOCK] * 3, certainty=np.nan))


def test_true_labels_of_a_video_with_two_records():
    records = [Annotation(0, FIRST, "a", 1, 3), Annotation(1, SECOND, "a", 2, 4)]
    assert events.true_labels(records, 5) == [
        {"Background"},
        {FIRST, "Background"},
        {FIRST, SECOND},
        {"Background", SECOND},
        {"Background"},
    ]
