"""Loading of systems from Keras files."""

import pathlib

import keras

import avel_tf.models  # noqa: F401  registers its classes
from avel_tf.errors import InputError
from avel_tf.serving.model_folder import ModelFolder

INPUTS = {"audio_features", "visual_features"}


def load_system(path: pathlib.Path) -> keras.Model:
    """Loads a system for inference, without its optimizer and losses.

    Args:
        path: A `.keras` file.
    Raises:
        InputError: If it cannot be loaded, or does not take the features of both modalities.
    """
    if path.is_dir():
        near = [ModelFolder(folder).keras_path for folder in (path, path.parent)]
        found = next(filter(pathlib.Path.is_file, near), "Format-Keras/model.keras of the Trainer")
        raise InputError(
            f"{path} is a folder, but a .keras file is needed: a SavedModel is made from it. "
            f"Give {found}."
        )
    try:
        model = keras.saving.load_model(path, compile=False)
    except Exception as error:  # Keras raises many kinds for a foreign file
        reason = str(error).partition("\n")[0]
        raise InputError(
            f"{path} must be a .keras file of this project. Keras cannot load it: {reason}"
        ) from error
    inputs = getattr(model, "input", None)  # some Keras models have none
    if not isinstance(inputs, dict) or not inputs.keys() >= INPUTS:
        raise InputError(
            f"{path} must be a .keras file of this project. It holds a {type(model).__name__} that "
            f"does not take {' and '.join(sorted(INPUTS))}."
        )
    return model
