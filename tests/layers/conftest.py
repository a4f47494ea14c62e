"""What the tests of all layers share."""

import keras
import numpy as np
import pytest
from keras import ops

# Whichever takes less: JAX, if eager, compiles every operation apart.
RUN_EAGERLY = keras.config.backend() == "tensorflow"


class Probe(keras.Model):
    """Applies a layer to weights of its own, so that a training step moves its inputs too."""

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

    They are those of its arguments, then of its weights, and come from one step of gradient
    descent: the means that every Keras backend has.
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
