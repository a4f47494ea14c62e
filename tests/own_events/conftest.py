"""A folder of videos by name only, and a function that reads a list of their events."""

import pytest

from avel_tf.own_events import read_events

SUFFIXES = (".mp4", ".mkv")


@pytest.fixture
def videos(tmp_path):
    """Folder of empty files; nothing here opens a video."""
    folder = tmp_path / "videos"
    (folder / "day 2").mkdir(parents=True)
    for name in ("a.mp4", "b.mp4", "day 2/c.mkv", "notes.txt", ".hidden.mp4"):
        (folder / name).touch()
    return folder


@pytest.fixture
def read(tmp_path, videos):
    """Function that reads a list from text or bytes, under any name."""

    def read_content(content, name="events.csv"):
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return read_events(path, videos, SUFFIXES)

    return read_content


@pytest.fixture(scope="session")
def ave_listing(real_data, tmp_path_factory):
    """Listing of AVE's annotations, with empty files in place of its 4,097 videos."""
    path, folder = real_data / "ave" / "Annotations.txt", tmp_path_factory.mktemp("ave")
    for video_id in {line.split("&")[1] for line in path.read_text().splitlines()}:
        (folder / f"{video_id}.mp4").touch()
    return read_events(path, folder, SUFFIXES)
