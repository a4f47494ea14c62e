"""Folder of a training run; the only code that knows the names in it."""

import csv
import dataclasses
import pathlib
from collections.abc import Mapping, Sequence


@dataclasses.dataclass(frozen=True)
class RunFolder:
    """A training run on disk.

    - `{path}/`
        - `history.csv`: one row per epoch.
        - `{run name}/train/`, `{run name}/validation/`: TensorBoard logs; the name is
          `TrainingConfig.run_name`, followed by what is made up about the data.

    Args:
        path: Path of the folder.
    """

    path: pathlib.Path

    @property
    def history_path(self) -> pathlib.Path:
        """File `history.csv`."""
        return self.path / "history.csv"

    def logs_path(self, run_name: str, made_up: Sequence[str]) -> pathlib.Path:
        """Returns the folder of the logs for TensorBoard, which names curves by their folder."""
        return self.path / "-".join([run_name, *made_up]).replace(" ", "_")

    def write_history(self, history: Sequence[Mapping[str, float]]) -> None:
        """Writes the logs of each epoch, in order; epochs count from 1."""
        with self.history_path.open("w", newline="") as file:
            writer = csv.DictWriter(file, ["epoch", *history[0]])
            writer.writeheader()
            writer.writerows(
                {"epoch": epoch, **logs} for epoch, logs in enumerate(history, start=1)
            )
