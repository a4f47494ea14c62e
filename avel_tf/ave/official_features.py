"""The official segment features: HDF5 files of up to 8 GB, read a row at a time."""

import pathlib

import h5py
import numpy as np

from avel_tf.ave.categories import NUM_SEGMENTS
from avel_tf.ave.errors import DataError

KEYS = ("avadataset", "dataset")  # the release's, and that of some extraction scripts
AUDIO_SHAPE = (NUM_SEGMENTS, 128)
VISUAL_SHAPE = (NUM_SEGMENTS, 7, 7, 512)


class OfficialFeatures:
    """Row-by-row reader of `audio_feature.h5` and `visual_feature.h5`, or of the `_noisy` ones.

    Both files are checked when opened, so that a wrong one fails before any work is done.

    Args:
        folder: Folder with the two files.
        num_records: Integer. Rows each file must have: one for each record of
            `Annotations.txt`, in its order.
        suffix: String. `"_noisy"` for the clips without event.
    Raises:
        DataError: If a file is missing, is not HDF5, or has another shape; names the file.
    """

    def __init__(self, folder: str | pathlib.Path, num_records: int, suffix: str = ""):
        folder = pathlib.Path(folder)
        audio, visual = folder / f"audio_feature{suffix}.h5", folder / f"visual_feature{suffix}.h5"
        self._audio = _open(audio, (num_records, *AUDIO_SHAPE))
        try:
            self._visual = _open(visual, (num_records, *VISUAL_SHAPE))
        except DataError:
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
        """Segment features of one record.

        Args:
            row: Integer. Row of `Annotations.txt`.
        Returns:
            Float32 arrays (10, 128) and (10, 7, 7, 512).
        Raises:
            DataError: If the row is damaged.
        """
        return _read(self._audio, row), _read(self._visual, row)


def count_background_clips(folder: str | pathlib.Path) -> int:
    """How many clips without event a folder of official features has, 0 if it lacks the files.

    Args:
        folder: Folder that may hold `audio_feature_noisy.h5` and `visual_feature_noisy.h5`.
    Raises:
        DataError: If the first of them is damaged.
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
        raise DataError(
            f"{dataset.file.filename}, row {row}: cannot be read ({error}). Fetch the file again."
        ) from error


def _fits(shape: tuple[int, ...], expected: tuple[int | None, ...]) -> bool:
    return shape[1:] == expected[1:] and expected[0] in (None, *shape[:1])


def _open(path: pathlib.Path, shape: tuple[int | None, ...]) -> h5py.Dataset:
    if not path.is_file():
        raise DataError(f"{path} does not exist. It is part of the official AVE feature release.")
    try:
        file = h5py.File(path)
    except OSError as error:
        raise DataError(f"{path} is no readable HDF5 file: {error}. Fetch it again.") from error
    key = next((key for key in KEYS if key in file), None)
    if key is None:
        problem = f"has the keys {sorted(file)}, none of {KEYS}"
    elif not isinstance(file[key], h5py.Dataset) or not _fits(file[key].shape, shape):
        found = getattr(file[key], "shape", "a group")
        problem = f"holds {found} under {key!r} instead of {shape} (records, segments, …)"
    elif file[key].dtype.kind != "f":
        problem = f"holds {file[key].dtype} under {key!r} instead of floats"
    else:
        return file[key]
    file.close()
    raise DataError(f"{path} {problem}. Take it and Annotations.txt from the same release.")
