"""Uncertainty of a result: spread over runs, and intervals from resampled test records."""

import dataclasses
from collections.abc import Sequence

import numpy as np

RESAMPLES = 10_000
LEVEL = 0.95
BATCH = 500  # resamples at a time, to keep memory small
FEW_RECORDS = 30  # below, the interval holds the true value less often than it says


def bootstrap_interval(
    accuracies: np.ndarray, others: np.ndarray | None = None, seed: int = 0
) -> tuple[float, float]:
    """Computes the 95 % interval of a system's accuracy, or of its difference to another's.

    Test records are drawn with replacement, the same ones for both systems and all runs, so that
    the difficulty of a record for both cancels out. Runs are averaged first: the interval covers
    other test records, not other seeds, which the spread over runs covers.

    N: test records.

    Args:
        accuracies: Float array (runs, N) in [0, 1]; a record that does not count is NaN.
        others: The same for the other system, on the same records.
        seed: Integer.
    Returns:
        Lower and upper bound.
    Raises:
        ValueError: If the systems were not scored on the same records.
    """
    values = np.mean(accuracies, axis=0)
    if others is not None:
        other_values = np.mean(others, axis=0)
        if not np.array_equal(np.isnan(values), np.isnan(other_values)):
            raise ValueError(
                "`accuracies` and `others` must be of the same test records. Received shapes: "
                f"{np.shape(accuracies)} and {np.shape(others)}."
            )
        values = values - other_values
    values = values[~np.isnan(values)]
    random = np.random.default_rng(seed)
    means = [
        values[random.integers(0, len(values), (BATCH, len(values)))].mean(axis=1)
        for _ in range(RESAMPLES // BATCH)
    ]
    tail = (1 - LEVEL) / 2
    lower, upper = np.quantile(np.concatenate(means), [tail, 1 - tail])
    return float(lower), float(upper)


def describe_few_records(num_records: int) -> str:
    """Words that warn of an interval over too few records; empty if there are enough."""
    if num_records >= FEW_RECORDS:
        return ""
    return f"of only {num_records} records: the true interval is wider"


@dataclasses.dataclass(frozen=True)
class Spread:
    """A number over several runs.

    Args:
        mean: Float.
        standard_deviation: Float, of the sample; None for a single run.
        runs: Integer.
    """

    mean: float
    standard_deviation: float | None
    runs: int


def spread_over_runs(values: Sequence[float]) -> Spread:
    """Summarizes one number of each run."""
    deviation = float(np.std(values, ddof=1)) if len(values) > 1 else None
    return Spread(float(np.mean(values)), deviation, len(values))
