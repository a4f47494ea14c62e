"""Digests of what an artifact's folder holds, so that damage is found before it is used."""

import concurrent.futures
import hashlib
import json
import os
import pathlib

from avel_tf.utils.atomic import whole_file
from avel_tf.utils.digests import file_sha256

CONTENT = ".content.json"  # in the folder of an artifact
_Entry = dict[str, object]


def write_content(folder: pathlib.Path) -> str:
    """Lists a folder's files with their SHA-256 in `.content.json`; returns the list's own."""
    paths = [path for path in sorted(folder.rglob("*")) if path.is_file()]
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as executor:
        entries = executor.map(_describe, paths)
    content = {
        str(path.relative_to(folder)): entry for path, entry in zip(paths, entries, strict=True)
    }
    (folder / CONTENT).write_text(json.dumps(content))
    return _digest(content)


def find_damage(folder: pathlib.Path, digest: str) -> str | None:
    """Compares a folder's files with those that `write_content` listed; others may be added.

    A file whose size, inode and times of content and status are as they were is not read again:
    all of AVE takes seconds to read. So damage below the file system, which changes none of them,
    is not found here.

    Args:
        folder: Path.
        digest: String. What `write_content` returned.
    Returns:
        The first difference, which names the file, or `None`.
    """
    try:
        content = json.loads((folder / CONTENT).read_text())
        is_listed = _digest(content) == digest
    except (OSError, ValueError, TypeError, KeyError, AttributeError):
        is_listed = False
    if not is_listed:
        return f"{folder / CONTENT} is missing or damaged"
    is_touched = False
    for name, entry in content.items():
        path = folder / name
        if not path.is_file():
            return f"{path} is missing"
        if _state(path) == entry["state"]:
            continue
        found = _describe(path)
        if found["sha256"] != entry["sha256"]:
            return f"{path} is not what was published"
        content[name], is_touched = found, True
    if is_touched:
        with whole_file(folder / CONTENT) as partial:
            partial.write_text(json.dumps(content))
    return None


def _describe(path: pathlib.Path) -> _Entry:
    state = _state(path)  # before reading: a later change is then noticed
    return {"sha256": file_sha256(path), "state": state}


def _state(path: pathlib.Path) -> list[int]:
    status = path.stat()
    return [status.st_size, status.st_ino, status.st_mtime_ns, status.st_ctime_ns]


def _digest(content: dict[str, _Entry]) -> str:
    lines = [f"{name} {entry['sha256']}\n" for name, entry in sorted(content.items())]
    return hashlib.sha256("".join(lines).encode(errors="surrogateescape")).hexdigest()
