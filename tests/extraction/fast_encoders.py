"""Stand-ins for the encoders, which take most of the time and are tested elsewhere.

Each clip that is encoded leaves a line in the file that the environment variable ENCODED names.
Importable in other processes, which find this folder in PYTHONPATH.
"""

import os

import numpy as np

from avel_tf.encoders import clip_encoder
from avel_tf.sources import MediaSource


class Fast:
    def __init__(self, weights, precision="float32"):
        self.precision = precision

    def metadata(self):
        return {"name": type(self).__name__, "precision": self.precision}


class FastVisual(Fast):
    def __call__(self, frames):
        with open(os.environ["ENCODED"], "a") as file:
            file.write(f"{os.getpid()}\n")
        means = frames.mean(axis=(1, 2, 3, 4), dtype=np.float32)[:, None, None, None] / 255
        return np.broadcast_to(means, (10, 7, 7, 512))


class FastAudio(Fast):
    def __call__(self, waveform):
        return np.abs(waveform).mean(axis=1, keepdims=True) * np.ones(128, "float32")


def install():
    """Puts them in place of the real ones, in this process."""
    clip_encoder.Vgg19Encoder, clip_encoder.VggishEncoder = FastVisual, FastAudio


class FastSource(MediaSource):
    """Installs them wherever it is opened."""

    def open(self):
        install()
        return super().open()
