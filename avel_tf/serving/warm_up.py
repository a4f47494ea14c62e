"""Requests that TF Serving runs when it loads a model, to spare the first client the wait."""

import pathlib
from collections.abc import Iterable, Iterator, Mapping

import numpy as np
import tensorflow as tf
from tensorflow_serving.apis import predict_pb2, prediction_log_pb2

from avel_tf.ave import NUM_SEGMENTS
from avel_tf.encoders.log_mel import SAMPLE_RATE_HZ
from avel_tf.records import Description, Record, Window, serialize
from avel_tf.records.description import AVE

PATH = pathlib.Path("assets.extra", "tf_serving_warmup_requests")  # where TF Serving looks
QUERY_SEGMENTS = 3
FRAMES_PER_SEGMENT = 1  # VGG-19 is slow

Request = Mapping[str, np.ndarray]


def write_warm_up(
    saved_model: pathlib.Path, signatures: Iterable[str], description: Description = AVE
) -> None:
    """Adds a synthetic request of batch size 1 for each of these signatures to a SavedModel."""
    random = np.random.default_rng(0)
    (saved_model / PATH).parent.mkdir()
    with tf.io.TFRecordWriter(str(saved_model / PATH)) as writer:
        loaded = tf.saved_model.load(str(saved_model)).signatures
        for name in signatures:
            _, specs = loaded[name].structured_input_signature
            request = predict_pb2.PredictRequest()
            request.model_spec.signature_name = name
            for key in sorted(specs):
                request.inputs[key].CopyFrom(
                    tf.make_tensor_proto(_value(specs[key], description, random))
                )
            log = prediction_log_pb2.PredictionLog()
            log.predict_log.request.CopyFrom(request)
            writer.write(log.SerializeToString(deterministic=True))


def read_warm_up(saved_model: pathlib.Path) -> Iterator[tuple[str, Request]]:
    """Yields the signature's name and the inputs of each request of a SavedModel."""
    for serialized in tf.data.TFRecordDataset(str(saved_model / PATH)).as_numpy_iterator():
        request = prediction_log_pb2.PredictionLog.FromString(serialized).predict_log.request
        inputs = {key: tf.make_ndarray(value) for key, value in request.inputs.items()}
        yield request.model_spec.signature_name, inputs


def _value(
    spec: tf.TensorSpec, description: Description, random: np.random.Generator
) -> np.ndarray:
    if spec.name == "examples":
        return _serialized(description, random)
    if spec.name == "frames":
        shape = (1, NUM_SEGMENTS, FRAMES_PER_SEGMENT, *spec.shape[3:])
        return random.integers(0, 256, shape, np.uint8)
    if spec.name == "waveform":
        return random.uniform(-1, 1, (1, NUM_SEGMENTS * SAMPLE_RATE_HZ)).astype(np.float32)
    return _features(spec, description, random)


def _features(
    spec: tf.TensorSpec, description: Description, random: np.random.Generator
) -> np.ndarray:
    name = "visual_features" if "visual" in spec.name else "audio_features"
    full = description.feature_shapes[name]
    shape = [known or usual for known, usual in zip(spec.shape, (1, *full), strict=True)]
    if spec.name.startswith("query"):
        shape[1] = QUERY_SEGMENTS
    return random.random(shape, np.float32)


def _serialized(description: Description, random: np.random.Generator) -> np.ndarray:
    shapes = description.feature_shapes
    features = {name: random.random(shape, np.float32) for name, shape in shapes.items()}
    relevance = f"..xxx{'.' * description.num_segments}"[: description.num_segments]
    window = Window(0, description.categories[0], "warm-up", 0, relevance)
    return np.array([serialize(Record(window, **features), description)], object)
