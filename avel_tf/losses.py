"""Losses and targets for training the systems, chosen by a model's outputs."""

from collections.abc import Collection, Iterable, Mapping
from typing import Any

import keras
from keras import ops

from avel_tf.canonical_correlation import CanonicalCorrelationLoss
from avel_tf.choices import PADDING, RELEVANCE_LOSSES, SEGMENT_LOSSES, SUPERVISIONS
from avel_tf.localization import segment_weights
from avel_tf.utils.arguments import check_choice, check_fraction

# Outputs not named here have the event's relevance as their target.
TARGETS = {
    "event_category_logits": "event_category",
    "modality_category_logits": "event_category",
    "segment_label": "segment_label",
    "segment_label_logits": "segment_label",
    "segment_category_logits": "segment_label",
}
PAIR_SIMILARITY_WEIGHT = 100.0  # as published for PSP
CONTRAST_TEMPERATURE = 0.01  # as published for CACE-Net
LOWEST = -1e9  # never the maximum of a record's segments


def localization_targets(outputs: Iterable[str], labels: Mapping[str, Any]) -> dict[str, Any]:
    """Targets for `Model.fit` and `Model.evaluate`, by the name of the model's output.

    Keras requires one for every output, whether or not a loss or metric uses it.

    B: batch, T: segments.

    Args:
        outputs: Names of the model's outputs, such as `model.output`.
        labels: `event_relevance` (B, T); for systems that predict categories also
            `event_category` (B,) and `segment_label` (B, T). Others are ignored.
    Returns:
        Dict from output to label.
    """
    return {name: labels[TARGETS.get(name, "event_relevance")] for name in outputs}


def localization_losses(
    outputs: Collection[str],
    relevance_loss: str = "each",
    event_category_weight: float = 0.5,
    segment_loss: str = "cross_entropy",
    supervision: str = "full",
) -> tuple[dict[str, keras.losses.Loss], dict[str, float]]:
    """Losses and their weights for `Model.compile`, by the name of the model's output.

    A model's outputs determine its losses, which are means over the segments of a record and then
    over records: each record weighs the same. Segments whose target is `choices.PADDING` are left
    out, so that padding changes nothing.

    - `segment_label_logits`: loss on each segment's label, background included; with
      `pair_similarities` also 100 times the `PairSimilarityLoss`, under full supervision.
    - `aligned_distances`: `ContrastiveLoss`.
    - `projections`: `CanonicalCorrelationLoss`.
    - `joint_gate_probabilities`: the sum of the losses on it, on `event_relevance_logits`, both as
      below, and on the record's category, its own and that of the modalities; with
      `contrast_views` also the `EventContrastLoss`, under full supervision.
    - `segment_category_logits`: lambda times the `SegmentCategoryLoss`; and, under full
      supervision, 1 - lambda times the loss on `segment_relevance_logits`, as below.
    - All others are outputs of dual attention matching: Eq. 8,
      lambda * category + (1 - lambda) * relevance, or whichever of the two exists. The loss on
      relevance is a binary cross-entropy.

    Args:
        outputs: Names of the model's outputs, such as `model.output`.
        relevance_loss: `"each"` is half the loss of p_t^A plus half that of p_t^V. `"mean"` is
            the paper's loss on p_t of Eq. 7, the mean of both directions' probabilities. It can
            be small while one direction does all the work, so monitor both.
        event_category_weight: Float in [0, 1]. Lambda of Eq. 8; without effect on models that
            lack one of the two terms.
        segment_loss: `"cross_entropy"`, or `"soft_margin"` as in `SoftMarginLoss`.
        supervision: `"full"`, or `"weak"` to learn only from the record's label, with
            `WeakSegmentLoss` and `WeakRelevanceLoss`; background records have the label that
            follows the last category.
    Returns:
        Dict of losses, and dict of their weights.
    Raises:
        ValueError: If an argument is out of range.
    Example:

    ```python
    outputs = ("event_category_logits", "audio_relevance_logits", "visual_relevance_logits")
    losses, loss_weights = localization_losses(outputs)
    assert loss_weights["event_category_logits"] == 0.5
    assert loss_weights["audio_relevance_logits"] == 0.25
    ```

    Reference: Wu et al., ICCV 2019, sections 3.2 and 3.4, Eqs. 7 and 8.
    """
    check_choice("relevance_loss", relevance_loss, RELEVANCE_LOSSES)
    check_fraction("event_category_weight", event_category_weight)
    check_choice("segment_loss", segment_loss, SEGMENT_LOSSES)
    check_choice("supervision", supervision, SUPERVISIONS)
    is_weak = supervision == "weak"
    if "segment_label_logits" in outputs:
        if is_weak:
            loss = WeakSegmentLoss(segment_loss)
        elif segment_loss == "soft_margin":
            loss = SoftMarginLoss()
        else:
            loss = SegmentLabelLoss()
        losses, weights = {"segment_label_logits": loss}, {"segment_label_logits": 1.0}
        if "pair_similarities" in outputs and not is_weak:
            losses["pair_similarities"] = PairSimilarityLoss()
            weights["pair_similarities"] = PAIR_SIMILARITY_WEIGHT
        return losses, weights
    if "aligned_distances" in outputs:
        return {"aligned_distances": ContrastiveLoss()}, {"aligned_distances": 1.0}
    if "projections" in outputs:
        return {"projections": CanonicalCorrelationLoss()}, {"projections": 1.0}

    if "joint_gate_probabilities" in outputs:
        kind = WeakRelevanceLoss if is_weak else RelevanceLoss
        losses = {
            "event_category_logits": EventCategoryLoss(),
            "modality_category_logits": EventCategoryLoss(),
            "event_relevance_logits": kind(from_logits=True),
            "joint_gate_probabilities": kind(),
        }
        if "contrast_views" in outputs and not is_weak:
            losses["contrast_views"] = EventContrastLoss()
        return losses, dict.fromkeys(losses, 1.0)

    if "segment_category_logits" in outputs:
        # Without labels of segments, where relevance begins stays at its first value.
        relevance_weight = 0.0 if is_weak else 1.0 - event_category_weight
        return (
            {
                "segment_category_logits": SegmentCategoryLoss(supervision),
                "segment_relevance_logits": RelevanceLoss(from_logits=True),
            },
            {
                "segment_category_logits": event_category_weight,
                "segment_relevance_logits": relevance_weight,
            },
        )

    relevance = _relevance_losses(outputs, relevance_loss, is_weak)
    if "event_category_logits" not in outputs:
        return relevance, dict.fromkeys(relevance, 1.0 / len(relevance))
    category_weight = event_category_weight if relevance else 1.0
    weights = {"event_category_logits": category_weight}
    weights |= dict.fromkeys(relevance, (1.0 - category_weight) / max(len(relevance), 1))
    return {"event_category_logits": EventCategoryLoss(), **relevance}, weights


def _relevance_losses(
    outputs: Collection[str], relevance_loss: str, is_weak: bool
) -> dict[str, keras.losses.Loss]:
    # A model trained by self-matching scores its candidates with other outputs.
    kind = "self_relevance" if "audio_self_relevance_logits" in outputs else "relevance"
    each = (f"audio_{kind}_logits", f"visual_{kind}_logits")
    if each[0] not in outputs:  # only the category is trained
        return {}
    names = each if relevance_loss == "each" else ("event_relevance_probabilities",)
    loss = WeakRelevanceLoss if is_weak else RelevanceLoss
    return {name: loss(from_logits=relevance_loss == "each") for name in names}


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


def _soft_margin(label: Any, logits: Any) -> Any:
    """`SoftMarginLoss` of each integer label, for logits with one more axis."""
    probabilities = ops.softmax(ops.cast(logits, "float32"))
    labels = ops.one_hot(ops.cast(label, "int32"), logits.shape[-1])
    # Written out: given a softmax's output as logits, Keras would use the softmax's input.
    return ops.mean(ops.softplus(probabilities) - labels * probabilities, axis=-1)


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
        is_present = ops.not_equal(y_true, PADDING)
        label = _record_label(ops.cast(y_true, "int32"), y_pred.shape[-1] - 1)
        logits = ops.max(ops.where(is_present[..., None], y_pred, LOWEST), axis=1)
        if self.kind == "soft_margin":
            return _soft_margin(label, logits)
        return keras.losses.sparse_categorical_crossentropy(label, logits, from_logits=True)

    def get_config(self):
        return {**super().get_config(), "kind": self.kind}


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
            ops.max(
                ops.where(ops.not_equal(y_true, PADDING), y_pred, LOWEST), axis=1, keepdims=True
            ),
            from_logits=self.from_logits,
        )

    def get_config(self):
        return {**super().get_config(), "from_logits": self.from_logits}


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
        errors = ops.square(_to_unit_sum(y_pred) - _to_unit_sum(relevance))
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
        number = ops.arange(ops.shape(views)[1])
        is_other = is_view[:, None] & (number[:, None] != number)  # (B, 2 T, 2 T)
        is_positive = (segment[:, None] == segment) | (is_event[:, :, None] & is_event[:, None])
        is_positive = is_positive & is_other & is_view[:, :, None]
        products = ops.matmul(views, ops.swapaxes(views, 1, 2)) / self.temperature
        costs = -ops.log_softmax(ops.where(is_other, products, LOWEST), axis=-1)
        costs = _mean_where(is_positive, costs)  # (B, 2 T)
        return _mean_where(ops.any(is_positive, axis=-1), costs)

    def get_config(self):
        return {**super().get_config(), "temperature": self.temperature}


def _record_label(label: Any, background: int) -> Any:
    """Finds the label of a record's event, (B,), in those of its segments, (B, T)."""
    return ops.min(ops.where(ops.not_equal(label, PADDING), label, background), axis=1)


def _mean_where(condition: Any, values: Any) -> Any:
    """Mean over the last axis of the values for which a condition holds; 0 if for none."""
    count = ops.sum(ops.cast(condition, values.dtype), axis=-1)
    return ops.sum(ops.where(condition, values, 0.0), axis=-1) / ops.maximum(count, 1.0)


def _to_unit_sum(values: Any) -> Any:
    """Scales the rows (B, T) to a sum of 1; zeros stay zero."""
    total = ops.sum(values, axis=-1, keepdims=True)
    return values / ops.where(total > 0, total, 1.0)
