"""Fixtures for the notebook's functions."""

import numpy as np
import pytest


class FakeEncoder:
    """Replaces VGG-19 and VGGish, which take most of the time and are tested elsewhere."""

    frame_size = (224, 224)

    def __init__(self, encoding):
        self.encoding = encoding

    def metadata(self):
        return {"kind": "media", "frames_per_segment": self.encoding.frames_per_segment}

    def __call__(self, clip):
        brightness = clip.frames.mean(axis=(1, 2, 3, 4), dtype=np.float32)[:, None, None, None]
        loudness = np.abs(clip.waveform()).mean(axis=1, keepdims=True)
        return {
            "audio_features": loudness * np.ones(128, np.float32),
            "visual_features": np.tile(brightness, (1, 7, 7, 512)),
        }


@pytest.fixture
def fake_encoder(monkeypatch):
    """Replaces the real encoders by a quick one."""
    for user in ("avel_tf.encoders", "avel_tf.prediction.clips"):
        monkeypatch.setattr(f"{user}.ClipEncoder", FakeEncoder)
