"""An optimizer as in published training code."""

import keras
from keras import ops


@keras.saving.register_keras_serializable(package="avel_tf")
class PytorchAdam(keras.optimizers.Adam):
    """Adam as in its paper's Algorithm 1 and in PyTorch, with their epsilon of 1e-8.

    Keras adds its epsilon, 1e-7, before the correction of bias, where it weighs some 30 times as
    much in the first step. That matters to losses with very small gradients: those of
    `SoftMarginLoss` are of the order of 1e-7.

    Args:
        learning_rate: Float or a schedule of `keras.optimizers.schedules`.
        epsilon: Float. Added to the root of the corrected mean square.
        **kwargs: As for `keras.optimizers.Adam`.
    Example:

    ```python
    weight = keras.Variable([1.0])
    PytorchAdam(0.1, epsilon=1.0).apply([np.array([1.0])], [weight])
    np.testing.assert_allclose(weight, [0.95], rtol=1e-6)
    ```

    Reference: Kingma and Ba, ICLR 2015, Algorithm 1.
    """

    def __init__(self, learning_rate=1e-3, epsilon: float = 1e-8, **kwargs):
        super().__init__(learning_rate, epsilon=epsilon, **kwargs)

    def update_step(self, gradient, variable, learning_rate):
        dtype = variable.dtype
        step = ops.cast(self.iterations + 1, dtype)
        index = self._get_variable_index(variable)
        mean, square = self._momentums[index], self._velocities[index]
        gradient = ops.cast(gradient, dtype)
        self.assign_add(mean, (gradient - mean) * (1 - self.beta_1))
        self.assign_add(square, (ops.square(gradient) - square) * (1 - self.beta_2))
        corrected_mean = mean / (1 - ops.power(ops.cast(self.beta_1, dtype), step))
        corrected_square = square / (1 - ops.power(ops.cast(self.beta_2, dtype), step))
        change = corrected_mean / (ops.sqrt(corrected_square) + self.epsilon)
        self.assign_sub(variable, ops.cast(learning_rate, dtype) * change)
