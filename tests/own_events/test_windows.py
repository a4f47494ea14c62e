"""Windows of videos: bounds, labels, and what is divided or left out."""

import random

import pytest

from avel_tf.ave import BACKGROUND_NAME
from avel_tf.own_events import Event, cut_windows


def cut(num_segments, *events, **settings):
    """Cuts a video with these (start, end, category) and returns the `Cut`."""
    listed = [Event("v.mp4", *event, line=number) for number, event in enumerate(events, start=2)]
    return cut_windows("v.mp4", listed, num_segments, **settings)


def labels(found):
    """Start, category and relevance of each window."""
    return [(window.start_segment, window.category, window.relevance) for window in found.windows]


def test_a_video_is_cut_into_windows_and_the_last_is_shorter():
    found = cut(21, (8, 12, "dog"))
    assert labels(found) == [
        (0, "dog", "........xx"),
        (10, "dog", "xx........"),
        (20, BACKGROUND_NAME, "."),
    ]
    assert {window.video_id for window in found.windows} == {"v.mp4"}


def test_a_video_shorter_than_a_window_is_one_shorter_record():
    assert labels(cut(3, (1, 3, "dog"))) == [(0, "dog", ".xx")]
    assert labels(cut(1)) == [(0, BACKGROUND_NAME, ".")]
    assert labels(cut(0)) == []


def test_other_lengths_of_windows():
    assert labels(cut(5, (3, 4, "dog"), window_segments=4)) == [
        (0, "dog", "...x"),
        (4, BACKGROUND_NAME, "."),
    ]


@pytest.mark.parametrize(
    "start, end, min_overlap, relevance",
    [
        (0.5, 2.5, 0.5, "xxx."),  # half of the first and the third second
        (0.51, 2.49, 0.5, ".x.."),
        (0.51, 2.49, 0.4, "xxx."),
        (0.5, 2.5, 1.0, ".x.."),
        (0.9, 1.0, 0.1, "x..."),  # 1.0 - 0.9 is a little less than 0.1
        (2.0, 3.0, 1.0, "..x."),
    ],
)
def test_a_second_has_an_event_that_covers_enough_of_it(start, end, min_overlap, relevance):
    found = cut(4, (start, end, "dog"), min_overlap=min_overlap)
    assert labels(found) == [(0, "dog", relevance)]


def test_events_of_one_category_add_up_and_what_overlaps_counts_once():
    # 0.3 + 0.3 of second 0; 0.4 of second 2, twice the same and one inside it.
    events = [(0, 0.3, "dog"), (0.7, 1, "dog"), (2, 2.4, "dog"), (2, 2.4, "dog"), (2.1, 2.2, "dog")]
    assert labels(cut(3, *events)) == [(0, "dog", "x..")]


def test_of_overlapping_categories_the_longer_then_the_earlier_has_the_second():
    # Second 4: cat 1.0, dog 0.6. Second 5: both all of it, dog starts first. Second 6: cat only.
    found = cut(8, (2, 4.6, "dog"), (4, 5, "cat"), (4.9, 6, "dog"), (5, 7, "cat"), min_overlap=0.5)
    assert labels(found) == [
        (0, "dog", "..xx"),
        (4, "cat", "x"),
        (5, "dog", "x"),
        (6, "cat", "x."),
    ]
    assert found.num_contested == 2
    assert found.num_lost == 0
    # Also if it is listed last, and if its name is last in the alphabet.
    assert labels(cut(1, (0.5, 1, "a"), (0, 0.5, "z"))) == [(0, "z", "x")]


def test_an_event_under_another_one_is_counted():
    found = cut(3, (0, 3, "rain"), (1.2, 1.8, "dog"))
    assert labels(found) == [(0, "rain", "xxx")]
    assert (found.num_contested, found.num_lost) == (1, 1)


def test_a_window_with_two_categories_is_divided_between_them():
    found = cut(20, (1, 3, "dog"), (5, 8, "cat"), (8, 10, "dog"), (12, 15, "cat"))
    # Seconds 3 and 4 lie between: one for each part.
    assert labels(found) == [
        (0, "dog", ".xx."),
        (4, "cat", ".xxx"),
        (8, "dog", "xx"),
        (10, "cat", "..xxx....."),
    ]
    assert found.num_divided == 1
    # The first part gets an odd second.
    assert labels(cut(4, (0, 1, "dog"), (2, 3, "cat"))) == [(0, "dog", "x."), (2, "cat", "x.")]


def test_a_window_with_part_of_an_event_is_no_background():
    found = cut(30, (3.2, 3.6, "bark"), (25, 26, "dog"))
    assert labels(found) == [(10, BACKGROUND_NAME, "." * 10), (20, "dog", ".....x....")]
    assert (found.num_unclear, found.num_lost) == (1, 1)


def test_a_doubtful_video_gives_no_background():
    found = cut(30, (5, 6, "dog"), is_doubtful=True)
    assert labels(found) == [(0, "dog", ".....x....")]
    assert found.num_unclear == 2


def test_an_event_a_little_after_the_end_is_cut_off_and_a_later_one_rejected():
    found = cut(12, (9, 13, "dog"))
    assert labels(found) == [(0, "dog", ".........x"), (10, "dog", "xx")]
    assert not found.rejected
    found = cut(20, (0, 2, "dog"), (19, 21.5, "cat"), (20, 20.5, "cow"))
    assert labels(found) == [(0, "dog", "xx........")]  # the rest of the video is doubtful
    assert [(row.line, row.reason) for row in found.rejected] == [
        (3, "after_the_end"),
        (4, "after_the_end"),
    ]
    assert found.rejected[0].message == (
        "Line 3: the event lasts from 19 to 21.5 s, but 'v.mp4' has 20 whole seconds. Correct the "
        "times, or copy the whole video into the folder."
    )


def test_a_video_listed_without_an_event_is_background():
    found = cut(11, (0, 0, ""))
    assert labels(found) == [(0, BACKGROUND_NAME, "." * 10), (10, BACKGROUND_NAME, ".")]


@pytest.mark.parametrize(
    "settings, message",
    [
        ({"window_segments": 0}, "`window_segments` must be a positive integer"),
        ({"min_overlap": 0}, "`min_overlap` must be above 0"),
        ({"min_overlap": 1.5}, "`min_overlap` must be a number from 0 to 1"),
        ({"num_segments": -1}, "`num_segments` must be an integer from 0"),
    ],
)
def test_numbers_out_of_range_are_errors(settings, message):
    with pytest.raises(ValueError, match=message):
        cut(**{"num_segments": 10, **settings})


@pytest.mark.parametrize("seed", range(20))
def test_labels_agree_with_counting_hundredths_of_a_second(seed):
    rng = random.Random(seed)
    events = []
    for _ in range(12):
        start, length = rng.randrange(2900), rng.choice([30, 50, 120, 400])
        events.append((start, min(start + length, 3000), rng.choice("abc")))
    covered = {name: set() for name in "abc"}
    for start, end, name in events:
        covered[name] |= set(range(start, end))
    expected = []
    for second in range(30):
        hundredths = range(100 * second, 100 * second + 100)
        ranked = sorted(
            (
                -len(covered[name] & set(hundredths)),
                min(start for start, end, of in events if of == name and end > hundredths[0]),
                name,
            )
            for name in "abc"
            if len(covered[name] & set(hundredths)) >= 50
        )
        expected.append(ranked[0][-1] if ranked else None)
    found = cut(30, *[(start / 100, end / 100, name) for start, end, name in events])
    labeled = {
        window.start_segment + second: window.category
        for window in found.windows
        for second, event in enumerate(window.event_relevance)
        if event
    }
    assert [labeled.get(second) for second in range(30)] == expected
