"""Records of a dataset or of official features, as the audit takes them, one batch at a time."""

import pathlib
from collections.abc import Iterator

import numpy as np

from avel_tf.configuration import ExtractionConfig
from avel_tf.localization import count_present
from avel_tf.records import DatasetFolder, read_batches
from avel_tf.simulation.audit import AuditedRecord
from avel_tf.sources.release import ave_release

SPLITS = ("train", "test")
BATCH_SIZE = 32
NAMES = ("audio_features", "visual_features", "event_relevance", "event_category")


def read_dataset(dataset: DatasetFolder) -> Iterator[AuditedRecord]:
    """Yields the records of train and test.

    Args:
        dataset: `DatasetFolder` with labels.
    Raises:
        InputError: If a shard is missing.
    """
    description = dataset.description()
    for split in SPLITS:
        folder = dataset.split_path(split)
        for batch in read_batches(folder, BATCH_SIZE, NAMES, description=description):
            columns = (batch[name].numpy() for name in NAMES)
            for audio, visual, relevance, category in zip(*columns, strict=True):
                present = count_present(relevance)
                arrays = (array[:present] for array in (relevance, audio, visual))
                yield AuditedRecord.of(split, int(category), *arrays)


def read_official(folder: pathlib.Path, task: str) -> Iterator[AuditedRecord]:
    """Yields the records of train and test of official or simulated HDF5 features.

    Args:
        folder: Folder with the features, Annotations.txt and *_order*.h5.
        task: String. `"sel"` or `"cml"`, whose splits to use.
    Raises:
        InputError: If a file is missing or malformed.
    """
    splits, source = ave_release(ExtractionConfig(task, features_dir=str(folder)), folder)
    reader = source.open()
    try:
        for split in SPLITS:
            for record in reader.read(splits[split]):
                item = record.annotation
                yield AuditedRecord.of(
                    split,
                    item.event_category,
                    np.array(item.event_relevance),
                    record.audio_features,
                    record.visual_features,
                )
    finally:
        reader.close()
