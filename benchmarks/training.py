"""Measures a training step: seconds, memory, share of the machine's matrix-multiply peak.

    python benchmarks/training.py                        # TensorFlow
    python benchmarks/training.py --systems dam cmbs     # the steps of these
    python benchmarks/training.py --profile dam cmbs     # what their steps spend their time on
    KERAS_BACKEND=jax python benchmarks/training.py      # JAX, where TensorFlow may be absent

Batches have 64 records with full (10, 7, 7, 512) maps in half precision, as stored. Each line is
measured in a separate process. On TensorFlow the input pipeline is measured too, on simulated
records or on those of --examples.
"""

import argparse
import collections
import json
import os
import pathlib
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence

from avel_tf.choices import SYSTEMS as NAMES

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

PRECISIONS = {"float32": "float32", "mixed_bfloat16": "bfloat16"}
SYSTEMS = ("dam", "audio_visual_attention")
BATCH, SEGMENTS, REGIONS, CHANNELS, AUDIO = 64, 10, 49, 512, 128
TRAIN_RECORDS = 3339
WARM_UP = 3
KINDS = 15  # of operations, in a profile


def gflop_per_step(model) -> float:
    """Counts multiplications and additions of all matrix products, forward and backward.

    Of the systems whose maps are only seen by the attention of the paper; not a number for others.
    """
    if "audio_guided_attention" not in {layer.name for layer in model.layers}:
        return float("nan")
    rows = BATCH * SEGMENTS * REGIONS
    attention = model.get_layer("audio_guided_attention")
    first, second = CHANNELS * attention.units, attention.units * REGIONS
    # Data needs no gradient, so the first product has two passes and later ones three.
    regions = rows * (2 * first + 3 * second + 2 * CHANNELS)
    rest = model.count_params() - first - second
    return 2 * (regions + 3 * rest * BATCH * SEGMENTS) / 1e9


def matmul_peak(dtype: str) -> float:
    """Measures the best rate of 4096 × 4096 products, in GFLOP/s."""
    import keras
    import numpy as np

    size = 4096
    inputs = keras.Input((size,), dtype=dtype)
    weights = keras.ops.convert_to_tensor(np.random.default_rng(0).random((size, size)), dtype)
    model = keras.Model(inputs, keras.ops.matmul(inputs, weights))
    model.compile(jit_compile=False)
    seconds = []
    for _ in range(6):
        start = time.perf_counter()
        keras.ops.convert_to_numpy(model(weights))
        seconds.append(time.perf_counter() - start)
    return 2 * size**3 / min(seconds) / 1e9


def measure_step(
    system: str, precision: str, xla: bool, steps: int, callbacks: Sequence = ()
) -> dict:
    """Measures the median seconds of a training step, in this process."""
    import keras
    import numpy as np

    from avel_tf.losses import localization_losses, localization_targets
    from avel_tf.models import SYSTEMS as MODELS

    keras.utils.set_random_seed(0)
    model = MODELS["sel"][system](dtype=precision)
    losses, weights = localization_losses(model.output)
    model.compile(keras.optimizers.Adam(), losses, weights, jit_compile=xla)
    random = np.random.default_rng(0)
    features = {
        "audio_features": random.random((BATCH, SEGMENTS, AUDIO), "float32").astype("float16"),
        "visual_features": random.random((BATCH, SEGMENTS, 7, 7, CHANNELS), "float32").astype(
            "float16"
        ),
    }
    category = random.integers(0, 28, BATCH)
    relevance = (random.random((BATCH, SEGMENTS)) < 0.8).astype("float32")
    labels = {
        "event_category": category,
        "event_relevance": relevance,
        "segment_label": np.where(relevance > 0, category[:, None], 28),
    }
    targets = localization_targets(model.output, labels)
    ends = []
    clock = keras.callbacks.LambdaCallback(
        on_train_batch_end=lambda batch, logs: ends.append(time.perf_counter())
    )
    batches = repeated(features, targets, WARM_UP + steps)
    model.fit(batches, callbacks=[clock, *callbacks], verbose=0)
    seconds = np.diff(ends)[WARM_UP - 1 :]
    return {"seconds": float(np.median(seconds)), "gflop": gflop_per_step(model)}


def profile_step(system: str, precision: str, steps: int) -> dict:
    """Measures the time in each kind of operation, as a share of all; they overlap in time."""
    import keras
    import tensorflow as tf
    from tensorflow.tsl.profiler.protobuf import xplane_pb2

    class Profiler(keras.callbacks.Callback):
        def on_train_batch_begin(self, batch, logs=None):
            if batch == WARM_UP:
                tf.profiler.experimental.start(folder)

        def on_train_end(self, logs=None):
            tf.profiler.experimental.stop()

    with tempfile.TemporaryDirectory() as folder:
        measure_step(system, precision, False, steps, [Profiler()])
        (path,) = pathlib.Path(folder).rglob("*.xplane.pb")
        space = xplane_pb2.XSpace.FromString(path.read_bytes())
    (host,) = (plane for plane in space.planes if plane.name == "/host:CPU")
    spent = collections.Counter()
    for event in (event for line in host.lines for event in line.events):
        place, _, kind = host.event_metadata[event.metadata_id].name.rpartition(":")
        if "/" in place:  # an operation of the graph
            kind = kind.removeprefix("_Mkl")
            spent[f"{kind}, backward" if "gradient_tape" in place else kind] += event.duration_ps
    return {kind: picoseconds / spent.total() for kind, picoseconds in spent.items()}


def repeated(features: dict, targets: dict, steps: int):
    """Repeats one batch, in a form that the backend takes."""
    import keras

    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        return tf.data.Dataset.from_tensors((features, targets)).repeat(steps)
    return (batch for batch in [(features, targets)] * steps)


def measure_reading(dataset: pathlib.Path) -> dict:
    """Measures records per second read from shards as they are, and unpacked."""
    from avel_tf.records import DatasetFolder, read_batches, unpack_shards

    names = ("audio_features", "event_category", "event_relevance", "segment_label")
    rates = {}
    with tempfile.TemporaryDirectory() as unpacked:
        train = DatasetFolder(dataset).split_path("train")
        unpack_shards(train, pathlib.Path(unpacked))
        for name, folder in (("packed", train), ("unpacked", unpacked)):
            batches = read_batches(folder, BATCH, (*names, "visual_features"), epochs=range(2))
            start = time.perf_counter()
            records = sum(len(batch["event_category"]) for batch in batches)
            rates[name] = records / (time.perf_counter() - start)
    return rates


def measure_training(dataset: pathlib.Path, precision: str, in_memory: bool) -> dict:
    """Measures the second epoch of DAM-SEL, validation and checkpoint included."""
    from avel_tf.configuration import TrainingConfig
    from avel_tf.records import DatasetFolder
    from avel_tf.serving.model_folder import ModelFolder
    from avel_tf.training import fitting
    from avel_tf.training import train as training
    from avel_tf.training.run_folder import RunFolder

    class TimedAccuracy(fitting.ValAccuracy):
        ends = []

        def on_epoch_end(self, epoch, logs=None):
            super().on_epoch_end(epoch, logs)
            self.ends.append(time.perf_counter())

    fitting.ValAccuracy = TimedAccuracy
    config = TrainingConfig("sel", epochs=2, precision=precision, in_memory=in_memory)
    with tempfile.TemporaryDirectory() as folder:
        model, run, working = (pathlib.Path(folder, name) for name in ("model", "run", "working"))
        for each in (model, run, working):
            each.mkdir()
        training.train(config, DatasetFolder(dataset), ModelFolder(model), RunFolder(run), working)
    return {"seconds": TimedAccuracy.ends[1] - TimedAccuracy.ends[0]}


def in_process(*arguments: str) -> dict:
    """Runs one measurement in a fresh process, which adds its peak memory."""
    command = [sys.executable, __file__, "--measure", *arguments]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode and arguments[0] != "step":
        sys.exit(done.stderr)
    if done.returncode:  # shown in the table: not every processor supports all variants
        return {"error": done.stderr.strip().splitlines()[-1]}
    return json.loads(done.stdout.splitlines()[-1])


def report(systems: Sequence[str], steps: int) -> None:
    """Prints a table of training steps."""
    print("| System | Precision | XLA | s/step | s/epoch | GFLOP/step | of peak | GiB |")
    print("| --- | --- | --- | --- | --- | --- | --- | --- |")
    for precision, dtype in PRECISIONS.items():
        peak = in_process("peak", dtype)
        for system in systems:
            for xla in ("no", "yes"):
                cells = [system, precision, xla]
                result = in_process("step", system, precision, xla, str(steps))
                if "error" in result:
                    print("| " + " | ".join([*cells, f"failed: {result['error'][:80]}"]) + " |")
                    continue
                rate = result["gflop"] / result["seconds"]
                epoch = result["seconds"] * -(-TRAIN_RECORDS // BATCH)
                cells += [f"{result['seconds']:.3f}", f"{epoch:.1f}", f"{result['gflop']:.1f}"]
                cells += [f"{rate / peak['gflops']:.0%}", f"{result['gib']:.1f}"]
                print("| " + " | ".join(cells) + " |", flush=True)
        print(f"Peak of {dtype} matrix products: {peak['gflops']:.0f} GFLOP/s", flush=True)


def report_profiles(systems: Sequence[str], steps: int) -> None:
    """Prints what a training step in bfloat16 spends its time on."""
    for system in systems:
        shares = in_process("profile", system, "mixed_bfloat16", str(steps))
        del shares["gib"]
        print(f"\n{system}:")
        for kind, share in sorted(shares.items(), key=lambda item: -item[1])[:KINDS]:
            print(f"{share:6.1%}  {kind}", flush=True)


def report_input(examples: pathlib.Path | None) -> None:
    """Prints how fast records are read, and how much reading them slows training."""
    with tempfile.TemporaryDirectory() as folder:
        if examples is None:
            examples = pathlib.Path(folder, "examples")
            arguments = ["features", str(examples), "--format", "tfrecord", "--num_records", "800"]
            subprocess.run([sys.executable, "-m", "avel_tf", "simulate", *arguments], check=True)
        rates = in_process("reading", str(examples))
        print(f"Reading only: {rates['packed']:.0f} records/s, unpacked {rates['unpacked']:.0f}")
        for precision in PRECISIONS:
            streamed, kept = (
                in_process("training", str(examples), precision, place)
                for place in ("streamed", "memory")
            )
            print(
                f"DAM-SEL, {precision}: an epoch from shards takes "
                f"{streamed['seconds'] / kept['seconds']:.2f} times what it takes from memory "
                f"({kept['seconds']:.1f} s); peak memory {streamed['gib']:.1f} and "
                f"{kept['gib']:.1f} GiB",
                flush=True,
            )


def measure(kind: str, *arguments: str) -> None:
    """Prints one measurement as JSON."""
    if kind == "peak":
        result = {"gflops": matmul_peak(*arguments)}
    elif kind == "reading":
        result = measure_reading(pathlib.Path(*arguments))
    elif kind == "training":
        examples, precision, place = arguments
        result = measure_training(pathlib.Path(examples), precision, place == "memory")
    elif kind == "profile":
        system, precision, steps = arguments
        result = profile_step(system, precision, int(steps))
    else:
        system, precision, xla, steps = arguments
        result = measure_step(system, precision, xla == "yes", int(steps))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    print(json.dumps({**result, "gib": peak / 2**20}))


def main() -> None:
    """Measures everything."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--systems",
        nargs="+",
        choices=NAMES["sel"],
        metavar="NAME",
        help=f"only the steps of these (default: {' and '.join(SYSTEMS)}, and the input)",
    )
    parser.add_argument(
        "--profile",
        nargs="+",
        choices=NAMES["sel"],
        metavar="NAME",
        help="only what the steps of these spend their time on, by TensorFlow's profiler",
    )
    parser.add_argument("--steps", type=int, default=12, metavar="N", help="of each measurement")
    parser.add_argument(
        "--examples", type=pathlib.Path, metavar="DIR", help="dataset to read (default: simulated)"
    )
    parser.add_argument("--measure", nargs="+", help=argparse.SUPPRESS)
    flags = parser.parse_args()
    if flags.measure:
        measure(*flags.measure)
        return
    if flags.profile:
        report_profiles(flags.profile, flags.steps)
        return
    report(flags.systems or SYSTEMS, flags.steps)
    if not flags.systems and os.environ.get("KERAS_BACKEND", "tensorflow") == "tensorflow":
        report_input(flags.examples)


if __name__ == "__main__":
    main()
