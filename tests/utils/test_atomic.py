import pytest

from avel_tf.utils.atomic import whole_file, whole_folder


@pytest.mark.parametrize("before", [None, "before"])
def test_a_file_is_replaced_at_the_end(tmp_path, before):
    path = tmp_path / "weights.h5"
    if before:
        path.write_text(before)
    with whole_file(path) as partial:
        partial.write_text("after")
        assert partial.suffix == ".h5"
        assert (path.read_text() if path.exists() else None) == before
    assert path.read_text() == "after"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
@pytest.mark.parametrize("begun", [False, True])
def test_an_error_leaves_the_file_that_was_there(tmp_path, error, begun):
    path = tmp_path / "file"
    path.write_text("before")
    with pytest.raises(error), whole_file(path) as partial:
        if begun:
            partial.write_text("half")
        raise error
    assert path.read_text() == "before"
    assert list(tmp_path.iterdir()) == [path]


def test_two_attempts_at_one_file_do_not_meet(tmp_path):
    path = tmp_path / "file"
    with whole_file(path) as first, whole_file(path) as second:
        first.write_text("first")
        second.write_text("second")
    assert path.read_text() == "first"  # whose block ended last


def test_it_appears_at_the_end(tmp_path):
    folder = tmp_path / "deep" / "folder"
    with whole_folder(folder) as partial:
        (partial / "sub").mkdir()
        (partial / "sub" / "file").write_text("content")
        assert not folder.exists()
    assert (folder / "sub" / "file").read_text() == "content"
    assert list(folder.parent.iterdir()) == [folder]


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_an_error_leaves_nothing(tmp_path, error):
    with pytest.raises(error), whole_folder(tmp_path / "folder") as partial:
        (partial / "sub").mkdir()
        raise error
    assert list(tmp_path.iterdir()) == []


def test_an_empty_folder_is_filled(tmp_path):
    (tmp_path / "folder").mkdir()
    with whole_folder(tmp_path / "folder") as partial:
        (partial / "file").touch()
    assert [path.name for path in tmp_path.rglob("*")] == ["folder", "file"]


def test_what_is_there_stays(tmp_path):
    (tmp_path / "folder").write_text("mine")
    with pytest.raises(FileExistsError, match="folder exists already. Choose another folder"):
        with whole_folder(tmp_path / "folder"):
            raise AssertionError("It was let in.")
    assert (tmp_path / "folder").read_text() == "mine"
