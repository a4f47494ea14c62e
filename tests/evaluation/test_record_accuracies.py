"""Comparison of two models on the same test records, from the files of their evaluations."""

import numpy as np
import pytest

from avel_tf.errors import InputError
from avel_tf.evaluation.bootstrap import bootstrap_interval
from avel_tf.evaluation.record_accuracies import RecordAccuracies, compare_record_files

IDS = np.arange(100, 140)
ACCURACY = IDS % 2 * 1.0


@pytest.fixture
def save(tmp_path):
    """Function that writes the file of one model and returns its path."""

    def make(name, accuracy, ids=IDS, metric="segment_accuracy"):
        path = tmp_path / f"{name}.npz"
        RecordAccuracies(metric, ids, accuracy).save(path)
        return path

    return make


def test_a_file_holds_the_records_whatever_their_order(save):
    order = np.random.default_rng(0).permutation(40)
    loaded = RecordAccuracies.load(save("a", ACCURACY[order], IDS[order]))
    assert loaded.metric == "segment_accuracy"
    np.testing.assert_array_equal(loaded.record_id, IDS)
    np.testing.assert_array_equal(loaded.accuracy, ACCURACY)


def test_controls_are_kept_with_their_records(tmp_path):
    order = np.random.default_rng(0).permutation(40)
    controls = {"sound of other records": IDS[order] / 200, "a": np.zeros(40)}
    path = tmp_path / "records.npz"
    RecordAccuracies("segment_accuracy", IDS[order], ACCURACY[order], controls).save(path)
    loaded = RecordAccuracies.load(path).controls
    assert loaded.keys() == controls.keys()
    np.testing.assert_array_equal(loaded["sound of other records"], IDS / 200)


def test_records_are_matched_by_their_ids(save):
    better = ACCURACY.copy()
    better[:8:2] = 1  # 4 of 40 more
    order = np.random.default_rng(0).permutation(40)
    found = compare_record_files(save("a", better[order], IDS[order]), save("b", ACCURACY))
    assert (found.first, found.second) == (pytest.approx(0.6), 0.5)
    assert found.difference == pytest.approx(0.1)
    assert (found.metric, found.num_records) == ("segment_accuracy", 40)
    # Matched, no record gets worse; mismatched, the interval would reach below 0.
    assert found.interval == bootstrap_interval(better[None], ACCURACY[None])
    assert 0 <= found.interval[0] < 0.1 < found.interval[1] < 0.25


def test_records_that_do_not_count_are_left_out(save):
    gaps = np.where(IDS < 110, np.nan, ACCURACY)
    found = compare_record_files(save("a", gaps), save("b", gaps))
    assert (found.num_records, found.difference, found.interval) == (30, 0, (0, 0))


@pytest.mark.parametrize(
    ("other", "message"),
    [
        ({"metric": "average_accuracy"}, "Compare models of the same task"),
        ({"ids": IDS + 10}, "has 40, .* has 40, and 30 are in both. Compare models that were"),
        (
            {"ids": IDS[1:], "accuracy": ACCURACY[1:]},
            "The test records differ: .* has 40, .* has 39, and 39 are in both",
        ),
        ({"accuracy": np.full(40, np.nan)}, "40 records count in .*, 0 in .*did not diverge"),
    ],
)
def test_incomparable_evaluations_are_refused(save, other, message):
    first, second = save("a", ACCURACY), save("b", **{"accuracy": ACCURACY} | other)
    with pytest.raises(InputError, match=message):
        compare_record_files(first, second)


def test_two_models_without_numbers_are_refused(save):
    nothing = save("a", np.full(40, np.nan))
    with pytest.raises(InputError, match="0 records count"):
        compare_record_files(nothing, nothing)


def test_an_evaluation_without_the_file_says_what_to_do(save, tmp_path):
    with pytest.raises(InputError, match=r"missing.npz is missing: .* Run its pipeline again."):
        compare_record_files(save("a", ACCURACY), tmp_path / "missing.npz")
