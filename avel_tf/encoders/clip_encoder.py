"""Both encoders: what is decoded of a clip -> its segment features."""

import importlib.metadata

import numpy as np

from avel_tf.configuration import EncodingConfig
from avel_tf.encoders.vgg19 import Vgg19Encoder
from avel_tf.encoders.vggish import VggishEncoder
from avel_tf.media import Clip


class ClipEncoder:
    """Segment features of clips, by VGG-19 and VGGish. T: segments.

    Args:
        encoding: `EncodingConfig`, its precision settled.
    Call arguments:
        clip: `Clip`.
    Returns:
        Dict of float32 arrays: `audio_features` (T, 128), `visual_features` (T, 7, 7, 512), of
        what the clip has.
    Raises:
        ValueError: If weights are missing or another model's.
    """

    def __init__(self, encoding: EncodingConfig) -> None:
        self._frames_per_segment = encoding.frames_per_segment
        self._visual = Vgg19Encoder(encoding.visual_weights, precision=encoding.encoder_precision)
        self._audio = VggishEncoder(encoding.audio_weights)

    def __call__(self, clip: Clip) -> dict[str, np.ndarray]:
        features = {}
        if clip.sound is not None:
            features["audio_features"] = self._audio(clip.waveform())
        if clip.frames is not None:
            features["visual_features"] = self._visual(clip.frames)
        return features

    def metadata(self) -> dict:
        """Encoders, their weights' SHA-256, frames a segment, version of the decoder."""
        return {
            "kind": "media",
            "visual_encoder": self._visual.metadata(),
            "audio_encoder": self._audio.metadata(),
            "frames_per_segment": self._frames_per_segment,
            "decoder": f"av {importlib.metadata.version('av')}",
        }
