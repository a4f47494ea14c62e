"""Asks TF Serving over gRPC for the events of a video, from frames and sound.

    pip install tensorflow-serving-api
    python docs/examples/serving/media_client.py localhost:8500 demo-media \\
        runs/demo-sel/clips/AVE/1k14oL_FQcq.mp4 --frames 1

The model is one that `avel export` made. Decoding needs avel_tf with the extra `predict`.
"""

import argparse

import numpy as np
from grpc_client import predict  # next to this file

from avel_tf.media import count_segments, read_clip


def main() -> None:
    """Prints a line for each second."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("server")
    parser.add_argument("model")
    parser.add_argument("video")
    parser.add_argument(
        "--frames",
        type=int,
        default=16,
        help="per second, as frames_per_segment in the model's assets.extra/features.json "
        "(default: 16)",
    )
    flags = parser.parse_args()
    clip = read_clip(
        flags.video,
        num_segments=count_segments(flags.video),
        frames_per_segment=flags.frames,
    )
    inputs = {"frames": clip.frames[None], "waveform": clip.waveform().reshape(1, -1)}
    inputs["waveform"] = inputs["waveform"].astype(np.float32)
    answer = predict(flags.server, flags.model, "localize_media", inputs)
    relevance = answer["event_relevance_probabilities"][0]
    for second, (name, probability) in enumerate(
        zip(answer["segment_label_name"][0], relevance, strict=True)
    ):
        print(f"second {second}: {name.decode()} (event {probability:.2f})")


if __name__ == "__main__":
    main()
