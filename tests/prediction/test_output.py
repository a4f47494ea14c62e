import csv
import io
import json
import pathlib

import numpy as np
import pytest

from avel_tf.ave import BACKGROUND
from avel_tf.prediction import output
from avel_tf.prediction.clips import EncodedClip
from avel_tf.prediction.events import Localization
from avel_tf.prediction.matches import Match

PROBABILITIES = np.zeros((4, 29), np.float32)
PROBABILITIES[1:3, 0] = 0.75
QUIET = Localization(np.full(4, BACKGROUND), PROBABILITIES, {"event": np.zeros(4)})
BELL = Localization(
    np.array([BACKGROUND, 0, 0, BACKGROUND]),
    PROBABILITIES,
    {
        "event": np.array([0.1, 0.8, 0.9, 0.2]),
        "audio": np.array([0.12345, 1, 1, 0]),
        "visual": np.array([0.1, 0.6, 0.8, 0.4]),
    },
)
CLIPS = [
    (EncodedClip(pathlib.Path("my, clip.mp4"), 4, {}, None, []), BELL),
    (EncodedClip(pathlib.Path("b.mp4"), 4, {}, None, []), QUIET),
]


def test_screen():
    assert output.events_table(*CLIPS[0]).splitlines() == [
        "my, clip.mp4 (4 s)",
        "    from     to  event        confidence  heard   seen",
        "     1 s    3 s  Church bell         75%   100%    70%",
    ]
    assert output.events_table(*CLIPS[1]).splitlines() == ["b.mp4 (4 s)", "  no event"]


def test_json():
    content = json.loads(
        output.events_json(
            pathlib.Path("model"), "made up", 0.6, CLIPS, {pathlib.Path("c.mp4"): "no"}
        )
    )
    assert (content["model"], content["threshold"]) == ("model", 0.6)
    bell, quiet = content["clips"]
    assert (bell["path"], bell["seconds"]) == ("my, clip.mp4", 4)
    (event,) = bell["events"]
    assert event == {
        "start_seconds": 1,
        "end_seconds": 3,
        "category": "Church bell",
        "confidence": 0.75,
        "audio_relevance": 1.0,
        "visual_relevance": pytest.approx(0.7),
    }
    assert bell["segments"] == {
        "label": ["Background", "Church bell", "Church bell", "Background"],
        "relevance": {
            "event": [0.1, 0.8, 0.9, 0.2],
            "audio": [0.1235, 1.0, 1.0, 0.0],
            "visual": [0.1, 0.6, 0.8, 0.4],
        },
    }
    assert quiet["events"] == []
    assert content["failed"] == [{"path": "c.mp4", "reason": "no"}]


def test_csv():
    (row,) = csv.DictReader(io.StringIO(output.events_csv("made up", CLIPS)))
    assert row == {
        "path": "my, clip.mp4",
        "start_seconds": "1",
        "end_seconds": "3",
        "category": "Church bell",
        "confidence": "0.7500",
        "audio_relevance": "1.0000",
        "visual_relevance": "0.7000",
        "caution": "made up",
    }


def test_no_cell_is_a_formula():
    clip = EncodedClip(pathlib.Path("=1+1.mp4"), 4, {}, None, [])
    assert output.events_csv("", [(clip, BELL)]).splitlines()[1].startswith("'=1+1.mp4,1,3,Church")


def test_matches():
    matches = [Match(12, 15, 3.25), Match(0, 3, -1.5)]
    assert output.matches_table(matches).splitlines()[1:] == [
        "     1   12 s   15 s       3.25",
        "     2    0 s    3 s       -1.5",
    ]
    content = json.loads(output.matches_json({"query": "audio"}, matches))
    assert content["query"] == "audio"
    assert content["matches"][0] == {"start_seconds": 12, "end_seconds": 15, "score": 3.25}


def test_a_file_is_replaced_atomically(tmp_path, monkeypatch):
    path = tmp_path / "events.json"
    path.write_text("before")
    with monkeypatch.context() as patch:
        patch.setattr(pathlib.Path, "replace", lambda *paths: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            output.write_whole(path, "after")
    assert [each.name for each in tmp_path.iterdir()] == ["events.json"]
    assert path.read_text() == "before"
    output.write_whole(path, "after")
    assert path.read_text() == "after"


def test_a_link_stays_and_names_that_are_no_text_are_written(tmp_path):
    (tmp_path / "link.csv").symlink_to("target.csv")
    clip = EncodedClip(pathlib.Path("caf\udce9.mp4"), 4, {}, None, [])
    output.write_whole(tmp_path / "link.csv", output.events_csv("", [(clip, BELL)]))
    assert (tmp_path / "link.csv").is_symlink()
    assert "caf\\udce9.mp4,1,3" in (tmp_path / "target.csv").read_text()
