"""Controls of models made by hand: those that use their input, and those that do not."""

import numpy as np
import pytest

from avel_tf.choices import PADDING
from avel_tf.evaluation.controls import (
    OTHER_PICTURES,
    OTHER_QUERIES,
    OTHER_SOUND,
    TRUE_CATEGORY,
    TRUE_RELEVANCE,
    compare_with_control,
    control_accuracies,
    find_partners,
    query_blind_accuracies,
)
from avel_tf.metrics import record_accuracies

IDS = np.array([7, 3, 9, 5, 1, 8])
# Two events of 2 of 6 segments, two of 3, one that is alone with its length, one short record.
RELEVANCE = np.array(
    [
        [1, 1, 0, 0, 0, 0],
        [0, 0, 0, 1, 1, 0],
        [0, 1, 1, 1, 0, 0],
        [0, 0, 0, 1, 1, 1],
        [0, 1, 0, 0, 0, 0],
        [1, 1, 0, 0, PADDING, PADDING],
    ],
    np.float32,
)
PARTNERS = [1, 0, 3, 2, 4, 5]
NAN = np.nan


def search(features, uses_query, pairs=False):
    """Predict function of a model that finds the segments whose number is nearest to the query's.

    Without its query it takes the mean of the record's own event, as if it knew it.
    """

    def predict(exchanged):
        inputs = {
            name: each[exchanged[name]] if name in exchanged else each
            for name, each in features.items()
        }
        if pairs:
            audio, visual = inputs["audio_features"], inputs["visual_features"]
            return {"audio_visual_scores": -np.abs(audio[:, :, None] - visual[:, None])}
        asked = inputs if uses_query else features
        is_query = asked["event_relevance"] > 0.5
        outputs = {}
        for query, candidates in (("audio", "visual"), ("visual", "audio")):
            sought = np.mean(asked[f"{query}_features"], axis=1, where=is_query, keepdims=True)
            found = inputs[f"{candidates}_features"]
            outputs[f"{candidates}_relevance_logits"] = -np.abs(found - sought)
        return outputs

    return predict


NUMBERS = np.where(RELEVANCE > 0.5, np.arange(1, 7)[:, None], -np.arange(1, 7)[:, None])
FEATURES = {
    "audio_features": NUMBERS,
    "visual_features": NUMBERS,
    "event_relevance": RELEVANCE,
}
LABELS = {"event_relevance": RELEVANCE, "record_id": IDS}


def shuffled(predict):
    return control_accuracies("cml", LABELS, predict({}), predict)[OTHER_QUERIES]


def test_a_model_that_ignores_its_query_equals_its_control():
    predict = search(FEATURES, uses_query=False)
    own = record_accuracies("cml", LABELS, predict({}))
    np.testing.assert_array_equal(own, np.ones(6))
    np.testing.assert_array_equal(shuffled(predict), [1, 1, 1, 1, NAN, NAN])


def test_a_model_that_uses_its_query_does_not():
    # The number of a partner's event is nearer to background than to the record's own event.
    numbers = np.where(RELEVANCE > 0.5, [[1], [-1]] * 3, [[-1], [1]] * 3)
    features = FEATURES | {"audio_features": numbers, "visual_features": numbers}
    predict = search(features, uses_query=True)
    np.testing.assert_array_equal(record_accuracies("cml", LABELS, predict({})), np.ones(6))
    np.testing.assert_array_equal(shuffled(predict), [0, 0, 0, 0, NAN, NAN])


def test_pairs_are_those_of_the_other_records_query():
    # Events that are alike second by second: any query of the length finds them, if its own
    # seconds are taken and not those at the place of the record's event.
    steps = np.where(RELEVANCE > 0.5, np.cumsum(RELEVANCE > 0.5, axis=1), 9)
    features = FEATURES | {"audio_features": steps, "visual_features": steps}
    predict = search(features, uses_query=True, pairs=True)
    np.testing.assert_array_equal(shuffled(predict), [1, 1, 1, 1, NAN, NAN])
    # And of no use if they are not alike.
    steps = np.where(RELEVANCE > 0.5, [[1], [9]] * 3, [[9], [1]] * 3)
    features = FEATURES | {"audio_features": steps, "visual_features": steps}
    found = shuffled(search(features, uses_query=True, pairs=True))
    np.testing.assert_array_equal(found, [0, 0, 0, 0, NAN, NAN])


def test_partners_are_others_of_the_kind_and_do_not_depend_on_the_order():
    random = np.random.default_rng(0)
    ids, kinds = random.permutation(100), random.integers(0, 4, (100, 2))
    partners = find_partners(ids, kinds)
    assert (partners != np.arange(100)).all()
    assert sorted(partners) == list(range(100))
    np.testing.assert_array_equal(kinds[partners], kinds)
    order = random.permutation(100)
    again = find_partners(ids[order], kinds[order])
    np.testing.assert_array_equal(ids[order][again], ids[partners][order])
    assert (find_partners(ids, kinds, seed=1) != partners).any()
    assert find_partners(np.array([4]), np.array([[1]])) == [0]


SEL = {
    "record_id": np.array([1, 2, 3]),
    "event_category": np.array([0, 1, 2]),  # of two categories: the last record is background
    "event_relevance": np.array([[1, 1, 0], [0, 1, PADDING], [0, 0, 0]], np.float32),
    "segment_label": np.array([[0, 0, 2], [2, 1, PADDING], [2, 2, 2]]),
}


def test_modalities_of_other_records_and_half_oracles():
    heard = np.array([[1, 1, 0], [0, 1, 0], [0, 0, 0]], bool)
    category = np.array([0, 0, 1])  # wrong for the second record, of no matter for the third

    def predict(exchanged):  # a model that hears events, and does not look at pictures
        event = heard[exchanged["audio_features"]] if "audio_features" in exchanged else heard
        return {
            "event_category_logits": np.eye(2)[category],
            "segment_label": np.where(event, category[:, None], 2),
        }

    found = control_accuracies("sel", SEL, predict({}), predict)
    own = record_accuracies("sel", SEL, predict({}))
    np.testing.assert_allclose(own, [1, 1 / 2, 1])
    np.testing.assert_allclose(found[OTHER_PICTURES], [1, NAN, 1])
    np.testing.assert_allclose(found[OTHER_SOUND], [1 / 3, NAN, 1 / 3])  # of each other
    np.testing.assert_allclose(found[TRUE_CATEGORY], [1, 1, 1])
    np.testing.assert_allclose(found[TRUE_RELEVANCE], [1, 1 / 2, 1])


def test_the_comparison_is_of_the_records_that_have_both():
    model = np.array([1, 1, 1, 0, 1, NAN])
    equal = compare_with_control([model], [np.array([1, 1, 1, 0, NAN, NAN])])
    assert (equal.value, equal.difference, equal.num_records) == (0.75, (0, 0), 4)
    assert equal.holds_back and equal.note == "1 record is left out, without a partner"
    worse = compare_with_control([np.ones(6)], [np.zeros(6)], note="a")
    assert (worse.difference, worse.note, worse.holds_back) == ((1, 1), "a", False)
    oracle = compare_with_control([np.zeros(6)], [np.ones(6)], is_oracle=True)
    assert oracle.difference == (-1, -1) and not oracle.holds_back
    alone = compare_with_control([np.ones(2)], [np.full(2, NAN)])
    assert (alone.value, alone.difference, alone.holds_back) == (None, None, False)
    assert alone.note == "2 records are left out, without a partner"


@pytest.mark.parametrize(
    ("flat", "words"),
    [
        ("audio_features", "pictures by norm, sound by change point"),
        ("visual_features", "pictures by change point, sound by norm"),
    ],
)
def test_without_a_query_each_direction_has_its_own_candidates(flat, words):
    # A change point has two sides, which tie in the record with the event in one half.
    records = {name: np.zeros((6, 6, 2), np.float32) for name in FEATURES}
    records = {name: each + (RELEVANCE > 0.5)[..., None] for name, each in records.items()}
    records |= {flat: np.zeros((6, 6, 2), np.float32), "event_relevance": RELEVANCE}
    note, accuracies = query_blind_accuracies(records, records)
    windows = np.array([5, 5, 4, 4, 6, 3])
    np.testing.assert_allclose(accuracies, (1 + 1 / windows) / 2)
    assert note == f"{words}; chosen on val"
