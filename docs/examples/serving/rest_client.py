"""Asks TF Serving for the event of each clip, over REST; needs only NumPy.

    python docs/examples/serving/rest_client.py http://localhost:8501 demo-sel features.npz

The file holds `audio_features` (B, T, 128) and `visual_features` (B, T, 7, 7, 512), as
`write_inputs.py` writes it.
"""

import argparse
import base64
import json
import urllib.error
import urllib.request

import numpy as np


def predict(
    url: str, model: str, signature: str, inputs: dict[str, np.ndarray], seconds: float = 30
) -> dict:
    """Returns a signature's outputs, by name, as lists with one entry per record.

    Raises:
        RuntimeError: If the server refuses the request; holds the server's message.
        OSError: If the server does not answer.
    """
    # "inputs" has one array per name, "instances" one object per record: "inputs" repeats no name.
    # Bytes, such as serialized examples, are base64 under the name "b64".
    body = {
        "signature_name": signature,
        "inputs": {
            name: [{"b64": base64.b64encode(each).decode()} for each in value]
            if value.dtype.kind in "SO"
            else value.tolist()
            for name, value in inputs.items()
        },
    }
    request = urllib.request.Request(
        f"{url}/v1/models/{model}:predict",
        json.dumps(body).encode(),
        {"Content-Type": "application/json"},
    )
    try:
        with urllib.request.urlopen(request, timeout=seconds) as response:
            return json.load(response)["outputs"]
    except urllib.error.HTTPError as error:
        raise RuntimeError(json.load(error)["error"]) from error


def main() -> None:
    """Prints a line for each segment."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("url")
    parser.add_argument("model")
    parser.add_argument("features")
    flags = parser.parse_args()
    with np.load(flags.features) as features:
        inputs = {name: features[name] for name in ("audio_features", "visual_features")}
    answer = predict(flags.url, flags.model, "localize_event", inputs)
    for record, names in enumerate(answer["segment_label_name"]):
        relevance = answer["event_relevance_probabilities"][record]
        for second, (name, probability) in enumerate(zip(names, relevance, strict=True)):
            print(f"record {record}, second {second}: {name} (event {probability:.2f})")


if __name__ == "__main__":
    main()
