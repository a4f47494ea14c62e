"""Losses on how alike segments or records are."""

from typing import Any

import keras
from keras import ops

from avel_tf.choices import PADDING
from avel_tf.layers.similarity import to_unit_sum
from avel_tf.localization import LOWEST, segment_weights

CONTRAST_TEMPERATURE = 0.01  # as published for CACE-Net
# As published for CPSP.
SEGMENT_TEMPERATURE = 0.6
TRIPLET_MARGIN = 0.2
HARDEST_NEGATIVES = 3


@keras.saving.register_keras_serializable(package="avel_tf")
class ContrastiveLoss(keras.losses.Loss):
    """y D² + (1 - y) max(0, margin - D)²: pulls pairs of events together, pushes background apart.

    Padded segments are left out.

    Args:
        margin: Float. Distance beyond which background costs nothing.
    Call arguments:
        y_true: Tensor (B, T) of event relevance, `PADDING` in padded segments.
        y_pred: Float tensor (B, T) of distances.
    Reference: Tian et al., ECCV 2018, section 4.4.
    """

    def __init__(self, margin: float = 2.0, **kwargs: Any):
        super().__init__(**kwargs)
        self.margin = margin

    def call(self, y_true, y_pred):
        apart = ops.square(ops.maximum(self.margin - y_pred, 0.0))
        relevance = ops.cast(y_true, y_pred.dtype)
        losses = relevance * ops.square(y_pred) + (1 - relevance) * apart
        return ops.mean(losses * segment_weights(y_true), axis=-1)

    def get_config(self):
        return {**super().get_config(), "margin": self.margin}


@keras.saving.register_keras_serializable(package="avel_tf")
class PairSimilarityLoss(keras.losses.Loss):
    """Mean squared error of the segments' similarities to their relevance, both with a sum of 1.

    So only the segments of the event are to be alike in both modalities. Padded segments are left
    out.

    Call arguments:
        y_true: Tensor (B, T) of event relevance, `PADDING` in padded segments.
        y_pred: Float tensor (B, T) of similarities from 0; zero in padded segments.
    Reference: Zhou et al., CVPR 2021, the audio-visual pair similarity loss.
    """

    def call(self, y_true, y_pred):
        relevance = ops.maximum(ops.cast(y_true, y_pred.dtype), 0.0)
        errors = ops.square(to_unit_sum(y_pred) - to_unit_sum(relevance))
        return ops.mean(errors * segment_weights(y_true), axis=-1)


@keras.saving.register_keras_serializable(package="avel_tf")
class EventContrastLoss(keras.losses.Loss):
    """Supervised contrast of a record's segments, of which there are two views each.

    Each view is to be more like its positives than like the other views of its record: like the
    second view of its segment and, if that is part of the event, like both views of all segments
    of the event. It costs the mean over its positives of -log softmax(product / τ), the softmax
    over all other views. Views of zeros and of padded segments are left out; a record that has no
    others costs nothing.

    Args:
        temperature: Float. τ.
    Call arguments:
        y_true: Tensor (B, T) of event relevance, `PADDING` in padded segments.
        y_pred: Float tensor (B, T, 2 D): two views of each segment, each of unit length or zero.
    Reference: Khosla et al., Supervised Contrastive Learning, NeurIPS 2020, Eq. 2.
    """

    def __init__(self, temperature: float = CONTRAST_TEMPERATURE, **kwargs: Any):
        super().__init__(**kwargs)
        self.temperature = temperature

    def call(self, y_true, y_pred):
        views = ops.concatenate(ops.split(y_pred, 2, axis=-1), axis=1)  # (B, 2 T, D)
        relevance = ops.concatenate([y_true, y_true], axis=1)
        is_view = ops.logical_and(relevance != PADDING, ops.any(views != 0, axis=-1))
        is_event = relevance > 0
        segment = ops.arange(ops.shape(y_true)[1])
        segment = ops.concatenate([segment, segment], axis=0)
        is_other = is_view[:, None] & _are_different(ops.shape(views)[1])  # (B, 2 T, 2 T)
        is_positive = (segment[:, None] == segment) | (is_event[:, :, None] & is_event[:, None])
        is_positive = is_positive & is_other & is_view[:, :, None]
        products = ops.matmul(views, ops.swapaxes(views, 1, 2)) / self.temperature
        costs = -ops.log_softmax(ops.where(is_other, products, LOWEST), axis=-1)
        costs = _mean_where(is_positive, costs)  # (B, 2 T)
        return _mean_where(ops.any(is_positive, axis=-1), costs)

    def get_config(self):
        return {**super().get_config(), "temperature": self.temperature}


@keras.saving.register_keras_serializable(package="avel_tf")
class SegmentContrastLoss(keras.losses.Loss):
    """Contrast of a record's segments: those of the event are alike, and unlike its background.

    The mean over all pairs (i, j) of segments of the event of
    -log(exp(s_ij / τ) / (exp(s_ij / τ) + Σ_k exp(s_ik / τ))), with s the product of the embeddings
    and k the background segments. A record without background, or with fewer than two segments of
    the event, costs nothing. Padded segments are left out.

    Args:
        temperature: Float. τ.
    Call arguments:
        y_true: Tensor (B, T) of event relevance, `PADDING` in padded segments.
        y_pred: Float tensor (B, T, D) of unit length.
    Reference: Zhou et al., TPAMI 2023, segment-level positive sample activation.
    """

    def __init__(self, temperature: float = SEGMENT_TEMPERATURE, **kwargs: Any):
        super().__init__(**kwargs)
        self.temperature = temperature

    def call(self, y_true, y_pred):
        products = ops.matmul(y_pred, ops.swapaxes(y_pred, 1, 2)) / self.temperature  # (B, T, T)
        is_event = y_true > 0
        is_pair = is_event[:, :, None] & is_event[:, None] & _are_different(ops.shape(y_true)[1])
        is_background = ops.equal(y_true, 0)[:, None]
        background = ops.logsumexp(
            ops.where(is_background, products, LOWEST), axis=-1, keepdims=True
        )
        costs = _mean_where(is_pair, ops.softplus(background - products))
        return _mean_where(ops.any(is_pair, axis=-1), costs)

    def get_config(self):
        return {**super().get_config(), "temperature": self.temperature}


@keras.saving.register_keras_serializable(package="avel_tf")
class RecordTripletLoss(keras.losses.Loss):
    """Records of a category are more alike, by a margin, than records of different ones.

    For each record the mean over its three hardest negatives n, the most similar records of other
    categories, of max(0, margin + s_n - s_p), with s the product of the embeddings and p the
    hardest positive, the least similar record of its category. If there are fewer than three, each
    missing one counts as 0. A record alone in its category costs nothing; records without an event
    are a category, too. The value depends on which records share a batch.

    Args:
        margin: Float.
    Call arguments:
        y_true: Integer tensor (B,) of categories.
        y_pred: Float tensor (B, D) of unit length.
    Reference: Zhou et al., TPAMI 2023, video-level positive sample activation.
    """

    def __init__(self, margin: float = TRIPLET_MARGIN, **kwargs: Any):
        super().__init__(**kwargs)
        self.margin = margin

    def call(self, y_true, y_pred):
        category = ops.reshape(y_true, (-1,))
        is_same = category[:, None] == category
        products = ops.matmul(y_pred, ops.transpose(y_pred))  # (B, B)
        is_positive = is_same & _are_different(ops.shape(category)[0])
        positive = ops.min(ops.where(is_positive, products, -LOWEST), axis=-1, keepdims=True)
        negatives = ops.where(is_same, LOWEST, products)
        padding = [[0, 0], [0, HARDEST_NEGATIVES]]  # for a batch with fewer
        negatives = ops.pad(negatives, padding, constant_values=LOWEST)
        negatives, _ = ops.top_k(negatives, HARDEST_NEGATIVES)
        return ops.mean(ops.relu(self.margin + negatives - positive), axis=-1)

    def get_config(self):
        return {**super().get_config(), "margin": self.margin}


def _are_different(count: Any) -> Any:
    """Boolean tensor (count, count): whether the two of a pair are different places."""
    number = ops.arange(count)
    return number[:, None] != number


def _mean_where(condition: Any, values: Any) -> Any:
    """Mean over the last axis of the values for which a condition holds; 0 if for none."""
    count = ops.sum(ops.cast(condition, values.dtype), axis=-1)
    return ops.sum(ops.where(condition, values, 0.0), axis=-1) / ops.maximum(count, 1.0)
