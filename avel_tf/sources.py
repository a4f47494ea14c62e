"""Where segment features come from: media files or the official HDF5 files.

A source is a plain description that travels to Beam workers; `open` makes a reader there.
"""

import dataclasses
import functools
import importlib.metadata
import pathlib
from typing import Protocol

from avel_tf.ave import NUM_SEGMENTS, Annotation, DataError, OfficialFeatures
from avel_tf.records import Record


class Reader(Protocol):
    """What a worker reads records from; raises `MediaError` for one it must reject."""

    def read(self, annotation: Annotation) -> Record:
        """Segment features of one record."""

    def metadata(self) -> dict:
        """How the features were made, JSON-able; equal on every worker."""

    def close(self) -> None:
        """Lets go of open files."""


@dataclasses.dataclass(frozen=True)
class MediaSource:
    """Clips `<clips_folder>/<video id>.mp4`, encoded by VGG-19 and VGGish.

    Args:
        clips_folder: String. Folder of the clips.
        visual_weights: String. `"imagenet"`, `"random"` or a `.weights.h5` file for VGG-19.
        audio_weights: String. `"random"` or a `.weights.h5` file for VGGish.
        frames_per_segment: Integer. Frames averaged for each second; 16 in the published
            features.
    """

    clips_folder: str
    visual_weights: str
    audio_weights: str
    frames_per_segment: int

    def open(self) -> "MediaReader":
        """Loads both encoders."""
        return MediaReader(self)


class MediaReader:
    """Reads and encodes the clips of a `MediaSource`."""

    def __init__(self, source: MediaSource):
        from avel_tf import encoders, media  # heavy, and not needed for HDF5 features

        if not pathlib.Path(source.clips_folder).is_dir():
            raise DataError(
                f"{source.clips_folder} is no folder. `--data_root` must hold Annotations.txt and "
                "the folder AVE/ with one <VideoID>.mp4 a video."
            )
        self._source = source
        self._media = media
        self._visual = encoders.Vgg19Encoder(source.visual_weights)
        self._audio = encoders.VggishEncoder(source.audio_weights)

    def read(self, annotation: Annotation) -> Record:
        """Decodes and encodes one clip."""
        path = pathlib.Path(self._source.clips_folder) / f"{annotation.video_id}.mp4"
        # Sound first: it is cheap to decode and the usual thing to be missing.
        waveform = self._media.read_waveform(path, num_segments=NUM_SEGMENTS)
        frames = self._media.read_frames(
            path,
            num_segments=NUM_SEGMENTS,
            frames_per_segment=self._source.frames_per_segment,
        )
        return Record(annotation, self._audio(waveform), self._visual(frames))

    def metadata(self) -> dict:
        """Encoders, their weights' SHA-256, frames a segment, decoder version."""
        return {
            "kind": "media",
            "visual_encoder": self._visual.metadata(),
            "audio_encoder": self._audio.metadata(),
            "frames_per_segment": self._source.frames_per_segment,
            "decoder": f"av {importlib.metadata.version('av')}",
        }

    def close(self) -> None:
        """Nothing is open between two clips."""


@dataclasses.dataclass(frozen=True)
class OfficialSource:
    """The official `audio_feature.h5` and `visual_feature.h5`, read row by row.

    Args:
        features_dir: String. Folder of the two files.
        num_records: Integer. Records of `Annotations.txt`; rows each file must have.
    """

    features_dir: str
    num_records: int

    def open(self) -> "OfficialReader":
        """Opens and checks both files."""
        return OfficialReader(self)


class OfficialReader:
    """Reads the rows of an `OfficialSource`."""

    def __init__(self, source: OfficialSource):
        self._features = OfficialFeatures(source.features_dir, source.num_records)

    def read(self, annotation: Annotation) -> Record:
        """One row of both files."""
        return Record(annotation, *self._features.read(annotation.row))

    def metadata(self) -> dict:
        """Only the kind: the files do not say how they were made."""
        return {"kind": "official_features"}

    def close(self) -> None:
        """Closes both files."""
        self._features.close()


@functools.lru_cache(maxsize=1)
def open_source(source: MediaSource | OfficialSource) -> Reader:
    """The reader of a source, made once a process."""
    return source.open()
