"""Pixels and waveforms -> segment features, as those published with the AVE dataset."""

from avel_tf.encoders.vgg19 import Vgg19Encoder
from avel_tf.encoders.vggish import VggishEncoder

__all__ = ["Vgg19Encoder", "VggishEncoder"]
