"""Measures of what features give away without any matching of sound and picture.

A system that needs no more than this is not measured by these features: see docs/simulation.md.
"""

import dataclasses
from collections.abc import Iterable

import numpy as np
from scipy import optimize, special, stats

from avel_tf.errors import InputError
from avel_tf.localization import expected_hits
from avel_tf.query_blind import change_point
from avel_tf.simulation.segment_statistics import (
    AUDIO_STATISTICS,
    VISUAL_STATISTICS,
    audio_statistics,
    visual_statistics,
)

STATISTICS = (
    *(f"sound, {name}" for name in AUDIO_STATISTICS),
    *(f"picture, {name}" for name in VISUAL_STATISTICS),
)
AUDIO = slice(len(AUDIO_STATISTICS))
VISUAL = slice(len(AUDIO_STATISTICS), len(STATISTICS))
NEAR_DUPLICATE = 0.95  # cosine between the centred means of two records
RIDGE = 1e-3  # of logistic regressions on standardized inputs
MAX_STEPS = 200


@dataclasses.dataclass(frozen=True)
class AuditedRecord:
    """All that the audit keeps of a record.

    T: segments, D: audio width, C: visual channels.

    Args:
        split: String.
        category: Integer. Event category.
        relevance: Float array (T,), 1 in the seconds of the event.
        statistics: Float array (T, K), in the order of `STATISTICS`.
        change_points: Pair of booleans: whether the window that differs most from the rest of its
            own modality is that of the event, among pictures (A2V) and among sounds (V2A). None
            where there is nothing to find.
        mean: Float array (D + C,), the mean of each feature over the record.
    """

    split: str
    category: int
    relevance: np.ndarray
    statistics: np.ndarray
    change_points: tuple[bool, bool] | None
    mean: np.ndarray

    @classmethod
    def of(
        cls,
        split: str,
        category: int,
        relevance: np.ndarray,
        audio_features: np.ndarray,
        visual_features: np.ndarray,
    ) -> "AuditedRecord":
        """Measures the features of a record.

        Args:
            split: String.
            category: Integer. Event category.
            relevance: Float array (T,).
            audio_features: Float array (T, D).
            visual_features: Float array (T, H, W, C).
        """
        audio = np.asarray(audio_features, np.float32)
        visual = np.asarray(visual_features, np.float32)
        pooled = visual.mean(axis=(1, 2))
        is_event = relevance > 0.5
        change_points = None
        if is_event.any() and not is_event.all():
            change_points = tuple(
                int(change_point(candidates, int(is_event.sum())).argmax())
                == int(is_event.argmax())
                for candidates in (pooled, audio)
            )
        return cls(
            split,
            category,
            relevance,
            np.concatenate([audio_statistics(audio), visual_statistics(visual)], axis=1),
            change_points,
            np.concatenate([audio.mean(axis=0), pooled.mean(axis=0)]),
        )


@dataclasses.dataclass(frozen=True)
class Audit:
    """Measures on test of what features give away; what is fitted is fitted on train.

    An area under the curve is the probability that an event's second ranks above a background
    second, or below it if that is more often so: 0.5 at random, 1 if one value separates them. A
    share is in [0, 1].

    Args:
        statistics: Dict from each of `STATISTICS` to its area over all seconds; to the same
            within each record; and to the accuracy of categories by it alone.
        event_area: Float. Area of a logistic regression on all statistics of a second and on
            their differences to the mean of their record.
        category_accuracy: Float. Accuracy of categories by logistic regression on the means of
            all statistics over the event.
        category_chance: Float. That of the most common category.
        change_point: Pair of floats. Exact matches, A2V and V2A, of the window that differs most
            from the rest of the candidates' own modality.
        query_blind: Pair of floats. Exact matches by logistic regression on the statistics of the
            candidates' modality.
        random_window: Float. Exact matches at random.
        nearest: Float. Median over test records of the cosine to the nearest train record, of
            mean features, less the mean of train.
        near_duplicates: Integer. Test records that have a train record nearer than 0.95.
        num_test: Integer. Test records.
        num_short: Integer. Test records whose event is shorter than they are, which are those
            that count for exact matches.
    """

    statistics: dict[str, tuple[float, float, float]]
    event_area: float
    category_accuracy: float
    category_chance: float
    change_point: tuple[float, float]
    query_blind: tuple[float, float]
    random_window: float
    nearest: float
    near_duplicates: int
    num_test: int
    num_short: int

    def lines(self) -> list[str]:
        """Describes the audit as Markdown."""
        rows = [
            f"| {name} | {area:.3f} | {within:.3f} | {100 * accuracy:.1f} |"
            for name, (area, within, accuracy) in self.statistics.items()
        ]
        return [
            "| statistic of a second | AUC | AUC within records | category, % |",
            "| --- | --- | --- | --- |",
            *rows,
            f"| **all, logistic regression** | {self.event_area:.3f} | – | "
            f"{100 * self.category_accuracy:.1f} |",
            f"| at random | 0.5 | 0.5 | {100 * self.category_chance:.1f} |",
            "",
            f"| exact match without the query, % ({self.num_short} records) | A2V | V2A |",
            "| --- | --- | --- |",
            _percents("change point in the candidates", self.change_point),
            _percents("logistic regression on the candidates' statistics", self.query_blind),
            _percents("random window", (self.random_window,) * 2),
            "",
            f"Nearest train record of a test record: cosine {self.nearest:.2f} (median); "
            f"{self.near_duplicates} of {self.num_test} above {NEAR_DUPLICATE}.",
        ]


def audit(records: Iterable[AuditedRecord]) -> Audit:
    """Audits records of train and test.

    Args:
        records: Records; those of other splits are ignored.
    Raises:
        InputError: If train or test lacks records with both an event and background.
    """
    by_split = {"train": [], "test": []}
    for record in records:
        by_split.get(record.split, []).append(record)
    for split, found in by_split.items():
        if not any(record.change_points for record in found):
            raise InputError(
                f"None of the {len(found)} records of {split} has both an event and background, so "
                "there is nothing to tell apart. Audit a dataset with such records."
            )
    train, test = by_split.values()
    short = [record for record in test if record.change_points]
    everything, audio, visual = (
        _event_scores(train, test, columns) for columns in (slice(None), AUDIO, VISUAL)
    )
    is_event = _seconds(test) > 0.5
    statistics = {}
    for column, name in enumerate(STATISTICS):
        values = [record.statistics[:, column] for record in test]
        statistics[name] = (
            _folded(_area(np.concatenate(values), is_event)),
            _area_within(test, values),
            _category_accuracy(train, test, [column]),
        )
    common = np.bincount(_categories(train)).argmax()
    lengths = np.array([record.relevance.sum() for record in short])
    nearest = _nearest(train, test)
    return Audit(
        statistics=statistics,
        event_area=_area(np.concatenate(everything), is_event),
        category_accuracy=_category_accuracy(train, test, slice(None)),
        category_chance=float(np.mean(_categories(test) == common)),
        change_point=tuple(np.mean([record.change_points for record in short], axis=0).tolist()),
        query_blind=(_exact_matches(test, visual), _exact_matches(test, audio)),
        random_window=float(
            np.mean(1 / (np.array([len(record.relevance) for record in short]) - lengths + 1))
        ),
        nearest=float(np.median(nearest)),
        near_duplicates=int(np.sum(nearest > NEAR_DUPLICATE)),
        num_test=len(test),
        num_short=len(short),
    )


def fit_logistic_regression(
    inputs: np.ndarray, labels: np.ndarray, num_labels: int
) -> tuple[np.ndarray, np.ndarray]:
    """Fits a logistic regression of any number of labels.

    Args:
        inputs: Float array (N, K), standardized.
        labels: Integer array (N,).
        num_labels: Integer.
    Returns:
        Float arrays (K, num_labels) and (num_labels,): weights and biases.
    """
    inputs = np.column_stack([inputs, np.ones(len(inputs))])
    targets = np.eye(num_labels)[labels]

    def loss(flat: np.ndarray) -> tuple[float, np.ndarray]:
        weights = flat.reshape(inputs.shape[1], num_labels)
        logits = inputs @ weights
        error = special.softmax(logits, axis=1) - targets
        value = np.mean(special.logsumexp(logits, axis=1) - np.sum(targets * logits, axis=1))
        slope = inputs.T @ error / len(inputs) + RIDGE * weights
        return value + RIDGE / 2 * np.square(flat).sum(), slope.ravel()

    # L-BFGS calls threaded routines for tiny products, and waits for them on a busy machine.
    start = np.zeros(inputs.shape[1] * num_labels)
    found = optimize.minimize(loss, start, jac=True, method="CG", options={"maxiter": MAX_STEPS}).x
    weights = found.reshape(-1, num_labels)
    return weights[:-1], weights[-1]


def _seconds(records: list[AuditedRecord]) -> np.ndarray:
    return np.concatenate([record.relevance for record in records])


def _categories(records: list[AuditedRecord]) -> np.ndarray:
    """Lists the categories of the records that have an event."""
    return np.array([record.category for record in records if record.relevance.any()])


def _event_scores(
    train: list[AuditedRecord], test: list[AuditedRecord], columns: slice
) -> list[np.ndarray]:
    """Scores (T,) of each test record by logistic regression, fitted on train."""

    def inputs(record: AuditedRecord) -> np.ndarray:
        statistics = record.statistics[:, columns]
        return np.concatenate([statistics, statistics - statistics.mean(axis=0)], axis=1)

    fitted = np.concatenate([inputs(record) for record in train])
    scored = np.concatenate([inputs(record) for record in test])
    labels = (_seconds(train) > 0.5).astype(int)
    weights, _ = fit_logistic_regression(_standardized(fitted, fitted), labels, 2)
    scores = _standardized(scored, fitted) @ (weights[:, 1] - weights[:, 0])
    return np.split(scores, np.cumsum([len(record.relevance) for record in test])[:-1])


def _category_accuracy(
    train: list[AuditedRecord], test: list[AuditedRecord], columns: slice | list[int]
) -> float:
    def inputs(records: list[AuditedRecord]) -> np.ndarray:
        return np.stack(
            [
                record.statistics[record.relevance > 0.5][:, columns].mean(axis=0)
                for record in records
                if record.relevance.any()
            ]
        )

    fitted, labels = inputs(train), _categories(train)
    weights, biases = fit_logistic_regression(
        _standardized(fitted, fitted), labels, labels.max() + 1
    )
    logits = _standardized(inputs(test), fitted) @ weights + biases
    return float(np.mean(logits.argmax(axis=1) == _categories(test)))


def _standardized(values: np.ndarray, fitted: np.ndarray) -> np.ndarray:
    deviation = fitted.std(axis=0)
    return (values - fitted.mean(axis=0)) / np.where(deviation > 0, deviation, 1)


def _area(scores: np.ndarray, is_event: np.ndarray) -> float:
    """Area under the curve, by ranks; ties count half."""
    num_events, num_others = is_event.sum(), (~is_event).sum()
    ranks = stats.rankdata(scores)[is_event].sum()
    return float((ranks - num_events * (num_events + 1) / 2) / (num_events * num_others))


def _folded(area: float) -> float:
    return max(area, 1 - area)


def _area_within(records: list[AuditedRecord], values: list[np.ndarray]) -> float:
    """Mean area of the records that have both kinds of seconds."""
    areas = [
        _area(scores, record.relevance > 0.5)
        for record, scores in zip(records, values, strict=True)
        if record.change_points
    ]
    return _folded(float(np.mean(areas)))


def _exact_matches(records: list[AuditedRecord], scores: list[np.ndarray]) -> float:
    hits = [
        expected_hits(each[None], record.relevance[None])[0][0]
        for record, each in zip(records, scores, strict=True)
        if record.change_points
    ]
    return float(np.mean(hits))


def _nearest(train: list[AuditedRecord], test: list[AuditedRecord]) -> np.ndarray:
    """Cosine of each test record to the nearest train record."""
    means = [np.stack([record.mean for record in records]) for records in (train, test)]
    centre = means[0].mean(axis=0)
    train_units, test_units = (
        (each - centre) / np.maximum(np.linalg.norm(each - centre, axis=1, keepdims=True), 1e-12)
        for each in means
    )
    return (test_units @ train_units.T).max(axis=1)


def _percents(name: str, shares: Iterable[float]) -> str:
    return f"| {name} | " + " | ".join(f"{100 * share:.1f}" for share in shares) + " |"
