"""YAMNet: sound of a segment -> its audio features, and the scores of AudioSet's classes."""

import os

import keras
import numpy as np
from keras import layers

from avel_tf.encoders import log_mel
from avel_tf.encoders import weights as weight_files
from avel_tf.encoders.log_mel_encoder import LogMelEncoder
from avel_tf.encoders.released_files import YAMNET

NUM_CLASSES = 521
LOG_OFFSET = 0.001
# Stride and filters of the separable convolutions, after a first convolution of 32.
BLOCKS = (
    *((1, 64), (2, 128), (1, 128), (2, 256), (1, 256), (2, 512)),
    *((1, 512), (1, 512), (1, 512), (1, 512), (1, 512), (2, 1024), (1, 1024)),
)
WEIGHTS_URL, WEIGHTS_SHA256 = YAMNET.url, YAMNET.digest
SOURCE = (
    f'Use "audioset" to download the released weights, or download {WEIGHTS_URL} and pass its path '
    "as `audio_weights`."
)


class YamnetEncoder(LogMelEncoder):
    """Computes audio features of one-second segments: YAMNet's embedding of their first 0.96 s.

    Trained on AudioSet's 521 classes, whose scores it gives too. The attribute `model` is only the
    network up to the embedding, which takes log-mel spectrograms. T: segments.

    Args:
        weights: `"audioset"` (downloaded), `"random"` (for demos and tests; logs a warning) or the
            path of the released `yamnet.h5`.
        seed: Integer. Seed of the random weights.
    Call arguments:
        waveform: float32 array (T, 16000) in [-1, 1], one second per row, at 16 kHz.
    Returns:
        float32 array (T, 1024), non-negative.
    Raises:
        ValueError: If the weights file is missing or of another model, or a row of `waveform` is
            not one second long.
        OSError: If `"audioset"` cannot be downloaded.
    Reference: Plakal and Ellis, "YAMNet", TensorFlow Models, 2020; Howard et al., "MobileNets",
        2017.
    """

    def __init__(self, weights: str | os.PathLike[str] = "random", seed: int = 0) -> None:
        classifier = build_yamnet()
        file = weights
        if weights == weight_files.AUDIOSET:
            file = weight_files.download(WEIGHTS_URL, WEIGHTS_SHA256)
        weight_files.fill(classifier, file, seed, None, SOURCE)
        embedding = classifier.get_layer("global_average_pooling2d").output
        model = keras.Model(classifier.input, embedding, name="yamnet")
        metadata = weight_files.describe(model, weights, seed)
        self._classifier = classifier
        super().__init__(model, LOG_OFFSET, metadata)

    def class_scores(self, waveform: np.ndarray) -> np.ndarray:
        """Computes the score in [0, 1] of each of AudioSet's classes: float32 array (T, 521).

        Args:
            waveform: As for the encoder itself.
        """
        return self._classifier.predict_on_batch(self.preprocess(waveform))


def build_yamnet() -> keras.Model:
    """Builds YAMNet: log-mel spectrogram (96, 64, 1) -> class scores (521,), 3.8 million weights.

    Its weights are ordered as in the released file.
    """
    float32 = {"dtype": "float32"}  # whatever Keras's global dtype policy

    def normalized(x: keras.KerasTensor, name: str) -> keras.KerasTensor:
        x = layers.BatchNormalization(scale=False, epsilon=1e-4, **float32, name=f"{name}_bn")(x)
        return layers.ReLU(**float32, name=f"{name}_relu")(x)

    plain = {"padding": "same", "use_bias": False, **float32}
    inputs = keras.Input((log_mel.NUM_FRAMES, log_mel.NUM_MEL_BANDS, 1), name="log_mel")
    x = layers.Conv2D(32, 3, strides=2, **plain, name="layer1_conv")(inputs)
    x = normalized(x, "layer1_conv")
    for number, (stride, width) in enumerate(BLOCKS, start=2):
        name = f"layer{number}_depthwise"
        x = layers.DepthwiseConv2D(3, strides=stride, **plain, name=name)(x)
        x = normalized(x, name)
        name = f"layer{number}_pointwise"
        x = layers.Conv2D(width, 1, **plain, name=name)(x)
        x = normalized(x, name)
    x = layers.GlobalAveragePooling2D(**float32, name="global_average_pooling2d")(x)
    x = layers.Dense(NUM_CLASSES, activation="sigmoid", **float32, name="dense")(x)
    return keras.Model(inputs, x, name="yamnet")
