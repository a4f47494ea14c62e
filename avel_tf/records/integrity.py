"""Comparison of a split's shards with the tables of its dataset."""

import tensorflow as tf

from avel_tf.errors import InputError
from avel_tf.records.dataset_folder import DatasetFolder
from avel_tf.records.example import parse_examples
from avel_tf.records.shards import ADVICE, check_compression, read_shard, shard_paths


def listed_ids(dataset: DatasetFolder, split: str) -> list[int]:
    """Returns the ids of a labelled split's records, as the dataset's tables list them.

    Raises:
        InputError: If `dataset.json` counts another number than `records.csv` lists.
    """
    rows = [each.row for each in dataset.annotations()[split]]
    count = dataset.metadata()["num_records"][split]
    if len(rows) != count:
        raise InputError(
            f"{dataset.records_path} lists {len(rows)} records of {split}, but "
            f"{dataset.metadata_path} counts {count}. {ADVICE}"
        )
    return rows


def check_split(dataset: DatasetFolder, split: str) -> None:
    """Reads the shards of a labelled split, and compares the ids of their records with the tables.

    Raises:
        InputError: If a shard is damaged, missing or another's (names it), or records are missing.
    """
    missing = set(listed_ids(dataset, split))
    paths = shard_paths(dataset.split_path(split))
    for path in paths:
        for row in _read_ids(path):
            if row not in missing:
                raise InputError(
                    f"{path} holds the record {row}, which {dataset.records_path} does not list "
                    f"for {split}, or which another shard holds too. {ADVICE}"
                )
            missing.remove(row)
    if missing:
        for path in paths:
            check_compression(path)  # one that was cut between two records
        raise InputError(
            f"{dataset.split_path(split)} lacks {len(missing)} of the records that "
            f"{dataset.records_path} lists for {split}; the first is {min(missing)}. {ADVICE}"
        )


def _read_ids(path: str) -> list[int]:
    try:
        records = [
            parse_examples(tf.constant([serialized]), ("record_id",))["record_id"]
            for serialized in read_shard(path)
        ]
    except tf.errors.InvalidArgumentError as error:
        raise InputError(f"{path} holds something else than records. {ADVICE}") from error
    return [int(row) for (row,) in records]
