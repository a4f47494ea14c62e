"""Keras layers of Dual Attention Matching; they run on every Keras backend."""

from avel_tf.layers.audio_guided_attention import AudioGuidedAttention
from avel_tf.layers.cross_matching import CrossMatching
from avel_tf.layers.event_masked_attention import EventMaskedSelfAttention
from avel_tf.layers.sequence_embedding import SequenceEmbedding
from avel_tf.layers.two_bias_lstm import TwoBiasLSTMCell

__all__ = [
    "AudioGuidedAttention",
    "CrossMatching",
    "EventMaskedSelfAttention",
    "SequenceEmbedding",
    "TwoBiasLSTMCell",
]
