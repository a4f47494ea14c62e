"""Media files of any length -> segment features, and what a page shows of the files."""

import dataclasses
import io
import os
import pathlib
from collections.abc import Collection

import numpy as np
import tqdm
from PIL import Image

from avel_tf.configuration import SECONDS_A_DAY, EncodingConfig
from avel_tf.encoders import ClipEncoder
from avel_tf.media import Clip, DecoderProcess

BOTH = ("audio", "visual")
PART_CLIPS = 6  # of ten seconds, decoded at once: 144 MB of frames
PART_SEGMENTS = 10 * PART_CLIPS
PEAKS_PER_SEGMENT = 20
THUMBNAIL_WIDTH, THUMBNAIL_HEIGHT = 96, 54  # pixels


@dataclasses.dataclass(frozen=True)
class EncodedClip:
    """A clip as its segment features. N: segments.

    Args:
        path: Path. The media file.
        num_segments: Integer.
        features: Dict of float32 arrays `audio_features` (N, 128) and `visual_features`
            (N, 7, 7, 512), or one of them.
        peaks: float32 array (N * PEAKS_PER_SEGMENT,) in [0, 1], loudest samples; None without
            sound.
        thumbnails: List of N bytes: the first frame of each segment as JPEG; empty without
            pictures.
    """

    path: pathlib.Path
    num_segments: int
    features: dict[str, np.ndarray]
    peaks: np.ndarray | None
    thumbnails: list[bytes]


class ClipReader:
    """Decodes and encodes clips, a part at a time, so that memory holds one part and features.

    Args:
        encoding: `EncodingConfig`, its precision settled.
    Raises:
        ValueError: If weights are missing or another model's.
    """

    def __init__(self, encoding: EncodingConfig) -> None:
        self._encoding = encoding
        self._encoder = ClipEncoder(encoding)
        # Of a part that is longer than a clip more time is needed.
        longest = min(encoding.limits.max_read_seconds * PART_CLIPS, SECONDS_A_DAY)
        limits = dataclasses.replace(encoding.limits, max_read_seconds=longest)
        self._decoder = DecoderProcess(limits)

    def metadata(self) -> dict:
        """How clips are encoded."""
        return self._encoder.metadata()

    def count_segments(self, path: pathlib.Path, modalities: Collection[str] = BOTH) -> int:
        """What `avel_tf.media.count_segments` says, with its errors."""
        return self._decoder.count_segments(path, modalities=modalities)

    def read(
        self, path: pathlib.Path, segments: range, modalities: Collection[str] = BOTH
    ) -> EncodedClip:
        """Encodes a clip or a part of it, with a line of progress.

        Args:
            path: The media file.
            segments: Range of segments, with step 1.
            modalities: Of `"audio"` and `"visual"`, what to encode.
        Raises:
            MediaError: If the file cannot be read, or lacks a modality or one of the segments.
        """
        features, peaks, thumbnails = {}, [], []
        name = os.fsencode(path.name).decode(errors="backslashreplace")
        with tqdm.tqdm(total=len(segments), unit="s", desc=f"Encoding {name}") as bar:
            for start in range(0, len(segments), PART_SEGMENTS):
                part = segments[start : start + PART_SEGMENTS]
                clip = self._decoder.read(
                    path,
                    first_segment=part.start,
                    num_segments=len(part),
                    frames_per_segment=self._encoding.frames_per_segment,
                    modalities=modalities,
                )
                thumbnails += _thumbnails(clip)
                peaks += _peaks(clip)
                for name, array in self._encoder(clip).items():
                    features.setdefault(name, []).append(array)
                bar.update(len(part))
        return EncodedClip(
            path,
            len(segments),
            {name: np.concatenate(parts) for name, parts in features.items()},
            np.concatenate(peaks) if peaks else None,
            thumbnails,
        )


def _thumbnails(clip: Clip) -> list[bytes]:
    if clip.frames is None:
        return []
    thumbnails = []
    for frame in clip.frames[:, 0]:
        file = io.BytesIO()
        small = Image.fromarray(frame).resize((THUMBNAIL_WIDTH, THUMBNAIL_HEIGHT))
        small.save(file, "JPEG", quality=75)
        thumbnails.append(file.getvalue())
    return thumbnails


def _peaks(clip: Clip) -> list[np.ndarray]:
    if clip.sound is None:
        return []
    # At a rate that does not divide, a piece more or less of a few samples is not seen.
    pieces = np.array_split(np.abs(clip.sound), PEAKS_PER_SEGMENT, axis=1)
    return [np.stack([piece.max(axis=1) for piece in pieces], axis=1).ravel()]
