import keras
import numpy as np
import pytest

from avel_tf.choices import PADDING
from avel_tf.localization import (
    best_window,
    expected_hits,
    expected_overlap,
    most_likely,
    segment_labels,
    segment_weights,
    window_scores,
)


def relevance(*events, segments=10):
    rows = np.zeros((len(events), segments), "float32")
    for row, (start, end) in zip(rows, events, strict=True):
        row[start:end] = 1
    return rows


def test_most_likely():
    logits = np.array([[[0.0, 3.0, 3.0], [0.0, 0.0, -1.0]], [[1.0, 1.0, 1.0], [-2.0, -3.0, -1.0]]])
    found = most_likely(logits.astype("float32"))
    np.testing.assert_array_equal(found, [[1, 0], [0, 2]])  # the first of tied ones
    assert keras.backend.standardize_dtype(found.dtype) == "int32"


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


def test_segment_weights():
    targets = np.array([[0, 1, 5, 0], [3, PADDING, PADDING, PADDING], [PADDING] * 4])
    expected = [[1, 1, 1, 1], [4, 0, 0, 0], [0, 0, 0, 0]]
    for dtype in ("int64", "float32"):
        np.testing.assert_array_equal(segment_weights(targets.astype(dtype)), expected)


def test_window_scores():
    scores = np.array([[1.0, 2.0, 4.0, 8.0], [0.0, -1.0, 0.0, 1.0]], "float32")
    np.testing.assert_array_equal(window_scores(scores, 2), [[3, 6, 12], [-1, -1, 1]])
    np.testing.assert_array_equal(window_scores(scores, 1), scores)
    np.testing.assert_array_equal(window_scores(scores, 4), [[15], [0]])
    assert window_scores(scores, 2).dtype == np.float64


@pytest.mark.parametrize("length", [0, 5, -1, 2.5])
def test_window_must_fit_the_record_and_not_be_empty(length):
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
    scores[0, 2:5] = 1  # only the event's window
    scores[1, 3:6] = 1  # one segment late
    scores[2, 3:5] = 1  # windows 2 and 3 tie, one of them is right
    scores[3] = 0.3  # all eight windows tie
    hits, counts = expected_hits(scores, event_relevance)
    np.testing.assert_allclose(hits, [1, 0, 1 / 2, 1 / 8])
    assert counts.all()


def test_constant_score_is_a_random_window():
    # Wherever the event is: preferring the first of tied windows would favor early events.
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


def test_rounding_errors_tie_and_real_differences_do_not():
    # 0.1 + 0.2 + 0.3 is one bit more than 0.3 + 0.2 + 0.1.
    scores = np.array([[0.1, 0.2, 0.3, -1.0, 0.3, 0.2, 0.1]] * 3)
    assert np.ptp(window_scores(scores[0], 3)[[0, 4]]) > 0
    scores[2, 6] += 1e-5
    hits, _ = expected_hits(scores, relevance((0, 3), (4, 7), (0, 3), segments=7))
    np.testing.assert_array_equal(hits, [0.5, 0.5, 0])


@pytest.mark.parametrize("xp", [np, keras.ops])
def test_what_is_outside_of_a_window_does_not_make_it_tie(xp):
    # A tolerance by the sum of all scores, of 100 pairs at that, took both for half a hit.
    scores = np.full((1, 10, 10), -100, "float32")
    scores[0, 4, 4], scores[0, 4, 7] = 1.0001, 1
    hits, _ = expected_hits(scores, relevance((4, 5)), xp)
    np.testing.assert_array_equal(hits, [1])
    hits, _ = expected_hits(scores[:, 4], relevance((7, 8)), xp)
    np.testing.assert_array_equal(hits, [0])
    assert best_window(scores[0, 4], 1) == (4, 5)


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


def test_event_in_two_parts_is_not_a_window():
    event_relevance = relevance((2, 3)) + relevance((6, 7))
    hits, counts = expected_hits(event_relevance, event_relevance)
    assert counts.all() and not hits.any()


def by_hand(scores, event_relevance, length, start):
    """Computes sum and overlap of one record's window at `start`, segment by segment."""
    truth = np.flatnonzero(event_relevance)
    window = range(start, start + length)
    if scores.ndim == 1:
        total = sum(scores[t] for t in window)
    else:  # the event laid on the window: its first segment with the window's first, and so on
        total = sum(scores[query, t] for query, t in zip(truth, window, strict=True))
    return total, len({*truth} & {*window}) / len({*truth} | {*window})


def expected_by_hand(scores, event_relevance):
    """Computes hit and overlap of one record, averaged over its best windows."""
    length = int(event_relevance.sum())
    starts = range(len(event_relevance) - length + 1)
    windows = [by_hand(scores, event_relevance, length, start) for start in starts]
    best = max(total for total, _ in windows)
    overlaps = [overlap for total, overlap in windows if total == best]
    return overlaps.count(1.0) / len(overlaps), np.mean(overlaps)


@pytest.mark.parametrize("values", [2, 1000])  # few values: many ties
@pytest.mark.parametrize("pairs", [False, True])
def test_hits_and_overlap_equal_trying_every_window(pairs, values):
    rng = np.random.default_rng(0)
    shape = (300, 7, 7) if pairs else (300, 7)
    scores = rng.integers(0, values, shape).astype("float32")
    lengths = rng.integers(1, 7, 300)
    starts = rng.integers(0, 8 - lengths)
    event_relevance = relevance(*zip(starts, starts + lengths, strict=True), segments=7)
    expected = np.array(
        [expected_by_hand(*record) for record in zip(scores, event_relevance, strict=True)]
    )
    for column, function in enumerate((expected_hits, expected_overlap)):
        results, counts = function(scores, event_relevance)
        assert counts.all()
        np.testing.assert_allclose(results, expected[:, column])
    if values == 2:
        assert 0.1 < np.mean(expected[:, 0] % 1 > 0) < 0.9  # the answer is often a tie


def test_pairs_known_answer():
    # Four segments, the event in 1 and 2. Windows sum the scores of query 1 with their first
    # segment and of query 2 with their second: 1 + 2 at 0, 3 + 4 at 1, 5 + 2 at 2. Scores of the
    # background queries 0 and 3 do not matter, nor do scores of pairs that are never aligned.
    scores = np.array([[[9, 9, 9, 9], [1, 3, 5, 9], [9, 2, 4, 2], [9, 9, 9, 9]]])
    event_relevance = relevance((1, 3), segments=4)
    # The correct window ties with the one at 2, which overlaps the event in one of 3 segments.
    np.testing.assert_allclose(expected_hits(scores, event_relevance)[0], [1 / 2])
    np.testing.assert_allclose(expected_overlap(scores, event_relevance)[0], [(1 + 1 / 3) / 2])
    scores[0, 2, 3] = 3  # now 5 + 3 at 2
    np.testing.assert_allclose(expected_hits(scores, event_relevance)[0], [0])
    np.testing.assert_allclose(expected_overlap(scores, event_relevance)[0], [1 / 3])
    # Transposed, queries are columns: 9 + 2 at 0, 3 + 4 at 1, 2 + 9 at 2.
    transposed = scores.swapaxes(1, 2)
    np.testing.assert_allclose(expected_hits(transposed, event_relevance)[0], [0])
    np.testing.assert_allclose(expected_overlap(transposed, event_relevance)[0], [1 / 3])


def test_pairs_of_one_candidate_row_are_its_scores():
    # If all query segments score the candidates alike, that is one score per candidate.
    rng = np.random.default_rng(3)
    scores = rng.integers(0, 4, (50, 10)).astype("float32")
    event_relevance = relevance(*[(3, 7)] * 50)
    pairs = np.repeat(scores[:, None], 10, axis=1)
    for function in (expected_hits, expected_overlap):
        np.testing.assert_allclose(
            function(pairs, event_relevance)[0], function(scores, event_relevance)[0]
        )


def test_constant_pairs_are_a_random_window():
    for constant in (0.1, -3.3e5, 0.0):
        scores = np.full((7, 10, 10), constant, "float32")
        hits, _ = expected_hits(scores, relevance(*[(start, start + 4) for start in range(7)]))
        np.testing.assert_allclose(hits, np.full(7, 1 / 7))


def test_overlap_known_answers():
    # Event 2 to 5. One segment late: 2/4. A tie of windows 2 and 3: the mean of 1 and 2/4.
    # Disjoint: 0.
    scores = np.zeros((4, 10))
    scores[0, 2:5], scores[1, 3:6], scores[2, 3:5], scores[3, 7:10] = 1, 1, 1, 1
    overlap, counts = expected_overlap(scores, relevance(*[(2, 5)] * 4))
    np.testing.assert_allclose(overlap, [1, 1 / 2, (1 + 1 / 2) / 2, 0])
    assert counts.all()
    overlap, counts = expected_overlap(scores[:2], relevance((0, 0), (0, 10)))
    assert not counts.any() and not overlap.any()


@pytest.mark.parametrize("pairs", [False, True])
def test_windows_end_where_the_record_does(pairs):
    rng = np.random.default_rng(4)
    shape = (200, 6, 6) if pairs else (200, 6)
    scores = rng.integers(0, 3, shape).astype("float32")
    lengths = np.arange(200) % 7
    starts = rng.integers(0, 7 - lengths)
    event_relevance = relevance(*zip(starts, starts + lengths, strict=True), segments=6)
    longer = np.pad(event_relevance, ((0, 0), (0, 4)), constant_values=PADDING)
    # The largest scores of all, and so many that small differences would become ties.
    padded = np.pad(scores, [(0, 0)] + [(0, 4)] * (scores.ndim - 1), constant_values=1e7)
    for xp in (np, keras.ops):
        for function in (expected_hits, expected_overlap):
            expected, expected_counts = function(scores, event_relevance, xp)
            results, counts = function(padded, longer, xp)
            np.testing.assert_array_equal(counts, expected_counts)
            np.testing.assert_allclose(results, expected, rtol=1e-6)
    assert not np.asarray(counts)[lengths == 6].any()  # nothing but the event


class Expected(keras.Model):
    def call(self, inputs):
        hits, counts = expected_hits(*inputs, xp=keras.ops)
        overlap, _ = expected_overlap(*inputs, xp=keras.ops)
        return hits, overlap, counts


@pytest.mark.parametrize("pairs", [False, True])
def test_tensors_of_unknown_size_give_the_same(pairs):
    rng = np.random.default_rng(2)
    model = Expected()
    for segments in (10, 4, 7):  # Keras compiles for unknown sizes after the first one
        shape = (100, segments, segments) if pairs else (100, segments)
        scores = rng.integers(0, 3, shape).astype("float32") / 10
        event_relevance = relevance(*[(1, n % segments + 1) for n in range(100)], segments=segments)
        hits, overlap, counts = model.predict_on_batch([scores, event_relevance])
        expected, expected_counts = expected_hits(scores, event_relevance)
        np.testing.assert_allclose(hits, expected, rtol=1e-6)
        expected, _ = expected_overlap(scores, event_relevance)
        np.testing.assert_allclose(overlap, expected, rtol=1e-6)
        np.testing.assert_array_equal(counts, expected_counts)
