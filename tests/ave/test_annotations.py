"""Annotations.txt: content of the real file, and errors for wrong ones."""

import collections

import h5py
import numpy as np
import pytest

from avel_tf.ave import BACKGROUND, CATEGORIES, Annotation, read_annotations
from avel_tf.ave.annotations import HEADER
from avel_tf.errors import InputError

LINE = "Bark&-a_b.c9&good&2&5"


@pytest.fixture
def read(tmp_path):
    """Function that reads annotations from text or bytes."""

    def read_content(content):
        path = tmp_path / "Annotations.txt"
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return read_annotations(path)

    return read_content


def test_both_circulating_copies_hold_the_same_records(real_data, real_annotations):
    with_header = real_data / "ave" / "text_release" / "Annotations.txt"
    without_header = real_data / "ave" / "Annotations.txt"
    assert with_header.read_text().startswith(HEADER)
    assert not without_header.read_text().startswith(HEADER)
    assert len(real_annotations) == 4143
    assert read_annotations(with_header) == real_annotations
    assert [item.row for item in real_annotations] == list(range(4143))


def test_real_video_ids_repeat_and_may_look_like_options(real_annotations):
    counts = collections.Counter(item.video_id for item in real_annotations)
    assert len(counts) == 4097
    assert collections.Counter(counts.values()) == {1: 4052, 2: 44, 3: 1}
    # Records of the same id differ in their category.
    assert len({(item.video_id, item.category) for item in real_annotations}) == 4143
    # A file name may start with anything but a dot; these starts trip up command lines.
    starts = collections.Counter(video_id[0] for video_id in counts)
    assert starts["-"] > 0 and starts["_"] > 0


def test_categories_are_in_the_order_of_first_appearance(real_annotations):
    assert tuple(dict.fromkeys(item.category for item in real_annotations)) == CATEGORIES
    assert CATEGORIES[0] == "Church bell" and CATEGORIES[27] == "Mandolin"
    assert sum("," in name for name in CATEGORIES) == 7
    assert "Frying (food)" in CATEGORIES


def test_one_real_record_is_all_background(real_annotations):
    lengths = collections.Counter(item.event_length for item in real_annotations)
    assert lengths == {
        **{0: 1, 2: 214, 3: 220, 4: 217, 5: 196, 6: 200, 7: 139, 8: 111, 9: 95},
        10: 2750,
    }
    record = real_annotations[26]
    assert (record.start_seconds, record.end_seconds) == (0, 0)
    assert record.event_relevance == [0.0] * 10
    assert record.segment_label == [BACKGROUND] * 10


def test_event_relevance_equals_the_official_labels(real_data, real_annotations):
    with h5py.File(real_data / "ave" / "labels_closs.h5") as file:
        official = file["avadataset"][:]
    assert official.shape == (4143, 10)
    np.testing.assert_array_equal([item.event_relevance for item in real_annotations], official)
    labels = np.array([item.segment_label for item in real_annotations])
    np.testing.assert_array_equal(labels != BACKGROUND, official == 1)


def test_event_category_equals_the_official_labels(real_data, real_annotations):
    with h5py.File(real_data / "ave" / "mil_labels.h5") as file:
        official = file["avadataset"][:]
    assert official.shape == (4143, 29)
    expected = np.eye(29)[[item.event_category for item in real_annotations]]
    np.testing.assert_array_equal(official, expected)


def test_labels_of_a_record():
    record = Annotation(7, "Bark", "id", 2, 5)
    assert record.event_category == 2
    assert record.event_length == 3
    assert record.event_relevance == [0, 0, 1, 1, 1, 0, 0, 0, 0, 0]
    assert record.segment_label == [28, 28, 2, 2, 2, 28, 28, 28, 28, 28]


@pytest.mark.parametrize(
    "content",
    [
        f"{LINE}\n",
        LINE,
        f"{HEADER}\n{LINE}\n",
        f"\ufeff{HEADER}\r\n{LINE}\r\n\r\n",  # as saved by Windows editors
    ],
)
def test_accepted_layouts(read, content):
    assert read(content) == [Annotation(0, "Bark", "-a_b.c9", 2, 5)]


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("Bark&id&good&2", "4 columns instead of 5 (Category&VideoID&Quality&StartTime&EndTime)"),
        ("Bark&id&good&2&5&6", "6 columns instead of 5"),
        ("Bark&id&good&5&2", "0 <= start <= end <= 10 seconds, not start 5 and end 2"),
        ("Bark&id&good&2&11", "0 <= start <= end <= 10 seconds, not start 2 and end 11"),
        ("Bark&id&good&-1&5", "0 <= start <= end <= 10 seconds, not start -1 and end 5"),
        ("Bark&id&good&two&5", "'two'"),
        ("Bark&id&good&2&5.5", "'5.5'"),
        ("bark&id&good&2&5", "unknown category 'bark'"),
        ("Bark&../id&good&2&5", "the video id '../id' is not a plain file name"),
        ("Bark&a/b&good&2&5", "the video id 'a/b' is not a plain file name"),
        ("Bark&/id&good&2&5", "the video id '/id' is not a plain file name"),
        ("Bark&.id&good&2&5", "the video id '.id' is not a plain file name"),
        ("Bark&&good&2&5", "the video id '' is not a plain file name"),
        ("Bark&a b&good&2&5", "the video id 'a b' is not a plain file name"),
        (HEADER, "'StartTime'"),  # a header is the first line or an error
    ],
)
def test_wrong_line_is_named(read, line, problem):
    with pytest.raises(InputError) as error:
        read(f"{HEADER}\n{LINE}\n\n{line}\n{LINE}\n")
    message = str(error.value)
    assert "Annotations.txt, line 4: " in message
    assert problem in message
    assert message.endswith(" Correct the line.")


@pytest.mark.parametrize("content", ["", "\n\n", f"{HEADER}\n"])
def test_empty_file_is_refused(read, content):
    with pytest.raises(InputError, match=r"Annotations.txt holds no records\. Pass AVE's "):
        read(content)


def test_binary_file_is_refused(read):
    with pytest.raises(
        InputError, match=r"Annotations.txt is not a text file: .*\. Download it again\."
    ):
        read(b"\x89HDF\r\n\x1a\n\x00\xff")


def test_missing_file_is_refused(tmp_path):
    with pytest.raises(InputError, match=r"txt does not exist\. Pass the folder that holds"):
        read_annotations(tmp_path / "Annotations.txt")
    with pytest.raises(InputError, match="does not exist"):
        read_annotations(tmp_path)
