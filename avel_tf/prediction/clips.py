"""Media files of any length -> segment features, and thumbnails and waveform for a page."""

import dataclasses
import io
import logging
import os
import pathlib
from collections.abc import Collection

import numpy as np
from PIL import Image

from avel_tf.configuration import SECONDS_A_DAY, EncodingConfig
from avel_tf.encoders import ClipEncoder, with_precision
from avel_tf.media import Clip, DecoderProcess
from avel_tf.serving.provenance import check_encoders, is_encoded
from avel_tf.utils.progress import Progress

_logger = logging.getLogger(__name__)
BOTH = ("audio", "visual")
PART_CLIPS = 6  # of ten seconds, decoded together: 144 MB of frames
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
        peaks: float32 array (N * PEAKS_PER_SEGMENT,) in [0, 1], the loudest samples; None
            without sound.
        thumbnails: List of N bytes objects: the first frame of each segment as JPEG; empty
            without video.
    """

    path: pathlib.Path
    num_segments: int
    features: dict[str, np.ndarray]
    peaks: np.ndarray | None
    thumbnails: list[bytes]


class ClipReader:
    """Decodes and encodes clips part by part, so that memory holds only one part and features.

    Args:
        encoding: `EncodingConfig`, with its precision already chosen.
    Raises:
        ValueError: If weights are missing or belong to another model.
    """

    def __init__(self, encoding: EncodingConfig) -> None:
        self._encoding = encoding
        self._encoder = ClipEncoder(encoding)
        # A part is longer than the clip that the limit is meant for.
        longest = min(encoding.limits.max_read_seconds * PART_CLIPS, SECONDS_A_DAY)
        limits = dataclasses.replace(encoding.limits, max_read_seconds=longest)
        self._decoder = DecoderProcess(limits)

    def metadata(self) -> dict:
        """Describes how clips are encoded."""
        return self._encoder.metadata()

    def count_segments(self, path: pathlib.Path, modalities: Collection[str] = BOTH) -> int:
        """Counts segments as `avel_tf.media.count_segments` does, with the same errors."""
        return self._decoder.count_segments(path, modalities=modalities)

    def read(
        self, path: pathlib.Path, segments: range, modalities: Collection[str] = BOTH
    ) -> EncodedClip:
        """Encodes a clip or a part of it, with a progress bar.

        Where the file has several streams of a kind, a warning says which is read.

        Args:
            path: The media file.
            segments: Range of segments, with step 1.
            modalities: Those of `"audio"` and `"visual"` to encode.
        Raises:
            MediaError: If the file cannot be read, or lacks a modality or one of the segments.
        """
        if choice := self._decoder.describe_choice(path, modalities=modalities):
            _logger.warning("%s: %s. Cut others out with `ffmpeg -map`.", path, choice)
        features: dict[str, list[np.ndarray]] = {}
        peaks, thumbnails = [], []
        name = os.fsencode(path.name).decode(errors="backslashreplace")
        with Progress(total=len(segments), unit="s", desc=f"Encoding {name}") as bar:
            for start in range(0, len(segments), PART_SEGMENTS):
                part = segments[start : start + PART_SEGMENTS]
                clip = self._decoder.read(
                    path,
                    first_segment=part.start,
                    num_segments=len(part),
                    frames_per_segment=self._encoding.frames_per_segment,
                    resize=self._encoding.resize,
                    size=self._encoder.frame_size,
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


def load_reader(encoding: EncodingConfig, source: dict | None) -> ClipReader:
    """Loads the encoders and checks that they are those of a model's training data.

    Args:
        encoding: `EncodingConfig`. A precision of `"auto"` becomes that of the training data, or
            if that is unknown, what suits this machine.
        source: How the features of the training data were made; None if unknown.
    Raises:
        InputError: If weights are missing, or others than those of the training data.
    """
    encoding.check_weights()
    if encoding.encoder_precision == "auto" and is_encoded(source):
        precision = source["visual_encoder"]["precision"]
        encoding = dataclasses.replace(encoding, encoder_precision=precision)
    reader = ClipReader(with_precision(encoding))
    check_encoders(source, reader.metadata())
    return reader


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
    # At a rate that does not divide evenly, pieces differ by one sample, which is not visible.
    pieces = np.array_split(np.abs(clip.sound), PEAKS_PER_SEGMENT, axis=1)
    return [np.stack([piece.max(axis=1) for piece in pieces], axis=1).ravel()]
