"""The reader of a source, one a process."""

import threading
from collections.abc import Iterator, Sequence
from typing import Protocol

from avel_tf.ave import Annotation
from avel_tf.media import MediaError
from avel_tf.records import MediaFile, Record
from avel_tf.sources.media_source import MediaSource
from avel_tf.sources.official_source import OfficialSource


class Reader(Protocol):
    """What a worker reads records from."""

    def read(self, items: Sequence[Annotation | MediaFile]) -> Iterator[Record | MediaError]:
        """Each record in its turn, or why it must be rejected."""

    def metadata(self) -> dict:
        """How the features were made, JSON-able; equal on every worker."""

    def close(self) -> None:
        """Lets go of open files and processes."""


_opened: dict[tuple, Reader] = {}
_opening = threading.Lock()


def open_source(source: MediaSource | OfficialSource, job_id: str) -> Reader:
    """The reader of a source, made once a process and job.

    A process that outlives a job must not read the next one's files through the old reader: the
    same names may mean other files by then.
    """
    with _opening:
        key = (source, job_id)
        if key not in _opened:
            _close()
            _opened[key] = source.open()
        return _opened[key]


def close_source() -> None:
    """Closes the reader that is open, if any."""
    with _opening:
        _close()


def _close() -> None:
    while _opened:
        _opened.popitem()[1].close()
