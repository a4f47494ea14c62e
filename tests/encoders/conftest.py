"""Encoders shared by all tests, because they are large."""

import contextlib
import importlib.util
import pathlib

import numpy as np
import pytest

from avel_tf.encoders import Vgg19Encoder, VggishEncoder


@pytest.fixture(scope="session")
def vgg19():
    return Vgg19Encoder(weights="random", seed=0)


@pytest.fixture(scope="session")
def vgg19_in_bfloat16():
    return Vgg19Encoder(weights="random", precision="bfloat16", seed=0)


@pytest.fixture(scope="session")
def vggish():
    return VggishEncoder(weights="random", seed=0)


@pytest.fixture(scope="session")
def reference():
    """The module `reference.py`, which is not on the import path."""
    file = pathlib.Path(__file__).parent / "reference.py"
    spec = importlib.util.spec_from_file_location("reference", file)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def with_biases():
    """Function that sets an encoder's biases, zero in random weights, until the test ends."""
    with contextlib.ExitStack() as stack:

        def give(encoder):
            weights = encoder.model.get_weights()
            stack.callback(encoder.model.set_weights, weights)
            generator = np.random.default_rng(1)
            weights = [
                generator.normal(0, 0.1, array.shape) if array.ndim == 1 else array
                for array in weights
            ]
            encoder.model.set_weights(weights)
            return encoder.model.get_weights()

        yield give
