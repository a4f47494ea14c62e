"""Fixtures for the tests of all layers."""

import keras
import numpy as np
import pytest
from keras import ops

# Whichever is faster: eager JAX compiles every operation separately.
RUN_EAGERLY = keras.config.backend() == "tensorflow"


class Probe(keras.Model):
    """Applies a layer to its own weights, so that a training step updates its inputs too."""

    def __init__(self, layer, arguments):
        super().__init__()
        self.layer = layer
        self.arguments = [
            self.add_weight(shape=np.shape(array), initializer="zeros") for array in arguments
        ]
        for weight, array in zip(self.arguments, arguments, strict=True):
            weight.assign(array)

    def call(self, inputs):
        return self.layer(*self.arguments)


@pytest.fixture
def gradients():
    """Function that returns the gradients of a layer's mean squared output.

    Returns those of its arguments, then of its weights. They are taken from one step of gradient
    descent, which works on every Keras backend.
    """

    def compute(layer, *arguments):
        model = Probe(layer, arguments)
        model.compile(
            keras.optimizers.SGD(1.0),
            loss=lambda _, output: ops.mean(output**2),
            run_eagerly=RUN_EAGERLY,
        )
        before = model.get_weights()
        unused = np.zeros((len(arguments[0]), 1))
        model.train_on_batch(unused, unused)
        return [old - new for old, new in zip(before, model.get_weights(), strict=True)]

    return compute
