"""A part of a model that comes in at a later epoch of its training."""

from typing import Any

import keras
from keras import ops

from avel_tf.utils.arguments import check_positive_integer


@keras.saving.register_keras_serializable(package="avel_tf")
class LateStart(keras.layers.Layer):
    """Passes its input on; zeros instead while training has not come to an epoch.

    It is open at first, so that a plain `fit` trains all there is. The Trainer and `avel_tf.fit`
    close it until the epoch begins. Its state is a weight that no step changes: a model is saved
    and served as it was, before that epoch or after.

    Args:
        epoch: Integer, from 1.
    Call arguments:
        inputs: Float tensor of any shape.
    Returns:
        Float tensor of the same shape.
    Raises:
        ValueError: If `epoch` is not a positive integer.
    """

    def __init__(self, epoch: int, **kwargs: Any):
        check_positive_integer("epoch", epoch)
        super().__init__(**kwargs)
        self.epoch = epoch

    def build(self, inputs_shape):
        self.is_open = self.add_weight(
            name="is_open", shape=(), initializer="ones", dtype="float32", trainable=False
        )

    def call(self, inputs):
        return inputs * ops.cast(self.is_open, inputs.dtype)

    def get_config(self):
        return {**super().get_config(), "epoch": self.epoch}
