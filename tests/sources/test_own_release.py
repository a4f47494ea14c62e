import pathlib

import pytest

from avel_tf.configuration import ExtractionConfig, OwnEventsConfig
from avel_tf.sources import own_release


@pytest.fixture
def videos(tmp_path, monkeypatch):
    """Files of ten seconds with an event in seconds 2 to 4, and a list of them."""
    rows = [f"{number}.mp4,2,5,bark" for number in range(3)]
    for row in rows:
        pathlib.Path(tmp_path, row.partition(",")[0]).touch()
    (tmp_path / "events.csv").write_text("\n".join(["file,start,end,event", *rows]))
    monkeypatch.setattr(own_release, "_lengths", lambda _, files, limits: dict.fromkeys(files, 10))
    return tmp_path


@pytest.mark.parametrize("task", ["sel", "cml"])
def test_records_are_those_of_the_task(videos, task, capsys):
    # Windows of three seconds: one has a second of the event at its end, one two of them at its
    # start, two have none.
    own = OwnEventsConfig(str(videos / "events.csv"), window_seconds=3, max_background_share=0.5)
    config = ExtractionConfig(task, data_root=str(videos), own_events=own)
    splits, source, description, rejected = own_release.own_release(config, videos / "store")
    relevance = sorted(window.relevance for window in splits["train"])
    assert relevance[-2:] == ["..x", "xx."]
    assert len(relevance) == (4 if task == "sel" else 2)
    assert description.categories == ("bark",) and description.num_segments == 3
    assert not rejected and source.folder == str(videos)
    assert "records of 3 videos" in capsys.readouterr().out
