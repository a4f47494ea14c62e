"""Media file -> the sound and the pictures of one clip."""

import dataclasses
import os
import pathlib
from collections.abc import Collection

import numpy as np

from avel_tf.arguments import check_choice
from avel_tf.configuration import MediaLimits
from avel_tf.media.containers import (
    DEFAULT_LIMITS,
    check_length,
    demux,
    open_stream,
    start_seconds,
)
from avel_tf.media.errors import MediaError
from avel_tf.media.frames import read_frames
from avel_tf.media.resampling import resample_seconds
from avel_tf.media.waveforms import read_sound

AUDIO_SUFFIXES = (".wav", ".flac", ".mp3", ".ogg", ".opus", ".m4a")
# What a search for videos looks for; any other name is read as a video too.
VIDEO_SUFFIXES = (
    *(".mp4", ".m4v", ".mov", ".mkv", ".webm", ".avi", ".flv", ".wmv"),
    *(".mpg", ".mpeg", ".mpe", ".vob", ".ts", ".mts", ".m2ts", ".3gp", ".ogv"),
)


STREAMS = {"audio": "audio", "visual": "video"}
# Of a clip's last second; a little more than what sound must have, for packets tell too much.
MIN_LAST_SECONDS = 0.75


@dataclasses.dataclass(frozen=True)
class Clip:
    """What is decoded of one media file.

    Args:
        sound: float32 array (T, rate_hz) in [-1, 1]: mono, at the file's own sampling rate; None
            if it was not asked for.
        frames: uint8 array (T, F, 224, 224, 3), RGB; None for an audio file, or if it was not
            asked for.
    """

    sound: np.ndarray | None
    frames: np.ndarray | None

    @property
    def rate_hz(self) -> int:
        """Samples a second of `sound`."""
        return self.sound.shape[1]

    def waveform(self, sample_rate_hz: int = 16000) -> np.ndarray:
        """`sound`, each second resampled on its own: float32 (T, sample_rate_hz)."""
        return resample_seconds(self.sound, self.rate_hz, sample_rate_hz)


def read_clip(
    path: str | os.PathLike[str],
    *,
    first_segment: int = 0,
    num_segments: int = 10,
    frames_per_segment: int = 16,
    modalities: Collection[str] = tuple(STREAMS),
    limits: MediaLimits = DEFAULT_LIMITS,
) -> Clip:
    """Read sound and pictures of a clip or a part of it, or the sound alone of an audio file.

    A file whose name ends in one of `AUDIO_SUFFIXES` is an audio file: its cover is no video.

    Args:
        path: String or path. The media file.
        first_segment: Integer. The first segment to read.
        num_segments: Integer. Segments of one second, T.
        frames_per_segment: Integer. Frames a segment, F.
        modalities: Of `"audio"` and `"visual"`, what to read.
        limits: `MediaLimits`. Its `max_read_seconds` is left to `DecoderProcess`.
    Returns:
        `Clip`.
    Raises:
        MediaError: As `read_waveform` and `read_frames` do.
        ValueError: If `num_segments` or `frames_per_segment` is not positive, `first_segment`
            negative, or a modality unknown.
    """
    for modality in modalities:
        check_choice("modalities", modality, STREAMS)
    part = {"first_segment": first_segment, "num_segments": num_segments, "limits": limits}
    sound = frames = None
    # Sound first: it is cheap to decode and the usual thing to be missing.
    if "audio" in modalities:
        sound = read_sound(path, **part)
    if "visual" in modalities and not _is_sound(path):
        frames = read_frames(path, **part, frames_per_segment=frames_per_segment)
    return Clip(sound, frames)


def count_segments(
    path: str | os.PathLike[str],
    *,
    modalities: Collection[str] = tuple(STREAMS),
    limits: MediaLimits = DEFAULT_LIMITS,
) -> int:
    """Seconds of a clip that both sound and pictures last, without decoding any.

    A second that begins counts if three quarters of it are there.

    Args:
        path: String or path. The media file.
        modalities: Of `"audio"` and `"visual"`, what to look at.
        limits: As for `read_clip`.
    Returns:
        Integer from 1.
    Raises:
        MediaError: If the file cannot be read, lacks one of the modalities, or lasts no second
            (`too_short`).
    """
    if "visual" in modalities and _is_sound(path):
        raise MediaError("no_video", path, "by its name it is an audio file")
    seconds = min(_seconds(path, STREAMS[modality], limits) for modality in modalities)
    if seconds < MIN_LAST_SECONDS:
        raise MediaError("too_short", path, f"it lasts {seconds:.2f} s")
    return int(seconds + 1 - MIN_LAST_SECONDS)


def _is_sound(path: str | os.PathLike[str]) -> bool:
    return pathlib.Path(path).suffix.lower() in AUDIO_SUFFIXES


def _seconds(path: str | os.PathLike[str], kind: str, limits: MediaLimits) -> float:
    end = 0.0
    with open_stream(path, kind, limits) as (container, stream):
        for packet in demux(path, container, stream):
            if packet.pts is not None and not packet.is_discard:
                last = (packet.pts + (packet.duration or 0)) * packet.time_base
                end = max(end, float(last) - start_seconds(container))
                # Not every file states its length; a part of a second may be rounding.
                check_length(path, int(end), limits)
    return end
