"""Files of every kind, each with the result that docs/media.md states for it."""

import os
import struct

import av
import numpy as np
import pytest

from avel_tf import media
from avel_tf.configuration import MediaLimits

TEN_SECONDS = np.arange(125) / 12.5  # of frames
VARIABLE = np.concatenate([np.arange(40) / 8, 5 + np.arange(150) / 30])
LIMITS = MediaLimits(max_read_seconds=20)


@pytest.fixture(scope="module")
def decoder():
    with media.DecoderProcess(LIMITS) as decoder:
        yield decoder


@pytest.fixture
def write_media(write_clip):
    """Function writing pictures that tell their number and a tone that tells its second."""

    def write(name, times=TEN_SECONDS, *, sound_seconds=10.0, rate_hz=16000, **settings):
        sound = tones(rate_hz, sound_seconds) if sound_seconds else None
        return write_clip(name, times, sound=sound, rate_hz=rate_hz, **settings)

    return write


def tones(rate_hz, num_seconds=10.0):
    """A tone a second: 400 Hz in second 0, 500 Hz in second 1, …"""
    seconds = np.arange(round(rate_hz * num_seconds)) / rate_hz
    return 9000 * np.sin(2 * np.pi * (400 + 100 * np.floor(seconds)) * seconds)


def assert_tones_in_their_seconds(clip):
    waveform = clip.waveform()
    spectrum = np.abs(np.fft.rfft(waveform))  # 1 Hz a bin
    np.testing.assert_allclose(spectrum.argmax(axis=1), 400 + 100 * np.arange(10), atol=2)
    assert waveform.std(axis=1).min() > 0.1


def numbers_seen(times, frames_per_segment):
    """Of the last frame that starts no later than each moment."""
    moments = np.arange(10)[:, None] + np.arange(frames_per_segment) / frames_per_segment
    return np.searchsorted(times, moments + 1e-3, side="right") - 1


FEATURES = {
    "mp4": ("clip.mp4", {"audio_codec": "aac"}),
    "upper case": ("CLIP.MP4", {"audio_codec": "aac"}),
    "hevc": ("clip.mp4", {"video_codec": "libx265", "audio_codec": "aac"}),
    "mov": ("clip.mov", {}),
    "mkv": ("clip.mkv", {"audio_codec": "libopus", "rate_hz": 48000}),
    "webm": ("clip.webm", {"video_codec": "libvpx", "audio_codec": "libopus", "rate_hz": 48000}),
    "avi": ("clip.avi", {"video_codec": "mpeg4", "audio_codec": "mp2"}),
    "avi of a camera": ("clip.avi", {"video_codec": "mjpeg"}),
    "wmv": ("clip.wmv", {"video_codec": "wmv2"}),
    "flv": ("clip.flv", {"audio_codec": "aac", "rate_hz": 44100}),
    "ts": ("clip.ts", {"audio_codec": "mp2", "rate_hz": 48000}),
    "mpg": (
        "clip.mpg",
        {
            "times": np.arange(250) / 25,
            "video_codec": "mpeg2video",
            "audio_codec": "mp2",
            "rate_hz": 48000,
        },
    ),
    "turned left": ("clip.mp4", {"audio_codec": "aac", "rotation": 90}),
    "turned over": ("clip.mp4", {"audio_codec": "aac", "rotation": 180}),
    "stereo": ("clip.mp4", {"audio_codec": "aac", "layout": "stereo"}),
    "5.1": ("clip.mp4", {"audio_codec": "aac", "layout": "5.1", "rate_hz": 48000}),
    "7.1": ("clip.mkv", {"layout": "7.1", "rate_hz": 48000}),
    "two streams of each": ("clip.mp4", {"audio_codec": "aac", "num_streams": 2}),
    "variable frame rate": ("clip.mp4", {"audio_codec": "aac", "times": VARIABLE}),
    "9.9 s": ("clip.mkv", {"times": TEN_SECONDS[:-1], "sound_seconds": 9.9}),
    "12 s": ("clip.mkv", {"times": np.arange(150) / 12.5, "sound_seconds": 12}),
    "8 kHz": ("clip.mkv", {"rate_hz": 8000}),
    "11.025 kHz": ("clip.mkv", {"rate_hz": 11025}),
    "22.05 kHz": ("clip.mkv", {"rate_hz": 22050}),
    "44.1 kHz": ("clip.mkv", {"rate_hz": 44100}),
    "96 kHz": ("clip.mkv", {"rate_hz": 96000}),
}


@pytest.mark.parametrize("kind", FEATURES)
def test_a_clip_gives_its_sound_and_pictures(decoder, write_media, read_numbers, kind):
    name, settings = FEATURES[kind]
    clip = decoder.read(write_media(name, **settings), frames_per_segment=4)
    assert_tones_in_their_seconds(clip)
    assert clip.rate_hz == settings.get("rate_hz", 16000)
    upright = np.rot90(clip.frames, -settings.get("rotation", 0) // 90, axes=(2, 3))
    times = settings.get("times", TEN_SECONDS)
    if kind in ("12 s", "variable frame rate"):
        expected = numbers_seen(times, 4)
    else:
        expected = media.segment_frame_indices(len(times), frames_per_segment=4)
    np.testing.assert_array_equal(read_numbers(upright), expected)


AUDIO_FILES = {
    "wav": ("sound.wav", {}),
    "wav at 96 kHz": ("sound.wav", {"rate_hz": 96000}),
    "flac": ("sound.flac", {"audio_codec": "flac", "rate_hz": 44100}),
    "mp3": ("sound.mp3", {"audio_codec": "libmp3lame", "rate_hz": 44100}),
    "ogg": ("sound.ogg", {"audio_codec": "libopus", "rate_hz": 48000}),
    "upper case": ("SOUND.WAV", {}),
}


@pytest.mark.parametrize("kind", AUDIO_FILES)
def test_an_audio_file_gives_its_sound_alone(decoder, write_media, kind):
    name, settings = AUDIO_FILES[kind]
    clip = decoder.read(write_media(name, times=(), **settings))
    assert clip.frames is None
    assert_tones_in_their_seconds(clip)


def test_a_cover_is_no_video(decoder, write_media, tmp_path):
    sound = write_media("plain.mp3", times=(), audio_codec="libmp3lame", rate_hz=44100)
    path = tmp_path / "covered.mp3"
    with av.open(str(sound)) as plain, av.open(str(path), "w") as container:
        stream = container.add_stream_from_template(plain.streams.audio[0])
        cover = container.add_stream("mjpeg", rate=1)
        cover.width, cover.height, cover.pix_fmt = 160, 120, "yuvj420p"
        cover.disposition = av.stream.Disposition.attached_pic
        picture = av.VideoFrame.from_ndarray(np.full((120, 160, 3), 99, np.uint8), "rgb24")
        container.mux(cover.encode(picture))
        container.mux(cover.encode())
        for packet in plain.demux():
            if packet.size:
                packet.stream = stream
                container.mux(packet)
    with av.open(str(path)) as container:
        assert container.streams.video
    clip = decoder.read(path)
    assert clip.frames is None
    assert_tones_in_their_seconds(clip)


def test_the_mean_of_64_channels_is_read(decoder, tmp_path):
    sound = np.round(tones(8000))[:, None] * np.linspace(0, 2, 64)  # the same on average
    data = sound.astype("<i2").tobytes()
    path = tmp_path / "sound.wav"
    path.write_bytes(wav(64, 8000, 0)[:-4] + struct.pack("<I", len(data)) + data)
    clip = decoder.read(path)
    assert_tones_in_their_seconds(clip)
    np.testing.assert_allclose(clip.sound.ravel(), tones(8000) / 32768, atol=1 / 32768)


def wav(channels, rate_hz, num_bytes):
    """A WAV file with that in its header."""
    header = struct.pack(
        "<4sI8sIHHIIHH4sI",
        *(b"RIFF", 36 + num_bytes, b"WAVEfmt ", 16, 1, channels, rate_hz),
        *(rate_hz * channels * 2 % 2**32, channels * 2 % 2**16, 16, b"data", num_bytes),
    )
    return header + bytes(num_bytes)


# Content of files that are broken or hostile, and what becomes of them.
CONTENTS = {
    "empty": ("clip.mp4", b"", "empty_file"),
    "text": ("clip.mp4", b"This is no video.\n" * 100, "unreadable"),
    "picture": ("clip.mp4", b"\x89PNG\r\n\x1a\n" + bytes(range(256)), "unreadable"),
    "2 ** 31 samples a second": ("clip.wav", wav(1, 2**31 - 1, 1000), "unreadable"),
    "no samples a second": ("clip.wav", wav(1, 0, 1000), "unreadable"),
    "500 channels": ("clip.wav", wav(500, 8000, 10**6), "unreadable"),
    "65,535 channels": ("clip.wav", wav(2**16 - 1, 8000, 10**6), "no_audio"),
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
    "a frame every microsecond": ("clip.mkv", {"times": TEN_SECONDS / 10**6}, "too_short"),
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
    with pytest.raises(media.MediaError) as error:
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
    with pytest.raises(media.MediaError) as error:
        decoder.read(path)
    assert str(path) in str(error.value)
    return error.value.reason
