"""Folder of a dataset; the only code that knows the names in it.

A *dataset* is such a folder, with the records of one task by split, or those of any media files in
the single split `all`. *Examples* are its records as serialized tf.Examples and, in a pipeline, the
artifact `Examples`, as in TFX: a dataset with its place in the lineage. `tf.data` turns it into
*batches*.
"""

import collections
import csv
import dataclasses
import json
import pathlib
from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING

from avel_tf.utils.untrusted_text import from_cell, to_cell

if TYPE_CHECKING:
    from avel_tf.ave import Annotation
    from avel_tf.records.description import Description
    from avel_tf.records.window import Window

RECORDS = "records.csv"
SIMULATED_CLIPS = "simulated_clips"  # in `source`, if they were rendered
# Names, versions and origins that may differ between datasets with equivalent features.
NAMES_AND_VERSIONS = (
    "weights",
    "path",
    "keras_version",
    "tensorflow_version",
    "decoder",
    "resampler",
    "code",
    SIMULATED_CLIPS,
)
UNSTATED = {"resize": "antialiased"}  # by datasets of version 0.1.0


@dataclasses.dataclass(frozen=True)
class DatasetFolder:
    """A dataset on disk.

    - `{path}/`
        - `Split-{name}/*.gz`: TFRecord shards of tf.Examples.
        - `dataset.json`: where the records come from and how they were made.
        - `records.csv`: one row per record, with its split and annotation.
        - `rejects.csv`: one row per record left out, with the reason.

    Args:
        path: Path of the folder.
    """

    path: pathlib.Path

    def split_path(self, split: str) -> pathlib.Path:
        """Returns the folder of a split's shards."""
        return self.path / split_folder_name(split)

    @property
    def metadata_path(self) -> pathlib.Path:
        """File `dataset.json`."""
        return self.path / "dataset.json"

    @property
    def records_path(self) -> pathlib.Path:
        """File `records.csv`."""
        return self.path / RECORDS

    @property
    def rejects_path(self) -> pathlib.Path:
        """File `rejects.csv`."""
        return self.path / "rejects.csv"

    @property
    def table_paths(self) -> tuple[pathlib.Path, ...]:
        """All files except the shards."""
        return self.metadata_path, self.records_path, self.rejects_path

    def metadata(self) -> dict:
        """Reads `dataset.json`.

        Returns:
            Dict of `task` (unless the records have no labels), `num_records` by split,
            `num_rejected` by reason, `description`, what the records are, `source`, how the
            features were made, and `num_repeated_frames`, which equal an earlier frame of their
            clip and were not encoded again (if there are any).
        """
        return json.loads(self.metadata_path.read_text())

    def description(self) -> "Description":
        """Reads what the records are."""
        from avel_tf.records.description import Description  # needs NumPy, see `annotations`

        return Description.from_json(self.metadata().get("description"))

    def annotations(self) -> "dict[str, list[Annotation | Window]]":
        """Reads the annotations of the records by split: windows if that is what they are."""
        from avel_tf.ave import Annotation  # needs NumPy, which a run from cache does not
        from avel_tf.records.window import Window

        annotations = collections.defaultdict(list)
        with self.records_path.open(newline="", encoding="utf-8") as file:
            for row in csv.DictReader(file):
                kind = Window if "relevance" in row else Annotation
                split = row.pop("split")
                values = {
                    name: int(cell) if kind.__annotations__[name] is int else from_cell(cell)
                    for name, cell in row.items()
                }
                annotations[split].append(kind(**values))
        return annotations

    def rejects(self) -> list[dict[str, str]]:
        """Reads the rows of `rejects.csv`."""
        with self.rejects_path.open(newline="", encoding="utf-8") as file:
            rows = list(csv.DictReader(file))
        return [{name: from_cell(cell) for name, cell in row.items()} for row in rows]

    def write_tables(
        self,
        metadata: Mapping,
        columns: Sequence[str],
        records: Sequence[Mapping],
        rejects: Sequence[Mapping],
    ) -> None:
        """Writes all files except the shards. No cell of a table is a formula to a spreadsheet.

        Args:
            metadata: JSON-able, see `metadata`.
            columns: Names of a record's columns.
            records: Records by column.
            rejects: The same, with `reason` and `message`.
        """
        self.metadata_path.write_text(json.dumps(metadata, indent=2))
        for path, names, rows in (
            (self.records_path, columns, records),
            (self.rejects_path, [*columns, "reason", "message"], rejects),
        ):
            with path.open("w", newline="", encoding="utf-8") as file:
                writer = csv.DictWriter(file, names)
                writer.writeheader()
                writer.writerows(
                    {name: to_cell(str(value)) for name, value in row.items()} for row in rows
                )


def split_folder_name(split: str) -> str:
    """Returns the name of a split's folder, as in TFX."""
    return f"Split-{split}"


def describe_rejects(metadata: Mapping, rejects: Sequence[Mapping]) -> str:
    """Describes how many records were rejected and why, with the first one's message.

    Args:
        metadata: As `DatasetFolder.metadata` returns it.
        rejects: As `DatasetFolder.rejects` returns them.
    """
    total = sum(metadata["num_records"].values()) + len(rejects)
    reasons = ", ".join(f"{count} {reason}" for reason, count in metadata["num_rejected"].items())
    # Rejected rows of a list of events have no row here.
    first = min(rejects, key=lambda reject: int(reject.get("row") or -1))
    row = f"row {first['row']}, " if first.get("row") else ""
    return (
        f"{len(rejects)} of {total} records were rejected ({reasons}). "
        f"The first is {row}{first['message']}"
    )


def differences(
    first: Mapping, second: Mapping, ignored: Collection[str] = (), prefix: str = ""
) -> list[str]:
    """Lists how two datasets' sources differ: `visual_encoder.precision: float32, bfloat16`.

    Args:
        first: Dict of values and dicts.
        second: The same.
        ignored: Names to ignore, at any depth.
        prefix: String before each name.
    """
    found = []
    for name in sorted((first.keys() | second.keys()).difference(ignored)):
        a, b = (each.get(name, UNSTATED.get(name)) for each in (first, second))
        if isinstance(a, dict) and isinstance(b, dict):
            found += differences(a, b, ignored, f"{prefix}{name}.")
        elif a != b:
            found.append(f"{prefix}{name}: {a}, {b}")
    return found
