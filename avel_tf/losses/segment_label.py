"""Losses on the labels of segments, of which background may be one."""

from typing import Any

import keras
from keras import ops

from avel_tf.choices import PADDING, SEGMENT_LOSSES, SUPERVISIONS
from avel_tf.localization import segment_weights
from avel_tf.losses.pooling import max_over_present
from avel_tf.utils.arguments import check_choice


@keras.saving.register_keras_serializable(package="avel_tf")
class SegmentLabelLoss(keras.losses.Loss):
    """Softmax cross-entropy of the labels of segments; padded ones are left out.

    Call arguments:
        y_true: Integer tensor (B, T) of labels, `PADDING` in padded segments.
        y_pred: Float tensor (B, T, labels) of logits.
    """

    def call(self, y_true, y_pred):
        losses = keras.losses.sparse_categorical_crossentropy(
            ops.maximum(y_true, 0), y_pred, from_logits=True
        )
        return losses * segment_weights(y_true)


@keras.saving.register_keras_serializable(package="avel_tf")
class SegmentCategoryLoss(keras.losses.Loss):
    """Binary cross-entropies of a segment being of each category, added up over categories.

    Padded segments are left out.

    Args:
        supervision: String. `"full"`: each segment has its own label; `"weak"`: that of its record,
            whose event it may not be part of.
    Call arguments:
        y_true: Integer tensor (B, T) of labels, background last, `PADDING` in padded segments.
        y_pred: Float tensor (B, T, categories) of logits, without background.
    """

    def __init__(self, supervision: str = "full", **kwargs: Any):
        super().__init__(**kwargs)
        check_choice("supervision", supervision, SUPERVISIONS)
        self.supervision = supervision

    def call(self, y_true, y_pred):
        num_categories = y_pred.shape[-1]
        label = ops.cast(y_true, "int32")
        if self.supervision == "weak":
            of_record = _record_label(label, num_categories)[:, None]
            label = ops.broadcast_to(of_record, ops.shape(label))
        targets = ops.cast(ops.expand_dims(label, -1) == ops.arange(num_categories), "float32")
        losses = ops.sum(ops.binary_crossentropy(targets, y_pred, from_logits=True), axis=-1)
        return losses * segment_weights(y_true)

    def get_config(self):
        return {**super().get_config(), "supervision": self.supervision}


@keras.saving.register_keras_serializable(package="avel_tf")
class SoftMarginLoss(keras.losses.Loss):
    """Multi-label soft margin over softmax outputs, as used by the published baselines.

    The mean over labels of the binary cross-entropy of sigmoid(softmax(logits)). With AVE's 29
    labels it varies only between about 0.71 and 0.68, and converges slowly. Padded segments are
    left out.

    Call arguments:
        y_true: Integer tensor (B, T) of labels, `PADDING` in padded segments.
        y_pred: Float tensor (B, T, labels) of logits.
    Reference: Tian et al., ECCV 2018.
    """

    def call(self, y_true, y_pred):
        return _soft_margin(y_true, y_pred) * segment_weights(y_true)


@keras.saving.register_keras_serializable(package="avel_tf")
class WeakSegmentLoss(keras.losses.Loss):
    """Loss on the record's label, from the maximum of its segments' logits.

    Only the record's label is used: its event, or background if it has none. Padded segments are
    left out.

    Args:
        kind: `"cross_entropy"` of the softmax, or `"soft_margin"` as in `SoftMarginLoss`, which
            is the published one.
    Call arguments:
        y_true: Integer tensor (B, T) of labels, background last, `PADDING` in padded segments.
        y_pred: Float tensor (B, T, labels) of logits.
    Reference: Tian et al., ECCV 2018, section 4.3.
    """

    def __init__(self, kind: str = "cross_entropy", **kwargs: Any):
        super().__init__(**kwargs)
        check_choice("kind", kind, SEGMENT_LOSSES)
        self.kind = kind

    def call(self, y_true, y_pred):
        label = _record_label(ops.cast(y_true, "int32"), y_pred.shape[-1] - 1)
        logits = max_over_present(y_pred, y_true)
        if self.kind == "soft_margin":
            return _soft_margin(label, logits)
        return keras.losses.sparse_categorical_crossentropy(label, logits, from_logits=True)

    def get_config(self):
        return {**super().get_config(), "kind": self.kind}


def _soft_margin(label: Any, logits: Any) -> Any:
    """`SoftMarginLoss` of each integer label, for logits with one more axis."""
    probabilities = ops.softmax(ops.cast(logits, "float32"))
    labels = ops.one_hot(ops.cast(label, "int32"), logits.shape[-1])
    # Written out: given a softmax's output as logits, Keras would use the softmax's input.
    return ops.mean(ops.softplus(probabilities) - labels * probabilities, axis=-1)


def _record_label(label: Any, background: int) -> Any:
    """Finds the label of a record's event, (B,), in those of its segments, (B, T)."""
    return ops.min(ops.where(ops.not_equal(label, PADDING), label, background), axis=1)
