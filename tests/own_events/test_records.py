"""Records of a list of events, the share of background, and the paragraph on them."""

import collections
import dataclasses

import pytest

from avel_tf.ave import BACKGROUND_NAME, SPLITS
from avel_tf.errors import InputError, MediaError
from avel_tf.own_events import Event, RejectedRow, make_records, read_events, summarize
from avel_tf.own_events.listing import Listing


def listing(*events, rejected=(), doubtful=(), unlisted=()):
    """A `Listing` of events (file, start, end, category, split)."""
    made = tuple(Event(*event, line=number) for number, event in enumerate(events, start=2))
    return Listing(made, tuple(rejected), frozenset(doubtful), tuple(unlisted))


# 4 windows each; in the first a category, in the others nothing.
LISTED = listing(
    ("z.mp4", 0, 5, "dog", "train"),
    ("y.mp4", 0, 5, "cat", "train"),
    ("x.mp4", 0, 5, "dog", "val"),
    ("w.mp4", 0, 5, "cat", "test"),
)
LENGTHS = dict.fromkeys("zyxw", 35)
LENGTHS = {f"{name}.mp4": length for name, length in LENGTHS.items()}


def kinds(records):
    """Number of windows with and without an event by split."""
    return {
        split: (len(windows) - background, background)
        for split, windows in records.splits.items()
        for background in [sum(window.category == BACKGROUND_NAME for window in windows)]
    }


@pytest.mark.parametrize(
    "share, train, others",
    [(0, 0, 0), (0.2, 0, 0), (0.5, 2, 1), (0.6, 3, 1), (0.75, 6, 3), (1, 6, 3)],
)
def test_background_is_at_most_a_share_of_the_records_of_a_split(share, train, others):
    records = make_records(LISTED, LENGTHS, max_background_share=share)
    assert kinds(records) == {
        "train": (2, train),
        "val": (1, others),
        "test": (1, others),
    }
    assert records.num_background_left_out == 12 - train - 2 * others


def test_what_is_left_out_depends_on_the_seed_only():
    chosen = [
        make_records(LISTED, LENGTHS, max_background_share=0.5, seed=seed) for seed in (0, 0, 1)
    ]
    assert chosen[0] == chosen[1]
    assert chosen[0].splits != chosen[2].splits


def test_rows_are_numbered_across_splits_in_the_order_of_the_list():
    records = make_records(LISTED, LENGTHS, max_background_share=1)
    assert tuple(records.splits) == SPLITS
    windows = [window for windows in records.splits.values() for window in windows]
    assert [window.row for window in windows] == list(range(16))
    assert [window.video_id for window in windows[::4]] == ["z.mp4", "y.mp4", "x.mp4", "w.mp4"]
    assert [window.start_segment for window in windows[:4]] == [0, 10, 20, 30]
    assert windows[3].num_segments == 5
    assert records.categories == ("cat", "dog")


def test_videos_that_cannot_be_read_and_events_after_the_end_are_rejected():
    listed = listing(
        *[("z.mp4", 0, 5, "dog", "train"), ("v.mp4", 0, 1, "dog"), ("v.mp4", 2, 3, "dog")],
        *[("x.mp4", 0, 5, "dog", "val"), ("w.mp4", 0, 5, "dog", "test")],
        ("w.mp4", 50, 60, "dog", "test"),
        rejected=[RejectedRow(9, "x.mp4", "no_number", "Line 9: …")],
        doubtful=["x.mp4"],
    )
    lengths = {**LENGTHS, "v.mp4": MediaError("no_audio", "v.mp4", "it has no sound")}
    records = make_records(listed, lengths, max_background_share=1)
    assert [(row.line, row.file, row.reason) for row in records.rejected] == [
        (9, "x.mp4", "no_number"),
        (3, "v.mp4", "no_audio"),
        (7, "w.mp4", "after_the_end"),
    ]
    # Neither in x, one row of which is wrong, nor in w is what is not listed background.
    assert kinds(records) == {"train": (1, 3), "val": (1, 0), "test": (1, 0)}


def test_splits_are_drawn_if_none_are_given():
    listed = listing(*[(f"{index}.mp4", 0, 5, "dog") for index in range(20)])
    records = make_records(listed, dict.fromkeys(listed.files, 10))
    assert {split: len(windows) for split, windows in records.splits.items()} == {
        "train": 13,
        "val": 3,
        "test": 4,
    }


def test_too_few_videos_with_a_labeled_second_are_an_error():
    # The bark is shorter than half a second.
    listed = listing(
        *[(f"{index}.mp4", 0, 5, "dog") for index in range(3)], ("3.mp4", 1.1, 1.4, "bark")
    )
    records = make_records(listed, dict.fromkeys(listed.files, 10))
    assert records.categories == ("dog",)
    assert "Events that got no second, as short or under another: 1." in summarize(records)
    with pytest.raises(InputError, match="No second of the 1 videos has an event.$"):
        make_records(listing(("3.mp4", 1.1, 1.4, "bark")), {"3.mp4": 10})
    with pytest.raises(InputError, match="The first rejected row: Line 2: the event lasts from 15"):
        make_records(listing(("3.mp4", 15, 17, "bark")), {"3.mp4": 10})


def test_a_share_out_of_range_is_an_error():
    with pytest.raises(ValueError, match="`max_background_share` must be a number from 0 to 1"):
        make_records(LISTED, LENGTHS, max_background_share=2)


def test_what_cannot_be_searched_for_is_left_out_of_the_task_of_searching():
    listed = listing(
        *[(f"{split}.mp4", 2, 5, "dog", split) for split in SPLITS],
        ("train.mp4", 10, 20, "dog"),  # all of the second window
        ("train.mp4", 21, 23, "dog"),  # two parts of the third
        ("train.mp4", 26, 27, "dog"),
    )
    records = make_records(listed, dict.fromkeys(listed.files, 40), task="cml")
    assert {split: [each.relevance for each in records.splits[split]] for split in SPLITS} == (
        dict.fromkeys(SPLITS, ["..xxx....."])
    )
    assert (records.num_unsearchable, records.num_background_left_out) == (2, 7)
    said = summarize(records)
    assert "Windows whose event is not one part of them left out: 2." in said
    whole = listing(("a.mp4", 0, 10, "dog"))
    with pytest.raises(
        InputError, match="In all 1 windows with an event it is the whole .* to find"
    ):
        make_records(whole, {"a.mp4": 10}, task="cml")


def test_summary():
    listed = dataclasses.replace(
        LISTED,
        events=(*LISTED.events, Event("z.mp4", 5, 9, "cat", "train", line=6)),
        rejected=(RejectedRow(9, "v.mp4", "missing_file", "Line 9: 'v.mp4' is not here."),),
        unlisted_files=("u.mp4",),
    )
    assert summarize(make_records(listed, LENGTHS, max_background_share=0.4)) == (
        "7 records of 4 videos, in train/val/test: cat 2/0/1; dog 1/1/0; Background 2/0/0. Windows "
        "divided between two categories: 1. Windows without an event left out: 10. Videos left out "
        "because no row names them: 1, the first is 'u.mp4'. If nothing happens in it, a row "
        "without an event makes it background, in a CSV u.mp4,,,. Rows rejected: 1 missing_file. "
        "The first: Line 9: 'v.mp4' is not here."
    )
    assert summarize(make_records(LISTED, LENGTHS, max_background_share=1)) == (
        "16 records of 4 videos, in train/val/test: cat 1/0/1; dog 1/1/0; Background 6/3/3."
    )


def test_real_own_events(real_data):
    from avel_tf.media import VIDEO_SUFFIXES, count_segments

    folder = real_data / "own_events"
    listed = read_events(folder / "events.csv", folder, VIDEO_SUFFIXES)
    lengths = {file: count_segments(folder / file) for file in listed.files}
    assert collections.Counter(lengths.values()) == {8: 9, 10: 69, 13: 20, 24: 7}
    records = make_records(listed, lengths)
    windows = [window for windows in records.splits.values() for window in windows]
    assert len(windows) == 141 and len(records.categories) == 7
    counts = {
        split: collections.Counter(window.category for window in of_split)
        for split, of_split in records.splits.items()
    }
    assert all(set(records.categories) <= counts[split].keys() for split in SPLITS)
    # Each event of a whole number of seconds has all of its seconds.
    labeled = {
        (window.video_id, window.start_segment + second, window.category)
        for window in windows
        for second, event in enumerate(window.event_relevance)
        if event
    }
    assert labeled == {
        (event.file, second, event.category)
        for event in listed.events
        for second in range(int(event.start_seconds), int(event.end_seconds))
    }
    assert "Windows divided between two categories: 2." in summarize(records)


def test_real_annotations_of_ave(ave_listing):
    records = make_records(ave_listing, dict.fromkeys(ave_listing.files, 10))
    assert len(records.categories) == 28
    windows = [window for windows in records.splits.values() for window in windows]
    # One record for each video: where its events overlap in time, one of them has the seconds.
    assert len(windows) == 4097
    (background,) = [window for window in windows if window.category == BACKGROUND_NAME]
    assert background.video_id == "VWi2ENBuTbw.mp4"
    assert sum(cut.num_divided for cut in records.cuts) == 0
    assert sum(cut.num_lost for cut in records.cuts) == 46
