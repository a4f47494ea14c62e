"""Validation, in a separate process, that a SavedModel can be served before it is pushed."""

import dataclasses
import json
import pathlib
import signal
import subprocess
import sys
import tempfile

import numpy as np
import tensorflow as tf

from avel_tf.configuration import InfraValidationConfig
from avel_tf.records import parse_examples
from avel_tf.serving import serving_process
from avel_tf.serving.labels import label_names
from avel_tf.serving.loading import load_system
from avel_tf.serving.provenance import read_description
from avel_tf.serving.signatures import signatures
from avel_tf.serving.warm_up import read_warm_up

AGAIN = "Run the pipeline again on a machine with less load or more memory."
TOLERANCE = 1e-3  # for probabilities and scores from two ways to run the same float32 graph


@dataclasses.dataclass(frozen=True)
class ServingVerdict:
    """A verdict on whether a model can be served, and what was measured.

    Args:
        reasons: Tuple of sentences, why it cannot; empty if it can.
        load_seconds: Float, or None if it was not measured.
        slowest_request_seconds: The same.
        peak_memory_gib: The same.
    """

    reasons: tuple[str, ...]
    load_seconds: float | None = None
    slowest_request_seconds: float | None = None
    peak_memory_gib: float | None = None

    @property
    def servable(self) -> bool:
        """The verdict."""
        return not self.reasons


def validate_serving(
    config: InfraValidationConfig, saved_model: pathlib.Path, keras_model: pathlib.Path
) -> ServingVerdict:
    """Loads a SavedModel as TF Serving does and compares its outputs with the Keras model's.

    Args:
        config: `InfraValidationConfig`.
        saved_model: Folder of the SavedModel, with its warm-up requests.
        keras_model: File of the Keras model it was exported from.
    Raises:
        RuntimeError: If the serving process is killed or does not answer in time. The machine may
            be at fault, so this is no verdict on the model.
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
    return ServingVerdict(tuple(reasons), **measured)


def _serve(
    config: InfraValidationConfig, saved_model: pathlib.Path, answers: pathlib.Path
) -> tuple[dict[str, float], list[str]]:
    """Runs the serving process; returns what it measured and the reasons against the model."""
    command = [sys.executable, "-I", serving_process.__file__, str(saved_model), str(answers)]
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=config.max_process_seconds
        )
    except subprocess.TimeoutExpired:
        raise RuntimeError(
            f"The model did not answer within {config.max_process_seconds:g} s. {AGAIN}"
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
            examples = tf.constant(request["examples"])
            description = read_description(saved_model)
            features = parse_examples(examples, tuple(model.input), description)
            features = {name: tf.cast(value, tf.float32) for name, value in features.items()}
            expected = model(features, training=False)
        else:
            function, specs = served[signature]
            expected = function(*(tf.constant(request[spec.name]) for spec in specs))
        reasons += [
            f"{signature} returns another `{name}` than the Keras model."
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
