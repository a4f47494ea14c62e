"""Media file -> the sound and the pictures of one clip."""

import dataclasses
import os
import pathlib

import numpy as np

from avel_tf.configuration import MediaLimits
from avel_tf.media.containers import DEFAULT_LIMITS
from avel_tf.media.frames import read_frames
from avel_tf.media.resampling import resample_seconds
from avel_tf.media.waveforms import read_sound

AUDIO_SUFFIXES = (".wav", ".flac", ".mp3", ".ogg", ".opus", ".m4a")
# What a search for videos looks for; any other name is read as a video too.
VIDEO_SUFFIXES = (
    *(".mp4", ".m4v", ".mov", ".mkv", ".webm", ".avi", ".flv", ".wmv"),
    *(".mpg", ".mpeg", ".mpe", ".vob", ".ts", ".mts", ".m2ts", ".3gp", ".ogv"),
)


@dataclasses.dataclass(frozen=True)
class Clip:
    """What is decoded of one media file.

    Args:
        sound: float32 array (T, rate_hz) in [-1, 1]: mono, at the file's own sampling rate.
        frames: uint8 array (T, F, 224, 224, 3), RGB; None for an audio file.
    """

    sound: np.ndarray
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
    num_segments: int = 10,
    frames_per_segment: int = 16,
    limits: MediaLimits = DEFAULT_LIMITS,
) -> Clip:
    """Read sound and pictures of a clip, or the sound alone of an audio file.

    A file whose name ends in one of `AUDIO_SUFFIXES` is an audio file: its cover is no video.

    Args:
        path: String or path. The media file.
        num_segments: Integer. Segments of one second, T.
        frames_per_segment: Integer. Frames a segment, F.
        limits: `MediaLimits`. Its `max_read_seconds` is left to `DecoderProcess`.
    Returns:
        `Clip`.
    Raises:
        MediaError: As `read_waveform` and `read_frames` do.
        ValueError: If `num_segments` or `frames_per_segment` is not positive.
    """
    # Sound first: it is cheap to decode and the usual thing to be missing.
    sound = read_sound(path, num_segments=num_segments, limits=limits)
    if pathlib.Path(path).suffix.lower() in AUDIO_SUFFIXES:
        return Clip(sound, None)
    frames = read_frames(
        path, num_segments=num_segments, frames_per_segment=frames_per_segment, limits=limits
    )
    return Clip(sound, frames)
