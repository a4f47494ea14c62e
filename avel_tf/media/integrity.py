"""Inspection of packets: damage that FFmpeg overlooks, and where decoding may start."""

import collections
import os
import re
from collections.abc import Iterable, Iterator

import av

from avel_tf.errors import MediaError

# Encoders of H.264 and HEVC insert a 3 into these bytes, which would look like a start code.
FORBIDDEN = re.compile(rb"\x00\x00(?:[\x00-\x02]|\x03[\x04-\xff])")
IDR_AFTER_START_CODE = re.compile(rb"\x00\x00\x01[\x25\x45\x65]")
MAX_PADDING_BYTES = 64  # zeros that a careless muxer may leave after a slice
AVI_CHUNK_HEADER_BYTES = 8
VP8_SHOW_FRAME = 0x10  # RFC 6386, section 9.1


def complete(
    path: str | os.PathLike[str],
    container: av.container.InputContainer,
    stream: av.stream.Stream,
    packets: Iterable[av.Packet],
) -> Iterator[av.Packet]:
    """Yields the packets of a stream; of an AVI file, none that its index lists may be missing.

    Packets of AVI carry no timestamps, so that a lost one shifts all later ones.

    Args:
        path: String or path. The media file.
        container: Its container.
        stream: The stream.
        packets: Iterable of the stream's packets, from its first.
    Yields:
        The packets.
    Raises:
        MediaError: If a packet is missing (`damaged`).
    """
    listed = collections.deque(_listed_positions(container, stream))
    for packet in packets:
        # Packets that FFmpeg splits off a chunk have no position.
        if listed and packet.pos is not None and packet.pos > listed[0]:
            raise MediaError("damaged", path, f"data that its index lists is lost {_place(packet)}")
        if listed and packet.pos == listed[0]:
            listed.popleft()
        yield packet


def is_broken(codec: av.CodecContext, packet: av.Packet) -> bool:
    """Returns whether a packet lacks data, or has data that no encoder writes.

    FFmpeg marks packets of transport streams of which parts were lost. In H.264 and HEVC, except
    in MPEG-TS, a slice must not hold certain bytes, above all no run of zeros.
    """
    length_size = _nal_length_size(codec)
    illegal = length_size and not _slices_are_legal(bytes(packet), length_size, codec.name)
    return packet.is_corrupt or bool(illegal)


def starts_anew(codec: av.CodecContext, packet: av.Packet) -> bool:
    """Returns whether decoding can start at this packet and yield all later pictures.

    In H.264, pictures after a mere recovery point may depend on earlier ones, so only an IDR
    picture will do.
    """
    if codec.name != "h264" or not packet.is_keyframe:
        return packet.is_keyframe
    data, length_size = bytes(packet), _nal_length_size(codec)
    if not length_size:
        return IDR_AFTER_START_CODE.search(data) is not None
    return any(data[start] & 31 == 5 for start, _ in _units(data, length_size))


def is_shown(codec: av.CodecContext, packet: av.Packet) -> bool:
    """Returns whether a packet holds a frame to show; VP8 also has frames only to refer to."""
    if codec.name == "vp8" and packet.size:
        return not packet.is_discard and bool(bytes(packet)[0] & VP8_SHOW_FRAME)
    return not packet.is_discard


def _nal_length_size(codec: av.CodecContext) -> int:
    """Returns the size of the length field of H.264 or HEVC units; 0 if start codes divide them."""
    place = {"h264": 4, "hevc": 21}.get(codec.name)
    header = codec.extradata or b""  # avcC or hvcC, which begins with a 1
    if place is None or len(header) <= place or header[0] != 1:
        return 0
    return (header[place] & 3) + 1


def _slices_are_legal(data: bytes, length_size: int, codec_name: str) -> bool:
    """Returns whether an encoder could have written this packet; FFmpeg checks its lengths."""
    for start, end in _units(data, length_size):
        if codec_name == "h264":
            is_slice = 1 <= data[start] & 31 <= 5
        else:
            is_slice = data[start] >> 1 & 63 < 32
        if is_slice:
            content_end = start + len(data[start:end].rstrip(b"\0"))
            padding = min(end, len(data)) - content_end
            if padding > MAX_PADDING_BYTES or FORBIDDEN.search(data, start, content_end):
                return False
    return True


def _units(data: bytes, length_size: int) -> Iterator[tuple[int, int]]:
    """Yields the start and end of each unit of a packet."""
    start = length_size
    while start < len(data):
        end = start + int.from_bytes(data[start - length_size : start])
        yield start, end
        start = end + length_size


def _listed_positions(
    container: av.container.InputContainer, stream: av.stream.Stream
) -> list[int]:
    """Returns packet positions from the index of an AVI file; other indices list only a few."""
    if container.format.name != "avi":
        return []
    return [entry.pos + AVI_CHUNK_HEADER_BYTES for entry in stream.index_entries if entry.size]


def _place(packet: av.Packet) -> str:
    return "" if packet.pts is None else f"at {float(packet.pts * packet.time_base):.2f} s"
