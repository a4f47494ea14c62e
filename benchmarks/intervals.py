"""Measures how often a 95 % interval holds the true value, and how wide it is.

    python benchmarks/intervals.py

Draws test splits from known distributions of accuracy by record: exact matches of both directions
(0, 0.5 or 1) around the paper's 47.8 %, and segment accuracies (tenths) around 74.5 %. "gain" is
the smallest difference to a trivial baseline for which a paired interval begins above 0 in half of
the splits, when the two agree on that share of the records.
"""

import argparse

import numpy as np

from avel_tf.evaluation.bootstrap import bootstrap_interval


def matches(random: np.random.Generator, count: int) -> np.ndarray:
    """Draws the mean of two exact matches per record; the true value is 0.478."""
    return (random.random((count, 2)) < 0.478).mean(axis=1)


def segments(random: np.random.Generator, count: int) -> np.ndarray:
    """Draws segment accuracies; the true value is 0.745."""
    return random.binomial(10, random.beta(0.745 * 2, 0.255 * 2, count)) / 10


def main() -> None:
    """Prints both tables."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--trials", type=int, default=400, help="splits drawn for each coverage")
    trials = parser.parse_args().trials
    print(f"{'accuracy':10} {'records':>8} {'coverage':>9} {'half width':>11}")
    for draw, truth in ((matches, 0.478), (segments, 0.745)):
        for count in (9, 30, 100, 402):
            random = np.random.default_rng(0)
            bounds = np.array(
                [bootstrap_interval(draw(random, count)[None]) for _ in range(trials)]
            )
            held = (bounds[:, 0] <= truth) & (truth <= bounds[:, 1])
            width = np.diff(bounds).mean() / 2
            print(f"{draw.__name__:10} {count:8} {held.mean():9.1%} {width:11.1%}", flush=True)
    print(f"\n{'agreement':10} {'records':>8} {'gain':>9}")
    for agreement in (0, 0.5, 0.9):
        for count in (100, 402):
            print(
                f"{agreement:10.0%} {count:8} {_gain(agreement, count, trials // 4):9.1%}",
                flush=True,
            )


def _gain(agreement: float, count: int, trials: int) -> float:
    """Finds the gain over exact matches of 47 % that half of the splits show."""
    for gain in np.arange(0.0, 0.3, 0.005):
        random, shown = np.random.default_rng(0), 0
        for _ in range(trials):
            trivial = random.random(count) < 0.47
            other = random.random(count) < 0.47
            model = np.where(random.random(count) < agreement, trivial, other)
            # Turns misses into hits until the gain is there on average.
            model = model | (random.random(count) < gain / 0.53)
            lower, _ = bootstrap_interval(model[None].astype(float), trivial[None].astype(float))
            shown += lower > 0
        if shown >= trials / 2:
            return gain
    return float("nan")


if __name__ == "__main__":
    main()
