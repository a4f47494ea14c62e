"""Official splits: content of the real ones, and errors for wrong files."""

import collections
import shutil

import h5py
import numpy as np
import pytest

from avel_tf.ave import BACKGROUND, SPLITS, read_annotations, read_splits
from avel_tf.errors import InputError

PAIRS = [("train", "val"), ("train", "test"), ("val", "test")]
LINES = [f"Bark&id{row}&good&0&{row + 2}" for row in range(6)]
ROWS = {"train": [4, 0, 3], "val": [2], "test": [5, 1]}


@pytest.fixture(scope="module", params=["sel", "cml"])
def task(request):
    return request.param


@pytest.fixture(scope="module")
def real_splits(real_data, real_annotations, task):
    return read_splits([real_data / "ave"], real_annotations, task)


def test_real_sizes_and_order(real_data, real_splits, task):
    assert {split: len(rows) for split, rows in real_splits.items()} == {
        "train": 3339,
        "val": 402,
        "test": 402,
    }
    assert sorted(sum(real_splits.values(), [])) == list(range(4143))
    suffix = {"sel": "order", "cml": "order_match"}[task]
    for split, rows in real_splits.items():
        with h5py.File(real_data / "ave" / f"{split}_{suffix}.h5") as file:
            assert rows == file["order"][:].tolist()
    assert real_splits["test"] != sorted(real_splits["test"])  # so a sorted order would show


def test_real_set_files_list_the_same_records_in_the_same_order(real_data, real_annotations):
    from_order = read_splits([real_data / "ave"], real_annotations, "sel")
    from_text = read_splits([real_data / "ave" / "text_release"], real_annotations, "sel")
    assert from_text == from_order


def test_real_splits_share_video_ids_but_never_cml_train_and_test(
    real_annotations, real_splits, task
):
    ids = {
        split: {real_annotations[row].video_id for row in rows}
        for split, rows in real_splits.items()
    }
    shared = [len(ids[first] & ids[second]) for first, second in PAIRS]
    assert shared == {"sel": [10, 8, 0], "cml": [8, 0, 1]}[task]


def test_the_two_real_splits_must_not_be_mixed(real_data, real_annotations):
    sel, cml = (read_splits([real_data / "ave"], real_annotations, task) for task in ("sel", "cml"))
    assert len(set(sel["test"]) & set(cml["test"])) == 36


def test_real_background_shares(real_data, real_annotations):
    splits = read_splits([real_data / "ave"], real_annotations, "sel")
    shares = {
        split: np.mean(np.array([real_annotations[row].segment_label for row in rows]) == 28)
        for split, rows in splits.items()
    }
    assert BACKGROUND == 28
    assert {split: f"{share:.2%}" for split, share in shares.items()} == {
        "train": "16.86%",
        "val": "18.21%",
        "test": "17.79%",
    }
    assert sum(real_annotations[row].event_length < 10 for row in splits["test"]) == 141
    assert 26 in splits["train"]  # the record without an event


def test_real_cross_modality_split(real_data, real_annotations):
    splits = read_splits([real_data / "ave"], real_annotations, "cml")
    lengths = {
        split: collections.Counter(real_annotations[row].event_length for row in rows)
        for split, rows in splits.items()
    }
    assert lengths["test"] == {2: 57, 3: 57, 4: 58, 5: 58, 6: 53, 7: 46, 8: 39, 9: 34}
    assert lengths["train"][10] == 2547 and 3339 - 2547 == 792
    categories = {
        split: {real_annotations[row].event_category for row in rows}
        for split, rows in splits.items()
    }
    assert {split: len(found) for split, found in categories.items()} == {
        "train": 26,
        "val": 3,
        "test": 28,
    }
    unseen = categories["test"] - categories["train"]
    assert sum(real_annotations[row].event_category in unseen for row in splits["test"]) == 48
    assert 26 in splits["val"]  # the record without an event


@pytest.fixture
def folder(tmp_path):
    """A small release: six records, order files for both tasks, and set files."""
    (tmp_path / "Annotations.txt").write_text("\n".join(LINES))
    for split, rows in ROWS.items():
        (tmp_path / f"{split}Set.txt").write_text("\n".join(LINES[row] for row in rows))
        write_order(tmp_path / f"{split}_order.h5", rows)
        write_order(tmp_path / f"{split}_order_match.h5", rows[::-1])
    return tmp_path


def write_order(path, rows, key="order"):
    with h5py.File(path, "w") as file:
        file[key] = np.array(rows)


def read(task, *folders):
    return read_splits(folders, read_annotations(folders[-1] / "Annotations.txt"), task)


def test_files_of_each_task(folder):
    assert read("sel", folder) == ROWS
    assert read("cml", folder) == {split: rows[::-1] for split, rows in ROWS.items()}
    (folder / "val_order.h5").unlink()
    assert read("sel", folder) == ROWS  # from the set files


def test_set_line_is_matched_as_a_whole(folder):
    # A second event of the same video: its id does not identify the record.
    (folder / "Annotations.txt").write_text("\n".join([*LINES, "Cat&id0&good&0&2"]))
    (folder / "train_order.h5").unlink()
    assert read("sel", folder) == ROWS


def test_split_files_may_lie_next_to_the_features(folder, tmp_path_factory):
    videos = tmp_path_factory.mktemp("videos")
    shutil.move(folder / "Annotations.txt", videos)
    for split in SPLITS:
        shutil.move(folder / f"{split}Set.txt", videos)
    assert read("sel", folder, videos) == ROWS
    assert read("cml", folder, videos)["train"] == ROWS["train"][::-1]


@pytest.mark.parametrize(
    ("task", "names"),
    [
        ("sel", "{train,val,test}_order.h5 or {train,val,test}Set.txt"),
        ("cml", "{train,val,test}_order_match.h5"),
    ],
)
def test_missing_files_are_named(folder, task, names):
    for name in ("test_order.h5", "testSet.txt", "val_order_match.h5"):
        (folder / name).unlink()
    with pytest.raises(InputError) as error:
        read(task, folder)
    assert str(error.value).startswith(f"{folder} lack the split's files: all three of {names}. ")
    assert str(error.value).endswith("; copy them next to Annotations.txt.")


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([2, 6], "val_order.h5 lists row 6, but Annotations.txt has 6 records. Use both"),
        ([-1, 2], "val_order.h5 lists row -1, but Annotations.txt has 6 records. Use both"),
        ([2, 2], "list 1 records more than once, first row 2 of Annotations.txt. Remove"),
        ([2, 5, 3], "list 2 records more than once, first row 3 of Annotations.txt. Remove"),
        ([2.0], "val_order.h5 must hold one row of integers, not float64 (1,). Download it again."),
        ([[2]], "val_order.h5 must hold one row of integers, not int64 (1, 1). Download it again."),
        (2, "val_order.h5 must hold one row of integers, not int64 (). Download it again."),
        (
            np.zeros(0, int),
            "val_order.h5 must hold one row of integers, not int64 (0,). Download it",
        ),
    ],
)
def test_wrong_order_file_is_named(folder, rows, message):
    write_order(folder / "val_order.h5", rows)
    with pytest.raises(InputError) as error:
        read("sel", folder)
    assert f"{folder}/" in str(error.value)
    assert message in str(error.value)


def test_order_file_must_be_hdf5_with_its_key(folder):
    write_order(folder / "val_order.h5", [2], key="dataset")
    with pytest.raises(
        InputError, match=r"val_order.h5 is not an HDF5 file with the key `order`: "
    ):
        read("sel", folder)
    (folder / "val_order.h5").write_text("2\n")
    with pytest.raises(
        InputError, match=r"val_order.h5 is not an HDF5 file .* Download it again\."
    ):
        read("sel", folder)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            f"{LINES[2]}\nBark&id2&good&0&5\n",
            "line 2: no record of Annotations.txt reads Bark&id2&",
        ),
        ("Bark&id2\n", "line 1: 2 columns instead of 5"),
        ("\n", "lists no records. Download it again."),
    ],
)
def test_wrong_set_file_is_named(folder, text, message):
    (folder / "val_order.h5").unlink()
    (folder / "valSet.txt").write_text(text)
    with pytest.raises(InputError) as error:
        read("sel", folder)
    assert str(folder / "valSet.txt") in str(error.value)
    assert message in str(error.value)


def test_unknown_task_is_refused(folder):
    with pytest.raises(ValueError, match=r"`task` must be one of \('sel', 'cml'\)\. Received: "):
        read("avel", folder)
