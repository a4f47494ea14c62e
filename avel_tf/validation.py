"""Statistics and anomalies of a dataset, with tensorflow-data-validation.

Segment features are bytes in the records, which TFDV cannot see into; so each record also gets
their minimum, maximum, mean and number of all-zero segments, under `<name>/minimum` and so on.
"""

import csv
import dataclasses
import itertools
import json
import pathlib
from collections.abc import Iterable, Sequence

import apache_beam as beam
import numpy as np
import pyarrow as pa
import tensorflow as tf
import tensorflow_data_validation as tfdv
from tensorflow_metadata.proto.v0 import anomalies_pb2

from avel_tf import beam_jobs
from avel_tf.ave import SPLITS
from avel_tf.extraction.tables import describe_rejects
from avel_tf.records import read_schema
from avel_tf.records.example import FEATURE_SHAPES
from avel_tf.records.shards import shard_paths

ENVIRONMENT = "STATISTICS"
BATCH = 32


@dataclasses.dataclass(frozen=True)
class Anomaly:
    """Something in a dataset that the contract forbids.

    Args:
        name: String. What to allow it by: `<split>:<feature>`, `<split>:dataset`,
            `missing_category:<split>:<category>`, `shared_video_ids:<a>:<b>` or
            `rejected_records`.
        description: String. What was found, with numbers.
    """

    name: str
    description: str


def write_statistics(
    split_folder: pathlib.Path, output: pathlib.Path, beam_args: Sequence[str]
) -> None:
    """Computes the statistics of one split in a Beam job and writes them to `output`."""
    with beam_jobs.pipeline(beam_args) as job:
        _ = (
            job
            | "Shards" >> beam.Create(shard_paths(split_folder))
            | "Spread" >> beam.Reshuffle()
            | "Read" >> beam.io.ReadAllFromTFRecord()
            | "Batch" >> beam.BatchElements(min_batch_size=1, max_batch_size=BATCH)
            | "Summarize" >> beam.Map(to_record_batch)
            | "Statistics" >> tfdv.GenerateStatistics(tfdv.StatsOptions(num_top_values=50))
            | "Write" >> tfdv.WriteStatisticsToBinaryFile(str(output))
        )


def to_record_batch(serialized: Sequence[bytes]) -> pa.RecordBatch:
    """Arrow batch of the plain features and of the summaries of the segment features."""
    rows = [summarize(tf.train.Example.FromString(example)) for example in serialized]
    names = sorted(set().union(*rows))
    return pa.RecordBatch.from_arrays(
        [pa.array([row.get(name) for row in rows]) for name in names], names
    )


def summarize(example: tf.train.Example) -> dict[str, list]:
    """The values of one example that statistics are made of, a list for each feature."""
    row = {}
    for name, feature in example.features.feature.items():
        kind = feature.WhichOneof("kind")
        values = getattr(feature, kind).value if kind else ()
        if not values:
            continue  # TFDV reports it as missing
        if name not in FEATURE_SHAPES:
            row[name] = list(values)
            continue
        array = np.frombuffer(values[0], "<f2").reshape(FEATURE_SHAPES[name])
        segments = array.astype(np.float32).reshape(len(array), -1)
        row[f"{name}/minimum"] = [segments.min()]
        row[f"{name}/maximum"] = [segments.max()]
        row[f"{name}/mean"] = [segments.mean()]
        row[f"{name}/num_zero_segments"] = [int((segments == 0).all(axis=1).sum())]
    return row


def find_anomalies(
    split: str, statistics_path: pathlib.Path, categories: Iterable[str]
) -> tuple[list[Anomaly], anomalies_pb2.Anomalies]:
    """Anomalies of one split: TFDV's under the schema, and categories without a record.

    Args:
        split: Name of the split.
        statistics_path: What `write_statistics` wrote for it.
        categories: Names of the categories the split must have.
    Returns:
        List of `Anomaly`, and TFDV's own report.
    """
    statistics = tfdv.load_stats_binary(str(statistics_path))
    schema = read_schema(of_background=split not in SPLITS)
    report = tfdv.validate_statistics(statistics, schema, environment=ENVIRONMENT)
    anomalies = [
        Anomaly(f"{split}:{feature}", f"{info.short_description}. {info.description}")
        for feature, info in sorted(report.anomaly_info.items())
    ]
    if report.data_missing:
        anomalies.append(Anomaly(f"{split}:dataset", f"{split} has no record"))
    present = {
        bucket.label
        for feature in statistics.datasets[0].features
        if list(feature.path.step) == ["category"]
        for bucket in feature.string_stats.rank_histogram.buckets
    }
    anomalies += [
        Anomaly(f"missing_category:{split}:{name}", f"no record of {name!r} in {split}")
        for name in categories
        if name not in present
    ]
    return anomalies, report


def shared_video_ids(video_ids: dict[str, Sequence[str]]) -> list[Anomaly]:
    """An anomaly for each pair of splits with video ids in common.

    Args:
        video_ids: Dict from split to the video ids of its records.
    """
    anomalies = []
    for first, second in itertools.combinations(video_ids, 2):
        shared = sorted(set(video_ids[first]) & set(video_ids[second]))
        if shared:
            anomalies.append(
                Anomaly(
                    f"shared_video_ids:{first}:{second}",
                    f"{len(shared)} video ids are in both {first} and {second}: "
                    + ", ".join(shared),
                )
            )
    return anomalies


def too_many_rejects(examples: pathlib.Path, max_share: float) -> list[Anomaly]:
    """An anomaly if more than a share of a dataset's records has no features.

    Args:
        examples: Folder of the dataset, with `dataset.json` and `rejects.csv`.
        max_share: Float in [0, 1].
    """
    table = examples / "rejects.csv"
    with table.open(newline="", encoding="utf-8") as file:
        rejects = list(csv.DictReader(file))
    metadata = json.loads((examples / "dataset.json").read_text())
    total = sum(metadata["num_records"].values()) + len(rejects)
    if len(rejects) <= max_share * total:
        return []
    return [
        Anomaly(
            "rejected_records",
            f"{describe_rejects(metadata, rejects)} More than {max_share:.1%} is not accepted: "
            f"repair the clips, or raise `--max_rejected_share`. The whole list is in {table}",
        )
    ]
