"""One record of AVE as a tf.Example, and back."""

import dataclasses
import math
from collections.abc import Sequence

import numpy as np
import tensorflow as tf

from avel_tf.ave import NUM_SEGMENTS, Annotation
from avel_tf.ave.official_features import AUDIO_SHAPE, VISUAL_SHAPE

FEATURE_SHAPES = {"audio_features": AUDIO_SHAPE, "visual_features": VISUAL_SHAPE}

PARSING_SPEC = {
    "record_id": tf.io.FixedLenFeature([], tf.int64),
    "video_id": tf.io.FixedLenFeature([], tf.string),
    "category": tf.io.FixedLenFeature([], tf.string),
    "event_category": tf.io.FixedLenFeature([], tf.int64),
    "event_length": tf.io.FixedLenFeature([], tf.int64),
    "event_relevance": tf.io.FixedLenFeature([NUM_SEGMENTS], tf.float32),
    "segment_label": tf.io.FixedLenFeature([NUM_SEGMENTS], tf.int64),
    "audio_features": tf.io.FixedLenFeature([], tf.string),
    "visual_features": tf.io.FixedLenFeature([], tf.string),
}


@dataclasses.dataclass(frozen=True)
class MediaFile:
    """A file without annotation, as a record.

    Args:
        row: Integer. Position in the sorted list of files, from 0.
        video_id: String. Path of the file in its folder, with its suffix.
    """

    row: int
    video_id: str


@dataclasses.dataclass(frozen=True)
class Record:
    """What a record is known by, with its segment features.

    Args:
        annotation: `avel_tf.ave.Annotation`, or `MediaFile` where there are no labels.
        audio_features: Float array (10, 128), one row a second.
        visual_features: Float array (10, 7, 7, 512), one map a second, or None of a file that is
            sound alone.
    Raises:
        ValueError: If an array has another shape; names the record.
    """

    annotation: Annotation | MediaFile
    audio_features: np.ndarray
    visual_features: np.ndarray | None

    def __post_init__(self):
        for name, features in self.features.items():
            if features.shape != FEATURE_SHAPES[name]:
                raise ValueError(
                    f"`{name}` of record {self.annotation.row} ({self.annotation.video_id}) must "
                    f"have the shape {FEATURE_SHAPES[name]}. Received: {features.shape}."
                )

    @property
    def features(self) -> dict[str, np.ndarray]:
        """The arrays there are, by name."""
        arrays = {name: getattr(self, name) for name in FEATURE_SHAPES}
        return {name: array for name, array in arrays.items() if array is not None}


def serialize(record: Record) -> bytes:
    """Serialized tf.Example under `schemas/ave_examples.pbtxt`, without labels for a `MediaFile`.

    Segment features become little-endian half precision: 11 significant bits, up to 65504.
    What does not fit becomes infinite, which the schema forbids; nothing is clipped.
    """
    annotation = record.annotation
    feature = {
        "record_id": _integers([annotation.row]),
        "video_id": _text(annotation.video_id.encode()),
    }
    with np.errstate(over="ignore"):
        for name, array in record.features.items():
            feature[name] = _text(array.astype("<f2").tobytes())
    if isinstance(annotation, Annotation):
        feature |= {
            "category": _text(annotation.category.encode()),
            "event_category": _integers([annotation.event_category]),
            "event_length": _integers([annotation.event_length]),
            "event_relevance": tf.train.Feature(
                float_list=tf.train.FloatList(value=annotation.event_relevance)
            ),
            "segment_label": _integers(annotation.segment_label),
        }
    example = tf.train.Example(features=tf.train.Features(feature=feature))
    return example.SerializeToString(deterministic=True)


def _integers(values: Sequence[int]) -> tf.train.Feature:
    return tf.train.Feature(int64_list=tf.train.Int64List(value=values))


def _text(value: bytes) -> tf.train.Feature:
    return tf.train.Feature(bytes_list=tf.train.BytesList(value=[value]))


def parse_examples(serialized: tf.Tensor, names: tuple[str, ...] | None = None) -> dict:
    """Parses a batch of serialized tf.Examples; stock TensorFlow ops, also for serving.

    Args:
        serialized: String tensor (B,).
        names: Features to parse; all of `PARSING_SPEC` by default.
    Returns:
        Dict of tensors with batch axis B. Segment features stay in half precision: the model
        casts, so that half the bytes travel to it.
    """
    spec = PARSING_SPEC if names is None else {name: PARSING_SPEC[name] for name in names}
    parsed = tf.io.parse_example(serialized, spec)
    for name, shape in FEATURE_SHAPES.items():
        if name in parsed:
            raw = tf.io.decode_raw(parsed[name], tf.half, little_endian=True)
            raw = tf.ensure_shape(raw, (None, math.prod(shape)))  # else two halves make a whole
            parsed[name] = tf.reshape(raw, (-1, *shape))
    return parsed
