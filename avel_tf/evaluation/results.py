"""Results of an evaluation, as typed values."""

import dataclasses
import math
from collections.abc import Mapping, Sequence
from typing import Any, Self

import numpy as np

Metrics = Mapping[str, float | None]  # None: not a number, or no record that counts
Slices = Mapping[str, Mapping[str, Metrics]]  # by feature and value


def best_trivial(baselines: Mapping[str, float]) -> str:
    """Returns the name of the best trivial baseline; the first if several are."""
    return max(baselines, key=baselines.__getitem__)


@dataclasses.dataclass(frozen=True, eq=False)
class TrivialScores:
    """The primary metric of predictions that never look at the features, in [0, 1] by name.

    N: test records.

    Args:
        accuracies: Mapping from a baseline that a model must beat to its accuracy on each record,
            float array (N,); NaN for records that do not count.
        yardsticks: Values for orientation, which a model need not beat.
    """

    accuracies: Mapping[str, np.ndarray]
    yardsticks: Mapping[str, float]

    @property
    def baselines(self) -> dict[str, float]:
        """Value of each baseline; the order of the records does not change its last digit."""
        counting = {name: each[~np.isnan(each)] for name, each in self.accuracies.items()}
        return {name: math.fsum(each) / len(each) for name, each in counting.items()}


@dataclasses.dataclass(frozen=True)
class Control:
    """The primary metric of a model without something that the task gives it.

    Args:
        value: Float in [0, 1]; None if no record has one.
        difference: Lower and upper bound, 95 %, of the model's metric minus the control's, paired
            by record; None if no record has both.
        num_records: Integer. Records that have both.
        is_oracle: Boolean. Whether a part of the answer was given instead, which a model need not
            exceed.
        note: String. What a reader must know of it; may be empty.
    """

    value: float | None
    difference: tuple[float, float] | None
    num_records: int
    is_oracle: bool = False
    note: str = ""

    @property
    def holds_back(self) -> bool:
        """True if the model does not exceed it, by the interval of their difference."""
        return not self.is_oracle and self.difference is not None and self.difference[0] <= 0

    @property
    def words(self) -> str:
        """Its kind, and how it differs from the model, or that it does not."""
        kind = "oracle" if self.is_oracle else "control"
        if self.difference is None:
            return kind
        verdict = "not exceeded, " if self.holds_back else ""
        return f"{kind}, {verdict}{self.difference[0]:+.2%} to {self.difference[1]:+.2%}"


def _controls_from_json(content: Mapping[str, Any]) -> dict[str, Control]:
    """Reads controls, which earlier versions did not have."""
    return {
        name: Control(
            **{**each, "difference": tuple(each["difference"]) if each["difference"] else None}
        )
        for name, each in content.get("controls", {}).items()
    }


@dataclasses.dataclass(frozen=True)
class Scores:
    """Scores of a model on the test split.

    Args:
        task: String. `"sel"` or `"cml"`.
        primary_metric: String. A key of `metrics`.
        metrics: Mapping from name to value; all NaN for a model that diverged, one with outputs
            that are not finite.
        trivial_baselines: As `TrivialScores.baselines`.
        yardsticks: As `TrivialScores.yardsticks`.
        controls: Mapping from name to `Control`; empty for a model that diverged.
    """

    task: str
    primary_metric: str
    metrics: Mapping[str, float]
    trivial_baselines: Mapping[str, float]
    yardsticks: Mapping[str, float]
    controls: Mapping[str, Control]

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> Self:
        """Reads the content of a Scorer's `metrics.json`."""
        values = {**content, "controls": _controls_from_json(content)}
        return cls(**{field.name: values[field.name] for field in dataclasses.fields(cls)})

    @property
    def primary_value(self) -> float:
        """Value of the primary metric."""
        return self.metrics[self.primary_metric]


@dataclasses.dataclass(frozen=True)
class Evaluation:
    """Scores of an exported model on the test split, and the verdict.

    Args:
        task: String. `"sel"` or `"cml"`.
        primary_metric: String. A key of `metrics`.
        metrics: `Metrics` of the model, `example_count` among them.
        trivial_baselines: As `TrivialScores.baselines`.
        yardsticks: As `TrivialScores.yardsticks`.
        previous_metrics: `Metrics` of the last blessed model, or None without one.
        num_records: Integer. Test records that count.
        interval: Lower and upper bound, 95 %, of the primary metric; None if it is not a number.
        trivial_difference: The same for its difference to the best trivial baseline's, paired by
            record.
        difference: The same for its difference to the last blessed model's; None without one.
        blessed: Boolean.
        reasons: Tuple of sentences, why it is not blessed.
        controls: Mapping from name to `Control`; empty for a model that diverged.
    """

    task: str
    primary_metric: str
    metrics: Metrics
    trivial_baselines: Mapping[str, float]
    yardsticks: Mapping[str, float]
    previous_metrics: Metrics | None
    num_records: int
    interval: tuple[float, float] | None
    trivial_difference: tuple[float, float] | None
    difference: tuple[float, float] | None
    blessed: bool
    reasons: tuple[str, ...]
    controls: Mapping[str, Control] = dataclasses.field(default_factory=dict)

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> Self:
        """Reads the content of a `metrics.json`, or an Evaluator's summary in the lineage."""
        content = {**content, "controls": _controls_from_json(content)}
        values = {field.name: content[field.name] for field in dataclasses.fields(cls)}
        return cls(
            **{
                name: tuple(value) if isinstance(value, list) else value
                for name, value in values.items()
            }
        )

    @property
    def primary_value(self) -> float | None:
        """Value of the primary metric."""
        return self.metrics[self.primary_metric]

    @property
    def best_trivial(self) -> str:
        """Name of the best trivial baseline."""
        return best_trivial(self.trivial_baselines)


@dataclasses.dataclass(frozen=True)
class Drawing:
    """Arguments for `avel_tf.reporting.time_line`, with a title.

    N: segments.

    Args:
        title: String; may be empty.
        labels: N names, those predicted.
        truth: N names.
        curves: Mapping from `event`, `audio` or `visual` to N numbers, from 0 to 1 or scores.
        query: String. Modality of a search's query; empty without a search.
    """

    title: str
    labels: Sequence[str]
    truth: Sequence[str]
    curves: Mapping[str, Sequence[float]]
    query: str = ""


@dataclasses.dataclass(frozen=True)
class DrawnRecord:
    """One test record and a model's predictions for it.

    Args:
        video_id: String.
        category: String.
        accuracy: Float in [0, 1].
        drawings: Sequence of `Drawing`.
    """

    video_id: str
    category: str
    accuracy: float
    drawings: Sequence[Drawing]


@dataclasses.dataclass(frozen=True)
class EvaluationDetails:
    """Details that only the report shows.

    Args:
        slices: `Slices` of the model.
        previous_slices: `Slices` of the last blessed model, or None without one.
        label_names: Name of each label, background last.
        confusion: Counts by true and predicted label, see `error_analysis.count_confusions`; None
            for a task without labels.
        best_records: Sequence of `DrawnRecord`, the best first.
        worst_records: The same, the worst first.
    """

    slices: Slices
    previous_slices: Slices | None
    label_names: Sequence[str]
    confusion: Sequence[Sequence[int]] | None
    best_records: Sequence[DrawnRecord]
    worst_records: Sequence[DrawnRecord]
