"""Damage of published artifacts: found before use, at the cost of a look at the files' state."""

import hashlib
import os

import pytest

from components import content


@pytest.fixture
def folder(tmp_path):
    """A folder of two files, one of them deeper."""
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "weights").write_bytes(b"w" * 100)
    (tmp_path / "model").write_bytes(b"m" * 100)
    return tmp_path


def replace(path, data):
    """Writes a file whose size and time of content are those before."""
    status = path.stat()
    path.unlink()
    path.write_bytes(data)
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))


@pytest.mark.parametrize(
    "damage",
    [
        lambda path: os.truncate(path, 50),
        lambda path: os.truncate(path, 0),
        lambda path: path.write_bytes(b"x" * 100),
        lambda path: replace(path, b"x" * 100),
        lambda path: replace(path, (path.parents[1] / "model").read_bytes()),
    ],
)
def test_any_other_content_is_found_and_the_file_named(folder, damage):
    digest = content.write_content(folder)
    assert content.find_damage(folder, digest) is None
    damage(folder / "sub" / "weights")
    assert content.find_damage(folder, digest) == (
        f"{folder}/sub/weights is not what was published"
    )


def test_missing_file_is_named(folder):
    digest = content.write_content(folder)
    (folder / "model").unlink()
    assert content.find_damage(folder, digest) == f"{folder}/model is missing"


@pytest.mark.parametrize(
    "text", [None, "", "[]", "{}", '{"model": 1}', '{"model": {"sha256": ""}}']
)
def test_damaged_list_is_damage(folder, text):
    digest = content.write_content(folder)
    path = folder / content.CONTENT
    path.unlink() if text is None else path.write_text(text)
    assert content.find_damage(folder, digest) == f"{path} is missing or damaged"


def test_added_files_are_no_damage(folder):
    digest = content.write_content(folder)
    (folder / "sub" / "notes.txt").touch()
    assert content.find_damage(folder, digest) is None


def test_untouched_files_are_not_read_and_touched_ones_once(folder, monkeypatch):
    digest, read = content.write_content(folder), []
    digest_file = hashlib.file_digest
    monkeypatch.setattr(
        hashlib, "file_digest", lambda file, kind: read.append(file.name) or digest_file(file, kind)
    )
    assert content.find_damage(folder, digest) is None and read == []
    os.utime(folder / "model")  # as a backup or a copy does
    assert content.find_damage(folder, digest) is None and read == [str(folder / "model")]
    assert content.find_damage(folder, digest) is None and len(read) == 1
