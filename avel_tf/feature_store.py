"""Segment features of clips already encoded, found again by content."""

import hashlib
import json
import os
import pathlib
import time
import uuid
import zipfile
from collections.abc import Sequence

import numpy as np

Features = dict[str, np.ndarray]
BLOCK_BYTES = 2**20
# What NumPy and zipfile raise when they meet wrong bytes.
DAMAGE = (ValueError, EOFError, KeyError, RuntimeError, zipfile.BadZipFile)


class FeatureStore:
    """A folder with one file for each clip that was encoded.

    What a file holds is known by what it was made from: the bytes of the clip and everything that
    tells how it was encoded. So nothing in it is ever out of date, runs and tasks may share it,
    and renamed clips and corrected annotations cost nothing. Remove it at any time. Files appear
    whole, and many processes may use one folder.

    Args:
        folder: String or path. Made when first written to.
        made_by: JSON-able description of how the features are made.
    """

    def __init__(self, folder: str | os.PathLike[str], made_by: object) -> None:
        self._folder = pathlib.Path(folder)
        self._made_by = json.dumps(made_by, sort_keys=True).encode()

    def path(
        self, clip: str | os.PathLike[str], names: Sequence[str], max_seconds: float
    ) -> pathlib.Path:
        """Where the features of a clip are kept.

        Args:
            clip: String or path. The file.
            names: Names of the features: the same bytes may be read as sound alone.
            max_seconds: Float. Time that reading the file may take.
        Raises:
            OSError: If the clip cannot be read; `TimeoutError` if not in time.
        """
        digest = hashlib.sha256(self._made_by + ",".join(names).encode())
        end = time.monotonic() + max_seconds
        with open(clip, "rb") as file:
            while block := file.read(BLOCK_BYTES):
                digest.update(block)
                if time.monotonic() > end:
                    raise TimeoutError(f"{clip} is not read within {max_seconds:g} s")
        return self._folder / f"{digest.hexdigest()[:40]}.npz"

    @staticmethod
    def read(path: pathlib.Path, names: Sequence[str]) -> Features | None:
        """Features kept there; None if there are none, or the file is damaged.

        Raises:
            PermissionError: If there is a file that may not be read.
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
        """Keeps features, in the half precision of the records."""
        path.parent.mkdir(parents=True, exist_ok=True)
        with np.errstate(over="ignore"):  # becomes infinite, as in the records
            halves = {name: array.astype("<f2") for name, array in features.items()}
        partial = path.with_suffix(f".{uuid.uuid4().hex}.partial")  # others may write it too
        try:
            with open(partial, "xb") as file:
                np.savez(file, **halves)
            os.replace(partial, path)
        except BaseException:
            partial.unlink(missing_ok=True)
            raise
