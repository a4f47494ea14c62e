"""The page in a browser: pictures drawn, no error, player and time line in sync."""

import pathlib
import re

import numpy as np
import pytest

from avel_tf import media
from avel_tf.ave import BACKGROUND
from avel_tf.prediction.clips import EncodedClip, _thumbnails
from avel_tf.prediction.events import Localization
from avel_tf.prediction.page import page
from avel_tf.reporting import time_line
from tests import browser

# Seeks, clicks, and returns what it sees.
PROBE = """
player.currentTime = 1.5;
await seeked;
const place = Number(cursor.getAttribute("x1"));
seeked = event("seeked");
const left = drawing.getBoundingClientRect().left;
drawing.dispatchEvent(new MouseEvent("click", {clientX: left + 42, bubbles: true}));
await seeked;
return {
  seconds: player.duration, size: [player.videoWidth, player.videoHeight],
  cursor: place, clicked: player.currentTime,
  images: [...section.querySelectorAll("image")].map((image) => image.getBBox().width),
  wrong: section.querySelectorAll("rect.wrong").length,
  right: section.querySelectorAll("rect.right").length,
  fill: getComputedStyle(section.querySelector("rect.wrong.event")).fill,
};
"""


@pytest.fixture
def clip(tmp_path):
    (tmp_path / "my clips").mkdir()
    path = tmp_path / "my clips" / "a & b #1?.mp4"
    picture = np.full((120, 160, 3), 200, np.uint8)
    media.write_clip(
        path,
        [picture] * 75,
        size=(120, 160),
        fps=25,
        waveform=np.zeros(48000),
        sample_rate_hz=16000,
    )
    thumbnails = _thumbnails(media.read_clip(path, num_segments=3))
    return EncodedClip(path, 3, {}, np.full(60, 0.5, np.float32), thumbnails)


@pytest.fixture
def localization():
    relevance = {"event": np.array([0.2, 0.8, 0.9]), "audio": np.array([0.1, 0.9, 0.9])}
    labels = np.array([BACKGROUND, 0, 0])
    return Localization(labels, np.full((3, BACKGROUND + 1), 0.5, np.float32), relevance)


def test_a_page_needs_nothing_but_the_clip(clip, localization, tmp_path):
    text = page([(clip, localization, None)], [], pathlib.Path("model <1>"), "From <x>.", tmp_path)
    links = re.findall(r'(?:src|href)="([^"]*)"', text)
    assert [link for link in links if not link.startswith("data:")] == [
        "my%20clips/a%20%26%20b%20%231%3F.mp4"
    ]
    assert "model &lt;1&gt;" in text and "a &amp; b #1?.mp4" in text
    assert "seconds are predicted correctly" not in text
    assert text.index("From &lt;x&gt;.") < text.index("<section>")
    assert time_line.STYLE in text


def test_how_far_an_event_was_heard_and_seen_is_stated(clip, localization, tmp_path):
    assert "heard" not in page([(clip, localization, None)], [], tmp_path, "", tmp_path)
    localization.relevance["visual"] = np.array([0.3, 0.7, 0.9])
    text = page([(clip, localization, None)], [], tmp_path, "", tmp_path, threshold=0.6)
    assert "<th>confidence</th><th>heard</th><th>seen</th>" in text
    assert '50%</td><td class="number">90%</td><td class="number">80%</td></tr>' in text
    assert "Seconds with a relevance of 0.6 or more are events." in text


def test_clips_that_could_not_be_read_are_listed(clip, localization, tmp_path):
    failures = ["b<c>.mp4: it is empty (empty_file)."]
    text = page([(clip, localization, None)], failures, pathlib.Path("model"), "", tmp_path)
    assert "<li>b&lt;c&gt;.mp4: it is empty (empty_file).</li>" in text
    assert "Not read" not in page([(clip, localization, None)], [], tmp_path, "", tmp_path)


@pytest.mark.slow
@pytest.mark.skipif(browser.CHROMIUM is None, reason="chromium is not installed")
def test_player_and_time_line_are_in_sync(clip, localization, tmp_path):
    truth = [{"Background"}, {"Church bell"}, {"Background"}]
    text = page([(clip, localization, truth)], [], pathlib.Path("model"), "", tmp_path / "pages")
    assert "2 of 3 seconds are predicted correctly." in text
    (tmp_path / "pages").mkdir()
    path = tmp_path / "pages" / "events.html"
    path.write_text(text)
    seen, errors = browser.evaluate(path, browser.FIRST_PLAYER + PROBE, tmp_path / "profile")
    assert not errors
    width = 84
    assert seen == {
        "seconds": pytest.approx(3, abs=0.1),
        "size": [160, 120],
        "cursor": 1.5 * width,
        "clicked": pytest.approx(0.5, abs=0.01),
        "images": [width - 1] * 3,
        "right": 2,
        "wrong": 1,
        "fill": "rgb(180, 35, 24)",
    }
