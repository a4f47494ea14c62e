"""The audit finds what was put into features, and nothing where there is nothing."""

import numpy as np
import pytest

from avel_tf.errors import InputError
from avel_tf.simulation import audit as audits
from avel_tf.simulation.audit import AuditedRecord, audit
from avel_tf.simulation.segment_statistics import audio_statistics, visual_statistics


def records(louder=0.0, even=0.0, by_category=0.0, copied=False):
    """Draws records whose event, of two to four seconds, gives something away."""
    random = np.random.default_rng(0)
    drawn = []
    for row in range(120):
        category, start, length = row % 4, random.integers(6), random.integers(2, 5)
        relevance = np.zeros(10)
        relevance[start : start + length] = 1
        audio = random.uniform(0, 1, (10, 8)) + louder * relevance[:, None]
        audio += by_category * category
        visual = random.uniform(0, 1, (10, 3, 3, 8))
        mean = visual.mean(axis=(1, 2), keepdims=True)
        visual += even * relevance[:, None, None, None] * (mean - visual)
        drawn.append((category, relevance, audio, visual))
    if copied:
        drawn[100:] = drawn[:20]
    splits = ["train"] * 80 + ["val"] * 20 + ["test"] * 20
    return [AuditedRecord.of(split, *each) for split, each in zip(splits, drawn, strict=True)]


def test_features_that_give_nothing_away():
    found = audit(records())
    assert max(area for area, _, _ in found.statistics.values()) < 0.62
    assert found.event_area < 0.62
    assert found.near_duplicates == 0
    assert (found.num_test, found.num_short) == (20, 20)


def test_a_loud_event_is_found_by_sound_alone():
    found = audit(records(louder=3.0))
    area, within, _ = found.statistics["sound, norm"]
    assert area > 0.99 and within > 0.99
    assert found.statistics["picture, norm"][0] < 0.62
    assert found.event_area > 0.99
    # Sounds are the candidates of V2A, the second of each pair.
    for a2v, v2a in (found.change_point, found.query_blind):
        assert v2a == 1 and a2v < 0.5
    assert "| sound, norm | 1.000 | 1.000 |" in "\n".join(found.lines())


def test_even_maps_are_found():
    found = audit(records(even=0.8))
    assert found.statistics["picture, spatial deviation"][0] > 0.95
    assert found.statistics["picture, evenness"][0] > 0.95
    assert found.statistics["sound, norm"][0] < 0.62
    assert found.query_blind[0] > 0.9 and found.query_blind[1] < 0.5


def test_categories_by_loudness():
    found = audit(records(by_category=3.0))
    assert found.category_accuracy > 0.9
    assert found.category_chance == 0.25
    assert found.statistics["picture, norm"][2] < 0.5


def test_copies_across_splits_are_counted():
    assert audit(records(copied=True)).near_duplicates == 20


def test_nothing_to_tell_apart_is_an_error():
    with pytest.raises(InputError, match="None of the 0 records of test has both"):
        audit([record for record in records() if record.split == "train"])


def test_statistics_of_a_second():
    audio = np.array([[3.0, 4.0], [0.0, 0.0], [0.0, 2.0]])
    np.testing.assert_allclose(
        audio_statistics(audio),
        # Mean, norm, maximum, zeros; distances between seconds are 5 and 2.
        [[3.5, 5, 4, 0, 5], [0, 0, 0, 1, 3.5], [1, 2, 2, 0.5, 2]],
    )
    maps = np.array([[[[1.0, 1.0], [3.0, 3.0]]], [[[1.0, 0.0], [0.0, 1.0]]]])  # (2, 1, 2, 2)
    found = visual_statistics(maps)
    np.testing.assert_allclose(found[:, :4], [[2, np.sqrt(20), 3, 0], [0.5, np.sqrt(2), 1, 0.5]])
    # Regions (1, 1) and (3, 3) differ in strength, and have equal shares; the others do not.
    np.testing.assert_allclose(found[:, 5:], [[1, 0], [0.5, 0.5]])


def test_areas_are_those_of_ranks():
    # Of six pairs of event and background, four are in order and one ties.
    area = audits._area(np.array([3, 2, 1, 2, 0]), np.array([True, True, False, False, True]))
    assert area == pytest.approx((2 + 1.5 + 0) / 6)
