"""Source and identity of an encoder's weights."""

import hashlib
import importlib.metadata
import logging
import os
import pathlib

import keras
import numpy as np

from avel_tf.choices import NAMED_WEIGHTS
from avel_tf.errors import InputError

RANDOM, AUDIOSET = "random", "audioset"
CACHE = "avel_tf"  # in Keras's own folder, by default ~/.keras
logger = logging.getLogger(__name__)


def fill(
    model: keras.Model,
    weights: str | os.PathLike[str],
    seed: int,
    input_scale: float | None,
    source: str,
) -> None:
    """Sets a model's weights: random ones if requested, otherwise those of a file.

    Args:
        model: Keras model.
        weights: `"random"` or the path of a Keras weights file (`.weights.h5`, or `.h5` in the
            layout of Keras 2).
        seed: Integer. Seed of the random weights.
        input_scale: Float. Divisor of the input that random weights include, which then suit plain
            stacks of layers with ReLU; None for He-normal ones, which suit any network.
        source: String. Where to get the official weights; the last sentence of the errors.
    Raises:
        InputError: If there is no such file, or it holds another model's weights.
    """
    if weights == RANDOM:
        if input_scale is None:
            model.set_weights(_he_normal_weights(model, seed))
        else:
            model.set_weights(_mirrored_random_weights(model, seed, input_scale))
        logger.warning(
            "%s has RANDOM WEIGHTS (seed %d). Its features are only for demos and tests.",
            model.name,
            seed,
        )
        return
    path = pathlib.Path(weights)
    if not path.is_file():
        raise InputError(f"{path}, for the weights of {model.name}, does not exist. {source}")
    try:
        model.load_weights(path)
    except Exception as error:  # Keras and h5py raise many kinds for a foreign file
        reason = str(error).partition("\n")[0]  # the rest prints whole tensors
        raise InputError(
            f"{path} has no weights of {model.name}: Keras cannot load it ({reason}). {source}"
        ) from error


def download(url: str, sha256: str | None = None) -> str:
    """Downloads a file, or finds it where an earlier download left it.

    Args:
        url: String.
        sha256: String. Digest that the file must have, if it is known.
    Returns:
        Path of the file.
    Raises:
        OSError: If it cannot be downloaded, or has another digest.
    """
    try:
        return keras.utils.get_file(
            origin=url, cache_subdir=CACHE, file_hash=sha256, hash_algorithm="sha256"
        )
    except Exception as error:  # Keras's downloader raises bare exceptions
        raise OSError(
            f"Cannot download {url}: {error} Fetch it by other means and pass its path as "
            "`audio_weights`."
        ) from error


def describe(model: keras.Model, weights: str | os.PathLike[str], seed: int) -> dict[str, object]:
    """Describes a model, so that its features can be told apart from another's.

    Args:
        model: Keras model.
        weights: String or path, as given to the encoder.
        seed: Integer, as given to the encoder.
    Returns:
        Dict of plain values, ready for JSON. `weights_sha256` is over the bytes of the weights in
        order, so that a file and any copy of it agree; `path` is where a local file is.
    """
    is_named = weights in NAMED_WEIGHTS
    digest = hashlib.sha256()
    for array in model.get_weights():
        digest.update(np.ascontiguousarray(array, "<f4"))
    return {
        "name": model.name,
        "weights": f"random(seed={seed})" if weights == RANDOM else pathlib.Path(weights).name,
        **({} if is_named else {"path": str(pathlib.Path(weights).resolve())}),
        "weights_sha256": digest.hexdigest(),
        "precision": model.layers[-1].compute_dtype,
        "output_shape": list(model.output_shape[1:]),
        "keras_version": keras.__version__,
        "tensorflow_version": importlib.metadata.version("tensorflow"),
    }


def _he_normal_weights(model: keras.Model, seed: int) -> list[np.ndarray]:
    """Makes random kernels, and the usual start of everything else.

    Reference: He et al., "Delving deep into rectifiers", ICCV 2015.
    """
    generator = np.random.default_rng(seed)
    arrays = []
    for variable in model.weights:
        shape = tuple(variable.shape)
        if len(shape) > 1:  # a depthwise kernel has its filters on the last two axes
            fan_in = np.prod(shape[:2] if variable.name == "depthwise_kernel" else shape[:-1])
            arrays.append(generator.standard_normal(shape, np.float32) * np.sqrt(2 / fan_in))
        else:
            is_scale = variable.name in ("gamma", "moving_variance")
            arrays.append(np.full(shape, float(is_scale), np.float32))
    return arrays


def _mirrored_random_weights(model: keras.Model, seed: int, input_scale: float) -> list[np.ndarray]:
    """Makes random weights that keep the features of different inputs different.

    The output of a ReLU is positive, so with ordinary random filters the features of all inputs
    drift further towards a common direction with every layer. Here each filter comes with its
    negative, and the next layer weights the two oppositely: ReLU(z) - ReLU(-z) = z passes intact.

    Reference: Balduzzi et al., "The shattered gradients problem", ICML 2017 ("looks-linear").
    """
    generator = np.random.default_rng(seed)  # NumPy: the same on every backend and machine
    arrays = []
    channels = None  # of the previous layer's output
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
