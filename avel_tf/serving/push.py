"""Pushing a SavedModel to the folder it is served from."""

import hashlib
import pathlib
import shutil
import time
from collections.abc import Mapping

from avel_tf.serving.versions import newest_version, numbers_in, versions_in
from avel_tf.utils.digests import file_sha256
from avel_tf.utils.locks import exclusive


def push_model(
    saved_model: pathlib.Path, base: pathlib.Path, keep_versions: int, texts: Mapping[str, str]
) -> pathlib.Path:
    """Copies a SavedModel to a new version folder, which appears atomically.

    TF Serving loads the highest integer below its base path; the copy is made under a name that
    is not an integer and then renamed. Old versions disappear atomically too, once the new one
    is there.

    Args:
        saved_model: Folder to copy.
        base: Base path of the served model; created if missing.
        keep_versions: Integer from 2. How many versions to keep, including the new one. The
            previous one is served until the new one has loaded.
        texts: Files to add to the SavedModel's own, by name.
    Returns:
        The version's folder, named by the time in seconds or, if higher, the highest version + 1.
        If the newest version already has this content, it is that one: of a push whose process was
        killed before it could say so.
    Raises:
        RuntimeError: If another push to the same base path is in progress.
    """
    with exclusive(base):
        for leftover in base.glob(".partial-*"):  # of a push that was killed
            _remove(leftover)
        newest = newest_version(base)
        if newest and _digests(newest) == _digests(saved_model) | _text_digests(texts):
            pushed = newest
        else:
            version = max([int(time.time()), *(number + 1 for number in numbers_in(base))])
            pushed = _copy(saved_model, base / str(version), texts)
        versions = versions_in(base)
        for old in sorted(versions)[:-keep_versions]:
            # Renamed first, so that a server never reads a half-removed version.
            shutil.rmtree(versions[old].rename(base / f".partial-{old}"))
        return pushed


def _copy(
    saved_model: pathlib.Path, target: pathlib.Path, texts: Mapping[str, str]
) -> pathlib.Path:
    partial = target.with_name(f".partial-{target.name}")  # the next push finds it after a kill
    try:
        shutil.copytree(saved_model, partial)
        for name, text in texts.items():
            (partial / name).write_text(text, encoding="utf-8")
        return partial.rename(target)
    except BaseException:
        _remove(partial)
        raise


def _remove(path: pathlib.Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def _text_digests(texts: Mapping[str, str]) -> dict[str, str]:
    return {name: hashlib.sha256(text.encode()).hexdigest() for name, text in texts.items()}


def _digests(folder: pathlib.Path) -> dict[str, str]:
    """SHA-256 of each file by name."""
    return {
        str(path.relative_to(folder)): file_sha256(path)
        for path in folder.rglob("*")
        if path.is_file()
    }
