"""Random annotations and splits with AVE's statistics, measured on its `Annotations.txt`."""

from collections.abc import Sequence

import numpy as np

from avel_tf.ave import CATEGORIES, NUM_SEGMENTS, SPLITS, Annotation
from avel_tf.choices import TASKS
from avel_tf.simulation.release_files import draw_video_id
from avel_tf.utils.arguments import check_choice

CATEGORY_COUNTS = (188, 176, 171, 184, 188, 175, 178, 187, 172, 163, 182, 138, 102, 99)
CATEGORY_COUNTS += (186, 176, 160, 183, 100, 83, 69, 160, 60, 64, 180, 109, 154, 156)
LENGTH_COUNTS = {2: 214, 3: 220, 4: 217, 5: 196, 6: 200, 7: 139, 8: 111, 9: 95, 10: 2750}
FIRST_SHARE, LAST_SHARE = 0.36, 0.47  # of events shorter than the record: at its start, at its end
HELD_OUT_SHARE = 402 / 4143  # for val and for test each
MIN_RECORDS = 10 * len(CATEGORIES)  # so that every category can be in every split


def draw_ave_annotations(num_records: int, seed: int) -> list[Annotation]:
    """Draws annotations with categories, lengths and positions of events as frequent as in AVE.

    Args:
        num_records: Integer. 4143 in AVE; at least `MIN_RECORDS`.
        seed: Integer.
    Returns:
        List of `Annotation`, grouped by category as in AVE's file.
    Raises:
        ValueError: If there are too few records.
    """
    if num_records < MIN_RECORDS:
        raise ValueError(
            f"`num_records` must be at least {MIN_RECORDS}, so that every category can be in every "
            f"split. Received: num_records={num_records}."
        )
    random = np.random.default_rng([seed, num_records])
    bounds = np.cumsum((0, *CATEGORY_COUNTS)) / sum(CATEGORY_COUNTS) * num_records
    counts = np.diff(bounds.round().astype(int))
    categories = np.repeat(np.arange(len(CATEGORIES)), counts)
    shares = np.array(list(LENGTH_COUNTS.values())) / sum(LENGTH_COUNTS.values())
    lengths = random.choice(list(LENGTH_COUNTS), num_records, p=shares)
    # Give every category short events, however few records: cross-modality localization needs them.
    first_rows = np.concatenate([[0], np.cumsum(counts)[:-1]])
    for rows in (first_rows, first_rows + 1):
        lengths[rows] = random.integers(2, NUM_SEGMENTS, len(rows))
    annotations = []
    for row, (category, length) in enumerate(zip(categories, lengths, strict=True)):
        last, draw = NUM_SEGMENTS - length, random.random()
        between = min(last, random.integers(1, max(2, last)))
        start = 0 if draw < FIRST_SHARE else last if draw < FIRST_SHARE + LAST_SHARE else between
        video_id = draw_video_id(random)
        annotations.append(
            Annotation(row, CATEGORIES[category], video_id, int(start), int(start + length))
        )
    return annotations


def draw_ave_splits(
    annotations: Sequence[Annotation], task: str, seed: int
) -> dict[str, list[int]]:
    """Draws splits like AVE's.

    For `sel`, the same share of each category goes to val and to test. For `cml`, test holds only
    events shorter than their record, of all categories; val holds the remaining records of the
    first categories, which train then lacks.

    Args:
        annotations: All records.
        task: `"sel"` or `"cml"`.
        seed: Integer.
    Returns:
        Dict from `train`, `val` and `test` to rows.
    Raises:
        ValueError: If `task` is neither.
    """
    check_choice("task", task, TASKS)
    random = np.random.default_rng([seed, TASKS.index(task)])
    splits = {split: [] for split in SPLITS}
    if task == "sel":
        by_name = {name: [] for name in CATEGORIES}
        for item in annotations:
            by_name[item.category].append(item.row)
        counts = _held_out(np.array([len(rows) for rows in by_name.values()]))
        for rows, count in zip(by_name.values(), counts, strict=True):
            rows = random.permutation(rows)
            splits["val"] += rows[:count].tolist()
            splits["test"] += rows[count : 2 * count].tolist()
            splits["train"] += rows[2 * count :].tolist()
    else:
        count = round(HELD_OUT_SHARE * len(annotations))
        short = [item for item in annotations if 0 < item.event_length < NUM_SEGMENTS]
        short = [short[place] for place in random.permutation(len(short))]
        of_each = {item.category: item.row for item in short}.values()
        more = [item.row for item in short if item.row not in of_each]
        test = {*of_each, *more[: max(0, count - len(of_each))]}
        rest = [item.row for item in annotations if item.row not in test]  # by category
        splits = {"train": rest[count:], "val": rest[:count], "test": sorted(test)}
    return {split: random.permutation(rows).tolist() for split, rows in splits.items()}


def _held_out(counts: np.ndarray) -> np.ndarray:
    """Rounds the held-out share of each count to at least 1, keeping their sum."""
    exact = HELD_OUT_SHARE * counts
    whole = np.maximum(np.floor(exact).astype(int), 1)
    missing = max(0, round(exact.sum()) - whole.sum())
    whole[np.argsort(whole - exact)[:missing]] += 1  # the largest remainders
    return whole
