"""The reader of a source, one a process."""

import collections
import contextlib
import threading
from collections.abc import Iterator, Sequence
from typing import Protocol

from avel_tf.ave import Annotation
from avel_tf.media import MediaError
from avel_tf.records import MediaFile, Record
from avel_tf.sources.media_source import MediaSource
from avel_tf.sources.official_source import OfficialSource
from avel_tf.sources.simulated_source import SimulatedSource

Source = MediaSource | OfficialSource | SimulatedSource


class Reader(Protocol):
    """What a worker reads records from."""

    def read(self, items: Sequence[Annotation | MediaFile]) -> Iterator[Record | MediaError]:
        """Each record in its turn, or why it must be rejected."""

    def metadata(self) -> dict:
        """How the features were made, JSON-able; equal on every worker."""

    def close(self) -> None:
        """Lets go of open files and processes."""


_readers: dict[tuple, Reader] = {}
_users = collections.Counter()
_lock = threading.Lock()


@contextlib.contextmanager
def open_source(source: Source, job_id: str) -> Iterator[Reader]:
    """The reader of a source, for a `with` statement; made once a process and job.

    A process that outlives a job must not read the next one's files through the old reader: the
    same names may mean other files by then. Two jobs at once have a reader each.
    """
    key = (source, job_id)
    with _lock:
        if key not in _readers:
            _close_idle()
            _readers[key] = source.open()
        reader = _readers[key]
        _users[key] += 1
    try:
        yield reader
    finally:
        with _lock:
            _users[key] -= 1


def close_idle_sources() -> None:
    """Closes the readers that nobody is using."""
    with _lock:
        _close_idle()


def _close_idle() -> None:
    for key in [key for key in _readers if not _users[key]]:
        _readers.pop(key).close()
