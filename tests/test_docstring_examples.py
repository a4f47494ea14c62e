"""Every example in the docstrings of the Keras-only modules runs as written."""

import inspect
import re

import keras
import numpy as np
import pytest

from avel_tf import canonical_correlation, layers, losses, metrics, models, optimizers, presets

# All layers and models have one, and some of the others.
MODULES = (layers, models, canonical_correlation, losses, metrics, optimizers, presets)
OBJECTS = [getattr(module, name) for module in (layers, models) for name in module.__all__]
for module in MODULES[2:]:
    OBJECTS += [
        item
        for item in vars(module).values()
        if getattr(item, "__module__", "").startswith(module.__name__)
        and "```" in (item.__doc__ or "")
    ]
EXAMPLES = {
    item.__name__: re.findall(r"```python\n(.*?)```", inspect.getdoc(item), re.DOTALL)
    for item in OBJECTS
    if callable(item)
}


def test_every_kind_has_examples():
    assert {
        "EventMaskedSelfAttention",
        "EncoderDecoderTCN",
        "DeepCanonicalCorrelation",
        "CanonicalCorrelationLoss",
        "CanonicalProjection",
        "from_preset",
        "localization_losses",
        "PytorchAdam",
    } <= EXAMPLES.keys()


@pytest.mark.parametrize("name", EXAMPLES)
def test_example(name, tmp_path):
    assert len(EXAMPLES[name]) == 1
    names = {"np": np, "keras": keras, "folder": tmp_path / "new"}
    for module in MODULES:
        names |= vars(module)
    exec(EXAMPLES[name][0], names)
