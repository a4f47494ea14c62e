import av
import numpy as np
import pytest

from avel_tf import media
from avel_tf.configuration import MediaLimits
from avel_tf.errors import MediaError


def test_a_clip_combines_the_separate_readers(real_data):
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
        (MediaLimits(max_pixels=160 * 120 - 1), "too_large", "have 160 x 120 pixels"),
        (MediaLimits(max_duration_seconds=1.7), "too_long", r"lasts 2\.0 s, over 1\.7 s"),
    ],
)
def test_limits_hold(write_clip, limits, reason, detail):
    path = write_clip("clip.mkv", np.arange(50) / 25, sound=np.ones(32000))
    with pytest.raises(MediaError, match=rf"clip\.mkv: .*{detail}") as error:
        media.read_clip(path, num_segments=2, limits=limits)
    assert error.value.reason == reason


def test_limits_are_no_tighter_than_stated(write_clip):
    path = write_clip("clip.mkv", np.arange(50) / 25, sound=np.ones(32000))
    limits = MediaLimits(max_pixels=192 * 128, max_duration_seconds=2.0)  # 160 x 120, as coded
    assert media.read_clip(path, num_segments=2, limits=limits).frames.shape[0] == 2


@pytest.mark.parametrize(("name", "codec"), [("clip.mkv", "aac"), ("clip.ts", "mp2")])
def test_the_last_frame_of_sound_may_exceed_the_length_limit(write_clip, name, codec):
    sound = np.random.default_rng(0).integers(-9000, 9000, 16000 * 3)
    path = write_clip(name, np.arange(75) / 25, sound=sound, audio_codec=codec)
    limits = MediaLimits(max_duration_seconds=3.0)
    with av.open(str(path)) as container:
        assert container.duration > 3 * av.time_base
    assert media.count_segments(path, limits=limits) == 3
    assert media.read_clip(path, num_segments=3, limits=limits).sound.shape == (3, 16000)


def test_sound_is_read_first(write_clip, tmp_path):
    path = write_clip("clip.mkv", np.arange(25) / 25)
    with pytest.raises(MediaError) as error:
        media.read_clip(path, limits=MediaLimits(max_pixels=1))
    assert error.value.reason == "no_audio"


@pytest.mark.parametrize("argument", ["num_segments", "frames_per_segment"])
def test_counts_must_be_positive(write_clip, argument):
    path = write_clip("clip.mkv", np.arange(25) / 25, sound=np.ones(16000))
    with pytest.raises(ValueError, match=f"`{argument}` must be a positive integer.*=0"):
        media.read_clip(path, **{"num_segments": 1, argument: 0})


@pytest.mark.parametrize(
    ("name", "codec"), [("clip.mp3", "mp3"), ("clip.m4a", "aac"), ("clip.wav", "pcm_s16le")]
)
def test_parts_of_the_sound_equal_the_whole(write_clip, name, codec):
    noise = np.random.default_rng(0).integers(-9000, 9000, 16 * 44100)
    path = write_clip(name, sound=noise, rate_hz=44100, audio_codec=codec)
    whole = media.read_clip(path, num_segments=16).sound
    parts = [
        media.read_clip(path, first_segment=first, num_segments=count).sound
        for first, count in [(0, 6), (6, 6), (12, 4)]
    ]
    np.testing.assert_array_equal(np.concatenate(parts), whole)
    with pytest.raises(MediaError, match=r"segment 17 of 18 has 0\.00 s of sound"):
        media.read_clip(path, first_segment=17, num_segments=1)


def test_one_modality_does_not_need_the_other(write_clip):
    silent = write_clip("silent.mp4", np.arange(25) / 25)
    clip = media.read_clip(silent, num_segments=1, modalities=["visual"])
    assert clip.sound is None
    assert clip.frames.shape == (1, 16, 224, 224, 3)
    both = write_clip("both.mkv", np.arange(25) / 25, sound=np.ones(16000))
    clip = media.read_clip(both, num_segments=1, modalities=["audio"])
    assert clip.frames is None
    assert clip.sound.shape == (1, 16000)
    with pytest.raises(ValueError, match="`modalities` must be one of"):
        media.read_clip(both, modalities=["video"])


@pytest.mark.parametrize(
    ("video_seconds", "sound_seconds", "segments"),
    [(12.0, 12.0, 12), (12.8, 30.0, 13), (12.6, 30.0, 12), (20.0, 7.7, 7), (0.8, 0.8, 1)],
)
def test_segments_are_counted_in_the_shorter_modality(
    write_clip, video_seconds, sound_seconds, segments
):
    times = np.arange(round(video_seconds * 25)) / 25
    sound = np.random.default_rng(0).integers(-9000, 9000, round(sound_seconds * 44100))
    path = write_clip("clip.mp4", times, sound=sound, rate_hz=44100, audio_codec="aac")
    assert media.count_segments(path) == segments
    media.read_clip(path, num_segments=segments, frames_per_segment=1)
    assert media.count_segments(path, modalities=["visual"]) == int(video_seconds + 0.25)


def test_an_unstated_length_is_limited_too(write_clip, tmp_path):
    path = write_clip("clip.mkv", np.arange(75) / 25, sound=np.ones(48000))
    live = tmp_path / "live.mkv"
    with av.open(str(path)) as source, av.open(str(live), "w", options={"live": "1"}) as copy:
        streams = [copy.add_stream_from_template(stream) for stream in source.streams]
        for packet in source.demux():
            if packet.size:
                packet.stream = streams[packet.stream_index]
                copy.mux(packet)
    with av.open(str(live)) as container:
        assert container.duration is None
    assert media.count_segments(live, limits=MediaLimits(max_duration_seconds=3)) == 3
    with pytest.raises(MediaError, match=r"live\.mkv: .*lasts 3\.0 s, over 2\.5 s") as error:
        media.count_segments(live, limits=MediaLimits(max_duration_seconds=2.5))
    assert error.value.reason == "too_long"


def test_a_clip_of_less_than_a_second_is_too_short(write_clip):
    path = write_clip("clip.mkv", np.arange(17) / 25, sound=np.ones(16000))
    with pytest.raises(MediaError, match=r"clip\.mkv: it lasts 0\.68 s") as error:
        media.count_segments(path)
    assert error.value.reason == "too_short"


@pytest.mark.parametrize("name", ["sound.wav", "pictures.m4a"])
def test_a_file_named_as_audio_has_no_frames(write_clip, name):
    times = np.arange(25) / 25 if name.endswith("m4a") else ()
    codec = "aac" if name.endswith("m4a") else "pcm_s16le"
    path = write_clip(name, times, sound=np.ones(16000), audio_codec=codec)
    assert media.count_segments(path, modalities=["audio"]) == 1
    with pytest.raises(MediaError, match="by its name it is an audio file") as error:
        media.count_segments(path)
    assert error.value.reason == "no_video"
