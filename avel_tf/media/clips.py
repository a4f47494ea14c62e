"""Media file -> the sound and the frames of one clip."""

import dataclasses
import os
import pathlib
from collections.abc import Collection

import numpy as np

from avel_tf.configuration import MediaLimits
from avel_tf.errors import MediaError
from avel_tf.media.containers import (
    DEFAULT_LIMITS,
    check_length,
    demux,
    is_cover,
    open_stream,
    start_seconds,
)
from avel_tf.media.frames import read_frames
from avel_tf.media.repeats import distinct_frames
from avel_tf.media.resampling import resample_seconds
from avel_tf.media.waveforms import read_sound
from avel_tf.utils.arguments import check_choice

AUDIO_SUFFIXES = (".wav", ".flac", ".mp3", ".ogg", ".opus", ".m4a")
STREAMS = {"audio": "audio", "visual": "video"}
# Part of the last second that must exist; more than sound needs, since packets overstate it.
MIN_LAST_SECONDS = 0.75


@dataclasses.dataclass(frozen=True)
class Clip:
    """Decoded content of one media file.

    Args:
        sound: float32 array (T, rate_hz) in [-1, 1]: mono, at the file's own sampling rate; None
            if not requested.
        frames: uint8 array (T, F, height, width, 3), RGB; None for an audio file, or if not
            requested.
    """

    sound: np.ndarray | None
    frames: np.ndarray | None

    @property
    def rate_hz(self) -> int:
        """Samples per second of `sound`."""
        return self.sound.shape[1]

    def count_repeated_frames(self) -> int:
        """Counts the frames that equal an earlier one."""
        if self.frames is None:
            return 0
        flat = self.frames.reshape(-1, *self.frames.shape[2:])
        return len(flat) - len(distinct_frames(flat)[0])

    def waveform(self, sample_rate_hz: int = 16000) -> np.ndarray:
        """Resamples each second of `sound` separately: float32 (T, sample_rate_hz)."""
        return resample_seconds(self.sound, self.rate_hz, sample_rate_hz)


def read_clip(
    path: str | os.PathLike[str],
    *,
    first_segment: int = 0,
    num_segments: int = 10,
    frames_per_segment: int = 16,
    resize: str = "bilinear",
    size: tuple[int, int] = (224, 224),
    modalities: Collection[str] = tuple(STREAMS),
    limits: MediaLimits = DEFAULT_LIMITS,
) -> Clip:
    """Reads sound and frames of a clip or a part of it, or only the sound of an audio file.

    A file whose name ends in one of `AUDIO_SUFFIXES` is an audio file; its cover art is ignored.

    Args:
        path: String or path. The media file.
        first_segment: Integer. The first segment to read.
        num_segments: Integer. Segments of one second, T.
        frames_per_segment: Integer. Frames per segment, F.
        resize: String. How frames are resized, see `read_frames`.
        size: Tuple of integers. Height and width of frames.
        modalities: Those of `"audio"` and `"visual"` to read.
        limits: `MediaLimits`. Only `DecoderProcess` enforces its `max_read_seconds`.
    Returns:
        `Clip`.
    Raises:
        MediaError: As `read_waveform` and `read_frames` do.
        ValueError: If `num_segments` or `frames_per_segment` is not positive, `first_segment` is
            negative, or a modality is unknown.
    """
    for modality in modalities:
        check_choice("modalities", modality, STREAMS)
    part = {"first_segment": first_segment, "num_segments": num_segments, "limits": limits}
    sound = frames = None
    # Sound first: it is cheap to decode and the most likely to be missing.
    if "audio" in modalities:
        sound = read_sound(path, **part)
    if "visual" in modalities and not _is_sound(path):
        frames = read_frames(
            path, **part, frames_per_segment=frames_per_segment, resize=resize, size=size
        )
    return Clip(sound, frames)


def count_segments(
    path: str | os.PathLike[str],
    *,
    modalities: Collection[str] = tuple(STREAMS),
    limits: MediaLimits = DEFAULT_LIMITS,
) -> int:
    """Counts the seconds that both sound and video of a clip last, without decoding.

    The last second counts if at least three quarters of it exist.

    Args:
        path: String or path. The media file.
        modalities: Those of `"audio"` and `"visual"` to consider.
        limits: As for `read_clip`.
    Returns:
        Integer from 1.
    Raises:
        MediaError: If the file cannot be read, lacks one of the modalities, or lasts less than
            one such second (`too_short`).
    """
    if "visual" in modalities and _is_sound(path):
        raise MediaError("no_video", path, "by its name it is an audio file")
    seconds = min(_seconds(path, STREAMS[modality], limits) for modality in modalities)
    if seconds < MIN_LAST_SECONDS:
        raise MediaError("too_short", path, f"it lasts {seconds:.2f} s")
    return int(seconds + 1 - MIN_LAST_SECONDS)


def describe_choice(
    path: str | os.PathLike[str],
    *,
    modalities: Collection[str] = tuple(STREAMS),
    limits: MediaLimits = DEFAULT_LIMITS,
) -> str:
    """Says which streams of a clip are read where it has several; empty where it has one each.

    Args:
        path: String or path. The media file.
        modalities: Those of `"audio"` and `"visual"` that are read.
        limits: As for `read_clip`.
    Raises:
        MediaError: If the file cannot be read, or lacks one of the modalities.
    """
    parts = []
    for kind in (STREAMS[modality] for modality in modalities):
        with open_stream(path, kind, limits) as (container, stream, _):
            count = sum(each.type == kind and not is_cover(each) for each in container.streams)
            if count > 1:
                parts.append(f"of its {count} {kind} streams, number {stream.index} is read")
    return "; ".join(parts)


def _is_sound(path: str | os.PathLike[str]) -> bool:
    return pathlib.Path(path).suffix.lower() in AUDIO_SUFFIXES


def _seconds(path: str | os.PathLike[str], kind: str, limits: MediaLimits) -> float:
    end = 0.0
    with open_stream(path, kind, limits) as (container, stream, _):
        start = start_seconds(container)
        for packet in demux(path, container, stream):
            if packet.pts is not None and not packet.is_discard:
                last = (packet.pts + (packet.duration or 0)) * packet.time_base
                end = max(end, float(last) - start)
                check_length(path, end, limits)  # not every file states its length
    return end
