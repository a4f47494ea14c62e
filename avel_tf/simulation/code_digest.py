"""What tells simulated data of one code from those of another."""

import hashlib
import pathlib
from collections.abc import Iterable


def code_digest(names: Iterable[str], other: str = "") -> str:
    """A digest of files, by their paths from this folder, and of whatever else data follow from."""
    digest = hashlib.sha256()
    for name in names:
        digest.update(pathlib.Path(__file__).parent.joinpath(name).read_bytes())
    digest.update(other.encode())
    return digest.hexdigest()
