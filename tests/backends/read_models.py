"""Loads the models of `write_models.py` on any backend and compares outputs with the writer's.

KERAS_BACKEND=jax python tests/backends/read_models.py FOLDER
"""

import pathlib
import sys

import keras
import numpy as np

# A .keras file refers to classes of all three, which must be imported before it loads.
from avel_tf import losses, metrics, models  # noqa: F401
from avel_tf.presets import from_preset

TOLERANCE = 1e-5  # relative to an output's largest value: logits are long sums, which may cancel
OTHER_TOLERANCES = {"cml_dcca": 1e-4}  # the inverse of a covariance magnifies rounding
FOLDER = pathlib.Path(sys.argv[1])

SYSTEMS = [f"{task}_{system}" for task, systems in models.SYSTEMS.items() for system in systems]
for system in SYSTEMS:
    inputs = dict(np.load(FOLDER / f"{system}_inputs.npz"))
    expected = np.load(FOLDER / f"{system}_outputs.npz")
    for path in (FOLDER / f"{system}.keras", FOLDER / system):
        model = from_preset(path) if path.is_dir() else keras.saving.load_model(path)
        outputs = model.predict_on_batch(inputs)
        assert outputs.keys() == set(expected)
        differences = []
        for name, value in outputs.items():
            scale = max(1.0, np.abs(expected[name]).max())
            differences.append(np.abs(value - expected[name]).max() / scale)
            tolerance = OTHER_TOLERANCES.get(system, TOLERANCE)
            assert differences[-1] <= tolerance, (path, name, differences[-1])  # NaN fails too
        print(f"{path} gives the same outputs on {keras.backend.backend()}: {max(differences):.1e}")
