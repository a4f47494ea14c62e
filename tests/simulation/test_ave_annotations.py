import collections

import numpy as np
import pytest

from avel_tf.ave import CATEGORIES, read_annotations
from avel_tf.simulation import ave_annotations
from avel_tf.simulation.ave_annotations import draw_ave_annotations, draw_ave_splits

NUM_RECORDS = 4143


@pytest.fixture(scope="module")
def annotations():
    return draw_ave_annotations(NUM_RECORDS, 0)


def shares_by_place(annotations):
    """Computes the shares of short events at the record's beginning and at its end."""
    short = [item for item in annotations if 0 < item.event_length < 10]
    return np.mean([(item.start_seconds == 0, item.end_seconds == 10) for item in short], axis=0)


def test_statistics_match_the_real_file(real_data):
    real = read_annotations(real_data / "ave" / "Annotations.txt")
    assert len(real) == NUM_RECORDS
    categories = np.bincount([item.event_category for item in real])
    assert tuple(categories) == ave_annotations.CATEGORY_COUNTS
    lengths = collections.Counter(item.event_length for item in real)
    assert lengths == {0: 1, **ave_annotations.LENGTH_COUNTS}
    shares = [ave_annotations.FIRST_SHARE, ave_annotations.LAST_SHARE]
    np.testing.assert_allclose(shares_by_place(real), shares, atol=0.01)


def test_full_size_has_the_categories_of_ave(annotations):
    assert [item.row for item in annotations] == list(range(NUM_RECORDS))
    categories = [item.event_category for item in annotations]
    assert categories == sorted(categories)
    assert tuple(np.bincount(categories)) == ave_annotations.CATEGORY_COUNTS
    assert len({item.video_id for item in annotations}) == NUM_RECORDS


def test_lengths_and_positions_are_as_frequent_as_in_ave(annotations):
    starts = np.unique([item.event_category for item in annotations], return_index=True)[1]
    always_short = {*starts, *(starts + 1)}
    drawn = [item.event_length for item in annotations if item.row not in always_short]
    total = sum(ave_annotations.LENGTH_COUNTS.values())
    for length, count in ave_annotations.LENGTH_COUNTS.items():
        share = count / total
        deviation = np.sqrt(share * (1 - share) * len(drawn))
        assert abs(drawn.count(length) - share * len(drawn)) < 4 * deviation, length
    assert set(drawn) == set(ave_annotations.LENGTH_COUNTS)
    # Events of nine seconds can only be first or last, so a few more are last.
    shares = [ave_annotations.FIRST_SHARE, ave_annotations.LAST_SHARE]
    np.testing.assert_allclose(shares_by_place(annotations), shares, atol=0.05)
    assert {item.start_seconds for item in annotations} == set(range(9))


@pytest.mark.parametrize("num_records", [ave_annotations.MIN_RECORDS, 301, 1000])
def test_few_records_have_all_categories_and_short_events(num_records):
    annotations = draw_ave_annotations(num_records, 0)
    assert len(annotations) == num_records
    short = {item.category for item in annotations if item.event_length < 10}
    assert short == set(CATEGORIES)
    expected = np.array(ave_annotations.CATEGORY_COUNTS) / NUM_RECORDS * num_records
    counts = np.bincount([item.event_category for item in annotations])
    assert abs(counts - expected).max() <= 1


@pytest.mark.parametrize("task", ["sel", "cml"])
@pytest.mark.parametrize(
    ("num_records", "held_out"), [(280, 27), (301, 29), (1000, 97), (NUM_RECORDS, 402)]
)
def test_splits_have_the_sizes_of_aves_and_share_nothing(task, num_records, held_out):
    annotations = draw_ave_annotations(num_records, 0)
    splits = draw_ave_splits(annotations, task, 0)
    assert sorted(sum(splits.values(), [])) == list(range(num_records))
    categories = {
        split: {annotations[row].category for row in rows} for split, rows in splits.items()
    }
    # At least one of each of the 28 categories, however few records there are.
    assert len(splits["test"]) == max(held_out, 28)
    assert categories["test"] == set(CATEGORIES)
    if task == "sel":
        assert len(splits["val"]) == max(held_out, 28)
        assert categories["train"] == categories["val"] == set(CATEGORIES)
        return
    assert len(splits["val"]) == held_out
    assert max(annotations[row].event_length for row in splits["test"]) < 10
    assert categories["train"] == set(CATEGORIES[2:])
    assert categories["val"] == set(CATEGORIES[:3])


def test_supervised_splits_give_each_category_its_share(annotations):
    splits = draw_ave_splits(annotations, "sel", 0)
    expected = np.array(ave_annotations.CATEGORY_COUNTS) * 402 / NUM_RECORDS
    for split in ("val", "test"):
        counts = np.bincount([annotations[row].event_category for row in splits[split]])
        assert abs(counts - expected).max() < 1


def test_draws_depend_on_the_seed(annotations):
    assert draw_ave_annotations(NUM_RECORDS, 0) == annotations
    assert draw_ave_annotations(NUM_RECORDS, 1) != annotations
    for task in ("sel", "cml"):
        splits = draw_ave_splits(annotations, task, 0)
        assert draw_ave_splits(annotations, task, 0) == splits
        assert draw_ave_splits(annotations, task, 1) != splits


def test_wrong_arguments_are_named(annotations):
    with pytest.raises(ValueError, match="`num_records` must be at least 280.*num_records=279"):
        draw_ave_annotations(279, 0)
    with pytest.raises(ValueError, match="`task` must be .*Received: task='x'"):
        draw_ave_splits(annotations, "x", 0)
