"""Stand-ins for the encoders, which take most of the time and are tested elsewhere.

Each encoded clip adds a line to the file named by the environment variable ENCODED. Other processes
can import this module, because they have this folder in PYTHONPATH.
"""

import os

import numpy as np

from avel_tf.encoders import choosing
from avel_tf.sources import MediaSource


class Fast:
    frame_shape = (224, 224, 3)
    output_shape: list[int]

    def __init__(self, weights, precision="float32"):
        self.precision = precision

    def metadata(self):
        return {
            "name": type(self).__name__,
            "precision": self.precision,
            "output_shape": self.output_shape,
        }


class FastVisual(Fast):
    output_shape = [7, 7, 512]

    def __call__(self, frames):
        with open(os.environ["ENCODED"], "a") as file:
            file.write(f"{os.getpid()}\n")
        means = frames.mean(axis=(1, 2, 3, 4), dtype=np.float32)[:, None, None, None] / 255
        return np.broadcast_to(means, (10, 7, 7, 512))


class FastAudio(Fast):
    output_shape = [128]

    def __call__(self, waveform):
        return np.abs(waveform).mean(axis=1, keepdims=True) * np.ones(128, "float32")


def install():
    """Replaces the real encoders by these in this process."""
    choosing.VISUAL_ENCODERS["vgg19"] = FastVisual
    choosing.AUDIO_ENCODERS["vggish"] = FastAudio


class FastSource(MediaSource):
    """A source that installs the stand-ins wherever it is opened."""

    def open(self):
        install()
        return super().open()
