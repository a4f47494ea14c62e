"""Opening of sources, with one reader per process and job."""

import collections
import contextlib
import threading
from collections.abc import Iterator, Sequence
from typing import Protocol

from avel_tf.ave import Annotation
from avel_tf.errors import MediaError
from avel_tf.records import MediaFile, Record, Window
from avel_tf.sources.media_source import MediaSource
from avel_tf.sources.official_source import OfficialSource
from avel_tf.sources.simulated_source import SimulatedSource

Source = MediaSource | OfficialSource | SimulatedSource


class Reader(Protocol):
    """Reader of records in a worker."""

    def read(
        self, items: Sequence[Annotation | MediaFile | Window]
    ) -> Iterator[Record | MediaError]:
        """Yields each record in order, or the reason to reject it."""

    def metadata(self) -> dict:
        """Describes how the features are made, JSON-able; equal on every worker."""

    def close(self) -> None:
        """Closes open files and ends processes."""


# Several threads of a worker share a reader; the job that opened it closes it in the end.
_readers: dict[tuple, Reader] = {}
_users = collections.Counter()
_lock = threading.Lock()


@contextlib.contextmanager
def open_source(source: Source, job_id: str) -> Iterator[Reader]:
    """Opens the reader of a source for a `with` block; made once per process and job.

    A process that outlives a job must not read the next job's files through the old reader,
    because the same names may then refer to other files. Two simultaneous jobs have separate
    readers.
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
