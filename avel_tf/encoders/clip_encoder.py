"""Both encoders: decoded clip -> its segment features."""

import importlib.metadata

import numpy as np

from avel_tf.configuration import EncodingConfig
from avel_tf.encoders.choosing import audio_encoder, visual_encoder
from avel_tf.media import Clip
from avel_tf.media.resampling import resampler


class ClipEncoder:
    """Computes segment features of clips. T: segments.

    Args:
        encoding: `EncodingConfig`, with its precision already chosen.
    Call arguments:
        clip: `Clip`.
    Returns:
        Dict of float32 arrays: `audio_features` (T, D) and `visual_features` (T, H, W, C), or the
        one whose modality the clip has.
    Raises:
        ValueError: If weights are missing or belong to another model.
    """

    def __init__(self, encoding: EncodingConfig) -> None:
        self._frames_per_segment, self._resize = encoding.frames_per_segment, encoding.resize
        self._visual = visual_encoder(encoding)
        self._audio = audio_encoder(encoding)
        self.frame_size = self._visual.frame_shape[:2]

    def __call__(self, clip: Clip) -> dict[str, np.ndarray]:
        features = {}
        if clip.sound is not None:
            features["audio_features"] = self._audio(clip.waveform())
        if clip.frames is not None:
            features["visual_features"] = self._visual(clip.frames)
        return features

    def metadata(self) -> dict:
        """Returns the encoders and their weights, how frames are taken, and package versions."""
        return {
            "kind": "media",
            "visual_encoder": self._visual.metadata(),
            "audio_encoder": self._audio.metadata(),
            "frames_per_segment": self._frames_per_segment,
            "resize": self._resize,
            "decoder": f"av {importlib.metadata.version('av')}",
            "resampler": resampler(),
        }
