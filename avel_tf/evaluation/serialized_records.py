"""Predictions of a SavedModel for serialized records, also with features of other records."""

import collections
import itertools
import pathlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

import numpy as np
import tensorflow as tf

from avel_tf.evaluation.scoring import BATCH
from avel_tf.records import Description, parse_examples


def load_signature(saved_model: pathlib.Path) -> Callable[[tf.Tensor], Mapping[str, tf.Tensor]]:
    """Loads the signature of a SavedModel that takes serialized records."""
    function = tf.saved_model.load(str(saved_model)).signatures["serving_default"]
    # By name: TensorFlow would print whole records into an error that it then passes over.
    (name,) = function.structured_input_signature[1]
    return lambda records: function(**{name: records})


def parse_records(
    records: Sequence[bytes], names: tuple[str, ...], description: Description
) -> dict[str, np.ndarray]:
    """Reads some features and labels of serialized records, one row each."""
    parsed = parse_examples(tf.constant(records), names, description)
    return {name: value.numpy() for name, value in parsed.items()}


def predict_records(
    signature: Callable[[tf.Tensor], Mapping[str, tf.Tensor]], records: Iterable[bytes]
) -> dict[str, np.ndarray]:
    """Predicts by a signature of `load_signature`, a batch at a time."""
    predictions, records = collections.defaultdict(list), iter(records)
    while batch := list(itertools.islice(records, BATCH)):
        for name, value in signature(tf.constant(batch)).items():
            predictions[name].append(value.numpy())
    return {name: np.concatenate(parts) for name, parts in predictions.items()}


def exchange_features(
    records: Sequence[bytes], exchanged: Mapping[str, np.ndarray]
) -> Iterator[bytes]:
    """Yields serialized records with some of their features from others, by name and position."""
    for position, record in enumerate(records):
        example = tf.train.Example.FromString(record)
        for name, partners in exchanged.items():
            partner = tf.train.Example.FromString(records[partners[position]])
            example.features.feature[name].CopyFrom(partner.features.feature[name])
        yield example.SerializeToString()
