"""Official splits, one for each task, by row of Annotations.txt."""

import collections
import pathlib
from collections.abc import Sequence

import h5py

from avel_tf.ave.annotations import Annotation, read_lines
from avel_tf.choices import TASKS
from avel_tf.errors import InputError
from avel_tf.hdf5 import own_dataset
from avel_tf.utils.arguments import check_choice

SPLITS = ("train", "val", "test")
# For AVE, both kinds of files of `sel` list the same records in the same order.
FILE_NAMES = {"sel": ("{}_order.h5", "{}Set.txt"), "cml": ("{}_order_match.h5",)}


def read_splits(
    folders: Sequence[str | pathlib.Path], annotations: Sequence[Annotation], task: str
) -> dict[str, list[int]]:
    """Reads the official split of a task.

    Supervised event localization (`sel`) uses `{train,val,test}_order.h5` or, without these,
    `{train,val,test}Set.txt`. Cross-modality localization (`cml`) uses
    `{train,val,test}_order_match.h5`. The two splits overlap: a model trained on one must not be
    evaluated on the other.

    Args:
        folders: Folders to search; the first that has all three files is used.
        annotations: The records that the files refer to.
        task: `"sel"` or `"cml"`.
    Returns:
        Dict from `train`, `val` and `test` to rows, in the files' order.
    Raises:
        InputError: If a file is missing or empty, or refers to a record that does not exist or
            to one record twice.
    """
    check_choice("task", task, TASKS)
    paths = _find_files(folders, task)
    read = _read_order if paths["train"].suffix == ".h5" else _read_set_file
    splits = {split: read(path, annotations) for split, path in paths.items()}
    counts = collections.Counter(row for rows in splits.values() for row in rows)
    repeated = sorted(row for row, count in counts.items() if count > 1)
    if repeated:
        raise InputError(
            f"{', '.join(map(str, paths.values()))} list {len(repeated)} records more than once, "
            f"first row {repeated[0]} of Annotations.txt. Remove the repetitions."
        )
    return splits


def _find_files(folders: Sequence[str | pathlib.Path], task: str) -> dict[str, pathlib.Path]:
    for name in FILE_NAMES[task]:
        for folder in folders:
            paths = {split: pathlib.Path(folder, name.format(split)) for split in SPLITS}
            if all(path.is_file() for path in paths.values()):
                return paths
    names = " or ".join(name.format("{train,val,test}") for name in FILE_NAMES[task])
    raise InputError(
        f"{' and '.join(map(str, folders))} lack the split's files: all three of {names}. They "
        "come with the official AVE releases; copy them next to Annotations.txt."
    )


def _read_order(path: pathlib.Path, annotations: Sequence[Annotation]) -> list[int]:
    try:
        with h5py.File(path) as file:
            dataset = own_dataset(file, "order")
            if dataset is None:
                raise KeyError("order")
            order = dataset[()]
    except (OSError, KeyError, ValueError) as error:
        raise InputError(
            f"{path} is not an HDF5 file with the key `order`: {error}. Download it again."
        ) from error
    if order.ndim != 1 or not order.size or order.dtype.kind not in "iu":
        raise InputError(
            f"{path} must hold one row of integers, not {order.dtype} {order.shape}. "
            "Download it again."
        )
    bad = order[(order < 0) | (order >= len(annotations))]
    if bad.size:
        raise InputError(
            f"{path} lists row {bad[0]}, but Annotations.txt has {len(annotations)} records. "
            "Use both files of the same release."
        )
    return order.tolist()


def _read_set_file(path: pathlib.Path, annotations: Sequence[Annotation]) -> list[int]:
    # The whole line is the key, because a video id can have up to three records.
    rows = {
        (item.category, item.video_id, str(item.start_seconds), str(item.end_seconds)): item.row
        for item in annotations
    }
    order = []
    for number, (category, video_id, _, start, end) in read_lines(path):
        key = (category, video_id, start, end)
        if key not in rows:
            raise InputError(
                f"{path}, line {number}: no record of Annotations.txt reads {'&'.join(key)}. "
                "Use both files of the same release."
            )
        order.append(rows[key])
    if not order:
        raise InputError(f"{path} lists no records. Download it again.")
    return order
