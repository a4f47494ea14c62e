"""Exports a trained system with both encoders in one SavedModel: frames and sound -> events."""

import argparse
import pathlib
from typing import TYPE_CHECKING

from avel_tf.cli.flags import add_weights, read_encoding, share
from avel_tf.errors import InputError
from avel_tf.serving.provenance import (
    check_encoders,
    read_description,
    read_origin,
    write_origin,
)
from avel_tf.utils.atomic import whole_folder

if TYPE_CHECKING:
    from avel_tf.models import Localizer

EXAMPLES = """\
example:
  avel export \\
      runs/ave-sel/artifacts/Trainer/model/4/Format-Keras/model.keras served/ave-media/1 \\
      --audio_weights vggish.weights.h5

The weights must be those that encoded the system's training data. OUTPUT appears once it is
complete. docs/serving.md describes its signature.
"""
WHEN_STOPPED = "Nothing was written."


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the arguments of the command."""
    parser.add_argument(
        "model",
        type=pathlib.Path,
        metavar="MODEL",
        help="the Trainer's model.keras, of supervised event localization",
    )
    parser.add_argument(
        "output",
        type=pathlib.Path,
        metavar="OUTPUT",
        help="new folder for the SavedModel; for TF Serving NAME/VERSION",
    )
    encoders = parser.add_argument_group("encoders")
    add_weights(encoders)
    encoders.add_argument(
        "--encoder_precision",
        choices=("float32", "bfloat16"),
        help="of VGG-19 (default: that of the training data if known, otherwise float32); bfloat16 "
        "is faster on processors that compute in it",
    )
    parser.add_argument(
        "--threshold",
        type=share,
        metavar="SHARE",
        help="of systems that decide by relevance: the lowest, from 0 to 1, at which a second "
        "belongs to an event (default: that of the system, 0.5)",
    )


def run(flags: argparse.Namespace) -> int:
    """Writes the SavedModel; returns the exit status.

    Raises:
        ValueError: If the model or the weights are missing or do not match.
        OSError: If OUTPUT exists, or cannot be written.
    """
    source = read_origin(flags.model)
    encoding = read_encoding(flags, source)
    with whole_folder(flags.output.resolve()) as partial:
        from avel_tf.encoders.choosing import audio_encoder, visual_encoder  # heavy
        from avel_tf.encoders.precision import with_precision
        from avel_tf.serving.loading import load_system
        from avel_tf.serving.media_export import check_inputs, export_media_model

        model = load_system(flags.model)
        check_inputs(model)
        if flags.threshold is not None:
            model = _with_threshold(model, flags.threshold)
        # Not what suits this machine: it is served on others.
        encoding = with_precision(encoding, lambda weights: "float32")
        visual, audio = visual_encoder(encoding), audio_encoder(encoding)
        metadata = {"visual_encoder": visual.metadata(), "audio_encoder": audio.metadata()}
        check_encoders(source, metadata)
        description = read_description(flags.model)
        export_media_model(model, visual, audio, partial, description)
        if source:
            write_origin(partial, source, description)
    size = sum(path.stat().st_size for path in flags.output.rglob("*") if path.is_file())
    print(f"Wrote {flags.output}, {size / 1e6:.0f} MB, with the signature localize_media.")
    return 0


def _with_threshold(model: "Localizer", threshold: float) -> "Localizer":
    """Makes the same system again with another threshold."""
    config = model.get_config()
    if "threshold" not in config:
        raise InputError(
            f"{type(model).__name__} decides without a threshold. Leave out --threshold."
        )
    changed = type(model).from_config(config | {"threshold": threshold})
    changed.set_weights(model.get_weights())
    return changed
