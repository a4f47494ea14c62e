"""The choice of losses and targets for training a system, by its model's outputs."""

from collections.abc import Collection, Iterable, Mapping
from typing import Any

import keras

from avel_tf.canonical_correlation import CanonicalCorrelationLoss
from avel_tf.choices import RELEVANCE_LOSSES, SEGMENT_LOSSES, SUPERVISIONS
from avel_tf.losses.event import EventCategoryLoss, RelevanceLoss, WeakRelevanceLoss
from avel_tf.losses.segment_label import (
    SegmentCategoryLoss,
    SegmentLabelLoss,
    SoftMarginLoss,
    WeakSegmentLoss,
)
from avel_tf.losses.similarity import (
    ContrastiveLoss,
    EventContrastLoss,
    PairSimilarityLoss,
    RecordTripletLoss,
    SegmentContrastLoss,
)
from avel_tf.utils.arguments import check_choice, check_fraction

# Outputs not named here have the event's relevance as their target.
TARGETS = {
    "event_category_logits": "event_category",
    "modality_category_logits": "event_category",
    "segment_label": "segment_label",
    "segment_label_logits": "segment_label",
    "segment_category_logits": "segment_label",
    "record_embedding": "event_category",
}
PAIR_SIMILARITY_WEIGHT = 100.0  # as published for PSP
SEGMENT_CONTRAST_WEIGHT = 0.01  # as published for CPSP


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
    out, so that padding changes nothing. `CanonicalCorrelationLoss` and `RecordTripletLoss` compare
    records, and depend on which share a batch.

    - `segment_label_logits`: loss on each segment's label, background included; with
      `pair_similarities` also 100 times the `PairSimilarityLoss`, and with `segment_embeddings`
      0.01 times the `SegmentContrastLoss`, both under full supervision; with `record_embedding`
      also the `RecordTripletLoss`.
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
        if "segment_embeddings" in outputs and not is_weak:
            losses["segment_embeddings"] = SegmentContrastLoss()
            weights["segment_embeddings"] = SEGMENT_CONTRAST_WEIGHT
        if "record_embedding" in outputs:
            losses["record_embedding"] = RecordTripletLoss()
            weights["record_embedding"] = 1.0
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
