import struct

import av
import numpy as np
import pytest

from avel_tf import media

SECOND = np.arange(25) / 25


@pytest.fixture(scope="module")
def noise():
    """A picture that no encoder can make small."""
    return np.random.default_rng(0).integers(0, 255, (120, 160, 3), dtype=np.uint8)


def remux(path, edit):
    """Copy of a clip whose tenth packet was edited."""
    copy = path.with_stem("edited")
    with av.open(str(path)) as source, av.open(str(copy), "w") as container:
        stream = container.add_stream_from_template(source.streams.video[0])
        for number, packet in enumerate(p for p in source.demux() if p.size):
            data = bytes(packet)
            edited = av.Packet(edit(data) if number == 10 else data)
            edited.pts, edited.dts, edited.time_base = packet.pts, packet.dts, packet.time_base
            edited.is_keyframe, edited.stream = packet.is_keyframe, stream
            container.mux(edited)
    return copy


def lengthened(data, padding):
    """A packet of one unit with `padding` behind it."""
    assert int.from_bytes(data[:4]) == len(data) - 4
    return (len(data) - 4 + len(padding)).to_bytes(4) + data[4:] + padding


def read(path):
    return media.read_frames(path, num_segments=1, frames_per_segment=25)


@pytest.mark.parametrize("offset", [198800, 315742, 362518, 432683])
def test_zeros_that_decode_to_plausible_pictures_are_damage(real_data, tmp_path, offset):
    # FFmpeg decodes these without a word; up to 44 of 64 pictures differ.
    clip = (real_data / "clips" / "carphone_pristine.mp4").read_bytes()
    path = tmp_path / "damaged.mp4"
    path.write_bytes(clip[:offset] + bytes(4096) + clip[offset + 4096 :])
    with pytest.raises(
        media.MediaError, match=r"damaged\.mp4: its pictures are broken at"
    ) as error:
        media.read_frames(path, num_segments=4)
    assert error.value.reason == "damaged"


@pytest.mark.parametrize("codec", ["libx264", "libx265"])
@pytest.mark.parametrize("forbidden", [b"\0\0\0", b"\0\0\1", b"\0\0\2", b"\0\0\3\4"])
def test_bytes_that_no_encoder_writes_are_damage(write_clip, noise, codec, forbidden):
    path = write_clip("clip.mkv", SECOND, video_codec=codec, picture=noise)

    def spoil(data):
        middle = len(data) - len(data) // 4
        return data[:middle] + forbidden + data[middle + len(forbidden) :]

    with pytest.raises(media.MediaError, match=r"are broken at 0\.\d\d s") as error:
        read(remux(path, spoil))
    assert error.value.reason == "damaged"


def test_padding_behind_a_slice_is_none(write_clip):
    options = {"preset": "ultrafast", "x264-params": "threads=1"}  # else some slices are two
    path = write_clip("clip.mkv", SECOND, video_options=options)
    padded = read(remux(path, lambda data: lengthened(data, bytes(32))))
    np.testing.assert_array_equal(padded, read(path))
    words = read(remux(path, lambda data: lengthened(data, b"\0\0\3\0\0\3")))  # H.264, 7.4.2.10
    np.testing.assert_array_equal(words, read(path))
    with pytest.raises(media.MediaError, match="are broken at"):
        read(remux(path, lambda data: lengthened(data, bytes(500))))


RATE = "bitrate=9000:vbv-maxrate=9000:vbv-bufsize=9000"
SETTINGS = {
    "CABAC": ("libx264", {"preset": "medium"}),
    "CAVLC": ("libx264", {"preset": "ultrafast", "profile": "baseline"}),
    "lossless": ("libx264", {"preset": "ultrafast", "qp": "0"}),
    "slices": ("libx264", {"x264-params": "slices=4:aud=1"}),
    "intra": ("libx264", {"preset": "ultrafast", "x264-params": "keyint=1"}),
    "constant bit rate": (
        "libx264",
        {
            "preset": "ultrafast",
            "x264-params": "nal-hrd=cbr:filler=1:vbv-maxrate=9000:vbv-bufsize=9000:bitrate=9000",
        },
    ),
    "interlaced": ("libx264", {"x264-params": "interlaced=1"}),
    "HEVC": ("libx265", {"preset": "medium", "x265-params": "log-level=none"}),
    "HEVC lossless": (
        "libx265",
        {"preset": "ultrafast", "x265-params": "lossless=1:log-level=none"},
    ),
}


@pytest.mark.parametrize("setting", SETTINGS)
def test_what_encoders_write_is_whole(write_clip, noise, setting):
    codec, options = SETTINGS[setting]
    for name in ("clip.mp4", "clip.mkv", "clip.ts"):
        for picture in (None, noise):
            path = write_clip(
                name, SECOND, video_codec=codec, video_options=options, picture=picture
            )
            assert read(path).shape[0] == 1


@pytest.mark.parametrize("codec", ["mpeg4", "mjpeg"])
def test_a_packet_lost_from_an_avi_file_is_damage(write_clip, codec):
    path = write_clip("clip.avi", SECOND, video_codec=codec)
    assert read(path).shape[0] == 1
    with av.open(str(path)) as container:
        packet = list(container.demux(video=0))[12]
    data = bytearray(path.read_bytes())
    data[packet.pos - 8 : packet.pos - 4] = b"junk"  # the name of its chunk
    path.write_bytes(data)
    with pytest.raises(
        media.MediaError, match="data that its index lists is lost at 0.48 s"
    ) as error:
        read(path)
    assert error.value.reason == "damaged"


def test_sound_frames_may_share_a_chunk_of_an_avi_file(write_clip, tmp_path):
    sound = np.random.default_rng(0).integers(-9000, 9000, 3 * 44100)
    times = np.arange(75) / 25
    path = write_clip(
        *("clip.avi", times),
        **{"sound": sound, "rate_hz": 44100, "video_codec": "mpeg4", "audio_codec": "libmp3lame"},
    )
    copy = tmp_path / "chunks.avi"
    with av.open(str(path)) as source, av.open(str(copy), "w") as container:
        streams = [container.add_stream_from_template(stream) for stream in source.streams]
        packets = [packet for packet in source.demux() if packet.size]
        mp3 = b"".join(bytes(packet) for packet in packets if packet.stream_index == 1)
        bytes_a_second = source.streams.audio[0].bit_rate // 8
        chunks = [av.Packet(mp3[start : start + 1000]) for start in range(0, len(mp3), 1000)]
        for number, chunk in enumerate(chunks):
            chunk.pts = chunk.dts = number
            chunk.is_keyframe = True
        for index, each in enumerate([[p for p in packets if p.stream_index == 0], chunks]):
            for packet in each:
                packet.stream = streams[index]
                container.mux(packet)
    # Its headers must call the sound one of bytes at a constant rate, as such files do.
    data = bytearray(copy.read_bytes())
    header = data.index(b"auds")
    struct.pack_into("<II", data, header + 20, 1, bytes_a_second)
    struct.pack_into("<I", data, header + 32, len(mp3))
    struct.pack_into("<I", data, header + 44, 1)
    wave_format = data.index(b"strf", header) + 8
    struct.pack_into("<IH", data, wave_format + 8, bytes_a_second, 1)
    copy.write_bytes(data)
    with av.open(str(copy)) as container:
        assert None in [packet.pos for packet in container.demux(audio=0) if packet.size]
    assert media.count_segments(copy) == 3
    assert media.read_clip(copy, num_segments=3, frames_per_segment=1).sound.shape == (3, 44100)
