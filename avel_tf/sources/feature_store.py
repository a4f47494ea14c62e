"""Segment features of clips already encoded, retrieved by content."""

import hashlib
import json
import os
import pathlib
import time
import zipfile
from collections.abc import Sequence

import numpy as np

from avel_tf.utils.atomic import whole_file

Features = dict[str, np.ndarray]
BLOCK_BYTES = 2**20
WHOLE_CLIP = range(10)  # of AVE
# Errors that NumPy and zipfile raise for damaged bytes.
DAMAGE = (ValueError, EOFError, KeyError, RuntimeError, zipfile.BadZipFile)


class FeatureStore:
    """A folder with one file for each encoded clip.

    A file is identified by the bytes of the clip and by everything that determines how it was
    encoded. So nothing in the folder is ever out of date, runs and tasks may share it, and
    renaming clips or correcting annotations costs nothing. It can be deleted at any time. Files
    appear atomically, and many processes may use one folder.

    Args:
        folder: String or path. Created when first written to.
        made_by: JSON-able description of how the features are made.
    """

    def __init__(self, folder: str | os.PathLike[str], made_by: object) -> None:
        self._folder = pathlib.Path(folder)
        self._made_by = json.dumps(made_by, sort_keys=True).encode()

    def path(
        self,
        clip: str | os.PathLike[str],
        names: Sequence[str],
        segments: range,
        max_seconds: float,
    ) -> pathlib.Path:
        """Returns the path of a clip's features.

        Args:
            clip: String or path. The file.
            names: Names of the features, because the same bytes may be read as audio only.
            segments: Range of the segments that are read, with step 1.
            max_seconds: Float. Time that reading the file may take.
        Raises:
            OSError: If the clip cannot be read; `TimeoutError` if it takes too long.
        """
        part = f"{segments.start}-{segments.stop}" if segments != WHOLE_CLIP else ""
        digest = hashlib.sha256(self._made_by + f"{','.join(names)}{part}".encode())
        end = time.monotonic() + max_seconds
        with open(clip, "rb") as file:
            while block := file.read(BLOCK_BYTES):
                digest.update(block)
                if time.monotonic() > end:
                    raise TimeoutError(f"reading {clip} took longer than {max_seconds:g} s")
        return self._folder / f"{digest.hexdigest()[:40]}.npz"

    @staticmethod
    def read(path: pathlib.Path, names: Sequence[str]) -> Features | None:
        """Reads features; returns None if the file is missing or damaged.

        Raises:
            PermissionError: If the file may not be read.
        """
        try:
            with np.load(path) as arrays:  # checks the CRC of each array
                return {name: arrays[name] for name in names}
        except PermissionError:
            raise
        except (OSError, *DAMAGE):
            return None

    @staticmethod
    def write(path: pathlib.Path, features: Features) -> None:
        """Writes features in the half precision of the records, and integers as they are."""
        path.parent.mkdir(parents=True, exist_ok=True)
        with np.errstate(over="ignore"):  # becomes infinite, as in the records
            halves = {
                name: array.astype("<f2") if array.dtype.kind == "f" else array
                for name, array in features.items()
            }
        with whole_file(path) as partial, open(partial, "xb") as file:
            np.savez(file, **halves)
