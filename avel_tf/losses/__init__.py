"""Losses and targets for training the systems, chosen by a model's outputs."""

from avel_tf.losses.choice import localization_losses, localization_targets
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

__all__ = [
    "ContrastiveLoss",
    "EventCategoryLoss",
    "EventContrastLoss",
    "PairSimilarityLoss",
    "RecordTripletLoss",
    "RelevanceLoss",
    "SegmentCategoryLoss",
    "SegmentContrastLoss",
    "SegmentLabelLoss",
    "SoftMarginLoss",
    "WeakRelevanceLoss",
    "WeakSegmentLoss",
    "localization_losses",
    "localization_targets",
]
