"""LSTM cell with two bias vectors, as in published weights."""

import math
from typing import Any

import keras
from keras import ops

from avel_tf.utils.arguments import check_positive_integer


@keras.saving.register_keras_serializable(package="avel_tf")
class TwoBiasLSTMCell(keras.layers.Layer):
    """One step of an LSTM with separate biases for its input and recurrent products.

    With gates i, f, g, o in this order along the last axis:

        z = x W + b + h U + r
        c' = sigmoid(z_f) c + sigmoid(z_i) tanh(z_g)
        h' = sigmoid(z_o) tanh(c')

    The recurrent bias r is redundant: `keras.layers.LSTMCell` with the bias b + r computes the
    same function. It exists so that weights and parameter counts published with two biases fit.
    Kernels and biases start uniform in +-1/sqrt(units), as the published ones did. To be wrapped
    in `keras.layers.RNN`.

    B: batch, D: feature width.

    Args:
        units: Integer. Width of the state.
    Call arguments:
        inputs: Float tensor (B, D), one segment.
        states: List of two float tensors (B, units): the last output h, the carry c.
    Returns:
        Float tensor (B, units), and the list of new states.
    Raises:
        ValueError: If `units` is not positive.
    Example:

    ```python
    layer = keras.layers.RNN(TwoBiasLSTMCell(128), return_sequences=True)
    assert layer(np.ones((1, 10, 512))).shape == (1, 10, 128)
    ```

    Reference: Tian et al., ECCV 2018; Hochreiter and Schmidhuber, Neural Computation 1997.
    """

    def __init__(self, units: int, **kwargs: Any):
        check_positive_integer("units", units)
        super().__init__(**kwargs)
        self.units = units
        self.state_size = [units, units]
        self.output_size = units

    def build(self, inputs_shape):
        gates, limit = 4 * self.units, 1 / math.sqrt(self.units)
        for name, shape in (
            ("kernel", (inputs_shape[-1], gates)),
            ("recurrent_kernel", (self.units, gates)),
            ("bias", (gates,)),
            ("recurrent_bias", (gates,)),
        ):
            # A new initializer for each weight: one called twice returns the same values.
            initializer = keras.initializers.RandomUniform(-limit, limit)
            setattr(self, name, self.add_weight(shape, initializer=initializer, name=name))

    def call(self, inputs, states):
        output, carry = states
        z = ops.matmul(inputs, self.kernel) + self.bias
        z = z + ops.matmul(output, self.recurrent_kernel) + self.recurrent_bias
        write, keep, candidate, read = ops.split(z, 4, axis=-1)
        carry = ops.sigmoid(keep) * carry + ops.sigmoid(write) * ops.tanh(candidate)
        output = ops.sigmoid(read) * ops.tanh(carry)
        return output, [output, carry]

    def get_config(self):
        return {**super().get_config(), "units": self.units}
