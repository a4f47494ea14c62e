"""Systems in Keras files."""

import pathlib

import keras

import avel_tf.models  # noqa: F401  registers its classes
from avel_tf.ave import DataError

INPUTS = {"audio_features", "visual_features"}


def load_system(path: pathlib.Path) -> keras.Model:
    """Loads a system to use it, without what it was trained by.

    Args:
        path: A `.keras` file.
    Raises:
        DataError: If it cannot be loaded, or does not take the features of both modalities.
    """
    try:
        model = keras.saving.load_model(path, compile=False)
    except Exception as error:  # of many kinds: what Keras meets in a foreign file
        reason = str(error).partition("\n")[0]
        raise DataError(
            f"{path} must be a .keras file of this project. Keras cannot load it: {reason}"
        ) from error
    inputs = getattr(model, "input", None)  # which Keras's own models may lack
    if not isinstance(inputs, dict) or not inputs.keys() >= INPUTS:
        raise DataError(
            f"{path} must be a .keras file of this project. It holds a {type(model).__name__} that "
            f"does not take {' and '.join(sorted(INPUTS))}."
        )
    return model
