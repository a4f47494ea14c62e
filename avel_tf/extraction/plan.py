"""Assignment of records to shards."""

import dataclasses
import pathlib
import random
from collections.abc import Mapping, Sequence

from avel_tf.ave import Annotation
from avel_tf.records import DatasetFolder, MediaFile, Window
from avel_tf.records.shards import shard_name

SHUFFLE_SEED = 0  # fixed, because shuffling for training has its own seed


@dataclasses.dataclass(frozen=True)
class Shard:
    """One unit of work.

    Args:
        split: String. Name of the split.
        name: String. File name.
        items: Tuple of `Annotation`, `MediaFile` or `Window`, in the order of the file.
    """

    split: str
    name: str
    items: tuple[Annotation | MediaFile | Window, ...]

    def files(self, folder: pathlib.Path) -> tuple[pathlib.Path, pathlib.Path]:
        """Returns the paths of the shard and of its journal."""
        return (
            DatasetFolder(folder).split_path(self.split) / self.name,
            folder / "journal" / f"{self.split}-{self.name}.jsonl",
        )


def plan(
    splits: Mapping[str, Sequence[Annotation | MediaFile | Window]], records_per_shard: int
) -> list[Shard]:
    """Assigns records to shards, in a fixed random order within each split."""
    shards = []
    for split, items in splits.items():
        ordered = sorted(items, key=lambda item: item.row)
        random.Random(SHUFFLE_SEED).shuffle(ordered)
        count = -(-len(ordered) // records_per_shard)
        shards += [
            Shard(split, shard_name(index, count), tuple(ordered[index::count]))
            for index in range(count)
        ]
    return shards
