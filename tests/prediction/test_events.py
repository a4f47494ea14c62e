import numpy as np
import pytest

from avel_tf.ave import BACKGROUND, CATEGORIES, Annotation
from avel_tf.prediction import events
from avel_tf.prediction.events import Event, localize

CLOCK, TRUCK = 26, 7
FIRST, SECOND = CATEGORIES[CLOCK], CATEGORIES[TRUCK]


def probabilities(labels, certainty):
    """Makes (B, T, 29): `certainty` for each label; the rest for background or, for it, a clock."""
    labels, certainty = np.broadcast_arrays(labels, certainty)
    made = np.zeros((*labels.shape, BACKGROUND + 1))
    np.put_along_axis(made, labels[..., None], certainty[..., None], axis=-1)
    others = np.where(labels == BACKGROUND, CLOCK, BACKGROUND)
    np.put_along_axis(made, others[..., None], 1 - certainty[..., None], axis=-1)
    return made


class Fake:
    """A system that reads each segment's label and its certainty from the features."""

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
    assert found.events == [Event(0, 2, FIRST, pytest.approx(0.9), pytest.approx(0.45))]


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
    assert found.events == [Event(3, 203, FIRST, pytest.approx(0.9), pytest.approx(0.45))]
    assert sum(size for size, _ in fake.batches) == len(events.window_starts(207))
    assert max(size for size, _ in fake.batches) == events.WINDOWS_AT_ONCE


def test_probability_decides_where_windows_disagree():
    """Checks seconds 5 to 9, which are in two windows that label them differently."""

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
    # Only one of the two windows labels seconds 5 and 6 so.
    assert found.events[0].confidence == pytest.approx((5 * 0.8 + 2 * 0.4) / 7)


def by_relevance(relevance):
    """Makes a system with dual attention matching's rule, of one relevance (T,) per window."""

    def answer(audio_features, visual_features):
        chance = np.asarray(relevance)[: len(audio_features)]
        made = np.zeros((*chance.shape, BACKGROUND + 1))
        made[..., CLOCK], made[..., TRUCK] = 0.6 * chance, 0.4 * chance
        made[..., BACKGROUND] = 1 - chance
        return {
            "segment_label": np.where(chance >= 0.5, CLOCK, BACKGROUND),
            "segment_probabilities": made,
            "event_relevance_probabilities": chance,
            "audio_relevance_probabilities": np.zeros_like(chance),
            "visual_relevance_probabilities": 2 * chance,
        }

    return answer


def test_where_windows_disagree_the_rule_of_the_system_decides():
    # Seconds 5 to 9: one window says background. The mean relevance says event, though background
    # is more probable than either category.
    clip = features([BACKGROUND] * 15)
    windows = by_relevance([[0.42] * 10, [0.6] * 10])
    found = localize(windows, *clip, own_threshold=0.5)
    assert found.labels.tolist() == [BACKGROUND] * 5 + [CLOCK] * 10
    assert (found.probabilities[5:10, BACKGROUND] > found.probabilities[5:10, CLOCK]).all()
    assert localize(windows, *clip, own_threshold=0.52).labels.tolist() == [
        *[BACKGROUND] * 10,
        *[CLOCK] * 5,
    ]
    found = localize(by_relevance([[0.35] * 10, [0.6] * 10]), *clip, own_threshold=0.5)
    assert found.labels.tolist() == [BACKGROUND] * 10 + [CLOCK] * 5


def test_a_system_of_single_seconds_takes_the_most_probable_label_where_windows_disagree():
    """Checks seconds 5 to 9, where background is most probable but has less than one half."""

    def disagree(audio_features, visual_features):
        made = np.zeros((2, 10, BACKGROUND + 1))
        made[0, :, [CLOCK, BACKGROUND]] = [[0.45], [0.55]]
        made[1, :, [CLOCK, TRUCK, BACKGROUND]] = [[0.35], [0.34], [0.31]]
        return {
            "segment_label": made.argmax(axis=-1),
            "segment_probabilities": made,
            "event_relevance_probabilities": 1 - made[..., BACKGROUND],
        }

    found = localize(disagree, *features([BACKGROUND] * 15))
    assert found.labels.tolist() == [BACKGROUND] * 10 + [CLOCK] * 5


def test_a_threshold_decides_what_is_an_event():
    system = by_relevance([[0.2] * 3 + [0.5] * 3 + [0.9] * 4])  # 0.5: only seen, not heard
    found = localize(system, *features([BACKGROUND] * 10))
    assert found.events == [
        Event(
            3, 10, FIRST, pytest.approx(0.6 * (3 * 0.5 + 4 * 0.9) / 7), 0, pytest.approx(10.2 / 7)
        )
    ]
    for threshold, start in [(0.1, 0), (0.5, 3), (0.51, 6), (0.9, 6)]:
        found = localize(system, *features([BACKGROUND] * 10), threshold=threshold)
        assert [(each.start_seconds, each.end_seconds) for each in found.events] == [(start, 10)]
    assert localize(system, *features([BACKGROUND] * 10), threshold=1.0).events == []


def test_a_model_that_diverged_is_refused():
    with pytest.raises(ValueError, match="probabilities are not finite"):
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
