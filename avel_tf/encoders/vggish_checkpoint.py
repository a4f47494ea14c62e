"""VGGish's released TF1 checkpoint."""

import os

import keras
import numpy as np
import tensorflow as tf

CHECKPOINT_URL = "https://storage.googleapis.com/audioset/vggish_model.ckpt"
SCOPES = (
    "conv1",
    "conv2",
    "conv3/conv3_1",
    "conv3/conv3_2",
    "conv4/conv4_1",
    "conv4/conv4_2",
    "fc1/fc1_1",
    "fc1/fc1_2",
    "fc2",
)


def read_checkpoint(checkpoint: str | os.PathLike[str], model: keras.Model) -> list[np.ndarray]:
    """Reads the weights of a VGGish checkpoint in the model's order; ignores other variables.

    Raises:
        ValueError: If the file cannot be read, or a variable is missing or has another shape.
    """
    path = os.fspath(checkpoint)
    names = [f"vggish/{scope}/{kind}" for scope in SCOPES for kind in ("weights", "biases")]
    try:
        reader = tf.compat.v1.train.NewCheckpointReader(path)
        _check_shapes(path, reader.get_variable_to_shape_map(), dict(zip(names, model.weights)))
        return [reader.get_tensor(name) for name in names]
    except tf.errors.NotFoundError as error:
        raise ValueError(
            f"There is no checkpoint {path!r}. Download it: {CHECKPOINT_URL}"
        ) from error
    except tf.errors.OpError as error:
        raise ValueError(
            f"{path!r} is not an intact TensorFlow checkpoint ({error.message}). "
            f"Download it again: {CHECKPOINT_URL}"
        ) from error


def _check_shapes(
    path: str, found: dict[str, list[int]], expected: dict[str, keras.Variable]
) -> None:
    missing = [name for name in expected if name not in found]
    faults = [f"it lacks {', '.join(missing)}"] if missing else []
    for name in sorted(expected.keys() - missing):
        if tuple(found[name]) != expected[name].shape:
            faults.append(
                f"{name} has shape {tuple(found[name])} instead of {expected[name].shape}"
            )
    if faults:
        raise ValueError(
            f"{path!r} is not a VGGish checkpoint: {'; '.join(faults)}. "
            f"Download it: {CHECKPOINT_URL}"
        )
