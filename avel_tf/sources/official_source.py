"""The official HDF5 features as a source."""

import dataclasses
from collections.abc import Iterator, Sequence

from avel_tf.ave import Annotation, OfficialFeatures
from avel_tf.records import Record


@dataclasses.dataclass(frozen=True)
class OfficialSource:
    """The official `audio_feature.h5` and `visual_feature.h5`, read row by row.

    Args:
        features_dir: String. Folder of the two files.
        num_records: Integer. Records of `Annotations.txt`; rows each file must have.
    """

    features_dir: str
    num_records: int

    def resolve(self) -> "OfficialSource":
        """This source: nothing is left open."""
        return self

    def open(self) -> "OfficialReader":
        """Opens and checks both files."""
        return OfficialReader(self)


class OfficialReader:
    """Reads the rows of an `OfficialSource`."""

    def __init__(self, source: OfficialSource):
        self._features = OfficialFeatures(source.features_dir, source.num_records)

    def read(self, items: Sequence[Annotation]) -> Iterator[Record]:
        """One row of both files after the other."""
        for item in items:
            yield Record(item, *self._features.read(item.row))

    def metadata(self) -> dict:
        """Only the kind: the files do not say how they were made."""
        return {"kind": "official_features"}

    def close(self) -> None:
        """Closes both files."""
        self._features.close()
