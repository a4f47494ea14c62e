"""A flash and a beep at once, in files whose streams start at different times."""

import re

import numpy as np
import pytest

from avel_tf import media
from avel_tf.errors import MediaError
from tests.media.remuxing import remux

RATES = {"mp4": 25, "mov": 30000 / 1001, "mkv": 10, "ts": 30, "flv": 15}  # pictures per second
SOUND = {"ts": {"audio_codec": "mp2", "rate_hz": 48000}, "mkv": {}}


@pytest.mark.parametrize("late_seconds", [-0.9, -0.3, 0.1, 0.4, 0.95])
@pytest.mark.parametrize("suffix", RATES)
def test_a_flash_and_a_beep_are_in_the_same_segment(write_clip, read_numbers, suffix, late_seconds):
    settings = {"audio_codec": "aac", "rate_hz": 44100, **SOUND.get(suffix, {})}
    pictures = np.arange(round(10 * RATES[suffix])) / RATES[suffix]
    sounds = np.arange(11 * settings["rate_hz"]) / settings["rate_hz"]
    # Without the file's offset, the flash would come `late_seconds` before the beep.
    is_flash = (6 - late_seconds <= pictures + 1e-6) & (pictures + 1e-6 < 7 - late_seconds)
    beep = np.where((sounds >= 6) & (sounds < 7), 9000, 90) * np.sin(6283 * sounds)
    path = write_clip(f"source.{suffix}", pictures, sound=beep, **settings)
    path = remux(path, f"late.{suffix}", video_late=late_seconds)
    frames = media.read_frames(path)
    sound = media.read_clip(path, first_segment=1, num_segments=9, modalities=["audio"]).sound
    seen = is_flash[read_numbers(frames)].mean(axis=1)
    assert seen.argmax() == 1 + sound.std(axis=1).argmax()
    assert seen.max() > 0.5


@pytest.mark.parametrize("suffix", ["mp4", "mkv", "ts"])
@pytest.mark.parametrize(
    ("stream", "late_seconds"), [("pictures", 1.2), ("pictures", 11.2), ("sound", 0.7)]
)
def test_a_stream_that_starts_too_late_is_named(write_clip, suffix, stream, late_seconds):
    sound = np.random.default_rng(0).integers(-9000, 9000, 12 * 48000)
    settings = {"audio_codec": "aac", **SOUND.get(suffix, {}), "rate_hz": 48000}
    if suffix == "ts":
        settings["container_options"] = {"max_delay": "700000"}  # starts at 1.4 s
    path = write_clip(f"whole.{suffix}", np.arange(150) / 12.5, sound=sound, **settings)
    kind = {"pictures": "video_late", "sound": "sound_late"}[stream]
    path = remux(path, f"late.{suffix}", **{kind: late_seconds})
    with pytest.raises(MediaError) as error:
        media.read_clip(path, frames_per_segment=1)
    assert error.value.reason == "late_start"
    named, seconds = re.search(r"its (\w+) starts? only at (.+) s \(", str(error.value)).groups()
    assert named == stream
    assert float(seconds) == pytest.approx(late_seconds, abs=0.03)  # encoders add a little
