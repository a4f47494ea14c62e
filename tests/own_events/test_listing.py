"""Lists of events in each format, and what is said of those that are wrong."""

import collections
import json

import pytest

from avel_tf.errors import InputError
from avel_tf.own_events import Event, read_events

HEADER = "file,start,end,event\n"


def test_table_with_quotes_fractions_byte_order_mark_and_optional_columns(read):
    listing = read(
        "\ufeffFile, start,end,event,group,split\r\n"
        'a.mp4,0.25,3,"clock, watch",monday,training\r\n'
        "\r\n"
        "./a.mp4,7,8.5,dog,monday,train\r\n"
        '"day 2/c.mkv",1,2," dog  bark ",tuesday,Validation\r\n'
        "b.mp4,,,,tuesday,val,,\r\n"
    )
    assert listing.events == (
        Event("a.mp4", 0.25, 3.0, "clock, watch", "train", "monday", 2),
        Event("a.mp4", 7.0, 8.5, "dog", "train", "monday", 4),
        Event("day 2/c.mkv", 1.0, 2.0, "dog bark", "val", "tuesday", 5),
        Event("b.mp4", 0.0, 0.0, "", "val", "tuesday", 6),  # listed without an event
    )
    assert not listing.rejected and not listing.unlisted_files
    assert listing.files == ["a.mp4", "day 2/c.mkv", "b.mp4"]


def test_table_of_a_spreadsheet_with_semicolons_and_decimal_commas(read):
    (event,) = read("file;start;end;event\na.mp4;0,5;3;clock, watch\n").events
    assert event == Event("a.mp4", 0.5, 3.0, "clock, watch", line=2)


def test_background_by_name_is_no_event(read):
    assert read(HEADER + "a.mp4,0,10,background\n").events == (Event("a.mp4", 0, 0, "", line=2),)


def test_annotations_of_ave_with_any_categories(read):
    lines = "Yodeling&a&good&0&10\nYodeling&b&good&0&0\n"
    for header in ("", "Category&VideoID&Quality&StartTime&EndTime\n"):
        events = read(header + lines, "Annotations.txt").events
        first = 2 if header else 1
        assert events == (
            Event("a.mp4", 0.0, 10.0, "Yodeling", line=first),
            Event("b.mp4", 0.0, 0.0, "", line=first + 1),  # how AVE writes that nothing happens
        )


def test_json_of_activitynet(read):
    database = {
        "a": {
            "duration": 20.5,
            "subset": "training",
            "annotations": [{"segment": [0.5, "3"], "label": "dog", "label_id": 3}],
        },
        "b": {"duration": 9, "subset": "testing", "annotations": []},
    }
    for name in ("list.json", "list.txt"):
        assert read(json.dumps({"database": database}), name).events == (
            Event("a.mp4", 0.5, 3.0, "dog", "train"),
            Event("b.mp4", 0.0, 0.0, "", "test"),
        )


def test_onsets_and_offsets_of_llp(read, videos):
    (videos / "4YdbENYcIyE.mp4").touch()
    (videos / "-ab_1_10_20.mp4").touch()
    listing = read(
        "filename\tonset\toffset\tevent_labels\n"
        "4YdbENYcIyE_23_33\t0\t4\tBaby_cry_infant_cry\n"
        "-ab_1_10_20\t8\t10\tFrying_(food)\n"
    )
    # The file of a clip has the clip's times in its name, or only the id.
    assert [event.file for event in listing.events] == ["4YdbENYcIyE.mp4", "-ab_1_10_20.mp4"]
    assert listing.events[1] == Event("-ab_1_10_20.mp4", 8.0, 10.0, "Frying_(food)", line=3)


@pytest.mark.parametrize(
    "row, reason, message",
    [
        ("a.mp4,5,3,dog", "end_before_start", "ends at 3 s, but starts at 5 s. Correct"),
        ("a.mp4,5,5,dog", "end_before_start", "ends at 5 s, but starts at 5 s. Correct"),
        ("a.mp4,-1,3,dog", "negative_start", "starts at -1 s. Start at 0 or later"),
        ("a.mp4,0:05,3,dog", "no_number", "'start' is '0:05'. Write seconds as a number"),
        ("a.mp4,1,,dog", "no_number", "'end' is ''. Write seconds"),
        ("a.mp4,1,inf,dog", "no_number", "'end' is 'inf'. Write seconds"),
        ("a.mp4,1,2,clock, watch", "wrong_columns", "5 values instead of 4 (file,start,end,event)"),
        ("a.mp4,1,2", "wrong_columns", "3 values instead of 4"),
        (",1,2,dog", "no_file", "names no file. Write the video's name"),
        ("z.mp4,1,2,dog", "missing_file", "'z.mp4' is not in {videos}. Copy it there, or remove"),
        ("A.MP4,1,2,dog", "missing_file", "'A.MP4' is not in {videos}, but 'a.mp4' is. Correct"),
        ("z\x1b.mp4,1,2,dog", "missing_file", r"'z\x1b.mp4' is not in"),
        ("x" * 5000 + ",1,2,dog", "missing_file", "is not in"),
        ("../events.csv,1,2,dog", "outside_folder", "'../events.csv' is not in {videos}. Copy"),
    ],
)
def test_a_wrong_row_is_rejected_and_the_others_are_kept(read, videos, row, reason, message):
    listing = read(f"{HEADER}b.mp4,0,1,cat\n{row}\nb.mp4,2,3,dog\n")
    assert [event.line for event in listing.events] == [2, 4]
    (rejected,) = listing.rejected
    assert (rejected.line, rejected.reason) == (3, reason)
    assert rejected.file == row.split(",")[0]
    assert rejected.message.startswith("Line 3")
    assert message.format(videos=videos) in rejected.message
    # Where a row of a video is wrong, its other seconds may have an event.
    names_a = row.startswith("a.mp4")
    assert listing.doubtful_files == ({"a.mp4"} if names_a else set())
    assert ("a.mp4" in listing.unlisted_files) != names_a


def test_wrong_entries_of_json_are_rejected(read):
    content = {
        "a": {
            "annotations": [{"segment": [1], "label": "dog"}, {"segment": [1, 2], "label": "dog"}]
        },
        "b": {"annotations": "none"},
        "day 2/c": {"annotations": [{"segment": [2, None], "label": "dog"}]},
    }
    listing = read(json.dumps({"database": content}))
    assert listing.events == (Event("a.mp4", 1.0, 2.0, "dog"),)
    assert [(row.file, row.reason) for row in listing.rejected] == [
        ("a", "wrong_json"),
        ("b", "wrong_json"),
        ("day 2/c", "no_number"),
    ]
    assert listing.rejected[0].message.startswith("Annotation 1 of 'a' is not")
    assert listing.doubtful_files == {"a.mp4", "b.mp4", "day 2/c.mkv"}


@pytest.mark.parametrize(
    "content, message",
    [
        ("", "is empty. Pass a list of events"),
        ("file,start,end,evnt\na.mp4,0,1,dog", "unknown column 'evnt'. .* Rename it to 'event'"),
        ("video,start,end,event\na.mp4,0,1,dog", "unknown column 'video'. .* Rename it to 'file'"),
        ("file,start,end,event,spilt\n", "unknown column 'spilt'. .* Rename it to 'split'"),
        (
            "file,start,end,event,note\n",
            "unknown column 'note'. .* and, if wanted, split, group. Rem",
        ),
        ("file,start,end,event,end\n", "has the column 'end' twice. Remove one"),
        (
            "filename\tevent_labels\na\tDog,Cat",
            "lacks the column 'start' and 'end'. .* times of ev",
        ),
        ("a.mp4,0,1,dog\n", "first line must name the columns, but reads 'a.mp4,0,1,dog'. Write"),
        ("file,start,end,event,split\na.mp4,0,1,dog,half\n", "line 2 has the split 'half'. Write"),
        (HEADER + 'a.mp4,0,1,dog\nb.mp4,0,1,"cat\n', "from line 3: .* every quote there is closed"),
        (HEADER.encode() + b"a.mp4,0,1,caf\xe9\n", "is not text in UTF-8.*Save it again"),
        (HEADER.encode("utf-16"), "is not text in UTF-8"),
        (HEADER + "a.mp4,0,1,dog\0\n", "has zero bytes. Save it again"),
        (HEADER, "names only columns. Add a row for each event"),
        (
            HEADER + "z.mp4,0,1,dog\n",
            "None of the 1 rows of .* The first: Line 2: 'z.mp4' is not in",
        ),
        (HEADER + "a.mp4,0,1,dog\nb.mp4,0,1,Dog\n", r"'dog' \(1×\) and 'Dog' \(1×\). Write"),
        ("{", "is not valid JSON"),
        ('{"database": {}}', "no videos under 'database'. Pass JSON as ActivityNet has it"),
    ],
)
def test_a_wrong_list_is_one_error(read, content, message):
    with pytest.raises(InputError, match=message):
        read(content)


def test_missing_list_or_folder_is_an_error(tmp_path):
    with pytest.raises(InputError, match="none.csv cannot be read: No such file"):
        read_events(tmp_path / "none.csv", tmp_path, (".mp4",))
    with pytest.raises(InputError, match="none is not a folder. Pass the folder of the videos"):
        read_events(tmp_path / "none.csv", tmp_path / "none", (".mp4",))


def test_one_video_under_several_names_is_one_video(read, videos):
    (videos / "link.mp4").symlink_to("a.mp4")
    listing = read(
        f"{HEADER}a.mp4,0,1,dog\nday 2/../a.mp4,1,2,dog\nlink.mp4,2,3,dog\n"
        f"{videos}/a.mp4,3,4,dog\na,4,5,dog\nday 2\\c.mkv,0,1,dog\n"
    )
    assert [event.file for event in listing.events] == [*["a.mp4"] * 5, "day 2/c.mkv"]


def test_an_id_of_two_files_is_rejected_and_unlisted_videos_are_named(read, videos):
    (videos / "a.mkv").touch()
    listing = read(HEADER + "a,0,1,dog\nb,0,1,dog\n")
    (rejected,) = listing.rejected
    assert rejected.reason == "ambiguous_file"
    assert "'a' may be 'a.mkv' or 'a.mp4'. Write the suffix too" in rejected.message
    assert listing.unlisted_files == ("a.mkv", "a.mp4", "day 2/c.mkv")


def test_real_own_events(real_data):
    folder = real_data / "own_events"
    listing = read_events(folder / "events.csv", folder, (".mp4",))
    assert len(listing.events) == 112 and not listing.rejected
    assert len(listing.files) == 105 and len(listing.unlisted_files) == 6
    assert len({event.category for event in listing.events}) == 7
    assert collections.Counter(event.category for event in listing.events)["clock, watch"] == 16


def test_real_annotations_of_ave(ave_listing):
    assert len(ave_listing.events) == 4143 and not ave_listing.rejected
    assert len({event.category for event in ave_listing.events} - {""}) == 28
    assert sum(not event.category for event in ave_listing.events) == 1
