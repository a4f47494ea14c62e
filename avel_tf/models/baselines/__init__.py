"""Systems the paper compares with, one per file; they run on every Keras backend."""

from avel_tf.models.baselines.audio_visual import AudioVisualLocalizer
from avel_tf.models.baselines.avdln import AudioVisualDistanceLearning
from avel_tf.models.baselines.avsdn import AudioVisualDualNetwork
from avel_tf.models.baselines.dcca import DeepCanonicalCorrelation
from avel_tf.models.baselines.ed_tcn import EncoderDecoderTCN

__all__ = [
    "AudioVisualDistanceLearning",
    "AudioVisualDualNetwork",
    "AudioVisualLocalizer",
    "DeepCanonicalCorrelation",
    "EncoderDecoderTCN",
]
