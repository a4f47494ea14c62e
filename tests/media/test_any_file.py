"""Files that are rejected or unusual, each with the result that docs/media.md states."""

import os
import struct

import av
import numpy as np
import pytest

from avel_tf import media
from avel_tf.configuration import MediaLimits
from avel_tf.errors import MediaError
from tests.media.remuxing import covered

TEN_SECONDS = np.arange(125) / 12.5  # of frames
LIMITS = MediaLimits(max_read_seconds=20)


@pytest.fixture(scope="module")
def decoder():
    with media.DecoderProcess(LIMITS) as decoder:
        yield decoder


@pytest.fixture
def write_media(write_clip):
    """Function that writes frames that show their number and a tone that gives its second."""

    def write(name, times=TEN_SECONDS, *, sound_seconds=10.0, rate_hz=16000, **settings):
        sound = tones(rate_hz, sound_seconds) if sound_seconds else None
        return write_clip(name, times, sound=sound, rate_hz=rate_hz, **settings)

    return write


def tones(rate_hz, num_seconds=10.0):
    """Makes one tone per second: 400 Hz in second 0, 500 Hz in second 1, …"""
    seconds = np.arange(round(rate_hz * num_seconds)) / rate_hz
    return 9000 * np.sin(2 * np.pi * (400 + 100 * np.floor(seconds)) * seconds)


def assert_tones_in_their_seconds(clip):
    spectrum = np.abs(np.fft.rfft(clip.sound))  # 1 Hz per bin
    np.testing.assert_allclose(spectrum.argmax(axis=1), 400 + 100 * np.arange(10), atol=2)
    assert clip.sound.std(axis=1).min() > 0.1


def test_cover_art_is_not_a_video(decoder, write_media):
    sound = write_media("plain.mp3", times=(), audio_codec="libmp3lame", rate_hz=44100)
    clip = decoder.read(covered(sound, "covered.mp3"))
    assert clip.frames is None
    assert_tones_in_their_seconds(clip)
    only_sound = covered(write_media("plain.mp4", times=(), audio_codec="aac"), "covered.mp4")
    assert reason_of(decoder, only_sound) == "no_video"
    clip = decoder.read(only_sound, modalities=["audio"])
    assert_tones_in_their_seconds(clip)


def test_a_film_with_a_cover_is_a_video(decoder, write_media, read_numbers):
    film = covered(write_media("plain.mp4", audio_codec="aac"), "covered.mp4")
    frames = decoder.read(film, frames_per_segment=1).frames
    assert read_numbers(frames).ravel().tolist() == (12 * np.arange(10)).tolist()


def test_the_mean_of_64_channels_is_read(decoder, tmp_path):
    sound = np.round(tones(8000))[:, None] * np.linspace(0, 2, 64)  # the same on average
    data = sound.astype("<i2").tobytes()
    path = tmp_path / "sound.wav"
    path.write_bytes(wav(64, 8000, 0)[:-4] + struct.pack("<I", len(data)) + data)
    clip = decoder.read(path)
    assert_tones_in_their_seconds(clip)
    np.testing.assert_allclose(clip.sound.ravel(), tones(8000) / 32768, atol=1 / 32768)


def wav(channels, rate_hz, num_bytes):
    """Makes a WAV file with these values in its header."""
    header = struct.pack(
        "<4sI8sIHHIIHH4sI",
        *(b"RIFF", 36 + num_bytes, b"WAVEfmt ", 16, 1, channels, rate_hz),
        *(rate_hz * channels * 2 % 2**32, channels * 2 % 2**16, 16, b"data", num_bytes),
    )
    return header + bytes(num_bytes)


# PyAV 18's FFmpeg gives up on the stream, PyAV 19's on the file.
TOO_MANY_CHANNELS = "no_audio" if av.__version__.startswith("18.") else "unreadable"
# Content of broken or hostile files, and the reason they are rejected for.
CONTENTS = {
    "empty": ("clip.mp4", b"", "empty_file"),
    "text": ("clip.mp4", b"This is not a video.\n" * 100, "unreadable"),
    "picture": ("clip.mp4", b"\x89PNG\r\n\x1a\n" + bytes(range(256)), "unreadable"),
    "2 ** 31 samples per second": ("clip.wav", wav(1, 2**31 - 1, 1000), "unreadable"),
    "0 samples per second": ("clip.wav", wav(1, 0, 1000), "unreadable"),
    "500 channels": ("clip.wav", wav(500, 8000, 10**6), "unreadable"),
    "65,535 channels": ("clip.wav", wav(2**16 - 1, 8000, 10**6), TOO_MANY_CHANNELS),
    "2 hours": ("clip.wav", wav(1, 1000, 2 * 2 * 3600 * 1000), "too_long"),
}


@pytest.mark.parametrize("kind", CONTENTS)
def test_a_broken_file_is_rejected(decoder, tmp_path, kind):
    name, content, reason = CONTENTS[kind]
    (tmp_path / name).write_bytes(content)
    assert reason_of(decoder, tmp_path / name) == reason


REJECTS = {
    "no sound": ("clip.mp4", {"sound_seconds": 0}, "no_audio"),
    "no picture": ("clip.mp4", {"times": (), "audio_codec": "aac"}, "no_video"),
    "4 s": ("clip.mkv", {"times": TEN_SECONDS[:50], "sound_seconds": 4}, "too_short"),
    "4 s of pictures": ("clip.mkv", {"times": TEN_SECONDS[:50]}, "too_short"),
    "4 s of sound": ("clip.mkv", {"sound_seconds": 4}, "too_short"),
    "one frame per microsecond": ("clip.mkv", {"times": TEN_SECONDS / 10**6}, "too_short"),
}


@pytest.mark.parametrize("kind", REJECTS)
def test_a_clip_that_lacks_something_is_rejected(decoder, write_media, kind):
    name, settings, reason = REJECTS[kind]
    assert reason_of(decoder, write_media(name, **settings)) == reason


@pytest.mark.parametrize("suffix", ["mp4", "mkv", "avi", "ts", "wav", "flac", "mp3", "ogg"])
def test_a_truncated_file_is_rejected(decoder, write_media, suffix):
    codec = {"mp4": "aac", "flac": "flac", "mp3": "libmp3lame", "ogg": "libopus", "ts": "mp2"}
    path = write_media(
        f"clip.{suffix}",
        times=() if f".{suffix}" in media.AUDIO_SUFFIXES else TEN_SECONDS,
        audio_codec=codec.get(suffix, "pcm_s16le"),
        rate_hz=48000,
    )
    os.truncate(path, path.stat().st_size // 2)
    assert reason_of(decoder, path) in ("unreadable", "damaged", "too_short")


def test_4_kb_overwritten_is_damage(decoder, write_media):
    path = write_media("clip.mp4", audio_codec="aac", rate_hz=44100)
    data = path.read_bytes()
    noise = np.random.default_rng(0).bytes(4096)
    for start in (len(data) // 5, len(data) // 2, len(data) * 4 // 5):
        for patch in (bytes(4096), b"\xff" * 4096, noise, data[start // 2 :][:4096]):
            path.write_bytes(data[:start] + patch + data[start + 4096 :])
            assert reason_of(decoder, path) == "damaged"


def test_pictures_beyond_the_limit_are_rejected(write_media):
    path = write_media("clip.mp4", audio_codec="aac")
    with media.DecoderProcess(MediaLimits(max_pixels=160 * 120 - 1)) as decoder:
        assert reason_of(decoder, path) == "too_large"


@pytest.mark.parametrize("size", [8001, 16383])
def test_a_decompression_bomb_is_rejected(decoder, write_media, size):
    path = write_media("clip.mkv", video_codec="libvpx")
    data = path.read_bytes()
    stated = b"\x9d\x01\x2a" + struct.pack("<HH", 160, 120)  # in the first frame of VP8
    assert stated in data
    path.write_bytes(data.replace(stated, b"\x9d\x01\x2a" + struct.pack("<HH", size, size)))
    assert reason_of(decoder, path) == "too_large"


def test_pictures_that_grow_midway_are_rejected(write_clip, tmp_path):
    small = write_clip("small.ts", TEN_SECONDS, video_codec="mpeg2video")
    picture = np.zeros((480, 640, 3), np.uint8)
    large = write_clip("large.ts", 5 + TEN_SECONDS, video_codec="mpeg2video", picture=picture)
    both = tmp_path / "both.ts"
    content = small.read_bytes()
    both.write_bytes(content[: len(content) // 376 * 188] + large.read_bytes())
    with pytest.raises(MediaError) as error:
        media.read_frames(both, limits=MediaLimits(max_pixels=640 * 479))
    assert error.value.reason == "too_large"


@pytest.mark.parametrize("suffix", ["mp4", "m3u8", "ts"])
@pytest.mark.parametrize(
    "playlist",
    [
        "#EXTM3U\n#EXT-X-TARGETDURATION:10\n#EXTINF:10,\n{}\n#EXT-X-ENDLIST\n",
        "ffconcat version 1.0\nfile '{}'\n",
    ],
    ids=["HLS", "ffconcat"],
)
def test_a_playlist_is_not_followed(decoder, write_media, tmp_path, playlist, suffix):
    other = write_media("other.ts", audio_codec="mp2", rate_hz=48000)
    path = tmp_path / f"playlist.{suffix}"
    path.write_text(playlist.format(other))
    assert reason_of(decoder, path) == "unreadable"


def test_only_regular_files_are_read(decoder, tmp_path):
    os.mkfifo(tmp_path / "pipe.mp4")
    (tmp_path / "folder.mp4").mkdir()
    (tmp_path / "device.mp4").symlink_to("/dev/zero")
    for name in ("pipe.mp4", "folder.mp4", "device.mp4", "missing.mp4"):
        assert reason_of(decoder, tmp_path / name) == "missing_file"


def test_a_name_is_never_an_address(write_media, tmp_path, monkeypatch):
    write_media("clip.mkv").rename(tmp_path / "file:clip.mkv")
    monkeypatch.chdir(tmp_path)
    assert media.read_clip("file:clip.mkv", frames_per_segment=1).frames.shape[0] == 10


def test_the_real_clips(decoder, real_data):
    results = {
        "bigbuckbunny.mp4": "too_short",  # 5.3 s
        "carphone_pristine.mp4": "no_audio",
        "decord_flipping_a_pancake.mkv": None,
        "llp_BjCEufrlXm4.mp4": None,
        "torchcodec_nasa_13013.mp4": None,  # five streams
    }
    for name, reason in results.items():
        path = real_data / "clips" / name
        if reason is None:
            clip = decoder.read(path, frames_per_segment=1)
            assert clip.sound.std(axis=1).min() > 1e-4
            assert clip.frames.std(axis=(1, 2, 3, 4)).min() > 10
        else:
            assert reason_of(decoder, path) == reason


def reason_of(decoder, path):
    with pytest.raises(MediaError) as error:
        decoder.read(path)
    assert str(path) in str(error.value)
    return error.value.reason
