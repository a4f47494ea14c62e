import numpy as np
import pytest

from avel_tf import media
from avel_tf.configuration import MediaLimits


def test_a_clip_is_what_the_single_readers_read(real_data):
    path = real_data / "clips" / "llp_BjCEufrlXm4.mp4"
    clip = media.read_clip(path, num_segments=4, frames_per_segment=2)
    assert clip.sound.shape == (4, 44100)
    assert clip.sound.dtype == np.float32
    assert clip.rate_hz == 44100
    frames = media.read_frames(path, num_segments=4, frames_per_segment=2)
    np.testing.assert_array_equal(clip.frames, frames)
    np.testing.assert_array_equal(clip.waveform(), media.read_waveform(path, num_segments=4))
    waveform = media.read_waveform(path, num_segments=4, sample_rate_hz=8000)
    np.testing.assert_array_equal(clip.waveform(8000), waveform)


@pytest.mark.parametrize(
    ("limits", "reason", "detail"),
    [
        (MediaLimits(max_pixels=160 * 120 - 1), "too_large", "size 160x120 exceeds"),
        (MediaLimits(max_duration_seconds=1.9), "too_long", "lasts 2 s, over 1.9 s"),
    ],
)
def test_limits_hold(write_clip, limits, reason, detail):
    path = write_clip("clip.mkv", np.arange(50) / 25, sound=np.ones(32000))
    with pytest.raises(media.MediaError, match=rf"clip\.mkv: .*{detail}") as error:
        media.read_clip(path, num_segments=2, limits=limits)
    assert error.value.reason == reason


def test_limits_are_no_tighter_than_stated(write_clip):
    path = write_clip("clip.mkv", np.arange(50) / 25, sound=np.ones(32000))
    limits = MediaLimits(max_pixels=192 * 128, max_duration_seconds=2.0)  # 160 x 120, as coded
    assert media.read_clip(path, num_segments=2, limits=limits).frames.shape[0] == 2


def test_sound_is_looked_for_first(write_clip, tmp_path):
    path = write_clip("clip.mkv", np.arange(25) / 25)
    with pytest.raises(media.MediaError) as error:
        media.read_clip(path, limits=MediaLimits(max_pixels=1))
    assert error.value.reason == "no_audio"


@pytest.mark.parametrize("argument", ["num_segments", "frames_per_segment"])
def test_counts_must_be_positive(write_clip, argument):
    path = write_clip("clip.mkv", np.arange(25) / 25, sound=np.ones(16000))
    with pytest.raises(ValueError, match=f"`{argument}` must be a positive integer.*=0"):
        media.read_clip(path, **{"num_segments": 1, argument: 0})
