"""Every example in the docstrings of the Keras side runs as it stands."""

import inspect
import re

import numpy as np
import pytest

from avel_tf import layers, losses, models

OBJECTS = [getattr(module, name) for module in (layers, models) for name in module.__all__]
EXAMPLES = {
    item.__name__: re.findall(r"```python\n(.*?)```", inspect.getdoc(item), re.DOTALL)
    for item in [*OBJECTS, losses.localization_losses]
    if callable(item)
}


@pytest.mark.parametrize("name", EXAMPLES)
def test_example(name):
    assert len(EXAMPLES[name]) == 1
    names = {"np": np, **vars(layers), **vars(models), **vars(losses)}
    exec(EXAMPLES[name][0], names)
