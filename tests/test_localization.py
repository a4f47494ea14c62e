import keras
import numpy as np
import pytest

from avel_tf.localization import best_window, expected_hits, segment_labels, window_scores


def relevance(*events, segments=10):
    rows = np.zeros((len(events), segments), "float32")
    for row, (start, end) in zip(rows, events, strict=True):
        row[start:end] = 1
    return rows


def expected_hit_by_hand(scores, event_relevance):
    """One record: try every window, then look among the best ones."""
    length = int(event_relevance.sum())
    windows = [range(start, start + length) for start in range(len(scores) - length + 1)]
    sums = [sum(scores[t] for t in window) for window in windows]
    best = [window for window, total in zip(windows, sums, strict=True) if total == max(sums)]
    truth = set(np.flatnonzero(event_relevance))
    return sum(set(window) == truth for window in best) / len(best)


def test_segment_labels():
    logits = np.array([[0.0, 3.0, 1.0], [-1.0, -2.0, -3.0]])
    probabilities = np.array([[0.9, 0.5, 0.4999, 0.0], [0.2, 0.6, 1.0, 0.5]])
    labels = segment_labels(logits, probabilities)
    # The threshold itself is event; background is the number of categories.
    np.testing.assert_array_equal(labels, [[1, 1, 3, 3], [3, 0, 0, 0]])
    assert keras.backend.standardize_dtype(labels.dtype) == "int32"
    np.testing.assert_array_equal(
        segment_labels(logits, probabilities, threshold=0.7), [[1, 3, 3, 3], [3, 3, 0, 3]]
    )
    symbolic = segment_labels(keras.KerasTensor((None, 3)), keras.KerasTensor((None, None)))
    assert (symbolic.shape, symbolic.dtype) == ((None, None), "int32")


def test_window_scores():
    scores = np.array([[1.0, 2.0, 4.0, 8.0], [0.0, -1.0, 0.0, 1.0]], "float32")
    np.testing.assert_array_equal(window_scores(scores, 2), [[3, 6, 12], [-1, -1, 1]])
    np.testing.assert_array_equal(window_scores(scores, 1), scores)
    np.testing.assert_array_equal(window_scores(scores, 4), [[15], [0]])
    assert window_scores(scores, 2).dtype == np.float64


@pytest.mark.parametrize("length", [0, 5, -1, 2.5])
def test_window_longer_than_the_record_or_empty(length):
    with pytest.raises(ValueError, match=rf"`length` must be .* Received: length={length}"):
        window_scores(np.zeros((1, 4)), length)


def test_best_window():
    assert best_window(np.array([0.0, 5.0, 5.0, 0.0, 9.0]), 2) == (1, 3)
    assert best_window(np.array([0.0, 5.0, 5.0, 0.0, 9.0]), 1) == (4, 5)
    assert best_window(np.array([1.0, 0.0]), 2) == (0, 2)
    # Seven windows tie: the one in their middle, not the first.
    assert best_window(np.full(10, 0.1), 4) == (3, 7)


def test_expected_hits_known_answers():
    event_relevance = relevance((2, 5), (2, 5), (2, 5), (0, 3))
    scores = np.zeros((4, 10))
    scores[0, 2:5] = 1  # the event's window alone
    scores[1, 3:6] = 1  # one segment late
    scores[2, 3:5] = 1  # windows 2 and 3 tie, one of them is right
    scores[3] = 0.3  # all eight windows tie
    hits, counts = expected_hits(scores, event_relevance)
    np.testing.assert_allclose(hits, [1, 0, 1 / 2, 1 / 8])
    assert counts.all()


def test_constant_score_is_a_random_window():
    # Wherever the event is: ties never fall to the first window, which would favour one place.
    events = [(start, start + 4) for start in range(7)]
    for constant in (0.1, -3.3e5, 0.0, 1e-30):
        scores = np.full((7, 10), constant, "float32")
        hits, _ = expected_hits(scores, relevance(*events))
        np.testing.assert_allclose(hits, np.full(7, 1 / 7))


def test_records_without_event_or_background_do_not_count():
    event_relevance = relevance((0, 0), (0, 10), (9, 10), (0, 9))
    hits, counts = expected_hits(np.arange(10.0) + np.zeros((4, 1)), event_relevance)
    np.testing.assert_array_equal(counts, [False, False, True, True])
    np.testing.assert_array_equal(hits, [0, 0, 1, 0])


@pytest.mark.parametrize("values", [3, 1000])  # few values: many ties
def test_expected_hits_equal_trying_every_window(values):
    rng = np.random.default_rng(0)
    scores = rng.integers(0, values, (300, 10)).astype("float32")
    lengths = rng.integers(1, 10, 300)
    starts = rng.integers(0, 11 - lengths)
    event_relevance = relevance(*zip(starts, starts + lengths, strict=True))
    expected = [
        expected_hit_by_hand(*record) for record in zip(scores, event_relevance, strict=True)
    ]
    hits, counts = expected_hits(scores, event_relevance)
    assert counts.all()
    np.testing.assert_allclose(hits, expected)
    if values == 3:
        assert 0.1 < np.mean(np.array(expected) % 1 > 0) < 0.9  # the answer is often a tie


def test_noise_of_summation_is_a_tie_and_a_real_difference_is_not():
    # 0.1 + 0.2 + 0.3 is one bit more than 0.3 + 0.2 + 0.1.
    scores = np.array([[0.1, 0.2, 0.3, -1.0, 0.3, 0.2, 0.1]] * 3)
    assert np.ptp(window_scores(scores[0], 3)[[0, 4]]) > 0
    scores[2, 6] += 1e-5
    hits, _ = expected_hits(scores, relevance((0, 3), (4, 7), (0, 3), segments=7))
    np.testing.assert_array_equal(hits, [0.5, 0.5, 0])


def test_scale_of_the_scores_does_not_matter():
    rng = np.random.default_rng(1)
    scores = rng.integers(-2, 3, (50, 10)) / 10
    event_relevance = relevance(*[(3, 6)] * 50)
    expected, _ = expected_hits(scores, event_relevance)
    for factor in (1e-6, 7.0, 1e6):
        np.testing.assert_array_equal(expected_hits(scores * factor, event_relevance)[0], expected)


@pytest.mark.filterwarnings("ignore:invalid value encountered in divide")
def test_diverged_scores_show():
    hits, _ = expected_hits(np.full((1, 10), np.nan), relevance((2, 5)))
    assert np.isnan(hits).all()


def test_event_in_two_parts_is_no_window():
    event_relevance = relevance((2, 3)) + relevance((6, 7))
    hits, counts = expected_hits(event_relevance, event_relevance)
    assert counts.all() and not hits.any()


class ExpectedHits(keras.Model):
    def call(self, inputs):
        return expected_hits(*inputs, xp=keras.ops)


def test_tensors_of_unknown_size_give_the_same():
    rng = np.random.default_rng(2)
    model = ExpectedHits()
    for segments in (10, 4, 7):  # Keras compiles for unknown sizes after the first
        scores = rng.integers(0, 3, (100, segments)).astype("float32") / 10
        event_relevance = relevance(*[(1, n % segments + 1) for n in range(100)], segments=segments)
        hits, counts = model.predict_on_batch([scores, event_relevance])
        expected, expected_counts = expected_hits(scores, event_relevance)
        np.testing.assert_allclose(hits, expected, rtol=1e-6)
        np.testing.assert_array_equal(counts, expected_counts)
