"""Video file -> the frames that stand for each one-second segment."""

import math
import os

import av
import numpy as np

from avel_tf import arguments
from avel_tf.configuration import MediaLimits
from avel_tf.media.containers import DEFAULT_LIMITS, demux, open_stream, start_seconds
from avel_tf.media.errors import MediaError
from avel_tf.media.integrity import is_shown, starts_anew

TIMESTAMP_ERROR_SECONDS = 0.001  # Matroska rounds its time stamps to milliseconds
MARGIN_SECONDS = 1.0  # read beyond the last segment: enough to tell that a clip is longer
PUBLISHED_SEGMENTS = 10  # of AVE's clips; over a longer one the rule's rounding adds up to seconds
LENGTH_TOLERANCE_SECONDS = 0.2  # AVE's 10-s clips are cut at frames, not at exact seconds


def read_frames(
    path: str | os.PathLike[str],
    *,
    first_segment: int = 0,
    num_segments: int = 10,
    frames_per_segment: int = 16,
    size: tuple[int, int] = (224, 224),
    limits: MediaLimits = DEFAULT_LIMITS,
) -> np.ndarray:
    """Read the frames of each one-second segment of a clip, or of a part of it.

    A clip of constant frame rate that lasts `num_segments` seconds, ten at most, is read as the
    published AVE features were (`segment_frame_indices`); any other by presentation time: frame i
    of segment t is what a viewer sees at t + i / `frames_per_segment` seconds, and what lies beyond
    the last segment is ignored. In a clip that ends within its last segment, the last frame
    stands for the rest of it. Frames are stretched to `size` (bilinear, aspect ratio not kept)
    after the rotation their file asks for.

    Args:
        path: String or path. The video file.
        first_segment: Integer. The first segment to read; what is before is not decoded, but for
            what its pictures are built on.
        num_segments: Integer. Segments of one second, T.
        frames_per_segment: Integer. Frames a segment, F.
        size: Pair of integers. Height and width of each frame.
        limits: `MediaLimits`, but for `max_read_seconds`.
    Returns:
        uint8 array (T, F, height, width, 3), RGB.
    Raises:
        MediaError: If the file cannot be read whole, has no video (`no_video`), or shows no
            frame in its first segment or ends before its last (`too_short`).
        ValueError: If `num_segments` or `frames_per_segment` is not positive, or `first_segment`
            negative.
    """
    arguments.check_natural("first_segment", first_segment)
    arguments.check_positive_integer("num_segments", num_segments)
    arguments.check_positive_integer("frames_per_segment", frames_per_segment)
    frames = np.empty((num_segments, frames_per_segment, *size, 3), np.uint8)
    with open_stream(path, "video", limits) as (container, stream):
        # The packets tell the time of every frame before any is decoded.
        start = start_seconds(container) + first_segment
        end = start + num_segments + MARGIN_SECONDS
        # From the start all that there is, for its number of frames matters.
        begin = start if first_segment else -math.inf
        packets = _packets_between(path, container, stream, begin, end)
        shown = [packet for packet in packets if is_shown(stream.codec_context, packet)]
        if any(packet.pts is None for packet in shown):
            raise MediaError("unreadable", path, "the file gives its frames no time")
        shown.sort(key=lambda packet: packet.pts)
        times = np.array([packet.pts * packet.time_base for packet in shown], np.float64)
        last_seconds = float((shown[-1].duration or 0) * stream.time_base) if shown else 0.0
        indices = _choose_frames(
            path,
            times - start,
            last_seconds,
            num_segments,
            frames_per_segment,
            may_be_published=first_segment == 0 and num_segments <= PUBLISHED_SEGMENTS,
        )
        missing = {shown[index].pts: index for index in indices.flat}
        for packet in [*packets, None]:  # None makes the decoder give what it still holds
            for frame in stream.decode(packet):
                if frame.is_corrupt:
                    raise MediaError("damaged", path, f"the frame at {frame.time:.2f} s is broken")
                if frame.pts in missing:
                    frames[indices == missing.pop(frame.pts)] = _to_rgb(frame, size)
            if not missing:
                break
        else:
            raise MediaError("damaged", path, f"{len(missing)} of its frames cannot be decoded")
    return frames


def segment_frame_indices(
    num_frames: int, num_segments: int = 10, frames_per_segment: int = 16
) -> np.ndarray:
    """The published choice of frames, by number, for a clip of `num_segments` seconds.

    With `interval = int(num_frames / num_segments)`, frame i of segment t is number
    `int(t * interval + i / frames_per_segment * interval)`.

    Args:
        num_frames: Integer. Frames in the clip.
        num_segments: Integer. Segments, T.
        frames_per_segment: Integer. Frames a segment, F.
    Returns:
        Integer array (T, F).
    Reference: the feature extraction published with the AVE dataset (Tian et al., ECCV 2018).
    """
    interval = num_frames // num_segments
    segments = np.arange(num_segments)[:, None] * interval
    return segments + np.arange(frames_per_segment) * interval // frames_per_segment


def _packets_between(
    path: str | os.PathLike[str],
    container: av.container.InputContainer,
    stream: av.VideoStream,
    begin_seconds: float,
    end_seconds: float,
) -> list[av.Packet]:
    """All frames shown in between and what they are built on, in the order to decode."""
    packets = []
    for packet in demux(path, container, stream):
        if packet.dts is not None and packet.dts * packet.time_base > end_seconds:
            break  # no frame is shown before it is decoded
        is_before = packet.pts is not None and packet.pts * packet.time_base <= begin_seconds
        if is_before and starts_anew(stream.codec_context, packet):
            packets.clear()
        packets.append(packet)
    if begin_seconds > -math.inf and packets and packets[0].pts is not None:
        # Shown before, and built on what was left out.
        packets = [each for each in packets if each.pts is None or each.pts >= packets[0].pts]
    return packets


def _choose_frames(
    path: str | os.PathLike[str],
    times: np.ndarray,
    last_seconds: float,
    num_segments: int,
    frames_per_segment: int,
    may_be_published: bool,
) -> np.ndarray:
    """Indices (T, F) into `times`, the start of each frame in seconds, in order."""
    end = times[-1] + last_seconds if len(times) else 0.0
    if not len(times) or times[0] >= 1.0 or end <= num_segments - 1:
        raise MediaError(
            "too_short",
            path,
            f"{len(times)} frames up to {end:.2f} s leave one of {num_segments} segments empty",
        )
    gaps = np.diff(times)
    constant_rate = len(gaps) > 0 and np.ptp(gaps) <= 2 * TIMESTAMP_ERROR_SECONDS
    surplus = np.mean(gaps) * len(times) - num_segments if constant_rate else np.inf
    if may_be_published and abs(surplus) <= LENGTH_TOLERANCE_SECONDS:
        return segment_frame_indices(len(times), num_segments, frames_per_segment)
    seconds = np.arange(num_segments)[:, None] + np.arange(frames_per_segment) / frames_per_segment
    shown = np.searchsorted(times, seconds + TIMESTAMP_ERROR_SECONDS, side="right") - 1
    return np.maximum(shown, 0)  # before the first frame a viewer is shown that frame


def _to_rgb(frame: av.VideoFrame, size: tuple[int, int]) -> np.ndarray:
    """One frame, upright, as uint8 (height, width, 3)."""
    quarter_turns = round(frame.rotation / 90)  # counterclockwise
    height, width = size if quarter_turns % 2 == 0 else size[::-1]
    scaled = frame.reformat(
        width=width, height=height, format="rgb24", interpolation="BILINEAR", threads=1
    )
    return np.rot90(scaled.to_ndarray(), quarter_turns)
