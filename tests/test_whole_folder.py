import pytest

from avel_tf.whole_folder import whole_folder


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


def test_what_is_there_stays(tmp_path):
    (tmp_path / "folder").write_text("mine")
    with pytest.raises(FileExistsError, match="folder exists already. Choose another folder"):
        with whole_folder(tmp_path / "folder"):
            raise AssertionError("It was let in.")
    assert (tmp_path / "folder").read_text() == "mine"
