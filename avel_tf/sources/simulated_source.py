"""Simulated features as a source."""

import dataclasses
from collections.abc import Iterator, Sequence

from avel_tf.ave import BACKGROUND_NAME, Annotation
from avel_tf.records import Record
from avel_tf.simulation.feature_dataset import BACKGROUND_ROW, FeatureSimulationConfig
from avel_tf.simulation.feature_model import FeatureModel


@dataclasses.dataclass(frozen=True)
class SimulatedSource:
    """Features drawn on the fly, the same as `simulate_features` writes.

    Args:
        config: `FeatureSimulationConfig`.
        num_records: Integer. Records of the annotations; clips without an event follow them.
    """

    config: FeatureSimulationConfig
    num_records: int

    def resolve(self) -> "SimulatedSource":
        """Returns this source, which leaves no choice open."""
        return self

    def open(self) -> "SimulatedReader":
        """Makes the model."""
        return SimulatedReader(self)


class SimulatedReader:
    """Draws the records of a `SimulatedSource`."""

    def __init__(self, source: SimulatedSource):
        self._source = source
        self._model = FeatureModel(source.config.seed, source.config.model)

    def read(self, items: Sequence[Annotation]) -> Iterator[Record]:
        """Yields one record after another."""
        for item in items:
            if item.category == BACKGROUND_NAME:
                row, category = BACKGROUND_ROW + item.row - self._source.num_records, None
            else:
                row, category = item.row, item.event_category
            features = self._model.record(row, category, item.start_seconds, item.end_seconds)
            yield Record(item, *features)

    def metadata(self) -> dict:
        """Describes the simulation."""
        return {"kind": "simulated_features", **dataclasses.asdict(self._source.config)}

    def close(self) -> None:
        """Does nothing, because nothing is open."""
