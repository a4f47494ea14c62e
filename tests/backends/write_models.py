"""Trains every system for one step on the current backend, and writes them with their outputs.

    KERAS_BACKEND=jax python tests/backends/write_models.py FOLDER

For `make test-backends`; `read_models.py` reads them in another process.
"""

import importlib.util
import pathlib
import sys

import keras
import numpy as np

import avel_tf.layers
from avel_tf.losses import localization_losses, localization_targets
from avel_tf.metrics import localization_metrics
from avel_tf.models import SYSTEMS
from avel_tf.presets import save_to_preset

FOLDER = pathlib.Path(sys.argv[1])
RANDOM = np.random.default_rng(0)
FEATURES = {
    "audio_features": RANDOM.random((4, 10, 128), np.float32),
    "visual_features": RANDOM.random((4, 10, 7, 7, 512), np.float32),
    "event_relevance": np.repeat([[0.0] * 4 + [1.0] * 6], 4, axis=0).astype(np.float32),
}
LABELS = {
    "event_relevance": FEATURES["event_relevance"],
    "event_category": np.array([0, 5, 27, 28]),
    "segment_label": np.array([[28] * 4 + [label] * 6 for label in (0, 5, 27, 28)]),
}

assert "site-packages" in avel_tf.__file__, "the checkout was imported, not what pip installed"
for other in {"tensorflow", "jax"} - {keras.backend.backend()}:
    assert importlib.util.find_spec(other) is None, f"{other} is installed next to the backend"

FOLDER.mkdir(parents=True)
# With state besides the weights of projections: normalization, moving averages, dropout.
VARIANTS = {
    "dam": {"block": "full", "dropout": 0.1, "normalization": "batch"},
    "dcca": {"units": 4},  # more directions could not be told apart with so few records
}
for task, system in [(task, system) for task, systems in SYSTEMS.items() for system in systems]:
    keras.utils.set_random_seed(0)
    name = f"{task}_{system}"
    model = SYSTEMS[task][system](**VARIANTS.get(system, {}))
    inputs = {name: FEATURES[name] for name in model.input}
    losses, loss_weights = localization_losses(model.output)
    model.compile("adam", losses, loss_weights, localization_metrics(model.output))
    before = model.get_weights()
    results = model.train_on_batch(
        inputs, localization_targets(model.output, LABELS), return_dict=True
    )
    assert np.isfinite(list(results.values())).all(), results
    changed = sum(not np.array_equal(*pair) for pair in zip(before, model.get_weights()))
    assert changed > len(before) / 2, f"{changed} of {len(before)} weights changed"

    model.save(FOLDER / f"{name}.keras")
    save_to_preset(model, FOLDER / name)
    np.savez(FOLDER / f"{name}_inputs.npz", **inputs)
    np.savez(FOLDER / f"{name}_outputs.npz", **model.predict_on_batch(inputs))
    print(f"{name} trained for one step on {keras.backend.backend()}: loss {results['loss']:.4f}")
