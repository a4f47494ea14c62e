"""What the systems are trained to minimize, and the targets that takes, by a model's outputs."""

from collections.abc import Collection, Iterable, Mapping
from typing import Any

import keras
from keras import ops

from avel_tf.arguments import check_choice, check_fraction
from avel_tf.canonical_correlation import CanonicalCorrelationLoss

RELEVANCE_LOSSES = ("mean", "each")
SEGMENT_LOSSES = ("cross_entropy", "soft_margin")
SUPERVISIONS = ("full", "weak")
# What is not named here has the event's relevance for a target.
TARGETS = {
    "event_category_logits": "event_category",
    "segment_label": "segment_label",
    "segment_label_logits": "segment_label",
}


def localization_targets(outputs: Iterable[str], labels: Mapping[str, Any]) -> dict[str, Any]:
    """Targets for `Model.fit` and `Model.evaluate`, by the name of the model's output.

    Keras wants one for every output, whether a loss or metric uses it or not.

    B: batch, T: segments.

    Args:
        outputs: Names of the model's outputs, such as `model.output`.
        labels: `event_relevance` (B, T); for systems that name events also `event_category` (B,)
            and `segment_label` (B, T). More are allowed.
    Returns:
        Dict from output to label.
    """
    return {name: labels[TARGETS.get(name, "event_relevance")] for name in outputs}


def localization_losses(
    outputs: Collection[str],
    relevance_loss: str = "mean",
    event_category_weight: float = 0.5,
    segment_loss: str = "cross_entropy",
    supervision: str = "full",
) -> tuple[dict[str, keras.losses.Loss], dict[str, float]]:
    """Losses and their weights for `Model.compile`, by the name of the model's output.

    A model's outputs tell what it is trained on. Losses are means over segments and records.

    - `segment_label_logits`: each segment's label, background being one of them.
    - `aligned_distances`: `ContrastiveLoss`.
    - `projections`: `CanonicalCorrelationLoss`.
    - else dual attention matching: Eq. 8, lambda * category + (1 - lambda) * relevance, or what
      there is of both. Relevance is a binary cross-entropy.

    Args:
        outputs: Names of the model's outputs, such as `model.output`.
        relevance_loss: `"mean"` is the paper's loss on p_t of Eq. 7, the mean of both
            directions' probabilities. It can be small while one direction does all the work:
            watch both. `"each"` is half the loss of p_t^A and half that of p_t^V.
        event_category_weight: Float in [0, 1]. Lambda of Eq. 8; of no effect on models that lack
            one of the two.
        segment_loss: `"cross_entropy"`, or `"soft_margin"` for `SoftMarginLoss`.
        supervision: `"full"`, or `"weak"` to learn from the record's label alone, by
            `WeakSegmentLoss` and `WeakRelevanceLoss`; background records have the label that
            follows the last category.
    Returns:
        Dict of losses and dict of their weights.
    Raises:
        ValueError: If an argument is out of range.
    Example:

    ```python
    outputs = ("event_category_logits", "audio_relevance_logits", "visual_relevance_logits")
    losses, loss_weights = localization_losses(outputs, relevance_loss="each")
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
            loss = WeakSegmentLoss()
        elif segment_loss == "soft_margin":
            loss = SoftMarginLoss()
        else:
            loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
        return {"segment_label_logits": loss}, {"segment_label_logits": 1.0}
    if "aligned_distances" in outputs:
        return {"aligned_distances": ContrastiveLoss()}, {"aligned_distances": 1.0}
    if "projections" in outputs:
        return {"projections": CanonicalCorrelationLoss()}, {"projections": 1.0}

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
    # Trained by matching itself, a model scores its candidates by something else.
    kind = "self_relevance" if "audio_self_relevance_logits" in outputs else "relevance"
    each = (f"audio_{kind}_logits", f"visual_{kind}_logits")
    if each[0] not in outputs:  # the category alone is learned
        return {}
    names = each if relevance_loss == "each" else ("event_relevance_probabilities",)
    loss = WeakRelevanceLoss if is_weak else keras.losses.BinaryCrossentropy
    return {name: loss(from_logits=relevance_loss == "each") for name in names}


@keras.saving.register_keras_serializable(package="avel_tf")
class EventCategoryLoss(keras.losses.Loss):
    """Softmax cross-entropy on the event's category; records of background alone cost nothing.

    Call arguments:
        y_true: Integer tensor (B,); the number of categories for a record without event.
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
class SoftMarginLoss(keras.losses.Loss):
    """Multi-label soft margin over softmax outputs, as the published audio-visual baselines use.

    The mean over labels of the binary cross-entropy of sigmoid(softmax(logits)). It moves only
    between about 0.71 and 0.68 and converges slowly.

    Call arguments:
        y_true: Integer tensor (B, T) of labels.
        y_pred: Float tensor (B, T, labels) of logits.
    Reference: Tian et al., ECCV 2018.
    """

    def call(self, y_true, y_pred):
        probabilities = ops.softmax(ops.cast(y_pred, "float32"))
        labels = ops.one_hot(ops.cast(y_true, "int32"), y_pred.shape[-1])
        # Spelled out: Keras's, given a softmax as logits, would go back to what it was taken of.
        return ops.mean(ops.softplus(probabilities) - labels * probabilities, axis=-1)


@keras.saving.register_keras_serializable(package="avel_tf")
class WeakSegmentLoss(keras.losses.Loss):
    """Softmax cross-entropy of the record's label, from the maximum of its segments' logits.

    Of the labels only the record's is used: its event, or background if it has none.

    Call arguments:
        y_true: Integer tensor (B, T) of labels, background last.
        y_pred: Float tensor (B, T, labels) of logits.
    Reference: Tian et al., ECCV 2018, section 4.3.
    """

    def call(self, y_true, y_pred):
        label = ops.min(ops.cast(y_true, "int32"), axis=1)  # background has the largest number
        return keras.losses.sparse_categorical_crossentropy(
            label, ops.max(y_pred, axis=1), from_logits=True
        )


@keras.saving.register_keras_serializable(package="avel_tf")
class WeakRelevanceLoss(keras.losses.Loss):
    """Binary cross-entropy of whether a record has an event, from its most relevant segment.

    Args:
        from_logits: Boolean. Whether logits are given, not probabilities.
    Call arguments:
        y_true: Tensor (B, T) of event relevance, of which only the maximum is used.
        y_pred: Float tensor (B, T).
    """

    def __init__(self, from_logits: bool = False, **kwargs: Any):
        super().__init__(**kwargs)
        self.from_logits = from_logits

    def call(self, y_true, y_pred):
        return keras.losses.binary_crossentropy(
            ops.max(y_true, axis=1, keepdims=True),
            ops.max(y_pred, axis=1, keepdims=True),
            from_logits=self.from_logits,
        )

    def get_config(self):
        return {**super().get_config(), "from_logits": self.from_logits}


@keras.saving.register_keras_serializable(package="avel_tf")
class ContrastiveLoss(keras.losses.Loss):
    """y D² + (1 - y) max(0, margin - D)²: events bring a pair together, background drives it apart.

    Args:
        margin: Float. Distance from which on background costs nothing.
    Call arguments:
        y_true: Tensor (B, T) of event relevance.
        y_pred: Float tensor (B, T) of distances.
    Reference: Tian et al., ECCV 2018, section 4.4.
    """

    def __init__(self, margin: float = 2.0, **kwargs: Any):
        super().__init__(**kwargs)
        self.margin = margin

    def call(self, y_true, y_pred):
        apart = ops.square(ops.maximum(self.margin - y_pred, 0.0))
        relevance = ops.cast(y_true, y_pred.dtype)
        return ops.mean(relevance * ops.square(y_pred) + (1 - relevance) * apart, axis=-1)

    def get_config(self):
        return {**super().get_config(), "margin": self.margin}
