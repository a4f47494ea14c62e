"""Video file -> the frames that represent each one-second segment."""

import itertools
import math
import os
from collections.abc import Iterator

import av
import numpy as np

from avel_tf.choices import RESIZES
from avel_tf.configuration import MediaLimits
from avel_tf.errors import MediaError
from avel_tf.media.containers import DEFAULT_LIMITS, demux, open_stream, start_seconds
from avel_tf.media.integrity import is_shown, starts_anew
from avel_tf.media.picture_filters import deinterlaced, to_standard_range
from avel_tf.media.pictures import intact_pictures
from avel_tf.media.resizing import resize_bilinear
from avel_tf.media.timestamps import presentation
from avel_tf.utils import arguments

TIMESTAMP_ERROR_SECONDS = 0.001  # Matroska rounds timestamps to milliseconds
MARGIN_SECONDS = 1.0  # read beyond the last segment: enough to notice that a clip is longer
PUBLISHED_SEGMENTS = 10  # in AVE's clips; in longer ones the rule's rounding adds up to seconds
LENGTH_TOLERANCE_SECONDS = 0.2  # AVE's 10 s clips are cut at frames, not at exact seconds
START_TOLERANCE_SECONDS = 0.2  # reordered frames without an edit list start up to this late
MAX_START_SECONDS = 1.0  # until the first picture, so that no segment is without one
MAX_LOST_SECONDS = 0.5  # of pictures, as of sound in a second: the last one stands in for them


def read_frames(
    path: str | os.PathLike[str],
    *,
    first_segment: int = 0,
    num_segments: int = 10,
    frames_per_segment: int = 16,
    size: tuple[int, int] = (224, 224),
    resize: str = "bilinear",
    limits: MediaLimits = DEFAULT_LIMITS,
) -> np.ndarray:
    """Reads the frames of each one-second segment of a clip, or of a part of it.

    A clip of constant frame rate that lasts `num_segments` seconds, ten at most, and whose video
    starts with it, is sampled as for the published AVE features (`segment_frame_indices`). All
    others are sampled by presentation time: frame i of segment t is the one a viewer sees at
    t + i / `frames_per_segment` seconds, and anything after the last segment is ignored. If a clip
    ends within its last segment, its last frame fills the rest. Broken frames are replaced by the
    ones before. Frames are stretched to `size` (aspect ratio not kept), and turned or mirrored as
    the file specifies.

    Args:
        path: String or path. The video file.
        first_segment: Integer. The first segment to read; of the earlier frames, only those that
            later ones depend on are decoded.
        num_segments: Integer. Segments of one second, T.
        frames_per_segment: Integer. Frames per segment, F.
        size: Pair of integers. Height and width of each frame.
        resize: String. `"bilinear"` as in the published extraction, of the four nearest pixels as
            OpenCV's `INTER_LINEAR`; or `"antialiased"`, a triangle filter over all pixels.
        limits: `MediaLimits`; `max_read_seconds` has no effect here.
    Returns:
        uint8 array (T, F, height, width, 3), RGB.
    Raises:
        MediaError: If the file cannot be read completely, has no video (`no_video`), has no frame
            in its first segment (`late_start`) or ends before its last (`too_short`), or if
            pictures are broken for `MAX_LOST_SECONDS` or more (`damaged`).
        ValueError: If `num_segments` or `frames_per_segment` is not positive, or `first_segment`
            is negative, or `resize` is unknown.
    """
    arguments.check_choice("resize", resize, RESIZES)
    arguments.check_natural("first_segment", first_segment)
    arguments.check_positive_integer("num_segments", num_segments)
    arguments.check_positive_integer("frames_per_segment", frames_per_segment)
    with open_stream(path, "video", limits) as (container, stream, log):
        # The packets give the time of every frame before any is decoded.
        start = start_seconds(container) + first_segment
        end = start + num_segments + MARGIN_SECONDS
        # From the very beginning if at segment 0, because the number of frames matters then.
        begin = start if first_segment else -math.inf
        packets = _packets_between(path, container, stream, begin, end)
        shown = presentation(
            path, stream, [each for each in packets if is_shown(stream.codec_context, each)]
        )
        times = shown.times - start
        last_seconds = float(shown.packets[-1].duration * stream.time_base) if len(times) else 0.0
        if len(times) and times[0] >= MAX_START_SECONDS:
            seconds = first_segment + times[0]
            raise MediaError("late_start", path, f"its pictures start only at {seconds:.2f} s")
        moments, indices = _choose_frames(
            path,
            times,
            last_seconds,
            num_segments,
            frames_per_segment,
            may_be_published=first_segment == 0 and num_segments <= PUBLISHED_SEGMENTS,
        )
        for packet in packets:
            packet.pts = None
        for number, packet in enumerate(shown.packets):
            packet.pts = number  # tells which frame it becomes
        pictures = intact_pictures(path, stream, packets, log, by_decoder=shown.by_decoder)
        frames, used = _read_chosen(deinterlaced(pictures), indices, size, resize)
    if (used < 0).any():
        raise MediaError("damaged", path, "none of its pictures can be decoded")
    behind = moments - times[used]  # negative before the first picture
    is_lost = (used < indices) & (behind >= MAX_LOST_SECONDS) | (behind <= -MAX_START_SECONDS)
    if is_lost.any():
        seconds = first_segment + moments[is_lost].min()
        raise MediaError("damaged", path, f"its pictures are broken at {seconds:.2f} s")
    return frames


def segment_frame_indices(
    num_frames: int, num_segments: int = 10, frames_per_segment: int = 16
) -> np.ndarray:
    """Chooses frames by number as published, for a clip of `num_segments` seconds.

    With `interval = int(num_frames / num_segments)`, frame i of segment t is number
    `int(t * interval + i / frames_per_segment * interval)`.

    Args:
        num_frames: Integer. Frames in the clip.
        num_segments: Integer. Segments, T.
        frames_per_segment: Integer. Frames per segment, F.
    Returns:
        Integer array (T, F).
    Reference: Feature extraction published with the AVE dataset (Tian et al., ECCV 2018).
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
    """Returns all frames shown in between and those they depend on, in decoding order.

    If there are none, the first one later is returned. Frames before the first key frame, as at the
    start of a cut transport stream, are none.
    """
    packets = []
    for packet in demux(path, container, stream):
        is_after = packet.dts is not None and packet.dts * packet.time_base > end_seconds
        if is_after and packets:
            break  # no frame is shown before it is decoded
        is_before = packet.pts is not None and packet.pts * packet.time_base <= begin_seconds
        if is_before and starts_anew(stream.codec_context, packet):
            packets.clear()
        packets.append(packet)
    del packets[: next((n for n, packet in enumerate(packets) if packet.is_keyframe), 0)]
    if begin_seconds > -math.inf and packets and packets[0].pts is not None:
        # Drop frames shown earlier, which depend on dropped ones.
        packets = [each for each in packets if each.pts is None or each.pts >= packets[0].pts]
    return packets


def _read_chosen(
    pictures: Iterator[tuple[int, av.VideoFrame]],
    indices: np.ndarray,
    size: tuple[int, int],
    resize: str,
) -> tuple[np.ndarray, np.ndarray]:
    """Reads the pictures of the given numbers (T, F).

    In place of a missing one is the picture before it, or the first one if there is none before.

    Returns:
        uint8 array (T, F, height, width, 3), and the numbers (T, F) of the pictures in it: -1 if
        there are none.
    """
    frames = np.empty((*indices.shape, *size, 3), np.uint8)
    used = np.full(indices.shape, -1)
    last = None
    for number, picture in itertools.chain(pictures, [(math.inf, None)]):
        if last is None:
            last = number, picture
        for these, at_most in ((last, number - 1), ((number, picture), number)):
            is_next = (used < 0) & (indices <= at_most)
            if is_next.any() and these[1] is not None:
                frames[is_next], used[is_next] = _to_rgb(these[1], size, resize), these[0]
        last = number, picture
        if (used >= 0).all():
            break
    return frames, used


def _choose_frames(
    path: str | os.PathLike[str],
    times: np.ndarray,
    last_seconds: float,
    num_segments: int,
    frames_per_segment: int,
    may_be_published: bool,
) -> tuple[np.ndarray, np.ndarray]:
    """Chooses frames by `times`, the sorted start of each frame in seconds.

    Returns:
        The time (T, F) that each chosen frame stands for, and its index (T, F) into `times`.
    """
    end = times[-1] + last_seconds if len(times) else 0.0
    if not len(times) or end <= num_segments - 1:
        raise MediaError(
            "too_short",
            path,
            f"{len(times)} frames up to {end:.2f} s leave one of {num_segments} segments empty",
        )
    gaps = np.diff(times)
    constant_rate = len(gaps) > 0 and np.ptp(gaps) <= 2 * TIMESTAMP_ERROR_SECONDS
    surplus = np.mean(gaps) * len(times) - num_segments if constant_rate else np.inf
    starts_with_clip = abs(times[0]) <= START_TOLERANCE_SECONDS
    if may_be_published and starts_with_clip and abs(surplus) <= LENGTH_TOLERANCE_SECONDS:
        indices = segment_frame_indices(len(times), num_segments, frames_per_segment)
        return times[indices], indices
    seconds = np.arange(num_segments)[:, None] + np.arange(frames_per_segment) / frames_per_segment
    shown = np.searchsorted(times, seconds + TIMESTAMP_ERROR_SECONDS, side="right") - 1
    return seconds, np.maximum(shown, 0)  # players show the first frame until its time has come


def _to_rgb(frame: av.VideoFrame, size: tuple[int, int], resize: str) -> np.ndarray:
    """Converts one frame to uint8 (height, width, 3), as its display matrix says."""
    is_transposed, flips = _orientation(frame)
    frame = to_standard_range(frame)
    height, width = size[::-1] if is_transposed else size
    if resize == "bilinear":
        # As the command line converts colours; PyAV's own default differs for some formats.
        colours = frame.reformat(format="rgb24", interpolation="BICUBIC", threads=1)
        pixels = colours.to_ndarray()
        scaled = resize_bilinear(pixels, height, width)
    else:
        scaled = frame.reformat(
            width=width, height=height, format="rgb24", interpolation="BILINEAR", threads=1
        ).to_ndarray()
    return np.flip(scaled.swapaxes(0, 1) if is_transposed else scaled, flips)


def _orientation(frame: av.VideoFrame) -> tuple[bool, tuple[int, ...]]:
    """Returns whether to swap both axes of a picture, and which of the new ones to reverse then.

    A picture's column x and row y are shown at column a x + c y and row b x + d y. Other angles
    than quarter turns are rounded to the nearest.
    """
    matrix = frame.side_data.get("DISPLAYMATRIX")
    if matrix is None:
        return False, ()
    a, b, _, c, d, *_ = np.frombuffer(matrix, np.int32).tolist()
    if a * d == b * c:  # nothing could be shown, so that no writer can have meant it
        return False, ()
    is_transposed = abs(a) + abs(d) < abs(b) + abs(c)
    row, column = (b, c) if is_transposed else (d, a)
    return is_transposed, tuple(axis for axis, sign in enumerate((row, column)) if sign < 0)
