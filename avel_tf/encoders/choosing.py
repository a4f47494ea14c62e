"""The encoders that settings name."""

import functools
from collections.abc import Callable

from avel_tf.choices import MODEL_SUFFIX
from avel_tf.configuration import EncodingConfig
from avel_tf.encoders.applications import APPLICATIONS, ApplicationEncoder
from avel_tf.encoders.audio_encoder import AudioEncoder
from avel_tf.encoders.model_file import FileAudioEncoder, FileVisualEncoder
from avel_tf.encoders.vgg19 import Vgg19Encoder
from avel_tf.encoders.vggish import VggishEncoder
from avel_tf.encoders.visual_encoder import VisualEncoder
from avel_tf.encoders.yamnet import YamnetEncoder

# By the names of `avel_tf.choices`: a function from weights and precision, or from weights.
VISUAL_ENCODERS: dict[str, Callable[[str, str], VisualEncoder]] = {
    "vgg19": Vgg19Encoder,
    **{name: functools.partial(ApplicationEncoder, name) for name in APPLICATIONS},
}
AUDIO_ENCODERS: dict[str, Callable[[str], AudioEncoder]] = {
    "vggish": VggishEncoder,
    "yamnet": YamnetEncoder,
}


def visual_encoder(encoding: EncodingConfig) -> VisualEncoder:
    """Loads the visual encoder of these settings.

    Args:
        encoding: `EncodingConfig`, with its precision already chosen.
    Raises:
        ValueError: If weights or the model file are missing or of another kind.
        OSError: If weights cannot be downloaded.
    """
    name, precision = encoding.visual_encoder, encoding.encoder_precision
    if name.endswith(MODEL_SUFFIX):
        return FileVisualEncoder(name, precision)
    return VISUAL_ENCODERS[name](encoding.visual_weights, precision)


def audio_encoder(encoding: EncodingConfig) -> AudioEncoder:
    """Loads the audio encoder of these settings; errors as for `visual_encoder`."""
    name = encoding.audio_encoder
    if name.endswith(MODEL_SUFFIX):
        return FileAudioEncoder(name)
    return AUDIO_ENCODERS[name](encoding.audio_weights)
