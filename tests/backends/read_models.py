"""Loads what `write_models.py` wrote, on any backend, and holds its answers to the writer's.

KERAS_BACKEND=jax python tests/backends/read_models.py FOLDER
"""

import pathlib
import sys

import keras
import numpy as np

# A .keras file names classes of all three, and finds them once they are imported.
from avel_tf import losses, metrics, models  # noqa: F401
from avel_tf.presets import from_preset

TOLERANCE = 1e-5  # of an output's largest value: logits are long sums, which may cancel
FOLDER = pathlib.Path(sys.argv[1])

for task in models.SYSTEMS:
    inputs = dict(np.load(FOLDER / f"{task}_inputs.npz"))
    expected = np.load(FOLDER / f"{task}_outputs.npz")
    for path in (FOLDER / f"{task}.keras", FOLDER / task):
        model = from_preset(path) if path.is_dir() else keras.saving.load_model(path)
        outputs = model.predict_on_batch(inputs)
        assert outputs.keys() == set(expected)
        differences = []
        for name, value in outputs.items():
            scale = max(1.0, np.abs(expected[name]).max())
            differences.append(np.abs(value - expected[name]).max() / scale)
            assert differences[-1] <= TOLERANCE, (path, name, differences[-1])  # NaN fails too
        print(f"{path} answers the same on {keras.backend.backend()}: {max(differences):.1e}")
