"""The systems, one a file; they run on every Keras backend."""

import functools

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

# By task and name in a configuration; all take `dtype`, and "dam" what `ModelConfig` holds.
SYSTEMS = {
    "sel": {
        "dam": SupervisedEventLocalizer,
        "audio": functools.partial(AudioVisualLocalizer, modalities="audio"),
        "visual": functools.partial(AudioVisualLocalizer, modalities="visual"),
        "audio_visual": AudioVisualLocalizer,
        "audio_visual_attention": functools.partial(AudioVisualLocalizer, attention=True),
        "avsdn": AudioVisualDualNetwork,
        "ed_tcn": EncoderDecoderTCN,
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
    "CrossModalityLocalizer",
    "DeepCanonicalCorrelation",
    "DualAttentionMatching",
    "EncoderDecoderTCN",
    "SupervisedEventLocalizer",
]
