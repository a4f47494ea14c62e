"""Digests of files."""

import hashlib
import pathlib


def file_sha256(path: pathlib.Path) -> str:
    """Returns the SHA-256 of a file's content in hexadecimal, without holding it in memory."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
