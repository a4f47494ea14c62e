"""Scores without a query, on records made by hand."""

import numpy as np
import pytest

from avel_tf.choices import PADDING
from avel_tf.query_blind import SCORES, best_query_blind, query_blind_hits

RELEVANCE = np.array([[0, 0, 1, 1, 0, 0]])


def features(*segments):
    return np.array([segments], np.float32)


# An event in segments 2 and 3 that differs from the rest: in direction, in size, in both, and one
# whose background is not alike but without a jump as large as those at the event's ends.
TURN = features([3, 0], [3, 0], [0, 3], [0, 3], [3, 0], [3, 0])
LOUD = features([1, 0], [1, 0], [3, 0], [3, 0], [1, 0], [1, 0])
QUIET = features([3, 0], [3, 0], [1, 0], [1, 0], [3, 0], [3, 0])
CONSTANT = features(*[[1, 2]] * 6)


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("change point", [1, 1, 1, 1 / 5]),
        ("change of direction", [1, 1 / 5, 1 / 5, 1 / 5]),  # without a change: one of 5 windows
        ("changes at its ends", [1, 1, 1, 1 / 5]),
        ("norm", [1 / 5, 1, 0, 1 / 5]),
    ],
)
def test_known_records(name, found):
    hits = [query_blind_hits(name, each, RELEVANCE)[0] for each in (TURN, LOUD, QUIET, CONSTANT)]
    assert hits == pytest.approx(found)


@pytest.mark.parametrize("name", SCORES)
def test_records_with_nothing_to_find_do_not_count(name):
    relevance = np.array([[0] * 6, [1] * 6, [PADDING] * 6, [1, 1, 1, *[PADDING] * 3]])
    assert np.isnan(query_blind_hits(name, np.repeat(LOUD, 4, axis=0), relevance)).all()


@pytest.mark.parametrize("name", SCORES)
def test_padding_is_never_a_candidate(name):
    # Padding differs more from the record than the event does, and it would be a change at an end.
    short = features([5, 0], [6, 1], [5, 0], [0, 0], [0, 0], [0, 0])
    relevance = np.array([[0, 1, 0, PADDING, PADDING, PADDING]])
    assert query_blind_hits(name, short, relevance) == [1]


def test_maps_are_averaged():
    maps = np.stack([LOUD - 1, LOUD + 1], axis=2)[:, :, :, None]  # (1, 6, 2, 1, 2)
    for name in SCORES:
        assert query_blind_hits(name, maps, RELEVANCE) == query_blind_hits(name, LOUD, RELEVANCE)


def test_the_best_on_val_is_applied_to_test():
    name, hits = best_query_blind((TURN, RELEVANCE), (LOUD, RELEVANCE))
    assert (name, hits.tolist()) == ("change point", [1])
    # The event turns around within, which hides it from the mean of its window.
    first = np.array([[1, 1, 0, 0, 0, 0]])
    restless = features([4], [-4], [3], [3], [-3], [-3])
    name, hits = best_query_blind((restless, first), (QUIET, RELEVANCE))
    assert (name, hits.tolist()) == ("norm", [0])
    nothing = np.zeros_like(RELEVANCE)
    assert best_query_blind((LOUD, nothing), (LOUD, RELEVANCE))[0] == "change point"
