"""Folder of an evaluation; the only code that knows the names in it."""

import dataclasses
import json
import pathlib
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from avel_tf.evaluation.record_accuracies import RecordAccuracies


@dataclasses.dataclass(frozen=True)
class EvaluationFolder:
    """Scores of a model on disk.

    - `{path}/`
        - `metrics.json`: name and value of every metric, the trivial baselines, controls, the
          kind of data and, if that is made up, a sentence of caution.
        - `records.npz`: the primary metric of every test record and of controls, see
          `RecordAccuracies`.
        - `report.html`: the same as a page; not of mere scores.

    Args:
        path: Path of the folder.
    """

    path: pathlib.Path

    @property
    def metrics_path(self) -> pathlib.Path:
        """File `metrics.json`."""
        return self.path / "metrics.json"

    @property
    def records_path(self) -> pathlib.Path:
        """File `records.npz`."""
        return self.path / "records.npz"

    @property
    def report_path(self) -> pathlib.Path:
        """File `report.html`."""
        return self.path / "report.html"

    def write_scores(self, numbers: Mapping[str, Any], accuracies: "RecordAccuracies") -> None:
        """Writes `metrics.json` and `records.npz`.

        Args:
            numbers: JSON-able.
            accuracies: `RecordAccuracies`.
        """
        self.metrics_path.write_text(json.dumps(numbers, indent=2))
        accuracies.save(self.records_path)
