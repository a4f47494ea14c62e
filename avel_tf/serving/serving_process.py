"""Answers the warm-up requests of a SavedModel as TF Serving would; prints time and memory.

    python -I serving_process.py SAVED_MODEL ANSWERS.npz

Imports TensorFlow and the server's messages but nothing of this project, so that a model that works
here also works where there is only a server.
"""

import json
import pathlib
import sys
import time

import numpy as np
import tensorflow as tf
from tensorflow.core.protobuf import saved_model_pb2
from tensorflow.python.framework import op_def_registry
from tensorflow_serving.apis import prediction_log_pb2

REPETITIONS = 5


def foreign_ops(saved_model: pathlib.Path) -> list[str]:
    """Returns the names of operations that standard TensorFlow does not have."""
    content = saved_model_pb2.SavedModel.FromString((saved_model / "saved_model.pb").read_bytes())
    graphs = [meta.graph_def for meta in content.meta_graphs]
    nodes = [node for graph in graphs for node in graph.node]
    nodes += [node for graph in graphs for each in graph.library.function for node in each.node_def]
    own = {each.signature.name for graph in graphs for each in graph.library.function}
    return sorted({node.op for node in nodes if not op_def_registry.get(node.op)} - own)


def answer(saved_model: pathlib.Path, path: pathlib.Path) -> dict:
    """Loads the model with the C++ loader in a session and answers every request."""
    answers, seconds = {}, []
    start = time.perf_counter()
    with tf.compat.v1.Session(graph=tf.Graph()) as session:
        loaded = tf.compat.v1.saved_model.loader.load(session, ["serve"], str(saved_model))
        load_seconds = time.perf_counter() - start
        file = saved_model / "assets.extra" / "tf_serving_warmup_requests"
        for serialized in tf.compat.v1.io.tf_record_iterator(str(file)):
            log = prediction_log_pb2.PredictionLog.FromString(serialized)
            request = log.predict_log.request
            definition = loaded.signature_def[request.model_spec.signature_name]
            feeds = {
                definition.inputs[name].name: tf.make_ndarray(value)
                for name, value in request.inputs.items()
            }
            fetches = {name: tensor.name for name, tensor in definition.outputs.items()}
            for _ in range(REPETITIONS):
                start = time.perf_counter()
                outputs = session.run(fetches, feeds)
                seconds.append(time.perf_counter() - start)
            for name, value in outputs.items():
                text = value.dtype == object
                key = f"{request.model_spec.signature_name}/{name}"
                answers[key] = value.astype(bytes) if text else value
    np.savez(path, **answers)
    return {"load_seconds": load_seconds, "slowest_request_seconds": max(seconds)}


def peak_memory_gib() -> float:
    """Returns this program's peak; `getrusage` would include the peak of the parent process."""
    status = pathlib.Path("/proc/self/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) / 2**20


def main() -> None:
    """Prints JSON."""
    saved_model, path = map(pathlib.Path, sys.argv[1:])
    result = {"foreign_ops": foreign_ops(saved_model)}
    if not result["foreign_ops"]:
        result |= answer(saved_model, path)
    print(json.dumps({**result, "peak_memory_gib": peak_memory_gib()}))


if __name__ == "__main__":
    main()
