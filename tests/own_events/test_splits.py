"""Splits of videos: given ones, and drawn ones that keep videos and groups together."""

import collections
import random
import re

import pytest

from avel_tf.ave import SPLITS
from avel_tf.errors import InputError
from avel_tf.own_events import Event, choose_splits

HEADER = "file,start,end,event\n"


def make(videos, groups=None, splits=None):
    """Events and categories of videos, given as names of their categories, one letter each."""
    categories = {f"{index:03}.mp4": set(names) for index, names in enumerate(videos)}
    groups, splits = groups or [""] * len(videos), splits or [""] * len(videos)
    events = [
        Event(file, 0, 1, name, split, group)
        for (file, names), split, group in zip(categories.items(), splits, groups, strict=True)
        for name in sorted(names) or [""]
    ]
    return events, categories


def count(chosen, categories):
    """Videos of each category by split."""
    return {
        split: collections.Counter(
            name for file, names in categories.items() if chosen[file] == split for name in names
        )
        for split in SPLITS
    }


def test_of_each_category_15_percent_are_for_val_and_20_for_test():
    events, categories = make(["a"] * 40 + ["b"] * 20 + ["c"] * 3 + [""] * 20)
    chosen = choose_splits(events, categories, seed=0)
    assert set(chosen) == set(categories)
    assert count(chosen, categories) == {
        "train": {"a": 26, "b": 13, "c": 1},
        "val": {"a": 6, "b": 3, "c": 1},
        "test": {"a": 8, "b": 4, "c": 1},
    }
    background = collections.Counter(chosen[file] for file in categories if not categories[file])
    assert background == {"train": 13, "val": 3, "test": 4}


@pytest.mark.parametrize("number, sizes", [(3, (1, 1, 1)), (4, (2, 1, 1)), (16, (10, 2, 4))])
def test_few_videos_of_a_category(number, sizes):
    events, categories = make(["a"] * number)
    chosen = collections.Counter(choose_splits(events, categories, seed=5).values())
    assert tuple(chosen[split] for split in SPLITS) == sizes


def test_splits_depend_on_the_seed_and_not_on_the_order():
    events, categories = make(["a"] * 20 + ["b"] * 20)
    first = choose_splits(events, categories, seed=0)
    turned = dict(reversed(categories.items()))
    assert choose_splits(events[::-1], turned, seed=0) == first
    assert choose_splits(events, categories, seed=1) != first


@pytest.mark.parametrize("seed", range(20))
def test_each_category_is_in_each_split_whatever_the_videos_share(seed):
    rng = random.Random(seed)
    videos = ["".join(rng.sample("abcde", rng.choice([1, 1, 2, 3]))) for _ in range(40)]
    events, categories = make(videos)
    counts = count(choose_splits(events, categories, seed), categories)
    assert all(counts[split].keys() == set("abcde") for split in SPLITS)


def test_another_draw_is_made_if_the_first_leaves_a_category_out(monkeypatch):
    events, categories = make(["cd", "ab", "ace", "bcd", "ade", "abe", "abc", "ade"])
    counts = count(choose_splits(events, categories, seed=0), categories)
    assert all(counts[split].keys() == set("abcde") for split in SPLITS)
    monkeypatch.setattr("avel_tf.own_events.splits.MAX_DRAWS", 1)
    with pytest.raises(InputError, match="No split of the videos has each category"):
        choose_splits(events, categories, seed=0)


def test_a_group_is_in_one_split():
    groups = [f"day {index // 4}" for index in range(80)]
    events, categories = make(["a", "b"] * 40, groups)
    chosen = choose_splits(events, categories, seed=0)
    splits_of = collections.defaultdict(set)
    for group, split in zip(groups, chosen.values(), strict=True):
        splits_of[group].add(split)
    assert all(len(splits) == 1 for splits in splits_of.values())
    assert collections.Counter(chosen.values()) == {"train": 52, "val": 12, "test": 16}


def test_a_group_need_only_be_in_one_row_of_a_video():
    events, categories = make(["a"] * 6, groups=["x", "x", "y", "y", "z", "z"])
    events.append(Event("000.mp4", 5, 6, "a"))
    chosen = choose_splits(events, categories, seed=0)
    assert chosen["000.mp4"] == chosen["001.mp4"]


def test_too_few_videos_or_groups_are_one_error_with_counts():
    events, categories = make(["a"] * 5 + ["b"] * 2 + ["c"])
    message = "Each category needs 3 videos, .*there are: 'a' 5, 'b' 2, 'c' 1. Add videos, or"
    with pytest.raises(InputError, match=message):
        choose_splits(events, categories, seed=0)
    events, categories = make(["a"] * 5, groups=["x", "x", "x", "y", "y"])
    with pytest.raises(InputError, match="of different groups if there are any.*: 'a' 2. Add"):
        choose_splits(events, categories, seed=0)


def test_categories_that_cannot_all_be_in_each_split_are_an_error():
    # Each group lacks one category, so it cannot be alone in a split; four groups in three are.
    videos, groups = ["bcd", "acd", "abd", "abc"], list("1234")
    events, categories = make(videos, groups)
    with pytest.raises(InputError, match="No split of the videos has each category in train, val"):
        choose_splits(events, categories, seed=0)


def test_given_splits_are_taken():
    splits = ["train", "val", "test", "train", "test"]
    events, categories = make(["ab", "a", "b", "", ""], splits=splits)
    assert list(choose_splits(events, categories, seed=0).values()) == splits


@pytest.mark.parametrize(
    "videos, splits, groups, message",
    [
        (
            ["a"] * 3,
            ["train", "", "test"],
            None,
            "1 of 3 videos have no split, the first is '001.mp",
        ),
        (["a"] * 3, ["train", "val", "val"], None, "No video of the split test has a usable event"),
        (["a", "ab", "b"], ["train", "val", "test"], None, "split train has no video of 'b'. Move"),
        (
            ["a"] * 3,
            ["train", "val", "test"],
            ["x", "x", "y"],
            "group x is in train and, with '001",
        ),
    ],
)
def test_given_splits_that_do_not_fit_are_an_error(videos, splits, groups, message):
    events, categories = make(videos, groups, splits)
    with pytest.raises(InputError, match=re.escape(message)):
        choose_splits(events, categories, seed=0)


def test_a_video_in_two_splits_or_groups_is_an_error():
    _, categories = make(["ab"])
    for field in ("split", "group"):
        events = [Event("000.mp4", 0, 1, name, **{field: value}) for name, value in ("ax", "by")]
        with pytest.raises(InputError, match=f"'000.mp4' has the {field}s 'x' and 'y'. Write one"):
            choose_splits(events, categories, seed=0)


@pytest.fixture
def write_lists(tmp_path):
    """Function that writes lists of the videos of each split next to the list of events."""

    def write(**names):
        for split, text in names.items():
            (tmp_path / f"{split}.txt").write_text(text)

    return write


def test_lists_of_videos_give_the_splits(read, write_lists):
    write_lists(train="\ufeffa\n\n", val=" b.mp4 \r\nnot there.mp4\n", test="day 2/c\n")
    events = read(HEADER + "a.mp4,0,1,x\nb.mp4,0,1,x\na.mp4,1,2,y\nday 2/c.mkv,0,1,x\n").events
    assert [event.split for event in events] == ["train", "val", "train", "test"]


@pytest.mark.parametrize(
    "names, header, message",
    [
        (
            {"train": "a\nb", "val": ""},
            "",
            "train.txt lists .* there is no test.txt next to it. Add",
        ),
        ({"train": "a", "val": "a", "test": "b"}, "", "'a.mp4' is in .*train.txt and in .*val.txt"),
        ({"train": "a", "val": "", "test": ""}, "", "'b.mp4' is in none of .*test.txt. Add it to"),
        ({"train": "a", "val": "b", "test": ""}, ",split", "list of events has splits, and so has"),
    ],
)
def test_lists_of_videos_that_do_not_fit_are_an_error(read, write_lists, names, header, message):
    write_lists(**names)
    cell = header and ",train"
    with pytest.raises(InputError, match=message):
        read(f"file,start,end,event{header}\na.mp4,0,1,x{cell}\nb.mp4,0,1,x{cell}\n")
