"""Files and folders that appear complete or not at all.

Each attempt has its own partial name, so that two at the same time do not interfere. A killed
attempt leaves its partial file behind; where these must not pile up, a module uses a fixed partial
name and says why.
"""

import contextlib
import glob
import os
import pathlib
import shutil
import uuid
from collections.abc import Iterator


@contextlib.contextmanager
def whole_file(path: pathlib.Path) -> Iterator[pathlib.Path]:
    """Yields the path of a file to write, which takes its name at the end of the `with` block.

    It replaces a file of that name. An error in the block removes it and keeps the old one.

    Args:
        path: File to write, in an existing folder.
    """
    partial = _partial(path)
    try:
        yield partial
        partial.replace(path)
    except BaseException:
        partial.unlink(missing_ok=True)
        raise


@contextlib.contextmanager
def whole_folder(folder: pathlib.Path) -> Iterator[pathlib.Path]:
    """Yields an empty folder to fill, which takes its name at the end of the `with` block.

    An error in the block removes it.

    Args:
        folder: Folder to make; missing parents are made too.
    Raises:
        FileExistsError: If `folder` exists and is not an empty folder.
    """
    if folder.exists() and not (folder.is_dir() and not any(folder.iterdir())):
        raise FileExistsError(f"{folder} exists already. Choose another folder or remove it.")
    partial = _partial(folder)
    partial.mkdir(parents=True)
    try:
        yield partial
        partial.rename(folder)
    except BaseException:
        shutil.rmtree(partial)
        raise


def remove_leftovers(folder: pathlib.Path) -> None:
    """Removes what killed processes left of `whole_folder(folder)`; nobody may be at work on it."""
    for partial in folder.parent.glob(f".partial-*-{glob.escape(folder.name)}"):
        shutil.rmtree(partial)


def _partial(path: pathlib.Path) -> pathlib.Path:
    # Keeps the ending, for writers that choose a format by the suffix.
    return path.with_name(f".partial-{uuid.uuid4().hex}-{path.name}")


def link_or_copy(source: str | pathlib.Path, target: str | pathlib.Path) -> None:
    """Makes a hard link to a file, or a copy if the file system has no links."""
    try:
        os.link(source, target)
    except OSError:
        shutil.copy2(source, target)
