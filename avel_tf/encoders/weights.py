"""Where an encoder's weights come from, and how to tell which they are."""

import hashlib
import importlib.metadata
import logging
import os
import pathlib

import keras
import numpy as np

RANDOM = "random"
logger = logging.getLogger(__name__)


def fill(
    model: keras.Model,
    weights: str | os.PathLike[str],
    seed: int,
    input_scale: float,
    source: str,
) -> None:
    """Give a model its weights: random ones if that is what was asked for, else a file's.

    Args:
        model: Keras model.
        weights: `"random"` or the path of a Keras weights file (`.weights.h5`, or `.h5` in the
            layout of Keras 2).
        seed: Integer. Seed of the random weights.
        input_scale: Float. What random weights divide the input by.
        source: String. Where the official weights come from: the last sentence of the errors.
    Raises:
        ValueError: If there is no such file, or it holds another model's weights.
    """
    if weights == RANDOM:
        model.set_weights(_mirrored_random_weights(model, seed, input_scale))
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


def _mirrored_random_weights(model: keras.Model, seed: int, input_scale: float) -> list[np.ndarray]:
    """Random weights under which different inputs keep different features.

    What leaves a ReLU is positive, so under ordinary random filters the features of all inputs
    lean further towards one common direction with every layer. Here each filter comes with its
    negative, and the next layer weighs the two oppositely: ReLU(z) - ReLU(-z) = z passes whole.
    Balduzzi et al., "The shattered gradients problem", ICML 2017 ("looks-linear").
    """
    generator = np.random.default_rng(seed)  # NumPy's: the same on every backend and machine
    arrays = []
    channels = None  # that leave the layer before
    for variable in model.weights:
        array = np.zeros(variable.shape, np.float32)
        if array.ndim > 1:  # a kernel; the last axis counts its filters
            width = array.shape[-1]
            fan_in = array.size // width
            if channels is None:
                half = generator.standard_normal((fan_in, width // 2), np.float32) / input_scale
            else:
                shape = (fan_in // channels, channels // 2, width // 2)
                half = generator.standard_normal(shape, np.float32)
                half = np.concatenate([half, -half], axis=1).reshape(fan_in, -1)
            kernel = np.concatenate([half, -half], axis=1) * np.sqrt(2 / fan_in)
            array = kernel.reshape(array.shape).astype(np.float32)
            channels = width
        arrays.append(array)
    return arrays
