"""How sure a result is: spread over runs, and intervals from resampled test records."""

from collections.abc import Sequence

import numpy as np

RESAMPLES = 10_000
LEVEL = 0.95
BATCH = 500  # resamples at a time, to keep memory small


def bootstrap_interval(
    accuracies: np.ndarray, others: np.ndarray | None = None, seed: int = 0
) -> tuple[float, float]:
    """95 % interval of a system's accuracy, or of its difference to another system's.

    Test records are drawn with replacement, the same ones for both systems and all runs: what
    makes a record easy or hard for both cancels. Runs are averaged first, so the interval tells
    what other test records would give, not what other seeds would; that is the spread over runs.

    N: test records.

    Args:
        accuracies: Float array (runs, N) in [0, 1]; a record that does not count is NaN.
        others: The same of the other system, on the same records.
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
                "`accuracies` and `others` must be of the same test records. Received: "
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


def over_runs(values: Sequence[float]) -> dict[str, float | int | None]:
    """Mean, sample standard deviation (None for a single run) and number of runs."""
    return {
        "mean": float(np.mean(values)),
        "standard_deviation": float(np.std(values, ddof=1)) if len(values) > 1 else None,
        "runs": len(values),
    }
