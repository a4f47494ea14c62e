"""Healthy files of many kinds: each second must show its pictures and sound its tone."""

import dataclasses
import itertools
import pathlib
import re
from collections.abc import Callable, Sequence

import av
import numpy as np
import pytest

from avel_tf import media
from tests.media.remuxing import cut, join, remux

TEN_SECONDS = np.arange(125) / 12.5  # of pictures
TWELVE_SECONDS = np.arange(150) / 12.5
VARIABLE = np.concatenate([np.arange(40) / 8, 5 + np.arange(150) / 30])
DOCUMENT = pathlib.Path(__file__).parents[2] / "docs/media.md"
B_FRAMES = {"preset": "ultrafast", "x264-params": "bframes=3:b-adapt=0:keyint=50:scenecut=0"}
# Repeated headers let a transport stream start anywhere.
OPEN_GROUPS = {
    "preset": "veryfast",
    "x264-params": "bframes=3:b-adapt=0:keyint=27:min-keyint=27:scenecut=0:open-gop=1:"
    "repeat-headers=1",
}
OPEN_GROUPS_HEVC = {
    "preset": "ultrafast",
    "x265-params": "bframes=3:b-adapt=0:keyint=27:min-keyint=27:scenecut=0:open-gop=1:"
    "repeat-headers=1:log-level=none",
}


@dataclasses.dataclass(frozen=True)
class Kind:
    """A kind of file.

    Args:
        make: Function of a `Maker` that writes the file.
        by: String. What decides which pictures a second gets: `"number"` or `"time"`; `"sound"`
            if there are none.
        times: When each picture starts, in seconds of the clip.
        sound_late: Float. Seconds of the clip at which the first tone starts.
        tolerance: Integer. Pictures by which a second may be off.
        turned: Integer. Quarter turns to the left by which the file's pictures are turned.
    """

    make: Callable
    by: str
    times: Sequence[float] = tuple(TEN_SECONDS)
    sound_late: float = 0.0
    tolerance: int = 0
    turned: int = 0


def encoded(
    name, times=TEN_SECONDS, *, by="number", sound_seconds=10.0, rotation=0, tolerance=0, **settings
):
    """Returns a kind of file that an encoder writes as it is."""

    def make(maker):
        return maker.write(name, times, sound_seconds, rotation=rotation, **settings)

    return Kind(make, by, times, tolerance=tolerance, turned=rotation // 90)


def heard(name, **settings):
    """Returns a kind of audio file."""
    return encoded(name, (), by="sound", **settings)


def late(name, *, video=0.0, sound=0.0, by="time", **settings):
    """Returns a kind of file whose pictures or sound start late or, if negative, early."""
    times = np.arange(100) / 10 if video % 1 == 0.85 else TEN_SECONDS

    def make(maker):
        path = maker.write(f"source{pathlib.Path(name).suffix}", times, 12.0, **settings)
        return remux(path, name, video_late=video, sound_late=sound)

    zero = max(0.0, min(video, sound))
    return Kind(make, by, times + video - zero, sound_late=sound - zero)


def cut_open(name, codec, options, *, rate_hz=48000, audio_codec="mp2"):
    """Returns a kind of file cut 2.7 s into one with open groups of pictures."""
    source = np.arange(200) / 12.5
    zero = 2.72 if name.endswith("mp4") else 27 / 12.5  # only MP4 can hide what precedes the cut

    def make(maker):
        # Cutting MP4 would leave out the headers that transport streams repeat.
        path = maker.write(
            f"whole.{'ts' if name.endswith('ts') else 'mkv'}", source, 16.0, video_codec=codec,
            video_options=options, rate_hz=rate_hz, audio_codec=audio_codec,
        )  # fmt: skip
        return cut(path, name, 2.72)

    return Kind(make, "time", source - zero, sound_late=-zero)


class Maker:
    """Writes files whose pictures show their numbers, and whose tones tell their seconds.

    Args:
        folder: Path. Where to write.
        write_clip: The fixture.
    """

    def __init__(self, folder, write_clip):
        self.folder, self.write_clip = folder, write_clip

    def write(self, name, times=TEN_SECONDS, sound_seconds=10.0, *, first_tone=0, **settings):
        rate_hz = settings.setdefault("rate_hz", 16000)
        sound = tones(rate_hz, sound_seconds, first_tone) if sound_seconds else None
        if name.endswith("ts"):  # start at 1.4 s, as those by the program `ffmpeg` do
            options = settings.get("container_options", {})
            settings["container_options"] = {"max_delay": "700000", **options}
        return self.write_clip(name, times, sound=sound, **settings)

    def joined(self, name, **settings):
        """Writes six seconds and then six more, each with a clock of its own."""
        has_frames = name.endswith("ts")
        first, second = (
            self.write(
                f"{place}-{name}",
                TEN_SECONDS[:75] if has_frames else (),
                6.0,
                first_tone=6 * place,
                **settings,
                **({"first_number": 75 * place} if has_frames else {}),
            )
            for place in range(2)
        )
        return join(first, second).rename(self.folder / name)


def tones(rate_hz, num_seconds, first=0):
    """Makes one tone per second: 400 Hz in second 0, 500 Hz in second 1, …"""
    seconds = np.arange(round(rate_hz * num_seconds)) / rate_hz
    return 9000 * np.sin(2 * np.pi * (400 + 100 * (first + np.floor(seconds))) * seconds)


AAC = {"audio_codec": "aac"}
MP3 = {"audio_codec": "libmp3lame", "rate_hz": 16000}

MP2 = {"audio_codec": "mp2", "rate_hz": 48000}
OPUS = {"audio_codec": "libopus", "rate_hz": 48000}
FROM_ZERO = {"video_options": B_FRAMES, "container_options": {"max_delay": "0"}}
BROADCAST = {
    **{"times": np.arange(250) / 25, "video_codec": "mpeg2video", "video_options": {"b": "2M"}},
    **MP2,
}


def tagged(*parts):
    """Returns a kind of MP3 file: two parts of six seconds, with other data around them."""

    def make(maker):
        first, second = (
            maker.write(f"{place}.mp3", (), 6.0, first_tone=6 * place, **MP3).read_bytes()
            for place in range(2)
        )
        path = maker.folder / "sound.mp3"
        path.write_bytes(b"".join({"first": first, "second": second}.get(p, p) for p in parts))
        return path

    return Kind(make, "sound")


def edited(name, source, edit, **kind):
    """Returns a kind of file that another one becomes when its packets are edited."""

    def make(maker):
        path = source.make(maker)
        path = path.rename(path.with_stem("source"))
        return remux(path, name, edit)

    return dataclasses.replace(source, make=make, **kind)


def joined(name, **settings):
    """Returns a kind of file joined from two of six seconds, with a clock each."""
    by = "time" if name.endswith("ts") else "sound"
    return Kind(lambda maker: maker.joined(name, **settings), by, TWELVE_SECONDS, tolerance=3)


def write_few_times(maker):
    """Writes a transport stream with a time on every twelfth picture only."""
    path = maker.write("clip.ts", video_options=B_FRAMES, **MP2)
    packets = transport_packets(path)
    starts = [p for p in packets if p[1] & 0x40 and b"\0\0\1\xe0" in p]
    for number, packet in enumerate(starts):
        header = packet.index(b"\0\0\1\xe0")
        if number % 12:
            packet[header + 7] &= 0x3F  # no time follows
            packet[header + 9 : header + 9 + packet[header + 8]] = b"\xff" * packet[header + 8]
    path.write_bytes(b"".join(packets))
    return path


def write_lossy(maker):
    """Writes a transport stream that lacks one of its packets, and has key frames every 0.5 s."""
    options = {"preset": "ultrafast", "g": "6"}
    path = maker.write("clip.ts", TWELVE_SECONDS, 12.0, video_options=options, **MP2)
    packets = transport_packets(path)
    pictures = [n for n, packet in enumerate(packets) if b"\0\0\1\xe0" in packet]
    del packets[pictures[60]]
    path.write_bytes(b"".join(packets))
    return path


def write_programs(maker, silent=False):
    """Writes two programs; FFmpeg prefers the pictures of the second and the sound of the first.

    The pictures and tones of the second are the expected ones, unless it is `silent`.
    """
    both = []
    for place in range(2):
        path = maker.write(
            f"{place}.ts",
            sound_seconds=0.0 if silent and place else 10.0,
            first_tone=20 * (place == silent),
            first_number=500 * (place == silent),
            audio_options={"b": ["192k", "64k"][place]},
            container_options={
                "mpegts_service_id": str(place + 1),
                "mpegts_pmt_start_pid": str(0x1000 + 16 * place),
                "mpegts_start_pid": str(0x100 + 16 * place),
            },
            **MP2,
        )
        both.append([packet for packet in transport_packets(path) if packet[1] & 31 or packet[2]])
    section = bytes.fromhex("00b0110001c10000 0001f000 0002f010")
    table = b"\x47\x40\0\x10\0" + section + crc32(section).to_bytes(4)
    mixed = itertools.chain.from_iterable(itertools.zip_longest(*both, fillvalue=b""))
    path = maker.folder / "clip.ts"
    path.write_bytes(table.ljust(188, b"\xff") + b"".join(mixed))
    return path


def transport_packets(path):
    data = path.read_bytes()
    return [bytearray(data[start : start + 188]) for start in range(0, len(data), 188)]


def crc32(data):
    """Computes the checksum of ISO/IEC 13818-1, annex A."""
    value = 0xFFFFFFFF
    for byte in data:
        value ^= byte << 24
        for _ in range(8):
            value = (value << 1 ^ 0x04C11DB7 * (value >> 31)) & 0xFFFFFFFF
    return value


def order_of_decoding(kind, number, packet):
    if kind == "video":
        packet.pts = packet.dts = packet.dts + round(2 / 12.5 / packet.time_base)  # from 0 on


NOISE = np.random.default_rng(0).bytes(30_000)
ID3V1 = b"TAG" + b"x" * 125
ID3V2 = b"ID3\x04\0\0\0\0\x10\0" + bytes(2048)
COVER = b"ID3\x04\0\0\0\1\x6a\x30" + NOISE  # a tag of 30,000 bytes

KINDS = {
    "MP4: H.264, AAC": encoded("clip.mp4", **AAC),
    "MP4 named in upper case": encoded("CLIP.MP4", **AAC),
    "MP4 named M4V": encoded("clip.m4v", **AAC),
    "MP4: HEVC, AAC": encoded("clip.mp4", video_codec="libx265", **AAC),
    "MP4: AV1, Opus": encoded("clip.mp4", np.arange(50) / 5, video_codec="libsvtav1", **OPUS),
    "MP4: MPEG-4, MP3": encoded("clip.mp4", video_codec="mpeg4", **MP3),
    "MP4 in fragments": encoded(
        "clip.mp4", container_options={"movflags": "frag_keyframe+delay_moov"}, **AAC
    ),
    "MP4 with its index in front": encoded(
        "clip.mp4", container_options={"movflags": "faststart"}, **AAC
    ),
    "MP4 with B-frames": encoded("clip.mp4", video_options=B_FRAMES, **AAC),
    "MP4 turned left": encoded("clip.mp4", rotation=90, **AAC),
    "MP4 turned over": encoded("clip.mp4", rotation=180, **AAC),
    "MP4 with two streams of each": encoded("clip.mp4", num_streams=2, **AAC),
    "MOV: H.264, PCM": encoded("clip.mov"),
    "MOV: ProRes, PCM": encoded("clip.mov", video_codec="prores_ks", pix_fmt="yuv422p10le"),
    "3GP: MPEG-4, AAC": encoded("clip.3gp", video_codec="mpeg4", **AAC),
    "MKV: H.264, Opus": encoded("clip.mkv", **OPUS),
    "MKV: MJPEG, FLAC": encoded("clip.mkv", video_codec="mjpeg", audio_codec="flac"),
    "MKV: FFV1, AC-3": encoded("clip.mkv", video_codec="ffv1", audio_codec="ac3", rate_hz=48000),
    "MKV with B-frames": encoded("clip.mkv", video_options=B_FRAMES),
    "MKV without a length": encoded("clip.mkv", container_options={"live": "1"}),
    "WebM: VP8, Opus": encoded("clip.webm", video_codec="libvpx", **OPUS),
    "WebM: VP9, Opus": encoded("clip.webm", video_codec="libvpx-vp9", **OPUS),
    "AVI: MPEG-4, MP2": encoded("clip.avi", video_codec="mpeg4", audio_codec="mp2"),
    "AVI: MPEG-4, MP3": encoded("clip.avi", by="time", tolerance=1, video_codec="mpeg4", **MP3),
    "AVI: MS-MPEG-4, PCM": encoded("clip.avi", video_codec="msmpeg4"),
    "AVI: MJPEG, PCM": encoded("clip.avi", video_codec="mjpeg"),
    "AVI: raw pictures, PCM": encoded("clip.avi", video_codec="rawvideo"),
    "WMV: WMV2, PCM": encoded("clip.wmv", video_codec="wmv2"),
    "FLV: H.264, AAC": encoded("clip.flv", rate_hz=44100, **AAC),
    "FLV: Sorenson, MP3": encoded("clip.flv", video_codec="flv", **{**MP3, "rate_hz": 22050}),
    "TS: H.264, MP2": encoded("clip.ts", **MP2),
    "TS: H.264, AAC": encoded("clip.ts", rate_hz=48000, **AAC),
    "TS: HEVC, AC-3": encoded("clip.ts", video_codec="libx265", audio_codec="ac3", rate_hz=48000),
    "TS with B-frames": encoded("clip.ts", video_options=B_FRAMES, **MP2),
    "M2TS: MPEG-2, AC-3": encoded("clip.m2ts", **{**BROADCAST, "audio_codec": "ac3"}),
    "MPG: MPEG-2, MP2": encoded("clip.mpg", **BROADCAST),
    "MPG: MPEG-1, MP2": encoded(
        "clip.mpg", by="time", tolerance=2, **{**BROADCAST, "video_codec": "mpeg1video"}
    ),
    "VOB: MPEG-2, AC-3": encoded("clip.vob", **{**BROADCAST, "audio_codec": "ac3"}),
    "stereo": encoded("clip.mp4", layout="stereo", **AAC),
    "5.1 sound": encoded("clip.mp4", layout="5.1", rate_hz=48000, **AAC),
    "7.1 sound": encoded("clip.mkv", layout="7.1", rate_hz=48000),
    "8 kHz sound": encoded("clip.mkv", rate_hz=8000),
    "11.025 kHz sound": encoded("clip.mkv", rate_hz=11025),
    "22.05 kHz sound": encoded("clip.mkv", rate_hz=22050),
    "44.1 kHz sound": encoded("clip.mkv", rate_hz=44100),
    "96 kHz sound": encoded("clip.mkv", rate_hz=96000),
    "variable frame rate": encoded("clip.mp4", VARIABLE, by="time", **AAC),
    "9.9 s": encoded("clip.mkv", TEN_SECONDS[:-1], sound_seconds=9.9),
    "12 s": encoded("clip.mkv", TWELVE_SECONDS, by="time", sound_seconds=12),
    "MP4, pictures 0.85 s late": late("late.mp4", video=0.85, **AAC),
    "MOV, pictures 0.85 s late": late("late.mov", video=0.85),
    "MKV, pictures 0.85 s late": late("late.mkv", video=0.85),
    "TS, pictures 0.85 s late": late("late.ts", video=0.85, **MP2),
    "FLV, pictures 0.85 s late": late("late.flv", video=0.85, rate_hz=44100, **AAC),
    "AVI, pictures 0.8 s late": late("late.avi", video=0.8, video_codec="mpeg4"),
    "WMV, pictures 0.8 s late": late("late.wmv", video=0.8, video_codec="wmv2"),
    "MP4, sound 0.4 s late": late("late.mp4", sound=0.4, by="number", **AAC),
    "MKV, sound 0.4 s late": late("late.mkv", sound=0.4, by="number"),
    "TS, sound 0.4 s late": late("late.ts", sound=0.4, by="number", **MP2),
    "FLV, sound 0.4 s late": late("late.flv", sound=0.4, by="number", rate_hz=44100, **AAC),
    "MP4, pictures from before 0": late("early.mp4", video=-0.8, **AAC),
    "TS that starts at 40 s": late("late.ts", video=40, sound=40, by="number", **MP2),
    "MP4 cut at an open group": cut_open("cut.mp4", "libx264", OPEN_GROUPS),
    "MKV cut at an open group": cut_open("cut.mkv", "libx264", OPEN_GROUPS),
    "TS cut at an open group": cut_open("cut.ts", "libx264", OPEN_GROUPS),
    "MP4: HEVC, cut at an open group": cut_open("cut.mp4", "libx265", OPEN_GROUPS_HEVC),
    "MKV: HEVC, cut at an open group": cut_open("cut.mkv", "libx265", OPEN_GROUPS_HEVC),
    "TS: HEVC, cut at an open group": cut_open("cut.ts", "libx265", OPEN_GROUPS_HEVC),
    "AVI: H.264 with B-frames": edited(
        *("clip.avi", encoded("clip.ts", **FROM_ZERO, **MP2), order_of_decoding),
        **{"by": "time", "tolerance": 3},
    ),
    "AVI: MPEG-4 with B-frames": encoded(
        *("clip.avi",),
        **{"by": "time", "tolerance": 3, "video_codec": "mpeg4", "video_options": {"bf": "2"}},
    ),
    "MP4 with B-frames, without composition offsets": edited(
        "clip.mp4", encoded("clip.mp4", video_options=B_FRAMES, **AAC), order_of_decoding
    ),
    "TS with few times": Kind(write_few_times, "number", tolerance=1),
    "WAV": heard("sound.wav"),
    "WAV named in upper case": heard("SOUND.WAV"),
    "WAV at 96 kHz": heard("sound.wav", rate_hz=96000),
    "WAV of 8 bits": heard("sound.wav", audio_codec="pcm_u8"),
    "WAV of 24 bits": heard("sound.wav", audio_codec="pcm_s24le"),
    "WAV of floats": heard("sound.wav", audio_codec="pcm_f32le"),
    "WAV: IMA ADPCM at 22.05 kHz": heard("sound.wav", audio_codec="adpcm_ima_wav", rate_hz=22050),
    "WAV: IMA ADPCM at 44.1 kHz": heard("sound.wav", audio_codec="adpcm_ima_wav", rate_hz=44100),
    "WAV: Microsoft ADPCM": heard("sound.wav", audio_codec="adpcm_ms", rate_hz=22050),
    "FLAC": heard("sound.flac", audio_codec="flac", rate_hz=44100),
    "M4A: AAC": heard("sound.m4a", **AAC),
    "M4A: ALAC": heard("sound.m4a", audio_codec="alac"),
    "MP3": heard("sound.mp3", **MP3),
    "OGG: Vorbis": heard("sound.ogg", audio_codec="vorbis", layout="stereo", rate_hz=44100),
    "OGG: Opus": heard("sound.ogg", **OPUS),
    "OGG: FLAC": heard("sound.ogg", audio_codec="flac"),
    "WMV: WMA, 9.8 s": encoded(
        *("clip.wmv", TEN_SECONDS[:123]),
        **{"video_codec": "wmv2", "audio_codec": "wmav2", "rate_hz": 44100, "sound_seconds": 9.8},
    ),
    "AVI: WMA, 9.8 s": encoded(
        *("clip.avi", TEN_SECONDS[:123]),
        **{"by": "time", "tolerance": 2},
        **{"video_codec": "mpeg4", "audio_codec": "wmav2", "rate_hz": 44100, "sound_seconds": 9.8},
    ),
    "two chained OGG: Vorbis": joined(
        "sound.ogg", audio_codec="vorbis", layout="stereo", rate_hz=44100
    ),
    "two chained OGG: Opus": joined("sound.ogg", **OPUS),
    "two chained OGG: FLAC": joined("sound.ogg", audio_codec="flac"),
    "two TS joined end to end": joined("clip.ts", **MP2),
    "MP3 with ID3v1 in the middle": tagged("first", ID3V1, "second"),
    "MP3 with ID3v2 in the middle": tagged("first", ID3V2, "second"),
    "MP3 with a cover in the middle": tagged("first", COVER, "second"),
    "MP3 with ID3v1 and garbage at its end": tagged("first", "second", ID3V1, NOISE[:5000]),
    "MP3 with zeros at its end": tagged("first", "second", bytes(5000)),
    "TS with two programs": Kind(write_programs, "number"),
    "TS with a program without sound": Kind(lambda m: write_programs(m, silent=True), "number"),
    "TS with one lost packet": Kind(write_lossy, "time", TWELVE_SECONDS, tolerance=6),
}


@pytest.fixture
def maker(tmp_path, write_clip):
    return Maker(tmp_path, write_clip)


@pytest.mark.parametrize(
    "name", [pytest.param(k, marks=pytest.mark.slow) if "AV1" in k else k for k in KINDS]
)
def test_every_second_has_its_pictures_and_its_tone(name, maker, read_numbers):
    kind = KINDS[name]
    clip = media.read_clip(kind.make(maker), frames_per_segment=2)
    heard = np.abs(np.fft.rfft(clip.sound)).argmax(axis=1)  # 1 Hz per bin
    expected = np.floor(np.arange(10) + 0.5 - kind.sound_late)
    np.testing.assert_allclose(heard, 400 + 100 * expected, atol=2)
    assert clip.sound.std(axis=1).min() > 0.1
    if kind.by == "sound":
        assert clip.frames is None
        return
    upright = np.rot90(clip.frames, -kind.turned, axes=(2, 3))
    if kind.by == "number":
        numbers = media.segment_frame_indices(len(kind.times), frames_per_segment=2)
    else:
        moments = np.arange(10)[:, None] + np.arange(2) / 2
        numbers = np.searchsorted(kind.times, moments + 1e-3, side="right") - 1
    np.testing.assert_allclose(
        read_numbers(upright), np.maximum(numbers, 0), rtol=0, atol=kind.tolerance
    )


@pytest.mark.parametrize("silent", [False, True])
def test_the_program_that_is_read_is_told(maker, silent):
    path = write_programs(maker, silent)
    told = media.describe_choice(path)
    pattern = r"(?:of its (\d) (video|audio) streams, number (\d) is read(?:; )?)"
    assert re.fullmatch(f"{pattern}+", told)
    found = {kind: (int(count), int(index)) for count, kind, index in re.findall(pattern, told)}
    assert {kind: count for kind, (count, _) in found.items()} == (
        {"video": 2} if silent else {"audio": 2, "video": 2}
    )
    with av.open(str(path)) as container:
        programs = {(container.streams[index].id - 0x100) // 16 for _, index in found.values()}
    assert programs == {0 if silent else 1}
    assert media.describe_choice(path, modalities=["visual"]).startswith("of its 2 video streams")


def test_nothing_is_told_without_a_choice(maker):
    assert media.describe_choice(maker.write("clip.mp4")) == ""


RESULTS = {
    "number": "pictures by number, sound by time",
    "time": "pictures and sound by time",
    "sound": "only sound",
}


def test_the_documented_kinds_are_those_tested():
    table = DOCUMENT.read_text().split("## Kinds of files that are tried")[1].split("\n## ")[0]
    rows = re.findall(r"^\| (.+?) \| (.+?) \|$", table, re.MULTILINE)[1:]
    assert rows == [(name, RESULTS[kind.by]) for name, kind in KINDS.items()]
    assert len(rows) >= 60
