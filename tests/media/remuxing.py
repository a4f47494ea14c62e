"""Copies of media files with other packets: late, cut, joined, incomplete."""

import fractions
import pathlib
from collections.abc import Callable

import av
import numpy as np


def remux(
    path: pathlib.Path,
    name: str,
    edit: Callable[[str, int, av.Packet], bool | None] = lambda *_: None,
    *,
    video_late: float = 0.0,
    sound_late: float = 0.0,
    options: dict[str, str] | None = None,
) -> pathlib.Path:
    """Copies all packets to a new file in the same folder, without encoding.

    Args:
        path: Path. The file to copy.
        name: String. Name of the copy.
        edit: Function of a packet's kind (`"video"`, `"audio"`), its number in its stream and the
            packet, which it may change; it returns True if the packet is to be left out.
        video_late: Float. Seconds by which the pictures come later.
        sound_late: Float. Seconds by which the sound comes later.
        options: Dict. Of the muxer.
    Returns:
        Path of the copy.
    """
    copy = path.with_name(name)
    late = {"video": video_late, "audio": sound_late}
    with av.open(str(path)) as source, av.open(str(copy), "w", options=options) as container:
        streams = {s.index: container.add_stream_from_template(s) for s in source.streams}
        numbers = dict.fromkeys(streams, 0)
        for packet in source.demux():
            if not packet.size:
                continue
            kind, index = packet.stream.type, packet.stream_index
            shift = round(fractions.Fraction(late[kind]) / packet.time_base)
            packet.pts += shift
            packet.dts = packet.pts if packet.dts is None else packet.dts + shift
            number, numbers[index] = numbers[index], numbers[index] + 1
            if not edit(kind, number, packet):
                packet.stream = streams[index]
                container.mux(packet)
    return copy


def cut(path: pathlib.Path, name: str, seconds: float) -> pathlib.Path:
    """Cuts the beginning off as `ffmpeg -ss SECONDS -i PATH -c copy NAME` does.

    The copy starts with the last key frame before; time 0 is `seconds` of the original.
    """
    with av.open(str(path)) as source:
        seconds += max(0, source.start_time) / av.time_base
        keys = [p.pts * p.time_base for p in source.demux(video=0) if p.size and p.is_keyframe]
    first = max(time for time in keys if time <= seconds)
    started = []

    def leave_out(kind, number, packet):
        time = packet.pts * packet.time_base + fractions.Fraction(seconds)
        if kind == "video" and packet.is_keyframe and time >= first - 0.001:
            started.append(number)
        return not started if kind == "video" else time < first

    return remux(path, name, leave_out, video_late=-seconds, sound_late=-seconds)


def join(*paths: pathlib.Path) -> pathlib.Path:
    """Joins files end to end, byte by byte, in place of the first."""
    content = b"".join(path.read_bytes() for path in paths)
    paths[0].write_bytes(content)
    return paths[0]


def covered(path: pathlib.Path, name: str) -> pathlib.Path:
    """Copies a file and adds a cover picture."""
    copy = path.with_name(name)
    with av.open(str(path)) as plain, av.open(str(copy), "w") as container:
        cover = container.add_stream("mjpeg", rate=1)
        streams = {s.index: container.add_stream_from_template(s) for s in plain.streams}
        cover.width, cover.height, cover.pix_fmt = 320, 240, "yuvj420p"
        cover.disposition = av.stream.Disposition.attached_pic
        picture = av.VideoFrame.from_ndarray(np.full((240, 320, 3), 99, np.uint8), "rgb24")
        container.mux(cover.encode(picture))
        container.mux(cover.encode())
        for packet in plain.demux():
            if packet.size:
                packet.stream = streams[packet.stream_index]
                container.mux(packet)
    with av.open(str(copy)) as container:
        assert any(s.disposition & s.disposition.attached_pic for s in container.streams.video)
    return copy
