"""The official splits: one for each task, by row of Annotations.txt."""

import collections
import pathlib
from collections.abc import Sequence

import h5py
import numpy as np

from avel_tf.arguments import check_choice
from avel_tf.ave.annotations import Annotation, read_lines
from avel_tf.ave.errors import DataError
from avel_tf.configuration import TASKS

SPLITS = ("train", "val", "test")


def read_splits(
    folder: str | pathlib.Path, annotations: Sequence[Annotation], task: str
) -> dict[str, list[int]]:
    """Reads the official split of a task.

    Supervised event localization (`sel`) uses `{train,val,test}_order.h5`, or else
    `{train,val,test}Set.txt`: on AVE both name the same records in the same order.
    Cross-modality localization (`cml`) uses `{train,val,test}_order_match.h5`. The two splits
    overlap: a model trained on one must not be scored on the other.

    Args:
        folder: Folder with the files.
        annotations: The records that the files refer to.
        task: `"sel"` or `"cml"`.
    Returns:
        Dict from `train`, `val` and `test` to rows, in the files' order.
    Raises:
        DataError: If a file is missing, names a record that is not there, or two splits
            share a record.
    """
    check_choice("task", task, TASKS)
    folder = pathlib.Path(folder)
    suffix = "_order.h5" if task == "sel" else "_order_match.h5"
    if all((folder / f"{split}{suffix}").is_file() for split in SPLITS):
        splits = {
            split: _read_order(folder / f"{split}{suffix}", len(annotations)) for split in SPLITS
        }
    elif task == "sel":
        splits = {
            split: _read_set_file(folder / f"{split}Set.txt", annotations) for split in SPLITS
        }
    else:
        names = ", ".join(f"{split}{suffix}" for split in SPLITS)
        raise DataError(
            f"{folder} lacks a file of the cross-modality split ({names}). They come with the "
            "official AVE feature release; copy them beside Annotations.txt."
        )
    counts = collections.Counter(row for rows in splits.values() for row in rows)
    repeated = sorted(row for row, count in counts.items() if count > 1)
    if repeated:
        raise DataError(
            f"{folder}: the splits name {len(repeated)} records more than once, the first is row "
            f"{repeated[0]} of Annotations.txt. Remove the repetition from the split's files."
        )
    return splits


def _read_order(path: pathlib.Path, num_records: int) -> list[int]:
    try:
        with h5py.File(path) as file:
            order = file["order"][:]
    except (OSError, KeyError) as error:
        raise DataError(
            f"{path} is no HDF5 file with the key `order`: {error}. Fetch it again."
        ) from error
    if order.ndim != 1 or not np.issubdtype(order.dtype, np.integer):
        raise DataError(f"{path} must hold one row of integers, not {order.dtype}{order.shape}.")
    bad = order[(order < 0) | (order >= num_records)]
    if bad.size:
        raise DataError(
            f"{path} names row {bad[0]}, but Annotations.txt has {num_records} records. "
            "Take both files from the same release."
        )
    return order.tolist()


def _read_set_file(path: pathlib.Path, annotations: Sequence[Annotation]) -> list[int]:
    # The whole line is the key: a video id alone names up to three records.
    rows = {
        (item.category, item.video_id, str(item.start_seconds), str(item.end_seconds)): item.row
        for item in annotations
    }
    order = []
    for number, (category, video_id, _, start, end) in read_lines(path):
        key = (category, video_id, start, end)
        if key not in rows:
            raise DataError(
                f"{path}, line {number}: no record of Annotations.txt reads {'&'.join(key)}. "
                "Take both files from the same release."
            )
        order.append(rows[key])
    return order
