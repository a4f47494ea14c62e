"""The primary metric of every test record, kept so that models can be compared pairwise."""

import dataclasses
import pathlib
from collections.abc import Mapping
from typing import Self

import numpy as np

from avel_tf.errors import InputError
from avel_tf.evaluation.bootstrap import bootstrap_interval

CONTROL = "control: "  # before its name, in the file


@dataclasses.dataclass(frozen=True, eq=False)
class RecordAccuracies:
    """The primary metric of each test record.

    N: test records.

    Args:
        metric: String. Name of the primary metric.
        record_id: Integer array (N,).
        accuracy: Float array (N,) in [0, 1]; NaN for records that do not count.
        controls: Mapping from the name of a control to the same of it.
    """

    metric: str
    record_id: np.ndarray
    accuracy: np.ndarray
    controls: Mapping[str, np.ndarray] = dataclasses.field(default_factory=dict)

    def save(self, path: pathlib.Path) -> None:
        """Writes an NPZ file of `metric`, `record_id`, `accuracy` and each control."""
        controls = {CONTROL + name: each for name, each in self.controls.items()}
        np.savez_compressed(
            path,
            metric=self.metric,
            record_id=self.record_id,
            accuracy=self.accuracy,
            **controls,
        )

    @classmethod
    def load(cls, path: pathlib.Path) -> Self:
        """Reads what `save` wrote, in ascending order of record ids.

        Raises:
            InputError: If the file is missing.
        """
        try:
            with np.load(path) as arrays:
                metric, ids, accuracy = (
                    arrays[name] for name in ("metric", "record_id", "accuracy")
                )
                controls = {
                    name.removeprefix(CONTROL): arrays[name]
                    for name in arrays.files
                    if name.startswith(CONTROL)
                }
        except FileNotFoundError:
            raise InputError(
                f"{path} is missing: the model was evaluated by an earlier version, or the file "
                "was deleted. Run its pipeline again."
            ) from None
        order = np.argsort(ids)
        controls = {name: each[order] for name, each in controls.items()}
        return cls(str(metric), ids[order], accuracy[order], controls)


@dataclasses.dataclass(frozen=True)
class PairedDifference:
    """The difference of two models' primary metric on the same test records.

    Args:
        metric: String. Name of the primary metric.
        first: Float in [0, 1]. The first model's value.
        second: Float in [0, 1]. The second model's value.
        interval: Lower and upper bound of the 95 % interval of `first - second`, by a paired
            bootstrap over records.
        num_records: Integer. Records that count.
    """

    metric: str
    first: float
    second: float
    interval: tuple[float, float]
    num_records: int

    @property
    def difference(self) -> float:
        """`first - second`."""
        return self.first - self.second


def compare_record_files(first: pathlib.Path, second: pathlib.Path) -> PairedDifference:
    """Compares two models record by record.

    Args:
        first: File `records.npz` of a `ModelEvaluation` or `RecordScores`.
        second: The same of the other model.
    Raises:
        InputError: If a file is missing, the models were not scored by the same metric on the
            same test records, or one of them has no number for a record that counts.
    """
    one, other = RecordAccuracies.load(first), RecordAccuracies.load(second)
    if one.metric != other.metric:
        raise InputError(
            f"{first} has {one.metric}, but {second} has {other.metric}. Compare models of the "
            "same task."
        )
    if not np.array_equal(one.record_id, other.record_id):
        shared = np.intersect1d(one.record_id, other.record_id).size
        raise InputError(
            f"The test records differ: {first} has {one.record_id.size}, {second} has "
            f"{other.record_id.size}, and {shared} are in both. Compare models that were "
            "evaluated on the same dataset."
        )
    counts = np.isfinite(one.accuracy)
    if not counts.any() or not np.array_equal(counts, np.isfinite(other.accuracy)):
        raise InputError(
            f"{counts.sum()} records count in {first}, {np.isfinite(other.accuracy).sum()} in "
            f"{second}. Compare models whose training did not diverge, on the same dataset."
        )
    return PairedDifference(
        one.metric,
        float(one.accuracy[counts].mean()),
        float(other.accuracy[counts].mean()),
        bootstrap_interval(one.accuracy[None], other.accuracy[None]),
        int(counts.sum()),
    )
