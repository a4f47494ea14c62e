"""Records of one's own videos, by split."""

import collections
import dataclasses
import math
import random
from collections.abc import Mapping, Sequence

from avel_tf.ave import BACKGROUND_NAME, SPLITS
from avel_tf.errors import InputError, MediaError
from avel_tf.own_events.events import RejectedRow
from avel_tf.own_events.listing import Listing
from avel_tf.own_events.splits import choose_splits
from avel_tf.own_events.windows import Cut, cut_windows
from avel_tf.records.window import Window
from avel_tf.utils.arguments import check_fraction

TOLERANCE = 1e-9  # for rounding where a share of records is a whole number of them


@dataclasses.dataclass(frozen=True)
class OwnRecords:
    """Records of one's own videos, and what was left out to make them.

    Args:
        splits: Dict from `train`, `val` and `test` to lists of `Window`, numbered across splits.
        categories: Tuple of the categories, in alphabetical order.
        rejected: Tuple of `RejectedRow`.
        cuts: Tuple of `Cut`, one for each video.
        num_unsearchable: Integer. Windows with an event left out because it is not one part of
            them, in cross-modality localization.
        num_background_left_out: Integer. Windows without an event beyond the share.
        unlisted_files: Tuple of the videos that the list does not name.
    """

    splits: dict[str, list[Window]]
    categories: tuple[str, ...]
    rejected: tuple[RejectedRow, ...]
    cuts: tuple[Cut, ...]
    num_unsearchable: int
    num_background_left_out: int
    unlisted_files: tuple[str, ...]


def make_records(
    listing: Listing,
    num_segments: Mapping[str, int | MediaError],
    *,
    task: str = "sel",
    window_segments: int = 10,
    min_overlap: float = 0.5,
    max_background_share: float = 0.2,
    seed: int = 0,
) -> OwnRecords:
    """Makes the records of the videos in a list of events.

    Args:
        listing: `Listing`.
        num_segments: Dict from each of its files to its seconds, or to the reason why it cannot be
            read.
        task: String. `"sel"`; or `"cml"`, which takes only windows with something to find: an
            event that is one part of the window, and less than all of it.
        window_segments: Integer. Seconds in a window, see `cut_windows`.
        min_overlap: Float. Part of a second that an event must cover, see `cut_windows`.
        max_background_share: Float from 0 to 1. Largest share of the records of a split that are
            windows without an event; more are left out at random.
        seed: Integer. Chooses splits and the windows that are left out.
    Returns:
        `OwnRecords`.
    Raises:
        InputError: If no video has an event, or as `choose_splits` does.
        ValueError: If a number is out of range.
    """
    check_fraction("max_background_share", max_background_share)
    events = collections.defaultdict(list)
    for event in listing.events:
        events[event.file].append(event)
    rejected, cuts = list(listing.rejected), {}
    for file, of_file in events.items():
        length = num_segments[file]
        if isinstance(length, MediaError):
            rejected.append(RejectedRow(of_file[0].line, file, length.reason, str(length)))
            continue
        cuts[file] = cut_windows(
            file,
            of_file,
            length,
            window_segments=window_segments,
            min_overlap=min_overlap,
            is_doubtful=file in listing.doubtful_files,
        )
        rejected += cuts[file].rejected
    num_unsearchable = 0
    if task == "cml":
        max_background_share = 0.0
        for file, cut in cuts.items():
            windows = tuple(
                window
                for window in cut.windows
                if window.is_searchable or window.category == BACKGROUND_NAME
            )
            num_unsearchable += len(cut.windows) - len(windows)
            cuts[file] = dataclasses.replace(cut, windows=windows)
    categories = {
        file: {window.category for window in cut.windows} - {BACKGROUND_NAME}
        for file, cut in cuts.items()
        if cut.windows
    }
    names = tuple(sorted(set().union(*categories.values())))
    if not names:
        first = f" The first rejected row: {rejected[0].message}" if rejected else ""
        none = (
            f"In all {num_unsearchable} windows with an event it is the whole window or several "
            "parts of it, so that there is nothing to find. Try other `window_seconds`."
            if num_unsearchable
            else f"No second of the {len(events)} videos has an event."
        )
        raise InputError(none + first)
    split_of = choose_splits(listing.events, categories, seed)
    windows = {
        split: [
            window
            for file in categories
            if split_of[file] == split
            for window in cuts[file].windows
        ]
        for split in SPLITS
    }
    kept = {
        split: _limit_background(of_split, max_background_share, f"{seed} {split}")
        for split, of_split in windows.items()
    }
    return OwnRecords(
        splits=_numbered(kept, list(categories)),
        categories=names,
        rejected=tuple(rejected),
        cuts=tuple(cuts.values()),
        num_unsearchable=num_unsearchable,
        num_background_left_out=sum(len(windows[split]) - len(kept[split]) for split in SPLITS),
        unlisted_files=listing.unlisted_files,
    )


def _limit_background(windows: Sequence[Window], max_share: float, seed: str) -> list[Window]:
    if max_share == 1:
        return list(windows)
    background = [window for window in windows if window.category == BACKGROUND_NAME]
    # The share is background / (background + events).
    limit = max_share * (len(windows) - len(background)) / (1 - max_share)
    count = min(len(background), math.floor(limit + TOLERANCE))
    chosen = set(random.Random(seed).sample(background, count))
    return [window for window in windows if window.category != BACKGROUND_NAME or window in chosen]


def _numbered(
    splits: Mapping[str, Sequence[Window]], files: Sequence[str]
) -> dict[str, list[Window]]:
    """Numbers the windows in the order of the list, so that a row tells where its video is."""
    order = {file: index for index, file in enumerate(files)}
    windows = sorted(
        (window for of_split in splits.values() for window in of_split),
        key=lambda window: (order[window.video_id], window.start_segment),
    )
    rows = {window: row for row, window in enumerate(windows)}
    return {
        split: [dataclasses.replace(window, row=rows[window]) for window in of_split]
        for split, of_split in splits.items()
    }
