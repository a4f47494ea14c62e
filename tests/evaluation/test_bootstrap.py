import numpy as np
import pytest

from avel_tf.evaluation.bootstrap import Spread, bootstrap_interval, spread_over_runs


def coins(share, shape, seed):
    return (np.random.default_rng(seed).random(shape) < share).astype(float)


def test_interval_equals_that_of_a_mean_of_coins():
    # 400 records, 100 of them correct: mean 0.25, standard deviation sqrt(0.25 * 0.75 / 400).
    accuracies = np.repeat([[1.0, 0.0]], [100, 300], axis=1)
    deviation = np.sqrt(0.25 * 0.75 / 400)
    lower, upper = bootstrap_interval(accuracies)
    assert lower == pytest.approx(0.25 - 1.96 * deviation, abs=0.0025)  # one record
    assert upper == pytest.approx(0.25 + 1.96 * deviation, abs=0.0025)


def test_runs_are_averaged_first():
    # Records correct in one run are wrong in the other: every record's mean is 1/2.
    first = coins(0.5, 100, 0)
    assert bootstrap_interval(np.stack([first, 1 - first])) == (0.5, 0.5)


def test_a_paired_difference_is_more_precise_than_an_unpaired_one():
    # Systems that differ in every twentieth record: a difference of 0.05, with standard deviation
    # sqrt(0.05 * 0.95 / 400); drawn separately, sqrt(2 * 0.25 / 400), three times that.
    other = coins(0.5, (1, 400), 0)
    better = other.copy()
    better[0, np.flatnonzero(other[0] == 0)[:20]] = 1
    lower, upper = bootstrap_interval(better, other)
    deviation = np.sqrt(0.05 * 0.95 / 400)
    assert (lower, upper) == pytest.approx(
        (0.05 - 1.96 * deviation, 0.05 + 1.96 * deviation), abs=0.004
    )
    assert lower > 0
    bounds = [bootstrap_interval(values) for values in (better, other)]
    unpaired = np.sqrt(sum((high - low) ** 2 for low, high in bounds))
    assert upper - lower < 0.4 * unpaired
    swapped = bootstrap_interval(other, better)
    assert swapped == pytest.approx((-upper, -lower), abs=0.003)


def test_equal_systems_do_not_differ():
    accuracies = coins(0.3, (3, 50), 0)
    assert bootstrap_interval(accuracies, accuracies) == (0, 0)
    assert bootstrap_interval(accuracies, accuracies[[0, 1, 2, 0, 1, 2]]) == (0, 0)


def test_records_that_do_not_count_are_left_out():
    accuracies = coins(0.3, (2, 60), 0)
    padded = np.insert(accuracies, [0, 10, 60], np.nan, axis=1)
    assert bootstrap_interval(padded) == bootstrap_interval(accuracies)
    others = coins(0.6, (2, 60), 1)
    with_gaps = np.insert(others, [0, 10, 60], np.nan, axis=1)
    assert bootstrap_interval(padded, with_gaps) == bootstrap_interval(accuracies, others)


def test_an_interval_depends_on_its_seed():
    accuracies = coins(0.5, (1, 37), 0)
    assert bootstrap_interval(accuracies, seed=1) == bootstrap_interval(accuracies, seed=1)
    seeds = {bootstrap_interval(np.random.default_rng(0).random((1, 37)), seed=s) for s in range(3)}
    assert len(seeds) == 3


@pytest.mark.parametrize("others", [np.ones((1, 4)), np.array([[1, np.nan, 1, 1, 1]])])
def test_systems_scored_on_other_records_are_refused(others):
    with pytest.raises(ValueError, match=r"same test records. Received shapes: \(1, 5\) and \(1, "):
        bootstrap_interval(np.ones((1, 5)), others)


def test_spread_over_runs():
    # Deviations of -1, 0 and 1 from a mean of 2: a sample variance of 2 / 2.
    assert spread_over_runs([1, 2, 3]) == Spread(mean=2, standard_deviation=1, runs=3)
    assert spread_over_runs([0.5]) == Spread(mean=0.5, standard_deviation=None, runs=1)
