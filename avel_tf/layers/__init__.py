"""Keras layers of Dual Attention Matching; they run on every Keras backend."""

from avel_tf.layers.audio_guided_attention import AudioGuidedAttention
from avel_tf.layers.cross_matching import CrossMatching
from avel_tf.layers.event_masked_attention import EventMaskedSelfAttention

__all__ = ["AudioGuidedAttention", "CrossMatching", "EventMaskedSelfAttention"]
