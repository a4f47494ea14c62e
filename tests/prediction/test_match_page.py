"""The page of a search across modalities."""

import pathlib
import re

import numpy as np
import pytest

from avel_tf import media
from avel_tf.prediction.clips import EncodedClip
from avel_tf.prediction.match_page import match_page
from avel_tf.prediction.matches import Match, Search
from tests import browser

SOUND = EncodedClip(pathlib.Path("a <b>.wav"), 3, {}, np.full(60, 0.5, np.float32), [])
PICTURES = EncodedClip(pathlib.Path("clips/c.mp4"), 9, {}, None, [b"\xff\xd8"] * 9)
SCORES = np.array([-1, 5, -6, 7.25, 2, 3, 3.5])
MATCHES = [Match(3, 6, 7.25), Match(0, 3, -1.0)]


@pytest.fixture
def page(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    search = Search(SOUND, range(4, 7), PICTURES, SCORES, MATCHES)
    return match_page(search, pathlib.Path("model <1>"), "From <x>.", tmp_path)


def test_it_says_what_was_searched_for_and_found(page):
    query, searched = page.split("<section>")[1:]
    assert "the sound of seconds 4 to 7 of a &lt;b&gt;.wav" in query
    assert 'data-first="4"' in query and "polyline" not in query
    assert "the pictures of clips/c.mp4" in searched
    cells = re.findall(r'<td class="number">(.*?)</td>', searched)
    assert cells == ["1", "3", "6", "7.25", "2", "0", "3", "-1"]
    assert "model &lt;1&gt;" in page and "From &lt;x&gt;." in page


def test_scores_are_no_probabilities(page):
    assert 'class="threshold"' not in page
    assert ">7.25</text>" in page and ">-6</text>" in page


def test_pictures_are_searched_for_in_sound(tmp_path):
    search = Search(PICTURES, range(9), SOUND, SCORES, MATCHES)
    page = match_page(search, pathlib.Path("model"), "", tmp_path)
    assert "the pictures of seconds 0 to 9 of clips/c.mp4" in page
    assert "the sound of a &lt;b&gt;.wav" in page


def test_players_need_nothing_but_the_clips(page):
    links = re.findall(r'(?:src|href)="([^"]*)"', page)
    assert [link for link in links if not link.startswith("data:")] == [
        "a%20%3Cb%3E.wav",
        "clips/c.mp4",
    ]


# Clicks on the query's time line and seeks; returns what it sees.
PROBE = """
const left = drawing.getBoundingClientRect().left;
drawing.dispatchEvent(new MouseEvent("click", {clientX: left + 42, bubbles: true}));
await seeked;
const clicked = player.currentTime;
seeked = event("seeked");
player.currentTime = 2;
await seeked;
return [clicked, Number(cursor.getAttribute("x1"))];
"""


@pytest.mark.slow
@pytest.mark.skipif(browser.CHROMIUM is None, reason="chromium is not installed")
def test_the_querys_time_line_starts_at_its_first_second(tmp_path):
    path = tmp_path / "clip.mp4"
    media.write_clip(
        path,
        [np.zeros((48, 64, 3), np.uint8)] * 12,
        **{"size": (48, 64), "fps": 4, "waveform": np.zeros(48000), "sample_rate_hz": 16000},
    )
    query = EncodedClip(path, 2, {}, np.full(40, 0.5, np.float32), [])
    text = match_page(
        Search(query, range(1, 3), PICTURES, SCORES, MATCHES), pathlib.Path("m"), "", tmp_path
    )
    (tmp_path / "match.html").write_text(text)
    seen, _ = browser.evaluate(
        tmp_path / "match.html", browser.FIRST_PLAYER + PROBE, tmp_path / "profile"
    )
    assert seen == [pytest.approx(1.5, abs=0.01), 84]
