"""The page as a browser shows it: pictures drawn, no error, player and drawing in step."""

import pathlib
import re

import numpy as np
import pytest

from avel_tf import media, time_line
from avel_tf.ave import BACKGROUND
from avel_tf.prediction.clips import EncodedClip, _thumbnails
from avel_tf.prediction.events import Localization
from avel_tf.prediction.page import page
from tests import browser

# Seeks, clicks, and tells what it sees.
PROBE = """
const section = document.querySelector("section"), player = section.querySelector("video");
const drawing = section.querySelector(".drawing"), cursor = section.querySelector(".cursor");
const event = (name) => new Promise((done) => player.addEventListener(name, done, {once: true}));
if (player.readyState < 2) await event("loadeddata");
let seeked = event("seeked");
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
    text = page([(clip, localization, None)], pathlib.Path("model <1>"), tmp_path)
    links = re.findall(r'(?:src|href)="([^"]*)"', text)
    assert [link for link in links if not link.startswith("data:")] == [
        "my%20clips/a%20%26%20b%20%231%3F.mp4"
    ]
    assert "model &lt;1&gt;" in text and "a &amp; b #1?.mp4" in text
    assert "seconds are right" not in text
    assert time_line.STYLE in text


@pytest.mark.slow
@pytest.mark.skipif(browser.CHROMIUM is None, reason="chromium is not installed")
def test_player_and_drawing_are_in_step(clip, localization, tmp_path):
    truth = [{"Background"}, {"Church bell"}, {"Background"}]
    text = page([(clip, localization, truth)], pathlib.Path("model"), tmp_path / "pages")
    assert "2 of 3 seconds are right." in text
    (tmp_path / "pages").mkdir()
    path = tmp_path / "pages" / "events.html"
    path.write_text(text)
    seen, errors = browser.evaluate(path, PROBE, tmp_path / "profile")
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
