"""VGGish: the sound of a segment -> its audio features."""

import os

import keras
import numpy as np
from keras import layers

from avel_tf.encoders import weights as weight_files
from avel_tf.encoders.log_mel import NUM_FRAMES, NUM_MEL_BANDS, log_mel_spectrogram

INPUT_SCALE = 16.0  # under random weights; features are then as large as AVE's
CHECKPOINT_URL = "https://storage.googleapis.com/audioset/vggish_model.ckpt"
SOURCE = (
    f"For the official weights download {CHECKPOINT_URL} and convert it: "
    "python -m avel_tf.encoders convert-vggish vggish_model.ckpt vggish.weights.h5"
)


class VggishEncoder:
    """Audio features of one-second segments: VGGish's embedding after its last ReLU.

    No PCA, no quantisation, as in the audio features published with AVE. Always in
    float32: a second of sound costs 1/350 of its pictures. The attribute `model` is the network
    alone, from log-mel spectrograms. T: segments.

    Args:
        weights: `"random"` (for demos and tests, said loudly) or the path of a local
            `.weights.h5` file, such as `convert_vggish` makes of the released checkpoint.
        seed: Integer. Seed of the random weights.
    Call arguments:
        waveform: float32 array (T, 16000) in [-1, 1], one second a row, at 16 kHz.
    Returns:
        float32 array (T, 128), non-negative.
    Raises:
        ValueError: If the weights file is missing or another model's, or a row of `waveform` is
            not one second.
    Reference: Hershey et al., ICASSP 2017; Wu et al., ICCV 2019, section 4.1.
    """

    def __init__(self, weights: str | os.PathLike[str] = "random", seed: int = 0) -> None:
        self.model = build_vggish()
        weight_files.fill(self.model, weights, seed, INPUT_SCALE, SOURCE)
        self._metadata = weight_files.describe(self.model, weights, seed)

    def __call__(self, waveform: np.ndarray) -> np.ndarray:
        log_mel = log_mel_spectrogram(waveform)
        return self.model.predict_on_batch(log_mel[..., None]).astype(np.float32)

    def metadata(self) -> dict[str, object]:
        """What made the features: plain values, ready for JSON."""
        return dict(self._metadata)


def build_vggish() -> keras.Model:
    """VGGish: log-mel spectrogram (96, 64, 1) -> embedding (128,), 72.1 million parameters.

    Its weights, in order, are those of the released checkpoint: kernel and bias of conv1,
    conv2, conv3_1, conv3_2, conv4_1, conv4_2, fc1_1, fc1_2 and fc2.
    """
    float32 = {"dtype": "float32"}  # whatever Keras's global dtype policy
    inputs = keras.Input((NUM_FRAMES, NUM_MEL_BANDS, 1), name="log_mel")
    x = inputs
    for block, widths in {1: [64], 2: [128], 3: [256, 256], 4: [512, 512]}.items():
        for number, width in enumerate(widths, start=1):
            name = f"conv{block}" if len(widths) == 1 else f"conv{block}_{number}"
            x = layers.Conv2D(width, 3, **float32, padding="same", activation="relu", name=name)(x)
        x = layers.MaxPooling2D(2, **float32, padding="same", name=f"pool{block}")(x)
    x = layers.Flatten(**float32, name="flatten")(x)  # (12288,): time, then frequency, then channel
    for name, width in {"fc1_1": 4096, "fc1_2": 4096, "fc2": 128}.items():
        x = layers.Dense(width, **float32, activation="relu", name=name)(x)
    return keras.Model(inputs, x, name="vggish")
