"""Losses on the event of a record: its category, and which segments are part of it."""

from typing import Any

import keras
from keras import ops

from avel_tf.localization import segment_weights
from avel_tf.losses.pooling import max_over_present


@keras.saving.register_keras_serializable(package="avel_tf")
class EventCategoryLoss(keras.losses.Loss):
    """Softmax cross-entropy on the event's category; records of only background cost nothing.

    Call arguments:
        y_true: Integer tensor (B,); the number of categories for a record without an event.
        y_pred: Float tensor (B, categories) of logits.
    """

    def call(self, y_true, y_pred):
        num_categories = y_pred.shape[-1]
        category = ops.reshape(ops.cast(y_true, "int32"), (-1,))
        is_event = category < num_categories
        losses = keras.losses.sparse_categorical_crossentropy(
            ops.where(is_event, category, 0), y_pred, from_logits=True
        )
        return ops.where(is_event, losses, 0.0)


@keras.saving.register_keras_serializable(package="avel_tf")
class RelevanceLoss(keras.losses.Loss):
    """Binary cross-entropy of the event relevance of segments; padded ones are left out.

    Args:
        from_logits: Boolean. Whether `y_pred` is logits rather than probabilities.
    Call arguments:
        y_true: Tensor (B, T) of event relevance, `PADDING` in padded segments.
        y_pred: Float tensor (B, T).
    Reference: Wu et al., ICCV 2019, section 3.2, Eq. 8.
    """

    def __init__(self, from_logits: bool = False, **kwargs: Any):
        super().__init__(**kwargs)
        self.from_logits = from_logits

    def call(self, y_true, y_pred):
        losses = ops.binary_crossentropy(
            ops.maximum(y_true, 0.0), y_pred, from_logits=self.from_logits
        )
        return ops.mean(losses * segment_weights(y_true), axis=-1)

    def get_config(self):
        return {**super().get_config(), "from_logits": self.from_logits}


@keras.saving.register_keras_serializable(package="avel_tf")
class WeakRelevanceLoss(keras.losses.Loss):
    """Binary cross-entropy of a record having an event, from its most relevant segment.

    Args:
        from_logits: Boolean. Whether `y_pred` is logits rather than probabilities.
    Call arguments:
        y_true: Tensor (B, T) of event relevance, `PADDING` in padded segments; only its maximum
            over a record is used.
        y_pred: Float tensor (B, T); that of padded segments has no effect.
    """

    def __init__(self, from_logits: bool = False, **kwargs: Any):
        super().__init__(**kwargs)
        self.from_logits = from_logits

    def call(self, y_true, y_pred):
        return keras.losses.binary_crossentropy(
            ops.max(ops.maximum(y_true, 0.0), axis=1, keepdims=True),
            max_over_present(y_pred, y_true)[:, None],
            from_logits=self.from_logits,
        )

    def get_config(self):
        return {**super().get_config(), "from_logits": self.from_logits}
