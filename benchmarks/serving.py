"""What an answer costs: latency and throughput of each signature, and the cold start.

    python benchmarks/serving.py
    python benchmarks/serving.py --media 16    # frames a second, with both encoders inside

Each SavedModel is loaded in a fresh process by the C++ loader under a session, as TF Serving does.
The same records, one at a time through the Keras model called eagerly, are what it is held against.
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
WARM_UP = 3


def seconds(call, arguments: list, repetitions: int) -> list[float]:
    """Seconds of each call."""
    found = []
    for _ in range(WARM_UP + repetitions):
        start = time.perf_counter()
        call(*arguments)
        found.append(time.perf_counter() - start)
    return found[WARM_UP:]


def repeated(request: dict, times: int) -> dict:
    """A request of one record as one of many."""
    return {name: np.concatenate([value] * times) for name, value in request.items()}


def export(task: str, folder: pathlib.Path) -> None:
    """Writes a new model of a task as SavedModel and Keras file."""
    from avel_tf.export import export_model
    from avel_tf.models import SYSTEMS

    model = SYSTEMS[task]["dam"]()
    export_model(model, folder / "saved_model", source={})
    model.save(folder / "model.keras")


def export_media(folder: pathlib.Path) -> None:
    """Writes a new SEL model with both encoders, VGG-19 in the precision that is faster here."""
    from avel_tf.encoders import Vgg19Encoder, VggishEncoder, choose_precision
    from avel_tf.media_export import export_media_model
    from avel_tf.models import SYSTEMS

    visual = Vgg19Encoder("random", choose_precision("random").precision)
    export_media_model(SYSTEMS["sel"]["dam"](), visual, VggishEncoder(), folder / "saved_model")
    print(f"VGG-19 in {visual.metadata()['precision']}.")


def served_media(folder: pathlib.Path, frames: int) -> dict:
    """Seconds that a clip of ten seconds takes, encoders included."""
    import tensorflow as tf

    (request,) = saved_requests(folder).values()
    request["frames"] = np.repeat(request["frames"], frames, axis=2)
    with tf.compat.v1.Session(graph=tf.Graph()) as session:
        path = folder / "saved_model"
        loaded = tf.compat.v1.saved_model.loader.load(session, ["serve"], str(path))
        definition = loaded.signature_def["localize_media"]
        call = session.make_callable(
            [tensor.name for tensor in definition.outputs.values()],
            feed_list=[definition.inputs[key].name for key in request],
        )
        return {"latency": float(np.median(seconds(call, list(request.values()), 3)))}


def served(folder: pathlib.Path, requests: int) -> dict:
    """Cold start, and by signature latencies at batch 1 and records a second at batch 64."""
    start = time.perf_counter()
    import tensorflow as tf

    imported = time.perf_counter()
    requests_by_signature = saved_requests(folder)  # takes eager mode, which a session ends
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
                "batch": float(np.median(seconds(call, many, max(requests // 20, 5)))),
            }
    return found


def eager(folder: pathlib.Path, requests: int) -> dict:
    """Records a second of the Keras model called eagerly, one clip at a time."""
    import keras

    import avel_tf.models  # noqa: F401  registers its classes

    model = keras.saving.load_model(folder / "model.keras")
    random = np.random.default_rng(0)
    shapes = {"audio_features": (1, 10, 128), "visual_features": (1, 10, 7, 7, 512)}
    shapes["event_relevance"] = (1, 10)
    record = {name: random.random(shapes[name], np.float32) for name in model.input}
    return {"records_a_second": 1 / np.median(seconds(model, [record], requests))}


def saved_requests(folder: pathlib.Path) -> dict:
    """Requests of one record by signature, from the warm-up file."""
    from avel_tf.warm_up import read_warm_up

    return dict(read_warm_up(folder / "saved_model"))


def in_process(kind: str, folder: pathlib.Path, requests: int) -> dict:
    """One measurement in a fresh process."""
    command = [sys.executable, __file__, "--measure", kind, str(folder), str(requests)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return json.loads(done.stdout.splitlines()[-1])


def main() -> None:
    """Measures and prints a table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--requests", type=int, default=200, metavar="N", help="of batch 1")
    parser.add_argument("--media", type=int, metavar="F", help="of frames and sound instead")
    parser.add_argument("--measure", nargs=3, help=argparse.SUPPRESS)
    flags = parser.parse_args()
    if flags.measure:
        kind, folder, requests = flags.measure
        measure = {"served": served, "served_media": served_media, "eager": eager}[kind]
        print(json.dumps(measure(pathlib.Path(folder), int(requests))))
        return
    if flags.media:
        with tempfile.TemporaryDirectory() as name:
            export_media(pathlib.Path(name))
            found = in_process("served_media", pathlib.Path(name), flags.media)
        print(f"localize_media: {found['latency']:.1f} s for a clip of ten seconds")
        return
    print("| Signature | p50, ms | p95 | p99 | first | records/s at 64 | times eager, one by one |")
    print("| --- | --- | --- | --- | --- | --- | --- |")
    starts = []
    for task in ("sel", "cml"):
        with tempfile.TemporaryDirectory() as name:
            folder = pathlib.Path(name)
            export(task, folder)
            found = in_process("served", folder, flags.requests)
            one_by_one = in_process("eager", folder, flags.requests)["records_a_second"]
        starts.append(f"{task}: TensorFlow {found['import']:.1f} s, model {found['load']:.2f} s")
        for signature, each in found["signatures"].items():
            p50, p95, p99 = np.quantile(each["latency"], [0.5, 0.95, 0.99]) * 1000
            rate = BATCH / each["batch"]
            print(
                f"| {task}: {signature} | {p50:.1f} | {p95:.1f} | {p99:.1f} "
                f"| {1000 * each['first']:.0f} | {rate:.0f} | {rate / one_by_one:.1f} |",
                flush=True,
            )
    print("Cold start: " + "; ".join(starts))


if __name__ == "__main__":
    main()
