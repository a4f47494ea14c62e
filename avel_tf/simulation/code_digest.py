"""Digest of the code that made simulated data."""

import hashlib
import pathlib
from collections.abc import Iterable


def code_digest(names: Iterable[str], other: str = "") -> str:
    """Computes a digest of files, by their paths from this folder, and of other inputs."""
    digest = hashlib.sha256()
    for name in names:
        digest.update(pathlib.Path(__file__).parent.joinpath(name).read_bytes())
    digest.update(other.encode())
    return digest.hexdigest()
