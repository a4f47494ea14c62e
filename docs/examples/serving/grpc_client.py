"""Asks TF Serving over gRPC where in one clip's video the sound of another clip is visible.

    pip install tensorflow-serving-api
    python docs/examples/serving/grpc_client.py localhost:8500 demo-cml \
        features.npz features.npz --start 3 --end 6

The sound of the first record in the first file is searched for in the pictures of the first record
in the second: `audio_features` (B, T, 128) and `visual_features` (B, N, 7, 7, 512), as
`write_inputs.py` writes them.
"""

import argparse

import grpc
import numpy as np
import tensorflow as tf
from tensorflow_serving.apis import predict_pb2, prediction_service_pb2_grpc

MAX_MESSAGE_BYTES = 2**30  # ten seconds of maps are 1 MB; gRPC stops at 4 MB by default


def predict(
    server: str, model: str, signature: str, inputs: dict[str, np.ndarray], seconds: float = 30
) -> dict[str, np.ndarray]:
    """Returns a signature's outputs, by name.

    Raises:
        grpc.RpcError: If the server refuses the request or takes too long.
    """
    request = predict_pb2.PredictRequest()
    request.model_spec.name = model
    request.model_spec.signature_name = signature
    for name, value in inputs.items():
        request.inputs[name].CopyFrom(tf.make_tensor_proto(value))
    sizes = ("grpc.max_send_message_length", "grpc.max_receive_message_length")
    with grpc.insecure_channel(
        server, options=[(name, MAX_MESSAGE_BYTES) for name in sizes]
    ) as channel:
        service = prediction_service_pb2_grpc.PredictionServiceStub(channel)
        outputs = service.Predict(request, timeout=seconds).outputs
    return {name: tf.make_ndarray(value) for name, value in outputs.items()}


def main() -> None:
    """Prints the best window."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("server")
    parser.add_argument("model")
    parser.add_argument("query")
    parser.add_argument("candidates")
    parser.add_argument("--start", type=int, default=0, help="first second of the query")
    parser.add_argument("--end", type=int, help="second after its last (default: all)")
    flags = parser.parse_args()
    with np.load(flags.query) as query, np.load(flags.candidates) as candidates:
        inputs = {
            "query_audio_features": query["audio_features"][:1, flags.start : flags.end],
            "candidate_visual_features": candidates["visual_features"][:1],
        }
    answer = predict(flags.server, flags.model, "audio_to_visual", inputs)
    start, end = answer["window_start"][0], answer["window_end"][0]
    print(f"seconds {start} to {end}, score {answer['window_scores'][0, start]:.3f}")


if __name__ == "__main__":
    main()
