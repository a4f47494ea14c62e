"""ONNX and LiteRT files, written by Keras and read by their own runtimes.

`make test` runs this with the versions of the lock file, `make test-backends` with the newest.
"""

import pathlib
import re

import keras
import numpy as np
import onnxruntime
import pytest
from ai_edge_litert.interpreter import Interpreter

from avel_tf.models import SYSTEMS
from avel_tf.models.followers import suppression
from avel_tf.presets import save_to_preset

REUSE = pathlib.Path(__file__).resolve().parents[2] / "docs" / "reuse.md"
RANDOM = np.random.default_rng(0)
INPUTS = {
    "audio_features": RANDOM.random((1, 10, 128), np.float32),
    "visual_features": RANDOM.random((1, 10, 7, 7, 512), np.float32),
    "event_relevance": np.array([[0, 0, 1, 1, 1, 1, 0, 0, 0, 0]], np.float32),
}
SMALL = {system: {"units": 8} for system in ("cpsp", "cace")}  # for their many operations
# Needs linear algebra that neither format has; are parts of CACE-Net and CPSP.
LEFT_OUT = {"dcca", "cmbs", "psp"}
CASES = [
    (task, system, SMALL.get(system, {}))
    for task, systems in SYSTEMS.items()
    for system in systems
    if system not in LEFT_OUT
]
CASES += [(task, "dam", {"block": "full", "normalization": "batch"}) for task in SYSTEMS]

pytestmark = pytest.mark.slow


def run_onnx(path, inputs):
    session = onnxruntime.InferenceSession(path)
    names = [output.name for output in session.get_outputs()]
    return dict(zip(names, session.run(None, inputs)))


def run_litert(path, inputs):
    """Runs LiteRT without the Flex delegate, so that it refuses operations of TensorFlow."""
    return Interpreter(path).get_signature_runner()(**inputs)


@pytest.mark.parametrize(("task", "system", "arguments"), CASES)
def test_exports_of_the_documentation_agree_with_keras(
    task, system, arguments, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    # Or tf2onnx would copy the graph before each of its rewrites, and hide those that fail.
    monkeypatch.setenv("TF2ONNX_CATCH_ERRORS", "FALSE")
    monkeypatch.setattr(suppression, "NUM_ENCODERS", 1)  # the second is like the first
    keras.utils.set_random_seed(0)
    model = SYSTEMS[task][system](**arguments)
    save_to_preset(model, "my_localizer")
    exec(re.search(r"```python\n(.+?)```", REUSE.read_text(), re.DOTALL)[1], {})
    inputs = {name: INPUTS[name] for name in model.input}
    expected = {name: np.asarray(output) for name, output in model(inputs).items()}
    for run, path in ((run_onnx, "localizer.onnx"), (run_litert, "localizer.tflite")):
        outputs = run(path, inputs)
        assert outputs.keys() == expected.keys()
        for name, value in expected.items():
            atol = 1e-5 * max(1, np.abs(value).max())  # logits are long sums, which may cancel
            np.testing.assert_allclose(outputs[name], value, rtol=0, atol=atol, err_msg=name)
