"""Packets of a video -> its intact pictures."""

import os
import re
from collections.abc import Iterator

import av

from avel_tf.media.containers import decode
from avel_tf.media.integrity import is_broken, starts_anew

# What FFmpeg reports of pictures that refer to ones before a cut: no damage to those shown.
MISSING_REFERENCE = re.compile("mmco|reference|ref with POC|co located")


def intact_pictures(
    path: str | os.PathLike[str],
    stream: av.VideoStream,
    packets: list[av.Packet],
    log: list,
    *,
    by_decoder: bool,
) -> Iterator[tuple[int, av.VideoFrame]]:
    """Decodes pictures, and leaves out those that damage reaches.

    Damage reaches from a broken packet to the next key frame: what lies between may refer to it,
    and FFmpeg conceals the damage with plausible pictures.

    Args:
        path: String or path. The media file.
        stream: The stream from `open_stream`.
        packets: Packets in decoding order; the `pts` of those to show are their numbers, from 0,
            in order of presentation.
        log: The list from `open_stream`.
        by_decoder: Boolean. Whether only the decoder knows the order of presentation.
    Yields:
        Number and frame of each intact picture, in order of presentation.
    Raises:
        MediaError: As `decode` does.
    """
    codec = stream.codec_context
    places = {packet.pts: place for place, packet in enumerate(packets)}
    is_cut = bool(packets) and not starts_anew(codec, packets[0])
    broken, number = set(), -1
    for place, packet in enumerate([*packets, None]):
        frames, report = decode(path, stream, packet, log)
        if packet is not None:
            is_cut = is_cut and not (place and packet.is_keyframe)
            if is_cut and MISSING_REFERENCE.search(report):
                report = ""
            if report or is_broken(codec, packet):
                broken |= _reached(packets, place)
        for frame in frames:
            if frame.pts is None:  # none to show
                continue
            if frame.is_corrupt:
                broken |= _reached(packets, places[frame.pts])
            number = number + 1 if by_decoder else frame.pts
            if frame.pts not in broken:
                yield number, frame


def _reached(packets: list[av.Packet], place: int) -> set[int | None]:
    """Returns the `pts` of the packets that damage to one of them reaches."""
    reached, end = {packets[place].pts}, None
    for packet in packets[place + 1 :]:
        if end is None and packet.is_keyframe:
            end = packet.pts
        if end is None or packet.pts is None or packet.pts < end:  # some follow it, but come before
            reached.add(packet.pts)
    return reached
