"""Windows of a video, labeled by the events in them."""

import collections
import dataclasses
import itertools
import math
from collections.abc import Sequence

from avel_tf.ave import BACKGROUND_NAME
from avel_tf.own_events.events import Event, RejectedRow
from avel_tf.records.window import EVENT, NO_EVENT, Window
from avel_tf.utils.arguments import check_fraction, check_natural, check_positive_integer

DECIMALS = 6  # of the part of a second that an event covers; beyond lies rounding


@dataclasses.dataclass(frozen=True)
class Cut:
    """Windows of a video, and what they leave out. Rows are still to be numbered.

    Args:
        windows: Tuple of `Window`, in the order of time.
        rejected: Tuple of `RejectedRow`: events after the end of the video.
        num_divided: Integer. Windows that were divided, because they had several categories.
        num_contested: Integer. Seconds that two categories could have had.
        num_lost: Integer. Events that got no second.
        num_unclear: Integer. Windows left out because no second has an event, but part of one may.
    """

    windows: tuple[Window, ...]
    rejected: tuple[RejectedRow, ...]
    num_divided: int
    num_contested: int
    num_lost: int
    num_unclear: int


def cut_windows(
    file: str,
    events: Sequence[Event],
    num_segments: int,
    *,
    window_segments: int = 10,
    min_overlap: float = 0.5,
    is_doubtful: bool = False,
) -> Cut:
    """Cuts a video into windows, one after the other, with at most one category in each.

    The last window is shorter, down to one second, and so is the only one of a short video. A
    second has an event if the event covers at least `min_overlap` of it; of several, the category
    that covers most of it, then the one that starts first. A window with several categories is
    divided into one record for each, in the middle of the seconds between them. A window without
    events has the category `BACKGROUND_NAME`, but is left out if a part of an event that is too
    short for a second lies in it.

    Args:
        file: String. Path of the video in its folder.
        events: Its events; of those that end at most one second after the video, the rest is cut
            off.
        num_segments: Integer. Seconds in the video.
        window_segments: Integer. Seconds in a window.
        min_overlap: Float above 0, up to 1.
        is_doubtful: Boolean. Whether the video may have events that are not known: its windows
            without events are then left out.
    Returns:
        `Cut`.
    Raises:
        ValueError: If a number is out of range.
    """
    check_natural("num_segments", num_segments)
    check_positive_integer("window_segments", window_segments)
    check_fraction("min_overlap", min_overlap)
    if not min_overlap:
        raise ValueError("`min_overlap` must be above 0. Received: min_overlap=0.")
    events = [event for event in events if event.category]
    late = [
        event
        for event in events
        if event.start_seconds >= num_segments or event.end_seconds > num_segments + 1
    ]
    events = [event for event in events if event not in late]
    is_doubtful = is_doubtful or bool(late)
    parts = _parts_of_seconds(events, num_segments)
    num_contested, labels = 0, []
    for part in parts:
        # The category that covers most of the second, then the one that starts first, comes first.
        found = sorted(
            (-covered, start, category)
            for category, (covered, start) in part.items()
            if covered >= round(min_overlap, DECIMALS)
        )
        labels.append(found[0][-1] if found else None)
        num_contested += len(found) > 1

    windows, num_divided, num_unclear = [], 0, 0
    for start in range(0, num_segments, window_segments):
        stop = min(start + window_segments, num_segments)
        pieces = _divide(labels, start, stop)
        num_divided += len(pieces) > 1
        for first, last in pieces:
            piece = labels[first:last]
            category = next((label for label in piece if label), BACKGROUND_NAME)
            if category == BACKGROUND_NAME and (is_doubtful or any(parts[first:last])):
                num_unclear += 1
                continue
            relevance = "".join(EVENT if label else NO_EVENT for label in piece)
            windows.append(Window(0, category, file, first, relevance))
    return Cut(
        windows=tuple(windows),
        rejected=tuple(_reject(event, num_segments) for event in late),
        num_divided=num_divided,
        num_contested=num_contested,
        num_lost=sum(event.category not in _seconds_of(labels, event) for event in events),
        num_unclear=num_unclear,
    )


def _reject(event: Event, num_segments: int) -> RejectedRow:
    place = f"Line {event.line}" if event.line else f"An event of {event.file!r}"
    return RejectedRow(
        event.line,
        event.file,
        "after_the_end",
        f"{place}: the event lasts from {event.start_seconds:g} to {event.end_seconds:g} s, but "
        f"{event.file!r} has {num_segments} whole seconds. Correct the times, or copy the whole "
        "video into the folder.",
    )


def _parts_of_seconds(
    events: Sequence[Event], num_segments: int
) -> list[dict[str, tuple[float, float]]]:
    """Lists the categories in each second: the part that they cover, and their start."""
    parts: list[dict[str, tuple[float, float]]] = [{} for _ in range(num_segments)]
    ends = collections.defaultdict(float)
    for event in sorted(events, key=lambda event: event.start_seconds):
        # What events of one category have in common counts once.
        start, end = max(event.start_seconds, ends[event.category]), event.end_seconds
        ends[event.category] = max(end, ends[event.category])
        for second in range(int(start), min(math.ceil(end), num_segments)):
            covered = round(min(end, second + 1) - max(start, second), DECIMALS)
            if covered > 0:
                before, first = parts[second].get(event.category, (0.0, event.start_seconds))
                parts[second][event.category] = round(before + covered, DECIMALS), first
    return parts


def _divide(labels: Sequence[str | None], start: int, stop: int) -> list[tuple[int, int]]:
    """Returns the bounds of the parts of a window that have at most one category each."""
    bounds = [start]
    with_event = [second for second in range(start, stop) if labels[second]]
    for before, after in itertools.pairwise(with_event):
        if labels[before] != labels[after]:
            bounds.append((before + after + 2) // 2)  # the first part gets the odd second
    return list(itertools.pairwise([*bounds, stop]))


def _seconds_of(labels: Sequence[str | None], event: Event) -> Sequence[str | None]:
    return labels[int(event.start_seconds) : math.ceil(event.end_seconds)]
