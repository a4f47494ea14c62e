"""Folder of an evaluation; the only code that knows the names in it."""

import dataclasses
import pathlib


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
