"""Splits of one's own videos: as their list says, or drawn."""

import collections
import math
import random
from collections.abc import Mapping, Sequence

from avel_tf.ave import BACKGROUND_NAME, SPLITS
from avel_tf.errors import InputError
from avel_tf.own_events.events import Event

VAL_SHARE, TEST_SHARE = 0.15, 0.2
MAX_DRAWS = 100


def choose_splits(
    events: Sequence[Event], categories: Mapping[str, set[str]], seed: int
) -> dict[str, str]:
    """Chooses the split of each video; no video and no group is in two.

    Takes the splits of the list if it has them. Otherwise draws them: of the videos of each
    category 15 % for `val` and at least 20 % for `test`, as near as groups and videos with several
    categories allow, and each category in each split.

    Args:
        events: Events of the videos.
        categories: Dict from each video to the categories in it; none in one that is background.
        seed: Integer. The same videos and seed make the same splits.
    Returns:
        Dict from each video of `categories` to `train`, `val` or `test`.
    Raises:
        InputError: If the list has splits for some videos only, or a video or group in two; if a
            category is missing in `train`, or splits are to be drawn and a category has too few
            videos; states the counts.
    """
    groups = _one_each(events, "group")
    given = _one_each(events, "split")
    units = {file: f"group {groups[file]}" if groups[file] else file for file in categories}
    if any(given.values()):
        splits = {file: given[file] for file in categories}
        _check_given(splits, units, categories)
        return splits
    members = collections.defaultdict(list)
    for file in sorted(categories):
        members[units[file]].append(file)
    drawn = _draw({unit: _count(categories, files) for unit, files in members.items()}, seed)
    return {file: drawn[units[file]] for file in categories}


def _count(categories: Mapping[str, set[str]], files: Sequence[str]) -> collections.Counter:
    """Counts videos by category; those without an event are background if none has one."""
    counts = collections.Counter(name for file in files for name in categories[file])
    return counts or collections.Counter({BACKGROUND_NAME: len(files)})


def _one_each(events: Sequence[Event], field: str) -> dict[str, str]:
    """Returns the split or the group of each video; a row may leave out what another has."""
    found = {}
    for event in events:
        value, before = getattr(event, field), found.get(event.file, "")
        if value and before and value != before:
            raise InputError(
                f"{event.file!r} has the {field}s {before!r} and {value!r}. Write one in all rows."
            )
        found[event.file] = value or before
    return found


def _check_given(
    splits: Mapping[str, str], units: Mapping[str, str], categories: Mapping[str, set[str]]
) -> None:
    if without := [file for file, split in splits.items() if not split]:
        raise InputError(
            f"{len(without)} of {len(splits)} videos have no split, the first is {without[0]!r}. "
            "Give all videos a split, or none to have them drawn."
        )
    split_of_unit = {}
    for file, unit in units.items():
        if split_of_unit.setdefault(unit, splits[file]) != splits[file]:
            raise InputError(
                f"The {unit} is in {split_of_unit[unit]} and, with {file!r}, in {splits[file]}. "
                "Put all videos of a group into one split."
            )
    found = {split: set() for split in SPLITS}
    for file, split in splits.items():
        found[split] |= categories[file]
    if empty := [split for split in SPLITS if not found[split]]:
        raise InputError(
            f"No video of the split {empty[0]} has a usable event. Move some videos with events "
            "there, or give no splits to have them drawn."
        )
    if unseen := sorted(set().union(*found.values()) - found["train"]):
        raise InputError(
            f"The split train has no video of {', '.join(map(repr, unseen))}. Move some there."
        )


def _draw(units: Mapping[str, collections.Counter], seed: int) -> dict[str, str]:
    """Draws the split of each unit, a video or a group, from its number of videos by category."""
    num_units = collections.Counter(name for counts in units.values() for name in counts)
    num_videos = sum(units.values(), collections.Counter())
    num_background = num_units.pop(BACKGROUND_NAME, 0)
    numbers = ", ".join(f"{name!r} {number}" for name, number in sorted(num_units.items()))
    if min(num_units.values()) < len(SPLITS):
        raise InputError(
            f"Each category needs {len(SPLITS)} videos, and of different groups if there are any, "
            f"for train, val and test; there are: {numbers}. Add videos, or remove the rows of "
            "categories that are too rare."
        )
    # The rarest first, as they have the least choice.
    names = sorted(num_units, key=lambda name: (num_units[name], name))
    for draw in range(MAX_DRAWS):
        order = list(units)
        random.Random(f"{seed} {draw}").shuffle(order)
        splits, done = {}, {split: collections.Counter() for split in SPLITS}
        for name in [*names, BACKGROUND_NAME] if num_background else names:
            left = [unit for unit in order if unit not in splits and units[unit][name]]
            aims = _aims(num_videos[name])
            for index, unit in enumerate(left):
                without = [split for split in SPLITS if not done[split][name]]
                # The last ones go where the category still lacks.
                choice = without if 0 < len(without) >= len(left) - index else SPLITS
                splits[unit] = max(choice, key=lambda split: aims[split] - done[split][name])
                done[splits[unit]].update(units[unit])
        if all(done[split][name] for split in SPLITS for name in names):
            return splits
    raise InputError(
        f"No split of the videos has each category in train, val and test; there are: {numbers}. "
        "Add videos with a single category, or say yourself which split each video is in."
    )


def _aims(number: int) -> dict[str, int]:
    """Computes how many of some videos are to be in each split."""
    if number < len(SPLITS):  # possible for background only
        return {"train": number, "val": 0, "test": 0}
    val, test = max(1, round(VAL_SHARE * number)), math.ceil(TEST_SHARE * number)
    return {"train": number - val - test, "val": val, "test": test}
