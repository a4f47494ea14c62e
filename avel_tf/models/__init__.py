"""The systems, one per file; they run on every Keras backend."""

import functools
from collections.abc import Callable

from avel_tf.models.baselines import (
    AudioVisualDistanceLearning,
    AudioVisualDualNetwork,
    AudioVisualLocalizer,
    DeepCanonicalCorrelation,
    EncoderDecoderTCN,
)
from avel_tf.models.cross_modality_localizer import CrossModalityLocalizer
from avel_tf.models.dual_attention_matching import DualAttentionMatching
from avel_tf.models.event_localizer import SupervisedEventLocalizer
from avel_tf.models.followers import (
    CoGuidanceContrastiveEnhancement,
    ContrastivePositiveSamplePropagation,
    CrossModalBackgroundSuppression,
    PositiveSamplePropagation,
)
from avel_tf.models.localizer import Localizer
from avel_tf.models.per_segment_localizer import PerSegmentLocalizer

# By task and name in a configuration; all accept `dtype`, and "dam" the fields of `ModelConfig`.
SYSTEMS: dict[str, dict[str, Callable[..., Localizer]]] = {
    "sel": {
        "dam": SupervisedEventLocalizer,
        "audio": functools.partial(AudioVisualLocalizer, modalities="audio"),
        "visual": functools.partial(AudioVisualLocalizer, modalities="visual"),
        "audio_visual": AudioVisualLocalizer,
        "audio_visual_attention": functools.partial(AudioVisualLocalizer, attention=True),
        "avsdn": AudioVisualDualNetwork,
        "ed_tcn": EncoderDecoderTCN,
        "psp": PositiveSamplePropagation,
        "cpsp": ContrastivePositiveSamplePropagation,
        "cmbs": CrossModalBackgroundSuppression,
        "cace": CoGuidanceContrastiveEnhancement,
        "per_segment": PerSegmentLocalizer,
    },
    "cml": {
        "dam": CrossModalityLocalizer,
        "avdln": AudioVisualDistanceLearning,
        "dcca": DeepCanonicalCorrelation,
    },
}

__all__ = [
    "SYSTEMS",
    "AudioVisualDistanceLearning",
    "AudioVisualDualNetwork",
    "AudioVisualLocalizer",
    "CoGuidanceContrastiveEnhancement",
    "ContrastivePositiveSamplePropagation",
    "CrossModalBackgroundSuppression",
    "CrossModalityLocalizer",
    "DeepCanonicalCorrelation",
    "DualAttentionMatching",
    "EncoderDecoderTCN",
    "Localizer",
    "PerSegmentLocalizer",
    "PositiveSamplePropagation",
    "SupervisedEventLocalizer",
]
