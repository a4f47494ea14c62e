"""The tables beside the shards: what was written, what was rejected, how features were made."""

import collections
import csv
import dataclasses
import json
import logging
import os
import pathlib
import shutil
from collections.abc import Collection, Sequence

from avel_tf.ave import Annotation, DataError
from avel_tf.extraction.journal import read_journal
from avel_tf.extraction.plan import Shard

# What may differ between datasets whose features are alike.
NAMES_AND_VERSIONS = ("weights", "keras_version", "tensorflow_version", "decoder", "code")


def collect(
    shards: Sequence[Shard], working_dir: pathlib.Path, output: pathlib.Path, **metadata
) -> dict:
    """Checks what the workers did, writes the tables and gives everything to `output`.

    Args:
        shards: All shards of the job.
        working_dir: Folder of the whole shards and journals.
        output: Folder for the dataset.
        **metadata: More content for `dataset.json`.
    Returns:
        The content of `dataset.json`.
    Raises:
        DataError: If workers differed in how they made features, or a split is left empty.
    """
    records, rejects, sources = [], [], []
    for shard in shards:
        entries, source = read_journal(shard.files(working_dir)[1])
        sources.append(source)
        for item, entry in zip(shard.items, entries, strict=True):
            row = {"split": shard.split, **dataclasses.asdict(item)}
            if entry["reason"] is None:
                records.append(row)
            else:
                rejects.append({**row, "reason": entry["reason"], "message": entry["message"]})
    for source in sources:
        if found := differences(sources[0], source):
            raise DataError(
                f"Workers made features in different ways: {'; '.join(found)}. Install the same "
                f"environment on all of them, remove {working_dir} and run again."
            )
    splits = list(dict.fromkeys(shard.split for shard in shards))
    written = collections.Counter(record["split"] for record in records)
    rejected = collections.Counter(reject["reason"] for reject in rejects)
    metadata |= {
        "num_records": {split: written[split] for split in splits},
        "num_rejected": dict(rejected.most_common()),
        "source": sources[0],
    }
    columns = ["split", *(field.name for field in dataclasses.fields(shards[0].items[0]))]
    _write_table(working_dir / "records.csv", columns, records)
    _write_table(working_dir / "rejects.csv", [*columns, "reason", "message"], rejects)
    (working_dir / "dataset.json").write_text(json.dumps(metadata, indent=2))
    if rejects:
        found = describe_rejects(metadata, rejects)
        if not all(metadata["num_records"].values()):
            raise DataError(
                f"{found} A split is left empty. The whole list is in "
                f"{working_dir / 'rejects.csv'}. Repair the clips."
            )
        logging.getLogger(__name__).warning(found)
    # Linked, not moved: until the caller has published the output, the work must not be lost.
    for shard in shards:
        path, target = shard.files(working_dir)[0], shard.files(output)[0]
        target.parent.mkdir(exist_ok=True)
        link_or_copy(path, target)
    for name in ("dataset.json", "records.csv", "rejects.csv"):
        link_or_copy(working_dir / name, output / name)
    return metadata


def read_records(path: pathlib.Path) -> dict[str, list[Annotation]]:
    """Annotations of a dataset's records by split.

    Args:
        path: `records.csv` of a dataset.
    """
    annotations = collections.defaultdict(list)
    with path.open(newline="", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            annotations[row["split"]].append(
                Annotation(
                    int(row["row"]),
                    row["category"],
                    row["video_id"],
                    int(row["start_seconds"]),
                    int(row["end_seconds"]),
                )
            )
    return annotations


def link_or_copy(source: str | pathlib.Path, target: str | pathlib.Path) -> None:
    """Makes a second name for a file, or a copy where the file system has no links."""
    try:
        os.link(source, target)
    except OSError:
        shutil.copy2(source, target)


def describe_rejects(metadata: dict, rejects: Sequence[dict]) -> str:
    """How many records were rejected and why, with the first one's message.

    Args:
        metadata: Content of `dataset.json`.
        rejects: Rows of `rejects.csv`.
    """
    total = sum(metadata["num_records"].values()) + len(rejects)
    reasons = ", ".join(f"{count} {reason}" for reason, count in metadata["num_rejected"].items())
    first = min(rejects, key=lambda reject: int(reject["row"]))
    return (
        f"{len(rejects)} of {total} records were rejected ({reasons}). "
        f"The first is row {first['row']}, {first['message']}"
    )


def _write_table(path: pathlib.Path, columns: list[str], rows: Sequence[dict]) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, columns)
        writer.writeheader()
        writer.writerows(rows)


def differences(
    first: dict, second: dict, ignored: Collection[str] = (), prefix: str = ""
) -> list[str]:
    """How two datasets' sources differ, such as `visual_encoder.precision: float32, bfloat16`.

    Args:
        first: Dict of values and dicts.
        second: The same.
        ignored: Names that do not count, at any depth.
        prefix: String before each name.
    """
    found = []
    for name in sorted((first.keys() | second.keys()).difference(ignored)):
        a, b = first.get(name), second.get(name)
        if isinstance(a, dict) and isinstance(b, dict):
            found += differences(a, b, ignored, f"{prefix}{name}.")
        elif a != b:
            found.append(f"{prefix}{name}: {a}, {b}")
    return found
