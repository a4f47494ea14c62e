"""Layers, models and their math run on any Keras backend, without TensorFlow."""

import ast
import importlib.util
import os
import pathlib
import subprocess
import sys

import pytest

import avel_tf

PACKAGE = pathlib.Path(avel_tf.__file__).parent
MODULES = [
    "__init__.py",
    "canonical_correlation.py",
    "choices.py",
    "layers",
    "localization.py",
    "losses",
    "metrics.py",
    "models",
    "models/baselines",
    "models/followers",
    "presets.py",
    "evaluation/__init__.py",
    "evaluation/trivial_baselines.py",
    "utils",
]

SCRIPT = """
import sys

sys.modules["tensorflow"] = None  # any import of it fails

import keras
import numpy as np

import avel_tf.canonical_correlation
import avel_tf.layers
import avel_tf.localization
import avel_tf.evaluation.trivial_baselines
from avel_tf.choices import RELEVANCE_LOSSES, SEGMENT_LOSSES, SUPERVISIONS
from avel_tf.losses import localization_losses, localization_targets
from avel_tf.metrics import localization_metrics
from avel_tf.models import SYSTEMS

assert keras.backend.backend() == sys.argv[1]
rng = np.random.default_rng(0)
inputs = {
    "audio_features": rng.normal(size=(2, 10, 6)),
    "visual_features": rng.normal(size=(2, 10, 2, 3, 8)),
    "event_relevance": np.repeat([[0.0] * 4 + [1.0] * 6], 2, axis=0),
}
labels = {
    "event_relevance": inputs["event_relevance"],
    "event_category": np.array([1, 2]),
    "segment_label": np.repeat([[28] * 4 + [1] * 6], 2, axis=0),
}
MAP, MEAN = {"visual_shape": (2, 3, 8)}, {"visual_dim": 8}
PLAIN = {"units": 8, "num_heads": 2}
FULL = PLAIN | {"block": "full", "normalization": "batch"}
GRU = PLAIN | {"embedding": "gru", "matching": "self"}
SIZES = {
    "sel": {
        "dam": [MAP | PLAIN, MAP | FULL, MAP | GRU, MAP | PLAIN | {"matching": "none"}],
        "avsdn": [MEAN | {"units": 4}],
        "ed_tcn": [MEAN],
    },
    "cml": {
        "dam": [MEAN | PLAIN, MEAN | FULL, MEAN | GRU],
        "avdln": [MEAN],
        "dcca": [MEAN | {"hidden_units": 8, "units": 4}],
    },
}
for task, systems in SYSTEMS.items():
    for system, make_model in systems.items():
        for sizes in SIZES[task].get(system, [MAP | {"units": 4}]):
            model = make_model(audio_dim=6, **sizes)
            # Compiled as a whole, which is faster on JAX than operation by operation.
            outputs = model.predict_on_batch({name: inputs[name] for name in model.input})
            assert all(np.isfinite(output).all() for output in outputs.values()), system
            targets = localization_targets(outputs, labels)
            for relevance in RELEVANCE_LOSSES:
                for segment in SEGMENT_LOSSES:
                    for supervision in SUPERVISIONS:
                        losses, _ = localization_losses(
                            outputs, relevance, segment_loss=segment, supervision=supervision
                        )
                        for name, loss in losses.items():
                            assert np.isfinite(loss(targets[name], outputs[name])), (system, name)
            metrics = localization_metrics(outputs)
            assert losses and metrics
            for name, attached in metrics.items():
                for metric in attached:
                    metric.update_state(targets[name], outputs[name])
                    assert 0 <= metric.result() <= 1, (system, name)
"""


# No other of these files imports `progress`; h5py comes with Keras, which stores weights by it.
EXCEPTIONS = {("progress.py", "tqdm"), ("weights_file.py", "h5py")}


def imported_modules(path):
    for node in ast.walk(ast.parse(path.read_text())):  # inside functions too
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def test_only_keras_numpy_and_each_other_are_imported():
    paths = [file for name in MODULES for file in sorted((PACKAGE / name).glob("*.py"))]
    paths += [PACKAGE / name for name in MODULES if name.endswith(".py")]
    own = (
        "avel_tf.__version__",
        *(f"avel_tf.{name.removesuffix('.py').replace('/', '.')}" for name in MODULES),
    )
    imported = {(path.name, name) for path in paths for name in imported_modules(path)}
    assert len(paths) > len(MODULES) and ("event_masked_attention.py", "keras.ops") in imported
    others = {
        (path, name)
        for path, name in imported
        if name.partition(".")[0] not in {"keras", "numpy", *sys.stdlib_module_names}
        and not name.startswith(own)
        and (path, name) not in EXCEPTIONS
    }
    assert not others


@pytest.mark.parametrize("backend", ["numpy", "jax"])
def test_forward_pass_without_tensorflow(backend, tmp_path):
    if importlib.util.find_spec("jax") is None:
        pytest.skip(f"Keras's {backend} backend needs the package jax, which is not installed")
    environment = {**os.environ, "KERAS_BACKEND": backend, "KERAS_HOME": str(tmp_path)}
    subprocess.run([sys.executable, "-c", SCRIPT, backend], check=True, env=environment)
