"""The Beam job.

The unit of work is a shard: its records, in a fixed random order, are read, encoded and written
one after the other by one worker. So memory stays flat however many records there are, the same
configuration gives the same files whatever the runner does, and a rerun skips whole shards. Of
half a shard a rerun finds the encoded clips in the feature store.
"""

import json
import pathlib
import uuid
from collections.abc import Iterator, Sequence
from typing import TextIO

import apache_beam as beam

from avel_tf import beam_jobs
from avel_tf.ave import (
    BACKGROUND_NAME,
    Annotation,
    DataError,
    count_background_clips,
    read_annotations,
    read_splits,
)
from avel_tf.configuration import ExtractionConfig
from avel_tf.extraction.journal import read_journal, show_progress
from avel_tf.extraction.plan import Shard, plan
from avel_tf.extraction.tables import NAMES_AND_VERSIONS, collect, differences
from avel_tf.media import MediaError
from avel_tf.records import MediaFile, serialize, write_shard
from avel_tf.simulation.feature_dataset import (
    NUM_BACKGROUND_CLIPS,
    FeatureSimulationConfig,
    annotations_and_splits,
)
from avel_tf.sources import (
    MediaSource,
    OfficialSource,
    Reader,
    SimulatedSource,
    Source,
    close_idle_sources,
    open_source,
)

SPLIT_OF_FILES = "all"
BACKGROUND_SPLIT = "background"  # the release's clips without event
RECORDS_PER_SHARD = 32
MIN_SHARDS = 16


def extract(
    config: ExtractionConfig,
    output: pathlib.Path,
    working_dir: pathlib.Path,
    feature_store: pathlib.Path,
    beam_args: Sequence[str] = (),
    like: dict | None = None,
) -> dict:
    """Makes the dataset of one task from the AVE release.

    For `sel` the clips without event that the feature release has become a split `background`.

    Args:
        config: `ExtractionConfig`.
        output: Folder that gets `Split-<name>/`, `dataset.json`, `records.csv` and
            `rejects.csv`.
        working_dir: Folder of unfinished work; a rerun with the same folder skips what is whole.
        feature_store: Folder of encoded clips, see `FeatureStore`.
        beam_args: Beam's own options.
        like: `source` in the `dataset.json` of another dataset, which these features must be
            combined with.
    Returns:
        The content of `dataset.json`.
    Raises:
        DataError: If an input is missing or malformed (names the file and the record), a split
            is left empty, or features would not be made as those of `like` were.
    """
    annotations = read_annotations(_annotations_path(config))
    splits = {
        split: [annotations[row] for row in rows]
        for split, rows in read_splits(config.folders, annotations, config.task).items()
    }
    if config.features_dir:
        count = count_background_clips(config.features_dir) if config.task == "sel" else 0
        splits |= _background_split(len(annotations), count)
        source = OfficialSource(config.features_dir, len(annotations), count)
    else:
        source = MediaSource(
            str(pathlib.Path(config.data_root) / "AVE"), ".mp4", config.encoding, str(feature_store)
        )
    shards = plan(splits, config.records_per_shard)
    _run(source, shards, working_dir, beam_args, like)
    return collect(shards, working_dir, output, task=config.task)


def extract_files(
    source: MediaSource,
    names: Sequence[str],
    output: pathlib.Path,
    working_dir: pathlib.Path,
    beam_args: Sequence[str] = (),
    like: dict | None = None,
) -> dict:
    """Makes a dataset without labels, of the one split `all`, from any media files.

    Args:
        source: `MediaSource`.
        names: Paths of the files in the source's folder.
        output: As for `extract`.
        working_dir: As for `extract`.
        beam_args: As for `extract`.
        like: As for `extract`.
    Returns:
        The content of `dataset.json`.
    Raises:
        DataError: If not one of the files can be read, weights are missing, or features would
            not be made as those of `like` were.
    """
    files = [MediaFile(row, name) for row, name in enumerate(names)]
    # Small shards of few files: a shard is what one worker does.
    records_per_shard = min(RECORDS_PER_SHARD, -(-len(files) // MIN_SHARDS))
    shards = plan({SPLIT_OF_FILES: files}, records_per_shard)
    _run(source, shards, working_dir, beam_args, like)
    return collect(shards, working_dir, output)


def extract_simulated(
    config: FeatureSimulationConfig, task: str, output: pathlib.Path, working_dir: pathlib.Path
) -> dict:
    """Makes the dataset of one task from simulated features, without HDF5 files between.

    Args:
        config: `FeatureSimulationConfig`.
        task: String. `"sel"` or `"cml"`.
        output: As for `extract`.
        working_dir: As for `extract`.
    Returns:
        The content of `dataset.json`.
    Raises:
        DataError: If given annotations cannot be read.
    """
    annotations, splits = annotations_and_splits(config)
    records = {split: [annotations[row] for row in rows] for split, rows in splits[task].items()}
    if task == "sel":
        records |= _background_split(len(annotations), NUM_BACKGROUND_CLIPS)
    shards = plan(records, RECORDS_PER_SHARD)
    _run(SimulatedSource(config, len(annotations)), shards, working_dir, (), None)
    return collect(shards, working_dir, output, task=task)


def _background_split(first_row: int, count: int) -> dict[str, list[Annotation]]:
    """The clips without event, numbered after the records, if there are any."""
    clips = [
        Annotation(first_row + clip, BACKGROUND_NAME, f"background-{clip:03d}", 0, 0)
        for clip in range(count)
    ]
    return {BACKGROUND_SPLIT: clips} if clips else {}


def _annotations_path(config: ExtractionConfig) -> pathlib.Path:
    for folder in config.folders:
        if (folder / "Annotations.txt").is_file():
            return folder / "Annotations.txt"
    raise DataError(
        f"No Annotations.txt in {' or '.join(map(str, config.folders))}. It comes with the AVE "
        "videos; copy it there, or give `--data_root` as well."
    )


def _run(
    source: Source,
    shards: Sequence[Shard],
    working_dir: pathlib.Path,
    beam_args: Sequence[str],
    like: dict | None,
) -> None:
    job_id = uuid.uuid4().hex
    try:
        source = source.resolve()
        # A wrong file or missing weights fail here, before any worker starts.
        with open_source(source, job_id) as reader:
            metadata = reader.metadata()
    except (ValueError, OSError) as error:
        raise DataError(str(error)) from error
    total = sum(len(shard.items) for shard in shards)
    try:
        if like and (found := differences(like, metadata, NAMES_AND_VERSIONS)):
            raise DataError(
                f"These features would not be made as those they must be like: {'; '.join(found)}. "
                "Give the same weights and settings."
            )
        with show_progress(working_dir, total), beam_jobs.pipeline(beam_args) as job:
            _ = (
                job
                | "Shards" >> beam.Create(shards)
                | "Spread" >> beam.Reshuffle()
                | "Write" >> beam.ParDo(WriteShard(source, job_id, str(working_dir)))
            )
    finally:
        close_idle_sources()


class WriteShard(beam.DoFn):
    """Reads, encodes and writes the records of a shard, with a journal of what became of each."""

    def __init__(self, source: Source, job_id: str, folder: str):
        self._source = source
        self._job_id = job_id
        self._folder = folder

    def process(self, shard: Shard):
        path, journal_path = shard.files(pathlib.Path(self._folder))
        for folder in (path.parent, journal_path.parent):
            folder.mkdir(parents=True, exist_ok=True)
        partial = journal_path.with_suffix(f".{uuid.uuid4().hex}.partial")
        with open_source(self._source, self._job_id) as reader:
            source = reader.metadata()
            if (
                path.is_file()
                and journal_path.is_file()
                and read_journal(journal_path)[1] == source
            ):
                return
            with partial.open("w") as journal:
                write_shard(str(path), _examples(shard, reader, journal))
                print(json.dumps({"source": source}), file=journal)
        partial.rename(journal_path)


def _examples(shard: Shard, reader: Reader, journal: TextIO) -> Iterator[bytes]:
    for item, result in zip(shard.items, reader.read(shard.items), strict=True):
        entry = {"record_id": item.row, "reason": None}
        if isinstance(result, MediaError):
            entry.update(reason=result.reason, message=str(result))
        else:
            yield serialize(result)
        print(json.dumps(entry), file=journal, flush=True)
