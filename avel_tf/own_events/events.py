"""Events in one's own videos, and rows of a list that describe none."""

import dataclasses


@dataclasses.dataclass(frozen=True)
class Event:
    """An event in a video, or a video that is listed without one.

    Args:
        file: String. Path of the video in its folder, with `/` between its parts.
        start_seconds: Float. Start of the event; 0 without one.
        end_seconds: Float. Its end; 0 without one.
        category: String. Its category; empty for a video listed without an event.
        split: String. `train`, `val` or `test` if the list says so, else empty.
        group: String. Videos of one group, such as a recording session, stay in one split. Empty
            if the list has no groups.
        line: Integer. Line in the list, from 1; 0 in JSON.
    """

    file: str
    start_seconds: float
    end_seconds: float
    category: str
    split: str = ""
    group: str = ""
    line: int = 0


@dataclasses.dataclass(frozen=True)
class RejectedRow:
    """A row that is left out.

    Args:
        line: Integer. Line in the list, from 1; 0 in JSON.
        file: String. The video, as the list names it.
        reason: String. One word, for counting.
        message: String. What is wrong and what to do, for people.
    """

    line: int
    file: str
    reason: str
    message: str


class RowError(ValueError):
    """A fault of a single row, which is left out.

    Args:
        reason: String. One word, for counting.
        message: String. What is wrong and what to do.
    """

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason
