"""Requests that TF Serving runs when it loads a model, so that no client is the first."""

import pathlib
from collections.abc import Iterator, Mapping

import numpy as np
import tensorflow as tf
from tensorflow_serving.apis import predict_pb2, prediction_log_pb2

from avel_tf.ave import CATEGORIES, Annotation
from avel_tf.records import Record, serialize
from avel_tf.records.example import FEATURE_SHAPES

PATH = pathlib.Path("assets.extra", "tf_serving_warmup_requests")  # which TF Serving looks for
QUERY_SEGMENTS = 3

Request = Mapping[str, np.ndarray]


def write_warm_up(saved_model: pathlib.Path) -> None:
    """Adds one request of batch 1 for each signature of a SavedModel, with made-up features."""
    random = np.random.default_rng(0)
    (saved_model / PATH).parent.mkdir()
    with tf.io.TFRecordWriter(str(saved_model / PATH)) as writer:
        for name, signature in tf.saved_model.load(str(saved_model)).signatures.items():
            _, specs = signature.structured_input_signature
            request = predict_pb2.PredictRequest()
            request.model_spec.signature_name = name
            for key in sorted(specs):
                value = _serialized(random) if key == "examples" else _features(specs[key], random)
                request.inputs[key].CopyFrom(tf.make_tensor_proto(value))
            log = prediction_log_pb2.PredictionLog()
            log.predict_log.request.CopyFrom(request)
            writer.write(log.SerializeToString(deterministic=True))


def read_warm_up(saved_model: pathlib.Path) -> Iterator[tuple[str, Request]]:
    """Name of the signature and inputs of each request of a SavedModel."""
    for serialized in tf.data.TFRecordDataset(str(saved_model / PATH)).as_numpy_iterator():
        request = prediction_log_pb2.PredictionLog.FromString(serialized).predict_log.request
        inputs = {key: tf.make_ndarray(value) for key, value in request.inputs.items()}
        yield request.model_spec.signature_name, inputs


def _features(spec: tf.TensorSpec, random: np.random.Generator) -> np.ndarray:
    full = FEATURE_SHAPES["visual_features" if "visual" in spec.name else "audio_features"]
    shape = [known or usual for known, usual in zip(spec.shape, (1, *full), strict=True)]
    if spec.name.startswith("query"):
        shape[1] = QUERY_SEGMENTS
    return random.random(shape, np.float32)


def _serialized(random: np.random.Generator) -> np.ndarray:
    features = {name: random.random(shape, np.float32) for name, shape in FEATURE_SHAPES.items()}
    record = Record(Annotation(0, CATEGORIES[0], "warm-up", 2, 5), **features)
    return np.array([serialize(record)], object)
