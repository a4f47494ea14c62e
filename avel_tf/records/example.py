"""One record as a tf.Example, and back."""

import dataclasses
from collections.abc import Sequence

import numpy as np
import tensorflow as tf

from avel_tf.ave import Annotation
from avel_tf.records.description import AVE, Description
from avel_tf.records.window import Window

FEATURES = ("audio_features", "visual_features")


@dataclasses.dataclass(frozen=True)
class MediaFile:
    """A file without an annotation, as a record.

    Args:
        row: Integer. Position in the sorted list of files, from 0.
        video_id: String. Path of the file in its folder, with its suffix.
    """

    row: int
    video_id: str


@dataclasses.dataclass(frozen=True)
class Record:
    """A record's annotation and segment features.

    Args:
        annotation: `avel_tf.ave.Annotation`, or `MediaFile` where there are no labels.
        audio_features: Float array (T, D), one row per second.
        visual_features: Float array (T, H, W, C), one map per second, or None for an audio file.
        num_repeated_frames: Integer. Decoded frames that equal an earlier one of the clip.
    """

    annotation: Annotation | Window | MediaFile
    audio_features: np.ndarray
    visual_features: np.ndarray | None
    num_repeated_frames: int = 0

    def padded_features(self, description: Description) -> dict[str, np.ndarray]:
        """Returns the existing arrays by name; those of a shorter record are padded with zeros.

        Args:
            description: `Description` of the dataset.
        Raises:
            ValueError: If an array has another shape; names the record.
        """
        annotation, padded = self.annotation, {}
        for name, (num_segments, *shape) in description.feature_shapes.items():
            if (features := getattr(self, name)) is None:
                continue
            is_window = isinstance(annotation, Window)  # the others have the full length
            length = annotation.num_segments if is_window else num_segments
            if features.shape != (length, *shape):
                raise ValueError(
                    f"`{name}` of record {annotation.row} ({annotation.video_id}) must have the "
                    f"shape {(length, *shape)}. Received: {features.shape}."
                )
            padded[name] = np.zeros((num_segments, *shape), np.float32)
            padded[name][:length] = features
        return padded


def serialize(record: Record, description: Description = AVE) -> bytes:
    """Serializes a tf.Example under the dataset's schema, unlabeled for a `MediaFile`.

    Segment features become little-endian half precision: 11 significant bits, up to 65504.
    Larger values become infinite, which the schema forbids; nothing is clipped.

    Args:
        record: `Record`.
        description: `Description` of the dataset.
    Raises:
        ValueError: If the features have another shape; names the record.
    """
    annotation = record.annotation
    feature = {
        "record_id": _integers([annotation.row]),
        "video_id": _text(annotation.video_id.encode()),
    }
    with np.errstate(over="ignore"):
        for name, array in record.padded_features(description).items():
            feature[name] = _text(array.astype("<f2").tobytes())
    if not isinstance(annotation, MediaFile):
        labels = description.labels(annotation)
        relevance = tf.train.FloatList(value=labels["event_relevance"])
        feature |= {
            "category": _text(annotation.category.encode()),
            "event_category": _integers([labels["event_category"]]),
            "event_length": _integers([labels["event_length"]]),
            "event_relevance": tf.train.Feature(float_list=relevance),
            "segment_label": _integers(labels["segment_label"]),
        }
    example = tf.train.Example(features=tf.train.Features(feature=feature))
    return example.SerializeToString(deterministic=True)


def _integers(values: Sequence[int]) -> tf.train.Feature:
    return tf.train.Feature(int64_list=tf.train.Int64List(value=values))


def _text(value: bytes) -> tf.train.Feature:
    return tf.train.Feature(bytes_list=tf.train.BytesList(value=[value]))


def parse_examples(
    serialized: tf.Tensor,
    names: tuple[str, ...] | None = None,
    description: Description = AVE,
) -> dict:
    """Parses a batch of serialized tf.Examples with standard TensorFlow ops, also for serving.

    Args:
        serialized: String tensor (B,).
        names: Features to parse; all by default.
        description: `Description` of the dataset.
    Returns:
        Dict of tensors with batch axis B. Segment features stay in half precision and are cast
        by the model, which halves the bytes sent to it.
    """
    spec = parsing_spec(description.num_segments)
    parsed = tf.io.parse_example(serialized, {name: spec[name] for name in names or spec})
    for name, shape in description.feature_shapes.items():
        if name in parsed:
            raw = tf.io.decode_raw(parsed[name], tf.half, little_endian=True)
            # By the number of records, or two half ones would pass for one.
            parsed[name] = tf.reshape(raw, (tf.shape(serialized)[0], *shape))
    return parsed


def parsing_spec(num_segments: int) -> dict[str, tf.io.FixedLenFeature]:
    """Returns all features of a record, as `tf.io.parse_example` takes them."""
    return {
        "record_id": tf.io.FixedLenFeature([], tf.int64),
        "video_id": tf.io.FixedLenFeature([], tf.string),
        "category": tf.io.FixedLenFeature([], tf.string),
        "event_category": tf.io.FixedLenFeature([], tf.int64),
        "event_length": tf.io.FixedLenFeature([], tf.int64),
        "event_relevance": tf.io.FixedLenFeature([num_segments], tf.float32),
        "segment_label": tf.io.FixedLenFeature([num_segments], tf.int64),
        "audio_features": tf.io.FixedLenFeature([], tf.string),
        "visual_features": tf.io.FixedLenFeature([], tf.string),
    }
