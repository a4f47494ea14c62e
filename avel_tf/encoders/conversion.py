"""VGGish's released TF1 checkpoint -> a weights file that `VggishEncoder` loads."""

import os
import pathlib
import tempfile

import keras
import numpy as np
import tensorflow as tf

from avel_tf.encoders import weights as weight_files
from avel_tf.encoders.vggish import CHECKPOINT_URL, build_vggish

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


def convert_vggish(checkpoint: str | os.PathLike[str], output: str | os.PathLike[str]) -> str:
    """Writes a checkpoint's weights as a `.weights.h5` file, which appears when it is whole.

    Args:
        checkpoint: String or path. `vggish_model.ckpt` as released (one file, of TF1's first
            format), or the prefix of a checkpoint of the present format.
        output: String or path ending in `.weights.h5`; a file of that name is replaced.
    Returns:
        SHA-256 of the weights, as `VggishEncoder.metadata()` states it.
    Raises:
        ValueError: If the checkpoint is missing, damaged or another model's, or `output` ends
            otherwise or lies in no folder.
        OSError: If `output` cannot be written.
    """
    output = pathlib.Path(output)
    if not output.name.endswith(".weights.h5"):
        raise ValueError(
            f"`output` must end in .weights.h5. Received: output={str(output)!r}. Give another "
            "name."
        )
    if not output.parent.is_dir():
        raise ValueError(
            f"`output` must lie in an existing folder. Received: output={str(output)!r}. Make the "
            "folder first."
        )
    model = build_vggish()
    model.set_weights(read_checkpoint(checkpoint, model))
    with tempfile.TemporaryDirectory(prefix=f".{output.name}.", dir=output.parent) as folder:
        partial = pathlib.Path(folder) / output.name
        model.save_weights(partial)
        partial.replace(output)
    return weight_files.describe(model, output, seed=0)["weights_sha256"]


def read_checkpoint(checkpoint: str | os.PathLike[str], model: keras.Model) -> list[np.ndarray]:
    """Weights of a VGGish checkpoint in the model's order; its other variables are left out.

    Raises:
        ValueError: If the file cannot be read, or a variable is missing or of another shape.
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
            f"{path!r} is no whole TensorFlow checkpoint ({error.message}). Download it again: "
            f"{CHECKPOINT_URL}"
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
            f"{path!r} is no VGGish checkpoint: {'; '.join(faults)}. Download it: {CHECKPOINT_URL}"
        )
