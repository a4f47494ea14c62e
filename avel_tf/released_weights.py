"""Loading of published weights into this library's models."""

import os
import pathlib

import h5py
import numpy as np

from avel_tf.hdf5 import own_dataset
from avel_tf.models.baselines.avdln import AudioVisualDistanceLearning

# The published file's names, in the layout of Keras 2: LAYER/LAYER/kernel:0.
AVDLN_LAYERS = {
    "visual_hidden": "dense_1",
    "visual_embedding": "dense_2",
    "audio_hidden": "dense_3",
    "audio_embedding": "dense_4",
}


def load_released_weights(model: AudioVisualDistanceLearning, path: str | os.PathLike) -> None:
    """Sets a model's weights to those that Tian et al. released.

    Args:
        model: The model, with the default widths.
        path: HDF5 file of the release, in the layout of Keras 2. No weight is set unless all of
            them fit.
    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it is not an HDF5 file, or a layer is missing or has another size.
    """
    path = pathlib.Path(path)
    weights = {}
    try:
        file = h5py.File(path, "r")
    except FileNotFoundError:
        raise
    except OSError as error:
        raise ValueError(
            f"{path} is not an HDF5 file. Pass the file of the AVDLN release."
        ) from error
    with file:
        for name, released in AVDLN_LAYERS.items():
            shapes = [weight.shape for weight in model.get_layer(name).weights]
            arrays = [
                _read(file, path, f"{released}/{released}/{part}:0", shape)
                for part, shape in zip(("kernel", "bias"), shapes, strict=True)
            ]
            weights[name] = arrays
    for name, arrays in weights.items():
        model.get_layer(name).set_weights(arrays)


def _read(file: h5py.File, path: pathlib.Path, name: str, shape: tuple[int, ...]) -> np.ndarray:
    array = own_dataset(file, name)
    if array is None:
        raise ValueError(f"{path} has no layer {name!r}. Pass the file of the AVDLN release.")
    if array.shape != tuple(shape):
        raise ValueError(
            f"{path}: {name!r} has shape {array.shape}, but the model's layer {tuple(shape)}. "
            "Load the release into a model with the default widths."
        )
    return array[()]
