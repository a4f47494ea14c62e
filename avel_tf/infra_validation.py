"""Whether a SavedModel can be served: in a process of its own, before it is pushed."""

import json
import pathlib
import signal
import subprocess
import sys
import tempfile

import numpy as np
import tensorflow as tf

from avel_tf import serving_check
from avel_tf.configuration import InfraValidationConfig
from avel_tf.export import label_names
from avel_tf.keras_files import load_system
from avel_tf.records import parse_examples
from avel_tf.signatures import signatures
from avel_tf.warm_up import read_warm_up

AGAIN = "Run the pipeline again on a machine with less to do or more memory."
TOLERANCE = 1e-3  # of probabilities and scores, between two ways to run the same float32 graph


def validate_serving(
    config: InfraValidationConfig, saved_model: pathlib.Path, keras_model: pathlib.Path
) -> dict:
    """Loads a SavedModel as TF Serving does and compares its answers with the Keras model's.

    Args:
        config: `InfraValidationConfig`.
        saved_model: Folder of the SavedModel, with its warm-up requests.
        keras_model: File of the Keras model it was made of.
    Returns:
        Dict of `servable`; `reasons`, why it is not; and, as far as it came, `load_seconds`,
        `slowest_request_seconds` and `peak_memory_gib`.
    Raises:
        RuntimeError: If the process that serves it is killed or gives no answer in time: perhaps
            the machine's fault, so no verdict.
    """
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder, "answers.npz")
        measured, reasons = _serve(config, saved_model, path)
        if not reasons:
            with np.load(path) as answers:
                reasons = _differences(saved_model, keras_model, answers)
    limits = {
        "load_seconds": config.max_load_seconds,
        "slowest_request_seconds": config.max_request_seconds,
        "peak_memory_gib": config.max_memory_gib,
    }
    reasons += [
        f"{name} is {measured[name]:.3g}, more than the limit of {limit:g}."
        for name, limit in limits.items()
        if measured.get(name, 0) > limit
    ]
    return {"servable": not reasons, "reasons": reasons, **measured}


def _serve(
    config: InfraValidationConfig, saved_model: pathlib.Path, answers: pathlib.Path
) -> tuple[dict, list[str]]:
    command = [sys.executable, "-I", serving_check.__file__, str(saved_model), str(answers)]
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=config.max_process_seconds
        )
    except subprocess.TimeoutExpired:
        raise RuntimeError(
            f"The model gave no answer within {config.max_process_seconds:g} s. {AGAIN}"
        ) from None
    if done.returncode < 0:
        name = signal.Signals(-done.returncode).name
        raise RuntimeError(f"The process that served the model was ended by {name}. {AGAIN}")
    if done.returncode:
        last = (done.stderr.strip().splitlines() or [f"exit status {done.returncode}"])[-1]
        return {}, [f"It does not load or answer: {last}"]
    measured = json.loads(done.stdout.splitlines()[-1])
    foreign = measured.pop("foreign_ops")
    return measured, [f"Operations outside TensorFlow: {', '.join(foreign)}."] if foreign else []


def _differences(saved_model: pathlib.Path, keras_model: pathlib.Path, answers) -> list[str]:
    model = load_system(keras_model)
    names = label_names(saved_model / "assets" / "labels.txt")
    served = signatures(model, names)
    reasons = []
    for signature, request in read_warm_up(saved_model):
        if signature == "serving_default":
            features = parse_examples(tf.constant(request["examples"]), tuple(model.input))
            features = {name: tf.cast(value, tf.float32) for name, value in features.items()}
            expected = tf.function(model)(features)
        else:
            function, specs = served[signature]
            expected = tf.function(function)(*(tf.constant(request[spec.name]) for spec in specs))
        reasons += [
            f"{signature} answers `{name}` otherwise than the Keras model."
            for name, value in expected.items()
            if not _agree(answers[f"{signature}/{name}"], value.numpy())
        ]
    return reasons


def _agree(answer: np.ndarray, expected: np.ndarray) -> bool:
    if expected.dtype == object:
        expected = expected.astype(bytes)
    if expected.dtype.kind != "f":
        return np.array_equal(answer, expected)
    return answer.shape == expected.shape and np.allclose(
        answer, expected, rtol=TOLERANCE, atol=TOLERANCE
    )
