"""A list of events: what can be used of it, and what cannot and why."""

import collections
import dataclasses
import math
import os
import pathlib
from collections.abc import Collection

from avel_tf.ave import BACKGROUND_NAME
from avel_tf.errors import InputError
from avel_tf.own_events.events import Event, RejectedRow, RowError
from avel_tf.own_events.rows import Row, read_rows
from avel_tf.own_events.split_lists import apply_split_lists
from avel_tf.own_events.video_folder import VideoFolder

SPLIT_NAMES = {
    **dict.fromkeys(("train", "training"), "train"),
    **dict.fromkeys(("val", "valid", "validation", "dev"), "val"),
    **dict.fromkeys(("test", "testing"), "test"),
}


@dataclasses.dataclass(frozen=True)
class Listing:
    """Content of a list of events in the videos of a folder.

    Args:
        events: Tuple of `Event`, in the list's order.
        rejected: Tuple of `RejectedRow`.
        doubtful_files: Frozen set of the files that a rejected row names: where no event is listed
            in them, there may be one.
        unlisted_files: Tuple of the videos that no row names.
    """

    events: tuple[Event, ...]
    rejected: tuple[RejectedRow, ...]
    doubtful_files: frozenset[str]
    unlisted_files: tuple[str, ...]

    @property
    def files(self) -> list[str]:
        """Files with usable rows, in order of first appearance."""
        return list(dict.fromkeys(event.file for event in self.events))


def read_events(
    path: str | os.PathLike[str], folder: str | os.PathLike[str], suffixes: Collection[str]
) -> Listing:
    """Reads a list of events in the videos of a folder.

    An empty `event`, or `Background`, lists a video without saying where anything happens in it.
    Splits are those of the column `split`, or of files next to the list, `train.txt`, `val.txt` and
    `test.txt`, with the name of a video in each line.

    Args:
        path: Path of the list, in one of the formats of `read_rows`.
        folder: Folder of the videos.
        suffixes: What the names of videos end in: `avel_tf.media.VIDEO_SUFFIXES`.
    Returns:
        `Listing`.
    Raises:
        InputError: If the list as a whole cannot be used, or no row of it; names the line.
    """
    path = pathlib.Path(path)
    videos = VideoFolder(pathlib.Path(folder), suffixes)
    events, rejected, doubtful = [], [], set()
    for row in read_rows(path):
        if isinstance(row, RejectedRow):
            rejected.append(row)
        else:
            try:
                events.append(_event(path, row, videos))
            except RowError as error:
                message = f"{row.place}: {error}."
                rejected.append(RejectedRow(row.line, row.file, error.reason, message))
    for row in rejected:
        try:
            doubtful.add(videos.find(row.file))
        except RowError:
            continue  # not in the folder
    if not events:
        if not rejected:
            raise InputError(f"{path} names only columns. Add a row for each event.")
        raise InputError(
            f"None of the {len(rejected)} rows of {path} can be used. The first: "
            f"{rejected[0].message}"
        )
    _check_spelling(path, events)
    events = apply_split_lists(path.parent, events, videos)
    listed = {event.file for event in events} | doubtful
    unlisted = tuple(file for file in videos.files if file not in listed)
    return Listing(tuple(events), tuple(rejected), frozenset(doubtful), unlisted)


def _event(path: pathlib.Path, row: Row, videos: VideoFolder) -> Event:
    split = SPLIT_NAMES.get(row.split.lower(), "")
    if row.split and not split:
        raise InputError(
            f"{path}: {row.place[0].lower()}{row.place[1:]} has the split {row.split!r}. "
            "Write train, val or test."
        )
    file = videos.find(row.file)
    if not row.event or row.event.lower() == BACKGROUND_NAME.lower():
        return Event(file, 0.0, 0.0, "", split, row.group, row.line)
    start, end = _seconds("start", row.start), _seconds("end", row.end)
    if start < 0:
        raise RowError("negative_start", f"the event starts at {start:g} s. Start at 0 or later")
    if end <= start:
        raise RowError(
            "end_before_start",
            f"the event ends at {end:g} s, but starts at {start:g} s. Correct the times",
        )
    return Event(file, start, end, row.event, split, row.group, row.line)


def _seconds(column: str, text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise RowError(
            "no_number",
            f"{column!r} is {text!r}. Write seconds as a number, such as 12.5",
        )
    return value


def _check_spelling(path: pathlib.Path, events: list[Event]) -> None:
    """Raises InputError if names of categories differ only in their capital letters."""
    counts = collections.Counter(event.category for event in events)
    spellings = collections.defaultdict(list)
    for name in counts:
        spellings[name.casefold()].append(name)
    for names in spellings.values():
        if len(names) > 1:
            found = " and ".join(f"{name!r} ({counts[name]}×)" for name in names)
            raise InputError(f"{path} has the events {found}. Write one of them everywhere.")
