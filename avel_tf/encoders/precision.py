"""Choice of the visual encoder's precision."""

import dataclasses
import logging
import os
import time
from collections.abc import Callable

import numpy as np

from avel_tf.configuration import EncodingConfig
from avel_tf.encoders.vgg19 import FRAME_SHAPE, Vgg19Encoder
from avel_tf.encoders.visual_encoder import POLICIES

MIN_SPEED_UP = 1.2  # below it, the features' last digits are worth more than the time
MIN_COSINE = 0.999
NUM_PICTURES = 4  # enough: the ratio of the times is the same as for a full batch
NUM_ROUNDS = 2
logger = logging.getLogger(__name__)


@dataclasses.dataclass(frozen=True)
class PrecisionChoice:
    """A precision for `Vgg19Encoder`, and the measurements that led to it.

    Args:
        precision: String. `"float32"` or `"bfloat16"`.
        speed_up: Float. Speed of bfloat16 divided by that of float32.
        lowest_cosine: Float. Lowest cosine, over all pictures, between the feature maps of a
            picture in both precisions.
    """

    precision: str
    speed_up: float
    lowest_cosine: float


def with_precision(
    encoding: EncodingConfig, choose: Callable[[str], str] | None = None
) -> EncodingConfig:
    """Returns settings whose precision is no longer `"auto"`: float32 for all but VGG-19.

    Args:
        encoding: `EncodingConfig`.
        choose: Function from VGG-19's weights to its precision; by default what `choose_precision`
            finds.
    Raises:
        ValueError, OSError: As `choose` does.
    """
    if encoding.encoder_precision != "auto":
        return encoding
    precision = "float32"
    if encoding.visual_encoder == "vgg19":
        weights = encoding.visual_weights
        precision = choose(weights) if choose else choose_precision(weights).precision
    return dataclasses.replace(encoding, encoder_precision=precision)


def choose_precision(weights: str | os.PathLike[str], seed: int = 0) -> PrecisionChoice:
    """Chooses VGG-19's precision: bfloat16 only if it is faster and its feature maps agree.

    bfloat16 must be at least 1.2 times as fast as float32, with a cosine of at least 0.999 for
    each map. Encodes a few pictures in both precisions, which takes seconds. The result depends on
    the machine and its load: choose once per dataset, not once per worker.

    Args:
        weights: String or path, as `Vgg19Encoder` takes it.
        seed: Integer. Seed of the random weights.
    Returns:
        `PrecisionChoice`.
    Raises:
        ValueError, OSError: As `Vgg19Encoder` does.
    """
    encoders = {precision: Vgg19Encoder(weights, precision, seed) for precision in POLICIES}
    pictures = _natural_pictures()[:, None]  # a segment each
    # The first calls compile. Later ones alternate, so that other load slows both alike.
    maps = {precision: encoder(pictures) for precision, encoder in encoders.items()}
    seconds = {precision: [] for precision in POLICIES}
    for _ in range(NUM_ROUNDS):
        for precision, encoder in encoders.items():
            start = time.perf_counter()
            encoder(pictures)
            seconds[precision].append(time.perf_counter() - start)
    speed_up = min(seconds["float32"]) / min(seconds["bfloat16"])
    cosine = lowest_cosine(maps["float32"], maps["bfloat16"])
    choice = PrecisionChoice(decide(speed_up, cosine), speed_up, cosine)
    logger.info("VGG-19's precision: %s", choice)
    return choice


def decide(speed_up: float, cosine: float) -> str:
    """Decides on a precision from these measurements; float32 if the cosine is NaN."""
    return "bfloat16" if speed_up >= MIN_SPEED_UP and cosine >= MIN_COSINE else "float32"


def lowest_cosine(maps: np.ndarray, others: np.ndarray) -> float:
    """Computes the lowest cosine between maps (N, …) of the same pictures; NaN if one is zero."""
    rows = maps.reshape(len(maps), -1).astype(np.float64)
    other_rows = others.reshape(len(others), -1).astype(np.float64)
    lengths = np.linalg.norm(rows, axis=1) * np.linalg.norm(other_rows, axis=1)
    with np.errstate(invalid="ignore"):
        return float(np.min((rows * other_rows).sum(axis=1) / lengths))


def _natural_pictures() -> np.ndarray:
    """Makes uint8 pictures (N, 224, 224, 3): noise with the 1/f amplitudes of natural images.

    Reference: Field, "Relations between the statistics of natural images and the response
        properties of cortical cells", JOSA A 1987.
    """
    size = FRAME_SHAPE[0]
    noise = np.random.default_rng(0).standard_normal((NUM_PICTURES, 3, size, size))
    frequency = np.hypot(np.fft.fftfreq(size)[:, None], np.fft.rfftfreq(size))
    frequency[0, 0] = np.inf  # no constant part; gray is added below
    smooth = np.fft.irfft2(np.fft.rfft2(noise) / frequency)
    contrast = smooth / smooth.std(axis=(2, 3), keepdims=True)
    pixels = np.clip(128 + 64 * contrast, 0, 255).astype(np.uint8)
    return np.moveaxis(pixels, 1, -1)
