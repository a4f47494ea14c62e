"""Fingerprints that show whether input files have changed, without reading 8 GB."""

import hashlib
import os
import pathlib
from collections.abc import Iterable


def fingerprint(paths: Iterable[pathlib.Path]) -> str:
    """Computes the SHA-256 of every file's path, size, mode and modification time.

    Args:
        paths: Files, and folders of files; targets of a folder's links count as its own files.
    """
    digest = hashlib.sha256()
    for path in paths:
        for file in _files(path):
            status = file.stat()
            # The real path too: replacing a link by a file must change the fingerprint.
            names = f"{file} {os.path.realpath(file)} "
            facts = f"{status.st_size} {status.st_mtime_ns} {status.st_mode}\n"
            digest.update(os.fsencode(names + facts))
    return digest.hexdigest()


def _files(path: pathlib.Path) -> list[pathlib.Path]:
    if path.is_file():
        return [path]
    found, seen = [], set()
    for folder, folders, names in os.walk(path, followlinks=True):
        status = os.stat(folder)
        if (status.st_dev, status.st_ino) in seen:
            folders.clear()  # a link led back here
            continue
        seen.add((status.st_dev, status.st_ino))
        found += [pathlib.Path(folder, name) for name in names]
    return sorted(file for file in found if file.is_file())
