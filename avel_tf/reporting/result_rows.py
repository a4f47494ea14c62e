"""Content of a table of systems, for `result_tables` and `result_figures`."""

import dataclasses
from collections.abc import Mapping
from typing import Any

from avel_tf.evaluation.bootstrap import Spread
from avel_tf.evaluation.results import Control


@dataclasses.dataclass(frozen=True)
class RowResult:
    """The result of a row, over those of its runs that did not fail.

    Args:
        metrics: Mapping from metric to its `Spread` over runs, accuracies in [0, 1].
        num_records: Integer. Test records that count.
        interval: Lower and upper bound of the primary metric.
        difference: The same for its difference to the last row's; None for the last row itself.
        seconds: Float. Training time, mean over runs.
        epochs: Float. Mean over runs.
        parameters: Integer. Size of all weights that are trained.
        models: Tuple of strings. Folders of the trained models.
        controls: Mapping from name to the `Control` of the primary metric, mean over runs.
    """

    metrics: Mapping[str, Spread]
    num_records: int
    interval: tuple[float, float]
    difference: tuple[float, float] | None
    seconds: float
    epochs: float
    parameters: int
    models: tuple[str, ...] = ()
    controls: Mapping[str, Control] = dataclasses.field(default_factory=dict)


@dataclasses.dataclass(frozen=True)
class ResultRow:
    """One system of a table.

    Args:
        name: String.
        published: Mapping from metric to percent; may be empty.
        result: `RowResult`, or None if no run has succeeded.
        error: String. Message of the first run that failed, or None.
        failures: Integer. Runs that failed.
        training: Mapping. Fields of its `TrainingConfig`.
        x: Float. Its position on a curve; None in a table that is drawn as bars.
    """

    name: str
    published: Mapping[str, float]
    result: RowResult | None = None
    error: str | None = None
    failures: int = 0
    training: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    x: float | None = None

    def to_json(self) -> dict:
        """JSON-able dict, without the fields of a result if there is none."""
        values = dataclasses.asdict(self)
        return values | (values.pop("result") or {})


@dataclasses.dataclass(frozen=True)
class ResultTable:
    """Systems side by side, with the published numbers.

    Args:
        key: String. Name of its files.
        title: String.
        note: String. Note for the reader; may be empty.
        data: String. Description of the features.
        caution: String. What to say next to numbers if the features are made up; else empty.
        settings: String. How the rows were trained.
        metrics: Tuple of strings. Columns.
        primary_metric: String. One of them.
        trivial_baselines: Mapping from name to accuracy in [0, 1]; may be empty.
        yardsticks: The same.
        rows: Tuple of `ResultRow`.
        x_label: String. Name of the rows' `x`, for a table that is drawn as a curve, or None.
    """

    key: str
    title: str
    note: str
    data: str
    caution: str
    settings: str
    metrics: tuple[str, ...]
    primary_metric: str
    trivial_baselines: Mapping[str, float]
    yardsticks: Mapping[str, float]
    rows: tuple[ResultRow, ...]
    x_label: str | None = None

    def to_json(self) -> dict:
        """JSON-able dict."""
        return dataclasses.asdict(self) | {"rows": [row.to_json() for row in self.rows]}
