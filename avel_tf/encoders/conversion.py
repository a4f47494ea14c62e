"""VGGish's released TF1 checkpoint -> a weights file that `VggishEncoder` loads."""

import os
import pathlib

from avel_tf.encoders import weights as weight_files
from avel_tf.encoders.vggish import build_vggish
from avel_tf.encoders.vggish_checkpoint import read_checkpoint
from avel_tf.utils.atomic import whole_file


def convert_vggish(checkpoint: str | os.PathLike[str], output: str | os.PathLike[str]) -> str:
    """Writes a checkpoint's weights to a `.weights.h5` file, which appears only once complete.

    Args:
        checkpoint: String or path. `vggish_model.ckpt` as released (one file, in TF1's first
            format), or the prefix of a checkpoint in the current format.
        output: String or path ending in `.weights.h5`; an existing file is replaced.
    Returns:
        SHA-256 of the weights, as in `VggishEncoder.metadata()`.
    Raises:
        ValueError: If the checkpoint is missing, damaged or of another model, or `output` has
            another ending or is not in an existing folder.
        OSError: If `output` cannot be written.
    """
    output = pathlib.Path(output)
    if not output.name.endswith(".weights.h5"):
        raise ValueError(
            f"`output` must end in .weights.h5. Received: output={str(output)!r}. Choose another "
            "name."
        )
    if not output.parent.is_dir():
        raise ValueError(
            f"`output` must be in an existing folder. Received: output={str(output)!r}. Create the "
            "folder first."
        )
    model = build_vggish()
    model.set_weights(read_checkpoint(checkpoint, model))
    with whole_file(output) as partial:
        model.save_weights(partial)
    return weight_files.describe(model, output, seed=0)["weights_sha256"]
