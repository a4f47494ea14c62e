"""Measures serving: latency and throughput of each signature, and the cold start.

    python benchmarks/serving.py
    python benchmarks/serving.py --media 1 --requests 20    # 1 frame per second, with both encoders

Each SavedModel is loaded in a fresh process by the C++ loader in a session, as TF Serving does.
Signatures that take features are compared with calling the Keras model eagerly, one record at a
time.
"""

import argparse
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import time

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np

BATCH = 64
BATCH_SHARE = 20  # requests of batch 1 for each of batch 64
HEADER = """
| Signature | p50, ms | p95 | p99 | first | records/s at 64 | times eager, one by one |
| --- | --- | --- | --- | --- | --- | --- |""".lstrip()


def seconds(call, arguments: list, repetitions: int) -> list[float]:
    """Measures the seconds of each call, after a tenth as many calls to warm up."""
    warm_up = repetitions // 10
    found = []
    for _ in range(warm_up + repetitions):
        start = time.perf_counter()
        call(*arguments)
        found.append(time.perf_counter() - start)
    return found[warm_up:]


def repeated(request: dict, times: int) -> dict:
    """Repeats the record of a request."""
    return {name: np.concatenate([value] * times) for name, value in request.items()}


def export(task: str, folder: pathlib.Path) -> None:
    """Writes a new model of a task as SavedModel and Keras file."""
    from avel_tf.models import SYSTEMS
    from avel_tf.serving.export import export_model

    model = SYSTEMS[task]["dam"]()
    export_model(model, folder / "saved_model", source={"kind": "none"})
    model.save(folder / "system.keras")


def export_media(folder: pathlib.Path) -> None:
    """Writes a new SEL model with both encoders, VGG-19 in the precision that is faster here."""
    from avel_tf.encoders import Vgg19Encoder, VggishEncoder, choose_precision
    from avel_tf.models import SYSTEMS
    from avel_tf.serving.media_export import export_media_model

    visual = Vgg19Encoder("random", choose_precision("random").precision)
    export_media_model(SYSTEMS["sel"]["dam"](), visual, VggishEncoder(), folder / "saved_model")
    print(f"VGG-19 in {visual.metadata()['precision']}.", file=sys.stderr)


def served(folder: pathlib.Path, requests: int, frames: int) -> dict:
    """Measures the cold start, and by signature the seconds of requests of batch 1 and 64."""
    start = time.perf_counter()
    import tensorflow as tf

    imported = time.perf_counter()
    # Before the session, because it needs eager mode.
    requests_by_signature = saved_requests(folder, frames)
    begun = time.perf_counter()
    with tf.compat.v1.Session(graph=tf.Graph()) as session:
        path = folder / "saved_model"
        loaded = tf.compat.v1.saved_model.loader.load(session, ["serve"], str(path))
        ready = time.perf_counter()
        found = {"import": imported - start, "load": ready - begun, "signatures": {}}
        for name, request in requests_by_signature.items():
            definition = loaded.signature_def[name]
            call = session.make_callable(
                [tensor.name for tensor in definition.outputs.values()],
                feed_list=[definition.inputs[key].name for key in request],
            )
            one, many = list(request.values()), list(repeated(request, BATCH).values())
            first = time.perf_counter()
            call(*one)
            found["signatures"][name] = {
                "first": time.perf_counter() - first,
                "latency": seconds(call, one, requests),
                "batch": float(np.median(seconds(call, many, max(requests // BATCH_SHARE, 1)))),
            }
    return found


def eager(folder: pathlib.Path, requests: int) -> dict:
    """Measures records per second of the Keras model called eagerly, one clip at a time."""
    import keras

    import avel_tf.models  # noqa: F401  registers its classes

    model = keras.saving.load_model(folder / "system.keras")
    random = np.random.default_rng(0)
    shapes = {"audio_features": (1, 10, 128), "visual_features": (1, 10, 7, 7, 512)}
    shapes["event_relevance"] = (1, 10)
    record = {name: random.random(shapes[name], np.float32) for name in model.input}
    return {"records_per_second": 1 / np.median(seconds(model, [record], requests))}


def saved_requests(folder: pathlib.Path, frames: int) -> dict:
    """Reads a request of one record per signature from the warm-up file, F frames per second."""
    from avel_tf.serving.warm_up import read_warm_up

    requests = dict(read_warm_up(folder / "saved_model"))
    for request in requests.values():
        if "frames" in request:
            request["frames"] = np.repeat(request["frames"], frames, axis=2)
    return requests


def in_process(kind: str, folder: pathlib.Path, *settings: int) -> dict:
    """Runs one measurement in a fresh process."""
    command = [sys.executable, __file__, "--measure", kind, str(folder), *map(str, settings)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return json.loads(done.stdout.splitlines()[-1])


def print_row(name: str, found: dict, one_by_one: float | None) -> None:
    """Prints a signature's measurements as a row of the table."""
    p50, p95, p99 = np.quantile(found["latency"], [0.5, 0.95, 0.99]) * 1000
    rate = BATCH / found["batch"]
    times = f"{rate / one_by_one:.1f}" if one_by_one else "–"
    print(
        f"| {name} | {p50:.1f} | {p95:.1f} | {p99:.1f} "
        f"| {1000 * found['first']:.0f} | {rate:,.2f} | {times} |",
        flush=True,
    )


def main() -> None:
    """Measures and prints a table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--requests", type=int, default=200, metavar="N", help="of batch 1; a 20th as many of 64"
    )
    parser.add_argument(
        "--media", type=int, metavar="F", help="serve frames and sound, F frames per second"
    )
    parser.add_argument("--measure", nargs="+", help=argparse.SUPPRESS)
    flags = parser.parse_args()
    if flags.measure:
        kind, folder, *settings = flags.measure
        measure = {"served": served, "eager": eager}[kind]
        print(json.dumps(measure(pathlib.Path(folder), *map(int, settings))))
        return
    print(HEADER, flush=True)
    starts = []
    for task in ["media"] if flags.media else ["sel", "cml"]:
        one_by_one = None
        with tempfile.TemporaryDirectory() as name:
            folder = pathlib.Path(name)
            if flags.media:
                export_media(folder)
            else:
                export(task, folder)
                one_by_one = in_process("eager", folder, flags.requests)["records_per_second"]
            found = in_process("served", folder, flags.requests, flags.media or 1)
        starts.append(f"{task}: TensorFlow {found['import']:.1f} s, model {found['load']:.2f} s")
        for signature, each in found["signatures"].items():
            print_row(f"{task}: {signature}", each, one_by_one)
    print("Cold start: " + "; ".join(starts))


if __name__ == "__main__":
    main()
