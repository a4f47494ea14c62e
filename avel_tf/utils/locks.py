"""One run at a time in one folder."""

import contextlib
import fcntl
import pathlib
from collections.abc import Iterator


@contextlib.contextmanager
def exclusive(folder: pathlib.Path) -> Iterator[pathlib.Path]:
    """Locks a folder, which is made if missing, for the duration of a `with` block.

    Raises:
        RuntimeError: If another process has locked it.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with open(folder / ".lock", "w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)  # released whenever the process ends
        except BlockingIOError:
            raise RuntimeError(
                f"Another run is using {folder}. Wait until it ends, or use another folder."
            ) from None
        yield folder
