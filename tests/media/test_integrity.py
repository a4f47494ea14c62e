import struct

import av
import numpy as np
import pytest

from avel_tf import media
from avel_tf.errors import MediaError

SECOND = np.arange(25) / 25


@pytest.fixture(scope="module")
def noise():
    """Makes a picture that no encoder can compress."""
    return np.random.default_rng(0).integers(0, 255, (120, 160, 3), dtype=np.uint8)


def remux(path, edit):
    """Copies a clip with its fifth packet edited."""
    copy = path.with_stem("edited")
    with av.open(str(path)) as source, av.open(str(copy), "w") as container:
        stream = container.add_stream_from_template(source.streams.video[0])
        for number, packet in enumerate(p for p in source.demux() if p.size):
            data = bytes(packet)
            edited = av.Packet(edit(data) if number == 5 else data)
            edited.pts, edited.dts, edited.time_base = packet.pts, packet.dts, packet.time_base
            edited.is_keyframe, edited.stream = packet.is_keyframe, stream
            container.mux(edited)
    return copy


def lengthened(data, padding):
    """Appends `padding` to a packet of one unit."""
    assert int.from_bytes(data[:4]) == len(data) - 4
    return (len(data) - 4 + len(padding)).to_bytes(4) + data[4:] + padding


def read(path):
    return media.read_frames(path, num_segments=1, frames_per_segment=25)


@pytest.mark.parametrize("offset", [198800, 315742, 362518, 432683])
def test_zeros_that_decode_to_plausible_frames_are_damage(real_data, tmp_path, offset):
    # FFmpeg decodes these without an error; up to 44 of 64 frames differ.
    clip = (real_data / "clips" / "carphone_pristine.mp4").read_bytes()
    path = tmp_path / "damaged.mp4"
    path.write_bytes(clip[:offset] + bytes(4096) + clip[offset + 4096 :])
    with pytest.raises(MediaError, match=r"damaged\.mp4: its pictures are broken at") as error:
        media.read_frames(path, num_segments=4)
    assert error.value.reason == "damaged"


@pytest.mark.parametrize("codec", ["libx264", "libx265"])
@pytest.mark.parametrize("forbidden", [b"\0\0\0", b"\0\0\1", b"\0\0\2", b"\0\0\3\4"])
def test_bytes_that_no_encoder_writes_are_damage(write_clip, noise, codec, forbidden):
    path = write_clip("clip.mkv", SECOND, video_codec=codec, picture=noise)

    def spoil(data):
        middle = len(data) - len(data) // 4
        return data[:middle] + forbidden + data[middle + len(forbidden) :]

    with pytest.raises(MediaError, match=r"are broken at 0\.\d\d s") as error:
        read(remux(path, spoil))
    assert error.value.reason == "damaged"


def test_padding_after_a_slice_is_not_damage(write_clip):
    options = {"preset": "ultrafast", "x264-params": "threads=1"}  # or some slices are split in two
    path = write_clip("clip.mkv", SECOND, video_options=options)
    padded = read(remux(path, lambda data: lengthened(data, bytes(32))))
    np.testing.assert_array_equal(padded, read(path))
    words = read(remux(path, lambda data: lengthened(data, b"\0\0\3\0\0\3")))  # H.264, 7.4.2.10
    np.testing.assert_array_equal(words, read(path))
    with pytest.raises(MediaError, match="are broken at"):
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
def test_output_of_encoders_is_not_damaged(write_clip, noise, setting):
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
    with pytest.raises(MediaError, match="data that its index lists is lost at 0.48 s") as error:
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
    # Its headers must declare the sound as bytes at a constant rate, as such files do.
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


def write_broadcast(write_clip, times, **settings):
    """Writes a transport stream of twelve seconds, with one tone per second from 400 Hz on."""
    seconds = np.arange(12 * 48000) / 48000
    sound = 9000 * np.sin(2 * np.pi * (400 + 100 * np.floor(seconds)) * seconds)
    settings = {"sound": sound, "rate_hz": 48000, "audio_codec": "mp2", **settings}
    starts_at_1_4_s = {"max_delay": "700000"}  # as the program `ffmpeg` writes it
    return write_clip("clip.ts", times, container_options=starts_at_1_4_s, **settings)


@pytest.mark.parametrize("place", [0.2, 0.35, 0.5, 0.7])
@pytest.mark.parametrize("num_lost", [1, 5, 20, 60, 200])
def test_packets_lost_from_a_transport_stream_cost_no_second(
    write_clip, read_numbers, place, num_lost
):
    path = write_broadcast(write_clip, np.arange(150) / 12.5, video_options={"g": "6"})
    content = path.read_bytes()
    begin = round(place * len(content) / 188) * 188
    path.write_bytes(content[:begin] + content[begin + num_lost * 188 :])
    try:
        clip = media.read_clip(path, frames_per_segment=4)
    except MediaError as error:
        assert error.reason in ("damaged", "too_short")
    else:
        moments = np.arange(10)[:, None] + np.arange(4) / 4
        assert np.abs(read_numbers(clip.frames) / 12.5 - moments).max() < 0.6
        heard = np.abs(np.fft.rfft(clip.sound)).argmax(axis=1)
        np.testing.assert_allclose(heard, 400 + 100 * np.arange(10), atol=2)
        assert (np.abs(clip.sound) < 1e-4).mean(axis=1).max() < 0.15


def test_a_broken_picture_costs_the_pictures_up_to_the_next_key_frame(write_clip, read_numbers):
    options = {"preset": "ultrafast", "x264-params": "keyint=8:scenecut=0"}
    path = write_clip("clip.mkv", SECOND, video_options=options)
    copy = remux(path, lambda data: data[:-9] + bytes(3) + data[-6:])
    np.testing.assert_array_equal(read_numbers(read(copy)), [[*range(5), 4, 4, 4, *range(8, 25)]])


SHORT_GROUPS = {
    "libx264": {"preset": "ultrafast", "g": "6"},
    "libx265": {"preset": "ultrafast", "x265-params": "keyint=6:log-level=none"},
    "mpeg2video": {"b": "1M", "g": "6"},
}


@pytest.mark.parametrize("num_lost", [5, 30])
@pytest.mark.parametrize("codec", SHORT_GROUPS)
def test_a_transport_stream_may_start_amid_its_pictures(write_clip, read_numbers, codec, num_lost):
    times = np.arange(150) / 12.5
    path = write_broadcast(write_clip, times, video_codec=codec, video_options=SHORT_GROUPS[codec])
    path.write_bytes(path.read_bytes()[num_lost * 188 :])
    clip = media.read_clip(path, frames_per_segment=4)
    heard = np.abs(np.fft.rfft(clip.sound)).argmax(axis=1)
    np.testing.assert_allclose(heard, 400 + 100 * np.arange(10), atol=2)
    moments = np.arange(10)[:, None] + np.arange(4) / 4
    ahead = read_numbers(clip.frames)[1:] / 12.5 - moments[1:]
    assert ahead.min() > -0.1
    assert ahead.max() < 0.5
    assert np.ptp(ahead) < 0.17


def test_a_packet_that_its_receiver_marks_as_wrong_is_damage(write_clip):
    path = write_broadcast(write_clip, np.arange(150) / 12.5)
    content = bytearray(path.read_bytes())
    picture = content.index(b"\0\0\1\xe0", len(content) // 2)  # the header of its first packet
    content[picture // 188 * 188 + 1] |= 0x80  # transport error indicator, ISO/IEC 13818-1
    path.write_bytes(content)
    with pytest.raises(MediaError, match="its pictures are broken at") as error:
        media.read_clip(path)
    assert error.value.reason == "damaged"
