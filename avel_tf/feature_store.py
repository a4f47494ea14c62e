"""Segment features of clips already encoded, found again by content."""

import hashlib
import json
import os
import pathlib
import tempfile
import zipfile

import numpy as np

Features = dict[str, np.ndarray]


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

    def path(self, clip: str | os.PathLike[str], modalities: str) -> pathlib.Path:
        """Where the features of a clip are kept.

        Args:
            clip: String or path. The file.
            modalities: String. Which features: the same bytes may be read as sound alone.
        Raises:
            OSError: If the clip cannot be read.
        """
        with open(clip, "rb") as file:
            digest = hashlib.file_digest(file, "sha256")
        digest.update(self._made_by + modalities.encode())
        return self._folder / f"{digest.hexdigest()[:40]}.npz"

    @staticmethod
    def read(path: pathlib.Path) -> Features | None:
        """Features kept there; None if there are none, or the file is damaged."""
        try:
            with np.load(path) as arrays:  # checks the CRC of each array
                return {name: arrays[name] for name in arrays}
        except (OSError, ValueError, EOFError, zipfile.BadZipFile):
            return None

    @staticmethod
    def write(path: pathlib.Path, features: Features) -> None:
        """Keeps features, in the half precision of the records."""
        path.parent.mkdir(parents=True, exist_ok=True)
        with np.errstate(over="ignore"):  # becomes infinite, as in the records
            halves = {name: array.astype("<f2") for name, array in features.items()}
        descriptor, partial = tempfile.mkstemp(suffix=".partial", dir=path.parent)
        try:
            with os.fdopen(descriptor, "wb") as file:
                np.savez(file, **halves)
            os.replace(partial, path)
        except BaseException:
            os.unlink(partial)
            raise
