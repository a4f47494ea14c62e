"""Times of packets: continued where they start anew, and found where a file leaves them out."""

import dataclasses
import os
from collections.abc import Iterable, Iterator

import av
import numpy as np

from avel_tf.errors import MediaError

JUMP_SECONDS = 0.1  # careless muxers write times that are out of order by less


def continuous(stream: av.stream.Stream, packets: Iterable[av.Packet]) -> Iterator[av.Packet]:
    """Yields packets whose time goes on where it jumps back, as in files joined end to end.

    Args:
        stream: The stream.
        packets: Iterable of its packets, in decoding order, from the first.
    Yields:
        The packets, their times changed in place.
    """
    shift = step = since = 0  # packets since the last one with a time
    last = None  # its decoding time
    for packet in packets:
        since += 1
        if packet.dts is not None:
            packet.dts += shift
            if last is not None and (last - packet.dts) * stream.time_base > JUMP_SECONDS:
                jump = last + step * since - packet.dts
                shift, packet.dts = shift + jump, packet.dts + jump
            elif last is not None:
                step = (packet.dts - last) // since
            last, since, step = packet.dts, 0, packet.duration or step
        if packet.pts is not None:
            packet.pts += shift
        yield packet


@dataclasses.dataclass(frozen=True)
class Presentation:
    """When the pictures of a video are shown.

    Args:
        times: float64 array (N,). When each picture starts, in seconds, ascending.
        packets: The packets (N,) of the pictures: in order of `times`, or in decoding order if
            `by_decoder`.
        by_decoder: Boolean. Whether only the decoder knows which picture comes at which time.
    """

    times: np.ndarray
    packets: list[av.Packet]
    by_decoder: bool


def presentation(
    path: str | os.PathLike[str], stream: av.VideoStream, packets: list[av.Packet]
) -> Presentation:
    """Finds when pictures are shown, from packets in decoding order.

    AVI files, and MP4 files without composition offsets, only have times of decoding. These never
    decrease, while presentation times of reordered pictures do. Transport streams may have times
    on some packets only; the others lie evenly in between.

    Args:
        path: String or path. The video file.
        stream: The stream.
        packets: Packets of pictures that are shown.
    Returns:
        `Presentation`.
    Raises:
        MediaError: If no packet has a time (`unreadable`).
    """
    stamps = [packet.pts for packet in packets]
    is_sparse = None in stamps
    reorders = stream.codec_context.has_b_frames
    by_decoder = is_sparse or bool(stamps) and reorders and stamps == sorted(stamps)
    if not by_decoder:
        packets = sorted(packets, key=lambda packet: packet.pts)
    if is_sparse or by_decoder and stream.container.format.name == "avi":  # FFmpeg guesses its pts
        if all(packet.dts is None for packet in packets):
            raise MediaError("unreadable", path, "its frames have no timestamps")
        times = _decoding_times(packets) * float(stream.time_base)
    else:
        times = np.array([packet.pts * packet.time_base for packet in packets], np.float64)
    return Presentation(times, packets, by_decoder)


def _decoding_times(packets: list[av.Packet]) -> np.ndarray:
    """Returns times (N,) between those of the packets that have one, for pictures in order."""
    known = [place for place, packet in enumerate(packets) if packet.dts is not None]
    times = np.array([packets[place].dts for place in known], np.float64)
    step = (times[-1] - times[0]) / max(known[-1] - known[0], 1)
    places = np.arange(len(packets))
    times = np.interp(places, known, times) + step * np.maximum(places - known[-1], 0)
    first = packets[known[0]]
    is_exact = any(packet.pts is None for packet in packets) and first.pts is not None
    return times + (first.pts - first.dts if is_exact else 0)
