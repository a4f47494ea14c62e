"""Folders that appear whole or not at all."""

import contextlib
import pathlib
import shutil
import uuid
from collections.abc import Iterator


@contextlib.contextmanager
def whole_folder(folder: pathlib.Path) -> Iterator[pathlib.Path]:
    """Yields an empty folder to fill, which gets its name at the end of the `with` block.

    An error in the block removes it.

    Args:
        folder: Folder to make.
    Raises:
        FileExistsError: If there is something at `folder`.
    """
    if folder.exists():
        raise FileExistsError(f"{folder} exists already. Choose another folder or remove it.")
    partial = folder.with_name(f".{folder.name}.{uuid.uuid4().hex}.partial")
    partial.mkdir(parents=True)
    try:
        yield partial
        partial.rename(folder)
    except BaseException:
        shutil.rmtree(partial)
        raise
