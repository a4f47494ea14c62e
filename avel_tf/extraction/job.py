"""The Beam job of the extraction.

The unit of work is a shard: one worker reads, encodes and writes its records one after another, in
a fixed random order. So memory use does not grow with the number of records, the same configuration
gives the same files whatever the runner does, and a rerun skips finished shards. The clips of an
unfinished shard that were already encoded are in the feature store.
"""

import json
import pathlib
import uuid
from collections.abc import Iterator, Sequence
from typing import TextIO

import apache_beam as beam

from avel_tf import beam_jobs
from avel_tf.configuration import ExtractionConfig
from avel_tf.errors import InputError, MediaError
from avel_tf.extraction.collecting import collect
from avel_tf.extraction.journal import read_journal, show_progress
from avel_tf.extraction.plan import Shard, plan
from avel_tf.records import Description, MediaFile, serialize, write_shard
from avel_tf.records.dataset_folder import NAMES_AND_VERSIONS, differences
from avel_tf.records.description import AVE
from avel_tf.simulation.feature_dataset import FeatureSimulationConfig
from avel_tf.sources import (
    MediaSource,
    Reader,
    Source,
    close_idle_sources,
    open_source,
    read_release,
    simulated_release,
)

SPLIT_OF_FILES = "all"
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

    For `sel`, the feature release's clips without an event become a split `background`.

    Args:
        config: `ExtractionConfig`.
        output: Folder to fill, see `DatasetFolder`.
        working_dir: Folder of unfinished work; a rerun with the same folder skips finished parts.
        feature_store: Folder of encoded clips, see `FeatureStore`.
        beam_args: Beam's own options.
        like: `source` in the metadata of another dataset, with which these features must be
            compatible.
    Returns:
        The dataset's metadata, see `DatasetFolder`.
    Raises:
        InputError: If an input is missing or malformed (names the file and the record), a split
            is left empty, or the features would not match those of `like`.
    """
    release = read_release(config, feature_store)
    shards = plan(release.splits, config.records_per_shard)
    description = _run(release.source, shards, release.description, working_dir, beam_args, like)
    return collect(shards, description, working_dir, output, release.rejected, task=config.task)


def extract_files(
    source: MediaSource,
    names: Sequence[str],
    output: pathlib.Path,
    working_dir: pathlib.Path,
    beam_args: Sequence[str] = (),
    like: dict | None = None,
) -> dict:
    """Makes an unlabeled dataset, with the single split `all`, from any media files.

    Args:
        source: `MediaSource`.
        names: Paths of the files in the source's folder.
        output: As for `extract`.
        working_dir: As for `extract`.
        beam_args: As for `extract`.
        like: As for `extract`.
    Returns:
        The dataset's metadata, see `DatasetFolder`.
    Raises:
        InputError: If none of the files can be read, weights are missing, or the features would
            not match those of `like`.
    """
    files = [MediaFile(row, name) for row, name in enumerate(names)]
    # Small shards if there are few files: a shard is the work of one worker.
    records_per_shard = min(RECORDS_PER_SHARD, -(-len(files) // MIN_SHARDS))
    shards = plan({SPLIT_OF_FILES: files}, records_per_shard)
    description = _run(source, shards, AVE, working_dir, beam_args, like)
    return collect(shards, description, working_dir, output)


def extract_simulated(
    config: FeatureSimulationConfig, task: str, output: pathlib.Path, working_dir: pathlib.Path
) -> dict:
    """Makes the dataset of one task from simulated features, without HDF5 files in between.

    Args:
        config: `FeatureSimulationConfig`.
        task: String. `"sel"` or `"cml"`.
        output: As for `extract`.
        working_dir: As for `extract`.
    Returns:
        The dataset's metadata, see `DatasetFolder`.
    Raises:
        InputError: If given annotations cannot be read.
    """
    splits, source = simulated_release(config, task)
    shards = plan(splits, RECORDS_PER_SHARD)
    description = _run(source, shards, AVE, working_dir, (), None)
    return collect(shards, description, working_dir, output, task=task)


def _run(
    source: Source,
    shards: Sequence[Shard],
    description: Description,
    working_dir: pathlib.Path,
    beam_args: Sequence[str],
    like: dict | None,
) -> Description:
    """Writes the shards; returns the description with the sizes of the source's features."""
    job_id = uuid.uuid4().hex
    try:
        source = source.resolve()
        # A wrong file or missing weights fail here, before any worker starts.
        with open_source(source, job_id) as reader:
            metadata = reader.metadata()
            description = description.with_encoders(metadata)
    except (ValueError, OSError) as error:
        raise InputError(str(error)) from error
    total = sum(len(shard.items) for shard in shards)
    try:
        if like and (found := differences(like, metadata, NAMES_AND_VERSIONS)):
            raise InputError(
                f"These features would not match those of `--like`: {'; '.join(found)}. "
                "Use the same weights and settings."
            )
        with show_progress(working_dir, total), beam_jobs.pipeline(beam_args) as job:
            _ = (
                job
                | "Shards" >> beam.Create(shards)
                | "Spread" >> beam.Reshuffle()
                | "Write" >> beam.ParDo(WriteShard(source, description, job_id, str(working_dir)))
            )
    finally:
        close_idle_sources()
    return description


class WriteShard(beam.DoFn):
    """Reads, encodes and writes the records of a shard, with a journal of each one's outcome."""

    def __init__(self, source: Source, description: Description, job_id: str, folder: str):
        self._source = source
        self._description = description
        self._job_id = job_id
        self._folder = folder

    def process(self, shard: Shard):
        path, journal_path = shard.files(pathlib.Path(self._folder))
        for folder in (path.parent, journal_path.parent):
            folder.mkdir(parents=True, exist_ok=True)
        # Named like the journal, for the progress line reads it meanwhile.
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
                write_shard(str(path), _examples(shard, reader, self._description, journal))
                print(json.dumps({"source": source}), file=journal)
        partial.rename(journal_path)


def _examples(
    shard: Shard, reader: Reader, description: Description, journal: TextIO
) -> Iterator[bytes]:
    for item, result in zip(shard.items, reader.read(shard.items), strict=True):
        entry = {"record_id": item.row, "reason": None}
        if isinstance(result, MediaError):
            entry.update(reason=result.reason, message=str(result))
        else:
            yield serialize(result, description)
            if result.num_repeated_frames:
                entry["num_repeated_frames"] = result.num_repeated_frames
        print(json.dumps(entry), file=journal, flush=True)
