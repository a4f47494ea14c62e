"""Beam job: media or official HDF5 features in, TFRecord shards out.

The unit of work is a shard: its records, in a fixed random order, are read, encoded and written
one after the other by one worker. So memory stays flat however many records there are, the same
configuration gives the same files whatever the runner does, and a rerun skips whole shards.
"""

import collections
import contextlib
import csv
import dataclasses
import json
import logging
import os
import pathlib
import random
import shutil
import threading
from collections.abc import Iterator, Sequence

import apache_beam as beam
import tqdm

from avel_tf import beam_jobs
from avel_tf.ave import SPLITS, Annotation, DataError, read_annotations, read_splits
from avel_tf.configuration import ExtractionConfig
from avel_tf.media import MediaError
from avel_tf.records import serialize, write_shard
from avel_tf.records.shards import shard_name
from avel_tf.sources import MediaSource, OfficialSource, open_source

SHUFFLE_SEED = 0  # one fixed order: shuffling for training has its own seed


@dataclasses.dataclass(frozen=True)
class Shard:
    """One unit of work.

    Args:
        split: String. Name of the split.
        name: String. File name.
        annotations: Tuple of `Annotation`, in the order of the file.
    """

    split: str
    name: str
    annotations: tuple[Annotation, ...]


def extract(
    config: ExtractionConfig,
    output: pathlib.Path,
    working_dir: pathlib.Path,
    beam_args: Sequence[str] = (),
) -> dict:
    """Runs the whole job.

    Args:
        config: `ExtractionConfig`.
        output: Folder that gets `Split-<name>/`, `dataset.json`, `records.csv` and
            `rejects.csv`.
        working_dir: Folder of unfinished work; a rerun with the same folder skips what is whole.
        beam_args: Beam's own options.
    Returns:
        The content of `dataset.json`.
    Raises:
        DataError: If an input is missing or malformed (names the file and the record), or a split
            is left empty.
    """
    annotations = read_annotations(_annotations_path(config))
    splits = read_splits(config.folders, annotations, config.task)
    source = _source(config, len(annotations))
    try:
        # A wrong file or missing weights fail here, before any worker starts.
        reader = open_source(source)
    except (ValueError, OSError) as error:
        raise DataError(str(error)) from error
    shards = plan(annotations, splits, config.records_per_shard)
    total = sum(len(shard.annotations) for shard in shards)
    try:
        with show_progress(working_dir, total), beam_jobs.pipeline(beam_args) as job:
            _ = (
                job
                | "Shards" >> beam.Create(shards)
                | "Spread" >> beam.Reshuffle()
                | "Write" >> beam.ParDo(WriteShard(source, str(working_dir)))
            )
    finally:
        open_source.cache_clear()  # by the next job the files may have changed
        reader.close()
    return collect(config, shards, working_dir, output)


def _annotations_path(config: ExtractionConfig) -> pathlib.Path:
    for folder in config.folders:
        if (folder / "Annotations.txt").is_file():
            return folder / "Annotations.txt"
    raise DataError(
        f"No Annotations.txt in {' or '.join(map(str, config.folders))}. It comes with the AVE "
        "videos; copy it there, or give `--data_root` as well."
    )


def _source(config: ExtractionConfig, num_records: int) -> MediaSource | OfficialSource:
    if config.features_dir:
        return OfficialSource(config.features_dir, num_records)
    return MediaSource(
        str(pathlib.Path(config.data_root) / "AVE"),
        config.visual_weights,
        config.audio_weights,
        config.frames_per_segment,
    )


def plan(
    annotations: Sequence[Annotation], splits: dict[str, list[int]], records_per_shard: int
) -> list[Shard]:
    """Assigns records to shards, in a fixed random order within each split."""
    shards = []
    for split, rows in splits.items():
        rows = sorted(rows)
        random.Random(SHUFFLE_SEED).shuffle(rows)
        count = -(-len(rows) // records_per_shard)
        ordered = [annotations[row] for row in rows]
        shards += [
            Shard(
                split,
                shard_name(index, count),
                tuple(ordered[index::count]),
            )
            for index in range(count)
        ]
    return shards


class WriteShard(beam.DoFn):
    """Reads, encodes and writes the records of a shard, with a journal of what became of each."""

    def __init__(self, source: MediaSource | OfficialSource, folder: str):
        self._source = source
        self._folder = folder

    def setup(self):
        self._reader = open_source(self._source)

    def process(self, shard: Shard):
        path, journal_path = shard_files(pathlib.Path(self._folder), shard)
        if path.is_file() and journal_path.is_file():
            return
        for folder in (path.parent, journal_path.parent):
            folder.mkdir(parents=True, exist_ok=True)
        partial = journal_path.with_suffix(".partial")
        with partial.open("w") as journal:
            write_shard(str(path), self._examples(shard, journal))
            print(json.dumps({"source": self._reader.metadata()}), file=journal)
        partial.rename(journal_path)

    def _examples(self, shard: Shard, journal) -> Iterator[bytes]:
        for annotation in shard.annotations:
            entry = {"record_id": annotation.row, "reason": None}
            try:
                example = serialize(self._reader.read(annotation))
            except MediaError as error:
                entry.update(reason=error.reason, message=str(error))
            else:
                yield example
            print(json.dumps(entry), file=journal, flush=True)


def shard_files(folder: pathlib.Path, shard: Shard) -> tuple[pathlib.Path, pathlib.Path]:
    """Paths of a shard and of its journal."""
    return (
        folder / f"Split-{shard.split}" / shard.name,
        folder / "journal" / f"{shard.split}-{shard.name}.jsonl",
    )


def read_journal(path: pathlib.Path) -> tuple[list[dict], dict]:
    """Entries of a whole journal, and the source's metadata in its last line."""
    *entries, last = (json.loads(line) for line in path.read_text().splitlines())
    return entries, last["source"]


@contextlib.contextmanager
def show_progress(working_dir: pathlib.Path, total: int) -> Iterator[None]:
    """A line with records done, rate and time left, from the journals of all workers."""
    finished = threading.Event()

    def done() -> int:
        count = 0
        for path in working_dir.glob("journal/*"):
            with contextlib.suppress(FileNotFoundError):  # renamed just now: whole
                # The metadata line of a whole journal is no record.
                count += path.read_text().count('"record_id"')
        return count

    def watch(bar: tqdm.tqdm) -> None:
        while not finished.wait(1.0):
            bar.update(done() - bar.n)

    with tqdm.tqdm(total=total, initial=done(), unit="record", desc="Extracting") as bar:
        thread = threading.Thread(target=watch, args=(bar,), daemon=True)
        thread.start()
        try:
            yield
        finally:
            finished.set()
            thread.join()
            bar.update(done() - bar.n)


def collect(
    config: ExtractionConfig,
    shards: Sequence[Shard],
    working_dir: pathlib.Path,
    output: pathlib.Path,
) -> dict:
    """Checks what the workers did, writes the tables and moves the shards to `output`."""
    records, rejects, sources = [], [], []
    for shard in shards:
        entries, source = read_journal(shard_files(working_dir, shard)[1])
        sources.append(source)
        for annotation, entry in zip(shard.annotations, entries, strict=True):
            row = {"split": shard.split, **dataclasses.asdict(annotation)}
            if entry["reason"] is None:
                records.append(row)
            else:
                rejects.append({**row, "reason": entry["reason"], "message": entry["message"]})
    if any(source != sources[0] for source in sources):
        raise DataError(
            "Workers made features with different weights or software versions. Install the same "
            f"environment on all of them, remove {working_dir} and run again."
        )
    by_reason = collections.Counter(reject["reason"] for reject in rejects)
    metadata = {
        "task": config.task,
        "num_records": {
            split: sum(record["split"] == split for record in records) for split in SPLITS
        },
        "num_rejected": dict(by_reason.most_common()),
        "source": sources[0],
    }
    names = [field.name for field in dataclasses.fields(Annotation)]
    write_table(working_dir / "records.csv", ["split", *names], records)
    write_table(working_dir / "rejects.csv", ["split", *names, "reason", "message"], rejects)
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
    for name in [f"Split-{split}" for split in SPLITS]:
        shutil.copytree(working_dir / name, output / name, copy_function=link_or_copy)
    for name in ("dataset.json", "records.csv", "rejects.csv"):
        link_or_copy(working_dir / name, output / name)
    return metadata


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


def write_table(path: pathlib.Path, columns: list[str], rows: Sequence[dict]) -> None:
    """Writes a CSV file with a header."""
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, columns)
        writer.writeheader()
        writer.writerows(rows)
