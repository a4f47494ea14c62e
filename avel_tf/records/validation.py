"""Statistics and anomalies of a dataset, with tensorflow-data-validation.

Segment features are bytes in the records, which TFDV cannot inspect; so each record also gets
their minimum, maximum, mean and number of all-zero segments, as `<name>/minimum` and so on.
"""

import dataclasses
import itertools
import pathlib
from collections.abc import Iterable, Sequence

import apache_beam as beam
import numpy as np
import pyarrow as pa
import tensorflow as tf
import tensorflow_data_validation as tfdv
from tensorflow_metadata.proto.v0 import anomalies_pb2, schema_pb2

from avel_tf import beam_jobs
from avel_tf.choices import PADDING
from avel_tf.records.dataset_folder import DatasetFolder, describe_rejects
from avel_tf.records.description import AVE, Description
from avel_tf.records.shards import shard_paths

ENVIRONMENT = "STATISTICS"
BATCH = 32


@dataclasses.dataclass(frozen=True)
class Anomaly:
    """A violation of the data contract.

    Args:
        name: String. Name by which to allow it: `<split>:<feature>`, `<split>:dataset`,
            `missing_category:<split>:<category>`, `shared_video_ids:<a>:<b>` or
            `rejected_records`.
        description: String. The finding, with numbers.
    """

    name: str
    description: str


def write_statistics(
    split_folder: pathlib.Path,
    output: pathlib.Path,
    beam_args: Sequence[str],
    description: Description = AVE,
) -> None:
    """Computes the statistics of one split in a Beam job and writes them to `output`."""
    with beam_jobs.pipeline(beam_args) as job:
        _ = (
            job
            | "Shards" >> beam.Create(shard_paths(split_folder))
            | "Spread" >> beam.Reshuffle()
            | "Read" >> beam.io.ReadAllFromTFRecord()
            | "Batch" >> beam.BatchElements(min_batch_size=1, max_batch_size=BATCH)
            | "Summarize" >> beam.Map(to_record_batch, description)
            | "Statistics" >> tfdv.GenerateStatistics(tfdv.StatsOptions(num_top_values=50))
            | "Write" >> tfdv.WriteStatisticsToBinaryFile(str(output))
        )


def to_record_batch(serialized: Sequence[bytes], description: Description = AVE) -> pa.RecordBatch:
    """Makes an Arrow batch of the plain features and the summaries of segment features."""
    rows = [summarize(tf.train.Example.FromString(example), description) for example in serialized]
    names = sorted(set().union(*rows))
    return pa.RecordBatch.from_arrays(
        [pa.array([row.get(name) for row in rows]) for name in names], names
    )


def summarize(example: tf.train.Example, description: Description) -> dict[str, list]:
    """Extracts the values of one example for the statistics, a list for each feature."""
    row = {}
    shapes = description.feature_shapes
    relevance = example.features.feature["event_relevance"].float_list.value
    padded = sum(each == PADDING for each in relevance)
    for name, feature in example.features.feature.items():
        kind = feature.WhichOneof("kind")
        values = getattr(feature, kind).value if kind else ()
        if not values:
            continue  # TFDV reports it as missing
        if name not in shapes:
            row[name] = list(values)
            continue
        array = np.frombuffer(values[0], "<f2").reshape(shapes[name])
        array = array[: len(array) - padded]
        segments = array.astype(np.float32).reshape(len(array), -1)
        row[f"{name}/minimum"] = [segments.min()]
        row[f"{name}/maximum"] = [segments.max()]
        row[f"{name}/mean"] = [segments.mean()]
        row[f"{name}/num_zero_segments"] = [int((segments == 0).all(axis=1).sum())]
    return row


def find_anomalies(
    split: str,
    statistics_path: pathlib.Path,
    categories: Iterable[str],
    schema: schema_pb2.Schema,
) -> tuple[list[Anomaly], anomalies_pb2.Anomalies]:
    """Finds the anomalies of one split: TFDV's under the schema, and categories without a record.

    Args:
        split: Name of the split.
        statistics_path: File that `write_statistics` wrote for it.
        categories: Names of the categories the split must have.
        schema: Schema of its records.
    Returns:
        List of `Anomaly`, and TFDV's own report.
    """
    statistics = tfdv.load_stats_binary(str(statistics_path))
    report = tfdv.validate_statistics(statistics, schema, environment=ENVIRONMENT)
    anomalies = [
        Anomaly(f"{split}:{feature}", f"{info.short_description}. {info.description}")
        for feature, info in sorted(report.anomaly_info.items())
    ]
    if report.data_missing:
        anomalies.append(Anomaly(f"{split}:dataset", f"{split} has no records"))
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
    """Makes an anomaly for each pair of splits with video ids in common.

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


def too_many_rejects(dataset: DatasetFolder, max_share: float) -> list[Anomaly]:
    """Makes an anomaly if more than a share of a dataset's records has no features.

    Args:
        dataset: `DatasetFolder`.
        max_share: Float in [0, 1].
    """
    metadata, rejects = dataset.metadata(), dataset.rejects()
    total = sum(metadata["num_records"].values()) + len(rejects)
    if len(rejects) <= max_share * total:
        return []
    return [
        Anomaly(
            "rejected_records",
            f"{describe_rejects(metadata, rejects)} More than {max_share:.1%} is not accepted: "
            "repair the clips, or raise `--max_rejected_share`. The full list is in "
            f"{dataset.rejects_path}",
        )
    ]
