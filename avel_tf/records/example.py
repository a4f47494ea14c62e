"""One record of AVE as a tf.Example, and back."""

import dataclasses
import math

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
class Record:
    """A record's annotation with its segment features.

    Args:
        annotation: `avel_tf.ave.Annotation`.
        audio_features: Float array (10, 128), one row a second.
        visual_features: Float array (10, 7, 7, 512), one map a second.
    Raises:
        ValueError: If an array has another shape; names the record.
    """

    annotation: Annotation
    audio_features: np.ndarray
    visual_features: np.ndarray

    def __post_init__(self):
        for name, shape in FEATURE_SHAPES.items():
            if getattr(self, name).shape != shape:
                raise ValueError(
                    f"`{name}` of record {self.annotation.row} ({self.annotation.video_id}) must "
                    f"have the shape {shape}. Received: {getattr(self, name).shape}."
                )


def serialize(record: Record) -> bytes:
    """Serialized tf.Example under `schemas/ave_examples.pbtxt`.

    Segment features become little-endian half precision: 11 significant bits, up to 65504.
    What does not fit becomes infinite, which the schema forbids; nothing is clipped.
    """
    annotation = record.annotation

    def integers(values):
        return tf.train.Feature(int64_list=tf.train.Int64List(value=values))

    def text(value):
        return tf.train.Feature(bytes_list=tf.train.BytesList(value=[value]))

    def half(array):
        with np.errstate(over="ignore"):
            return text(array.astype("<f2").tobytes())

    feature = {
        "record_id": integers([annotation.row]),
        "video_id": text(annotation.video_id.encode()),
        "category": text(annotation.category.encode()),
        "event_category": integers([annotation.event_category]),
        "event_length": integers([annotation.event_length]),
        "event_relevance": tf.train.Feature(
            float_list=tf.train.FloatList(value=annotation.event_relevance)
        ),
        "segment_label": integers(annotation.segment_label),
        "audio_features": half(record.audio_features),
        "visual_features": half(record.visual_features),
    }
    example = tf.train.Example(features=tf.train.Features(feature=feature))
    return example.SerializeToString(deterministic=True)


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
