"""Where an encoder's weights come from, and how to tell which they are."""

import hashlib
import importlib.metadata
import logging
import os
import pathlib

import keras
import numpy as np

RANDOM = "random"
# Filters of zero mean pass on a ReLU's variance, 1/2 - 1/(2 pi) of its input's, not its mean.
RELU_GAIN = np.sqrt(2 / (1 - 1 / np.pi))

logger = logging.getLogger(__name__)


def fill(
    model: keras.Model,
    weights: str | os.PathLike[str],
    seed: int,
    input_deviation: float,
    source: str,
) -> None:
    """Give a model its weights: random ones if that is what was asked for, else a file's.

    Args:
        model: Keras model.
        weights: `"random"` or the path of a Keras weights file (`.weights.h5`, or `.h5` in the
            layout of Keras 2).
        seed: Integer. Seed of the random weights.
        input_deviation: Float. Typical deviation of the model's input, which the random weights
            divide by.
        source: String. Where the official weights come from: the last sentence of the errors.
    Raises:
        ValueError: If there is no such file, or it holds another model's weights.
    """
    if weights == RANDOM:
        model.set_weights(_informative_random_weights(model, seed, input_deviation))
        logger.warning(
            "%s has RANDOM WEIGHTS (seed %d). Its features serve demos and tests only.",
            model.name,
            seed,
        )
        return
    path = pathlib.Path(weights)
    if not path.is_file():
        raise ValueError(
            '`weights` must be "random" or an existing file. '
            f"Received: weights={os.fspath(weights)!r}. {source}"
        )
    try:
        model.load_weights(path)
    except Exception as error:  # of many kinds: what Keras and h5py meet in a foreign file
        reason = str(error).partition("\n")[0]  # the rest prints whole tensors
        raise ValueError(
            f"`weights` must be a file of {model.name} weights. "
            f"Received: weights={str(path)!r}, which Keras cannot load ({reason}). {source}"
        ) from error


def describe(model: keras.Model, weights: str | os.PathLike[str], seed: int) -> dict[str, object]:
    """Plain values by which features made with one model are told apart from another's.

    Args:
        model: Keras model.
        weights: String or path, as given to the encoder.
        seed: Integer, as given to the encoder.
    Returns:
        Dict ready for JSON. `weights_sha256` is over the bytes of the weights in order, so that
        a file and any copy of it agree.
    """
    digest = hashlib.sha256()
    for array in model.get_weights():
        digest.update(np.ascontiguousarray(array, "<f4"))
    return {
        "name": model.name,
        "weights": f"random(seed={seed})" if weights == RANDOM else pathlib.Path(weights).name,
        "weights_sha256": digest.hexdigest(),
        "precision": model.layers[-1].compute_dtype,
        "output_shape": list(model.output_shape[1:]),
        "keras_version": keras.__version__,
        "tensorflow_version": importlib.metadata.version("tensorflow"),
    }


def _informative_random_weights(
    model: keras.Model, seed: int, input_deviation: float
) -> list[np.ndarray]:
    """Random weights under which different inputs keep different features.

    He-normal kernels, the mean of each filter subtracted, and zero biases. What leaves a ReLU is
    positive, so under ordinary random filters the features of all inputs lean further towards
    one common direction with every layer; filters of zero mean do not see that direction.
    """
    generator = np.random.default_rng(seed)  # NumPy's: the same on every backend and machine
    arrays = []
    for variable in model.weights:
        array = np.zeros(variable.shape, np.float32)
        if array.ndim > 1:  # a kernel; the last axis counts its filters
            array = generator.standard_normal(variable.shape, np.float32)
            fan_in = array.size // array.shape[-1]
            array -= array.reshape(fan_in, -1).mean(axis=0)
            array *= np.float32(RELU_GAIN / np.sqrt(fan_in))
        arrays.append(array)
    arrays[0] /= np.float32(input_deviation)
    return arrays
