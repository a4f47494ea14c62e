"""Makes the golden preset and its outputs, on TensorFlow: python tests/golden/make_preset.py"""

import pathlib
import shutil

import keras
import numpy as np

from avel_tf.models import CrossModalityLocalizer
from avel_tf.presets import save_to_preset

FOLDER = pathlib.Path(__file__).parent
keras.utils.set_random_seed(0)
random = np.random.default_rng(0)
inputs = {
    "audio_features": random.random((2, 5, 6), np.float32),
    "visual_features": random.random((2, 5, 2, 2, 8), np.float32),
    "event_relevance": np.array([[0, 1, 1, 1, 0], [1, 1, 1, 1, 1]], np.float32),
}
model = CrossModalityLocalizer(
    audio_dim=6, visual_dim=8, units=8, num_heads=2, block="full", normalization="batch"
)
# Other moving averages than those of a new model.
model.set_weights([weights + 0.1 for weights in model.get_weights()])
shutil.rmtree(FOLDER / "preset", ignore_errors=True)
save_to_preset(model, FOLDER / "preset")
outputs = {name: keras.ops.convert_to_numpy(value) for name, value in model(inputs).items()}
np.savez(FOLDER / "preset_inputs.npz", **inputs)
np.savez(FOLDER / "preset_outputs.npz", **outputs)
