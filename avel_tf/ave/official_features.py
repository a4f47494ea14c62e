"""Official segment features: HDF5 files of up to 8 GB, read one row at a time."""

import pathlib

import h5py
import numpy as np

from avel_tf.ave.categories import NUM_SEGMENTS
from avel_tf.errors import InputError
from avel_tf.hdf5 import own_dataset

KEYS = ("avadataset", "dataset")  # used by the release and by some extraction scripts
AUDIO_SHAPE = (NUM_SEGMENTS, 128)
VISUAL_SHAPE = (NUM_SEGMENTS, 7, 7, 512)


class OfficialFeatures:
    """Reads `audio_feature.h5` and `visual_feature.h5`, or their `_noisy` variants, row by row.

    Both files are checked when opened, so that a wrong one fails before any work is done.

    Args:
        folder: Folder with the two files.
        num_records: Integer. Rows each file must have: one for each record of
            `Annotations.txt`, in its order.
        suffix: String. `"_noisy"` for the clips without an event.
    Raises:
        InputError: If a file is missing, is not HDF5, or has another shape; names the file.
    """

    def __init__(self, folder: str | pathlib.Path, num_records: int, suffix: str = ""):
        folder = pathlib.Path(folder)
        audio, visual = folder / f"audio_feature{suffix}.h5", folder / f"visual_feature{suffix}.h5"
        self._audio = _open(audio, (num_records, *AUDIO_SHAPE))
        try:
            self._visual = _open(visual, (num_records, *VISUAL_SHAPE))
        except InputError:
            self._audio.file.close()
            raise

    def __enter__(self) -> "OfficialFeatures":
        return self

    def __exit__(self, *_) -> None:
        self.close()

    def close(self) -> None:
        """Closes both files."""
        self._audio.file.close()
        self._visual.file.close()

    def read(self, row: int) -> tuple[np.ndarray, np.ndarray]:
        """Reads the segment features of one record.

        Args:
            row: Integer. Row of `Annotations.txt`.
        Returns:
            Float32 arrays (10, 128) and (10, 7, 7, 512).
        Raises:
            InputError: If the row is damaged.
        """
        return _read(self._audio, row), _read(self._visual, row)


def count_background_clips(folder: str | pathlib.Path) -> int:
    """Counts the clips without an event in a folder of official features; 0 if it lacks the files.

    Args:
        folder: Folder that may hold `audio_feature_noisy.h5` and `visual_feature_noisy.h5`.
    Raises:
        InputError: If the first of them is damaged.
    """
    paths = [pathlib.Path(folder, f"{name}_feature_noisy.h5") for name in ("audio", "visual")]
    if not all(path.is_file() for path in paths):
        return 0
    dataset = _open(paths[0], (None, *AUDIO_SHAPE))
    with dataset.file:
        return len(dataset)


def _read(dataset: h5py.Dataset, row: int) -> np.ndarray:
    try:
        return dataset[row].astype("float32")
    except OSError as error:
        raise InputError(
            f"Cannot read row {row} of {dataset.file.filename}: {error}. Download the file again."
        ) from error


def _fits(shape: tuple[int, ...], expected: tuple[int | None, ...]) -> bool:
    return shape[1:] == expected[1:] and expected[0] in (None, *shape[:1])


def _open(path: pathlib.Path, shape: tuple[int | None, ...]) -> h5py.Dataset:
    if not path.is_file():
        raise InputError(f"{path} does not exist. It is part of the official AVE feature release.")
    try:
        file = h5py.File(path)
    except OSError as error:
        raise InputError(
            f"{path} is not a readable HDF5 file: {error}. Download it again."
        ) from error
    key = next((key for key in KEYS if file.get(key, getlink=True)), None)
    try:
        dataset = own_dataset(file, key) if key else None
    except ValueError as error:
        file.close()
        raise InputError(f"{error}. Use the file of the release.") from error
    if dataset is None:
        problem = f"has the keys {sorted(file)}, none of {KEYS}"
    elif not _fits(dataset.shape, shape):
        problem = f"holds {dataset.shape} under {key!r} instead of {shape} (records, segments, …)"
    elif dataset.dtype.kind != "f":
        problem = f"holds {dataset.dtype} under {key!r} instead of floats"
    else:
        return dataset
    file.close()
    raise InputError(f"{path} {problem}. Use this file and Annotations.txt of the same release.")
