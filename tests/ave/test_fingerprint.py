"""A fingerprint changes with the files, and with nothing else."""

import os

import pytest

from avel_tf.ave import fingerprint


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "data" / "AVE").mkdir(parents=True)
    (tmp_path / "data" / "Annotations.txt").write_text("lines")
    (tmp_path / "data" / "AVE" / "clip.mp4").write_text("film")
    return tmp_path / "data"


def test_is_stable_without_changes(folder):
    before = fingerprint([folder])
    (folder / "AVE" / "clip.mp4").read_text()
    (folder / "empty").mkdir()
    assert fingerprint([folder]) == before
    assert fingerprint([]) == fingerprint([folder / "not there"]) != before


def change_content(clip):
    clip.write_text("films")


def change_time(clip):
    os.utime(clip, ns=(0, clip.stat().st_mtime_ns + 1))


def rename(clip):
    clip.rename(clip.with_name("other.mp4"))


def remove(clip):
    clip.unlink()


def add(clip):
    clip.with_name("other.mp4").touch()


def change_permissions(clip):
    clip.chmod(0o600)


def put_a_link_in_its_place(clip):
    clip.rename(clip.parent.parent / "moved.txt")
    clip.symlink_to(clip.parent.parent / "moved.txt")


CHANGES = [
    change_content,
    change_time,
    rename,
    remove,
    add,
    change_permissions,
    put_a_link_in_its_place,
]


@pytest.mark.parametrize("change", CHANGES)
def test_changes_with_any_file(folder, change):
    before = fingerprint([folder])
    change(folder / "AVE" / "clip.mp4")
    assert fingerprint([folder]) != before


@pytest.mark.parametrize("change", CHANGES)
def test_follows_a_linked_folder(folder, tmp_path, change):
    (folder / "AVE").rename(tmp_path / "disk")
    (folder / "AVE").symlink_to(tmp_path / "disk")
    before = fingerprint([folder])
    change(tmp_path / "disk" / "clip.mp4")
    assert fingerprint([folder]) != before


def test_accepts_files_too(folder):
    clip = folder / "AVE" / "clip.mp4"
    before = fingerprint([clip])
    (folder / "Annotations.txt").write_text("other lines")
    assert fingerprint([clip]) == before
    clip.write_text("films")
    assert fingerprint([clip]) != before


def test_depends_on_the_path_of_a_file(folder, tmp_path):
    (tmp_path / "other").mkdir()
    before = fingerprint([folder, tmp_path / "other"])
    (folder / "Annotations.txt").rename(tmp_path / "other" / "Annotations.txt")
    assert fingerprint([folder, tmp_path / "other"]) != before


def test_broken_link_is_not_a_file(folder):
    before = fingerprint([folder])
    (folder / "link").symlink_to("nowhere")
    assert fingerprint([folder]) == before


def test_cyclic_links_are_not_followed_forever(folder):
    for name in ("round", "and_round"):
        (folder / name).symlink_to(folder)
        (folder / "AVE" / name).symlink_to(folder)
    assert len(fingerprint([folder])) == 64  # 4 ** 40 folders without an end
