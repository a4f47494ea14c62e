import h5py
import numpy as np
import pytest

from avel_tf.choices import PADDING
from avel_tf.evaluation import trivial_baselines

BACKGROUND = 28


@pytest.fixture(scope="module")
def ave(real_data):
    """Labels of the real records, and rows of the real splits."""
    with h5py.File(real_data / "ave/labels_closs.h5") as file:
        event_relevance = file["avadataset"][:]
    with h5py.File(real_data / "ave/mil_labels.h5") as file:
        event_category = file["avadataset"][:].argmax(axis=1)
    orders = {}
    for split in ("train", "test"):
        for name in ("order", "order_match"):
            with h5py.File(real_data / f"ave/{split}_{name}.h5") as file:
                orders[split, name] = file["order"][:]
    segment_label = np.where(event_relevance, event_category[:, None], BACKGROUND)
    return event_relevance, event_category, segment_label, orders


def test_real_supervised_split(ave):
    _, event_category, segment_label, orders = ave
    train, test = orders["train", "order"], orders["test", "order"]
    background = trivial_baselines.always_background(segment_label[test], BACKGROUND)
    assert round(100 * background.mean(), 2) == 17.79
    # Background is the most common of the 29 labels in training.
    np.testing.assert_array_equal(
        background,
        trivial_baselines.most_common_label(segment_label[train], segment_label[test]),
    )
    event = trivial_baselines.always_event(event_category[test], segment_label[test])
    assert round(100 * event.mean(), 2) == 82.21


def test_real_cross_modality_split(ave):
    event_relevance, _, _, orders = ave
    train = event_relevance[orders["train", "order_match"]]
    test = event_relevance[orders["test", "order_match"]]
    results = [
        trivial_baselines.random_window(test),
        trivial_baselines.first_window(test),
        trivial_baselines.last_window(test),
        trivial_baselines.most_common_start(train, test),
    ]
    assert [round(100 * np.nanmean(result), 2) for result in results] == [
        20.77,
        35.32,
        46.77,
        47.01,
    ]


def events(*bounds, segments=4):
    rows = np.zeros((len(bounds), segments))
    for row, (start, end) in zip(rows, bounds, strict=True):
        row[start:end] = 1
    return rows


def test_known_answers():
    # Lengths 1, 3, 2 in four segments: 4, 2 and 3 windows. Two records do not count.
    event_relevance = events((0, 1), (1, 4), (1, 3), (0, 0), (0, 4))
    nan = np.nan
    for rule, expected in [
        (trivial_baselines.random_window, [1 / 4, 1 / 2, 1 / 3, nan, nan]),
        (trivial_baselines.first_window, [1, 0, 0, nan, nan]),
        (trivial_baselines.last_window, [0, 1, 0, nan, nan]),
    ]:
        np.testing.assert_allclose(rule(event_relevance), expected)


def test_most_common_start_shares_ties_evenly():
    train = events((1, 3), (1, 3), (0, 2), (0, 1), (2, 3), (0, 4))
    # Length 2 starts at 1 most often: correct, wrong. Length 1 starts at 0 or 2: half a hit each
    # there, none at 3. Length 3 is unknown: one of two windows.
    test = events((1, 3), (2, 4), (0, 1), (2, 3), (3, 4), (1, 4))
    hits = [1, 0, 1 / 2, 1 / 2, 0, 1 / 2]
    np.testing.assert_allclose(trivial_baselines.most_common_start(train, test), hits)


def test_most_common_label_shares_ties_evenly():
    train, test = np.array([[0, 0, 1, 1, 2]]), np.array([[0, 0, 0, 2]])
    np.testing.assert_allclose(trivial_baselines.most_common_label(train, test), [3 / 4 / 2])


def test_always_event_and_always_background():
    segment_label = np.array([[1, 1, 3, 3], [0, 3, 3, 3]])
    assert trivial_baselines.always_background(segment_label, 3).tolist() == [2 / 4, 3 / 4]
    assert trivial_baselines.always_event(np.array([1, 0]), segment_label).tolist() == [
        2 / 4,
        1 / 4,
    ]


def test_padding_is_not_scored():
    # Of two and of four segments. Without padding, 0 is the most common label in training.
    segment_label = np.array([[1, 3, PADDING, PADDING], [0, 3, 3, 3]])
    assert trivial_baselines.always_background(segment_label, 3).tolist() == [1 / 2, 3 / 4]
    event = trivial_baselines.always_event(np.array([1, 0]), segment_label)
    assert event.tolist() == [1 / 2, 1 / 4]
    train = np.array([[0, 0, 3, PADDING], [0, PADDING, PADDING, PADDING]])
    common = trivial_baselines.most_common_label(train, segment_label)
    assert common.tolist() == [0, 1 / 4]


def test_padding_is_in_no_window():
    # Three segments, of which the event is the second and third; and three that are all event.
    event_relevance = events((1, 3), (0, 3))
    event_relevance[:, 3] = PADDING
    for rule, expected in [
        (trivial_baselines.random_window, 1 / 2),
        (trivial_baselines.first_window, 0),
        (trivial_baselines.last_window, 1),
        (lambda test: trivial_baselines.most_common_start(events((2, 4)), test), 1 / 2),
    ]:
        np.testing.assert_allclose(rule(event_relevance), [expected, np.nan])
