"""Whether input files have changed, without reading 8 GB."""

import hashlib
import os
import pathlib
from collections.abc import Iterable


def fingerprint(paths: Iterable[pathlib.Path]) -> str:
    """SHA-256 over the path, size and time of change of every file.

    Args:
        paths: Files, and folders of files; what a folder links to counts as its own.
    """
    digest = hashlib.sha256()
    for path in paths:
        for file in _files(path):
            status = file.stat()
            digest.update(f"{file} {status.st_size} {status.st_mtime_ns}\n".encode())
    return digest.hexdigest()


def _files(path: pathlib.Path) -> list[pathlib.Path]:
    if path.is_file():
        return [path]
    found = [
        pathlib.Path(folder, name)
        for folder, _, names in os.walk(path, followlinks=True)
        for name in names
    ]
    return sorted(file for file in found if file.is_file())
