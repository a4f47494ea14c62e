"""HDF5 features in the official layout as a source."""

import dataclasses
from collections.abc import Iterator, Sequence

from avel_tf.ave import Annotation, OfficialFeatures
from avel_tf.records import Record
from avel_tf.simulation.feature_dataset import read_simulation


@dataclasses.dataclass(frozen=True)
class OfficialSource:
    """`audio_feature.h5` and `visual_feature.h5`, official or simulated, read row by row.

    Args:
        features_dir: String. Folder of the two files.
        num_records: Integer. Records of `Annotations.txt`; rows each file must have.
        num_background_clips: Integer. Rows that the `_noisy` files must have, if there are any;
            they follow the records.
    """

    features_dir: str
    num_records: int
    num_background_clips: int = 0

    def resolve(self) -> "OfficialSource":
        """Returns this source, which leaves no choice open."""
        return self

    def open(self) -> "OfficialReader":
        """Opens and checks both files."""
        return OfficialReader(self)


class OfficialReader:
    """Reads the rows of an `OfficialSource`."""

    def __init__(self, source: OfficialSource):
        self._num_records = source.num_records
        self._simulation = read_simulation(source.features_dir)
        self._features = OfficialFeatures(source.features_dir, source.num_records)
        self._background = None
        if source.num_background_clips:
            self._background = OfficialFeatures(
                source.features_dir, source.num_background_clips, "_noisy"
            )

    def read(self, items: Sequence[Annotation]) -> Iterator[Record]:
        """Yields a record for each row, from both files."""
        for item in items:
            if item.row < self._num_records:
                yield Record(item, *self._features.read(item.row))
            else:
                yield Record(item, *self._background.read(item.row - self._num_records))

    def metadata(self) -> dict:
        """Describes the simulation, or just the kind of official files, which hold no more."""
        if self._simulation is None:
            return {"kind": "official_features"}
        return {"kind": "simulated_features", **self._simulation}

    def close(self) -> None:
        """Closes all files."""
        self._features.close()
        if self._background:
            self._background.close()
