"""Any Keras model file as an encoder."""

import os
import pathlib
from collections.abc import Sequence
from typing import Any

import keras

from avel_tf.encoders import weights as weight_files
from avel_tf.encoders.audio_encoder import AudioEncoder
from avel_tf.encoders.log_mel import SAMPLE_RATE_HZ
from avel_tf.encoders.visual_encoder import POLICIES, VisualEncoder, with_policy
from avel_tf.errors import InputError
from avel_tf.utils.arguments import check_choice


class FileVisualEncoder(VisualEncoder):
    """A Keras model file as a visual encoder: pixels to a map.

    Args:
        path: String or path ending in `.keras`: a functional model from RGB pixels from 0 to 255,
            (B, height, width, 3), to a map (B, H, W, C). Whatever else its pixels need is part of
            the model, such as a `Rescaling` layer.
        precision: String. `"float32"` or `"bfloat16"`, see `Vgg19Encoder`.
    Raises:
        InputError: If the file cannot be loaded, or holds another kind of model.
    """

    def __init__(self, path: str | os.PathLike[str], precision: str = "float32") -> None:
        check_choice("precision", precision, POLICIES)
        model = _load(path)
        if not _fits(model.input_shape, (None, "height", "width", 3)) or not _fits(
            model.output_shape, (None, "H", "W", "C")
        ):
            raise InputError(
                f"{path} turns {model.input_shape} into {model.output_shape}. A visual encoder "
                "must take pixels (None, height, width, 3) and return a map (None, H, W, C) of "
                "fixed sizes: leave out the pooling and the classifier, and save it again."
            )
        if precision != "float32":
            model = with_policy(model, POLICIES[precision])
        metadata = {**weight_files.describe(model, path, seed=0), "is_model_file": True}
        super().__init__(model, _unchanged, metadata)


class FileAudioEncoder(AudioEncoder):
    """A Keras model file as an audio encoder: a second of sound to a vector.

    Args:
        path: String or path ending in `.keras`: a functional model from seconds of sound at 16 kHz
            in [-1, 1], (B, 16000), to vectors (B, D).
    Raises:
        InputError: If the file cannot be loaded, or holds another kind of model.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        model = _load(path)
        takes_sound = any(
            _fits(model.input_shape, (None, length)) for length in (SAMPLE_RATE_HZ, None)
        )
        if not takes_sound or not _fits(model.output_shape, (None, "D")):
            raise InputError(
                f"{path} turns {model.input_shape} into {model.output_shape}. An audio encoder "
                f"must take seconds of sound (None, {SAMPLE_RATE_HZ}) and return vectors "
                "(None, D): put what comes before and after into the model, and save it again."
            )
        metadata = {**weight_files.describe(model, path, seed=0), "is_model_file": True}
        super().__init__(model, _unchanged, _unchanged, metadata)


def _load(path: str | os.PathLike[str]) -> keras.Model:
    if not pathlib.Path(path).is_file():
        raise InputError(f"{path}, a Keras model for an encoder, does not exist.")
    try:
        model = keras.saving.load_model(path, compile=False)
    except Exception as error:  # Keras raises many kinds for a foreign file
        reason = str(error).strip().partition("\n")[0]
        raise InputError(
            f"{path} is not a Keras model that can be loaded safely: {reason} Save a model of "
            "Keras's own layers with `model.save`."
        ) from error
    shapes = [getattr(model, name, None) for name in ("input_shape", "output_shape")]
    if not all(isinstance(shape, tuple) for shape in shapes):
        raise InputError(
            f"{path} holds a {type(model).__name__} without a single input and output. Save a "
            "functional model of one each."
        )
    return model


def _fits(shape: tuple, expected: Sequence[int | str | None]) -> bool:
    """Compares a shape with one in which a string stands for any known size."""
    return len(shape) == len(expected) and all(
        size is not None if isinstance(wanted, str) else size == wanted
        for size, wanted in zip(shape, expected, strict=True)
    )


def _unchanged(values: Any) -> Any:
    return values
