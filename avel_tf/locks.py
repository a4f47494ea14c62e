"""One run at a time in one folder."""

import contextlib
import fcntl
import pathlib
from collections.abc import Iterator


@contextlib.contextmanager
def exclusive(folder: pathlib.Path) -> Iterator[pathlib.Path]:
    """Holds a folder, which is made if need be, for the length of a `with` block.

    Raises:
        RuntimeError: If another process holds it.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with open(folder / ".lock", "w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)  # ends with the process, however
        except BlockingIOError:
            raise RuntimeError(
                f"Another run is using {folder}. Wait until it has ended, or use another folder."
            ) from None
        yield folder
