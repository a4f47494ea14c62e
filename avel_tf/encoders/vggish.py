"""VGGish: sound of a segment -> its audio features."""

import os

import keras
from keras import layers

from avel_tf.encoders import weights as weight_files
from avel_tf.encoders.log_mel import LOG_OFFSET, NUM_FRAMES, NUM_MEL_BANDS
from avel_tf.encoders.log_mel_encoder import LogMelEncoder
from avel_tf.encoders.vggish_checkpoint import CHECKPOINT_URL, read_checkpoint

INPUT_SCALE = 16.0  # for random weights; features are then as large as AVE's
SOURCE = (
    f'Use "audioset" to download the official weights, or download {CHECKPOINT_URL} and convert '
    "it: avel convert-weights vggish_model.ckpt vggish.weights.h5"
)


class VggishEncoder(LogMelEncoder):
    """Computes audio features of one-second segments: VGGish's embedding after its last ReLU.

    No PCA or quantization, as in the audio features published with AVE. Always in float32: a
    second of sound costs 1/350 of its frames. The attribute `model` is only the network, which
    takes log-mel spectrograms. T: segments.

    Args:
        weights: `"audioset"` (the released checkpoint, downloaded), `"random"` (for demos and
            tests; logs a warning) or the path of a local `.weights.h5` file, such as
            `convert_vggish` makes from the released checkpoint.
        seed: Integer. Seed of the random weights.
    Call arguments:
        waveform: float32 array (T, 16000) in [-1, 1], one second per row, at 16 kHz.
    Returns:
        float32 array (T, 128), non-negative.
    Raises:
        ValueError: If the weights file is missing or of another model, or a row of `waveform` is
            not one second long.
        OSError: If `"audioset"` cannot be downloaded.
    Reference: Hershey et al., ICASSP 2017; Wu et al., ICCV 2019, section 4.1.
    """

    def __init__(self, weights: str | os.PathLike[str] = "random", seed: int = 0) -> None:
        model = build_vggish()
        if weights == weight_files.AUDIOSET:
            model.set_weights(read_checkpoint(weight_files.download(CHECKPOINT_URL), model))
        else:
            weight_files.fill(model, weights, seed, INPUT_SCALE, SOURCE)
        metadata = weight_files.describe(model, weights, seed)
        super().__init__(model, LOG_OFFSET, metadata)


def build_vggish() -> keras.Model:
    """Builds VGGish: log-mel spectrogram (96, 64, 1) -> embedding (128,), 72.1 million parameters.

    Its weights are ordered as in the released checkpoint: kernel and bias of conv1, conv2,
    conv3_1, conv3_2, conv4_1, conv4_2, fc1_1, fc1_2 and fc2.
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
