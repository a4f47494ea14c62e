"""Exports a trained system with both encoders in one SavedModel: frames and sound -> events."""

import argparse
import pathlib
import sys
from collections.abc import Sequence

from avel_tf.configuration import EncodingConfig
from avel_tf.feature_origin import check_encoders, is_encoded, read_origin, write_origin
from avel_tf.flags import add_weights, override
from avel_tf.screen import quiet
from avel_tf.whole_folder import whole_folder

EXAMPLES = """\
example:
  python -m avel_tf.media_export \\
      runs/ave-sel/artifacts/Trainer/model/4/Format-Keras/model.keras served/ave-media/1 \\
      --audio_weights vggish.weights.h5

The weights must be those that encoded the system's training data. OUTPUT appears when it is whole.
docs/serving.md has its signature.
"""


def parse_arguments(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """Reads the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m avel_tf.media_export",
        description=__doc__,
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "model",
        type=pathlib.Path,
        metavar="MODEL",
        help="file model.keras of the Trainer, of supervised event localization",
    )
    parser.add_argument(
        "output",
        type=pathlib.Path,
        metavar="OUTPUT",
        help="folder of the SavedModel, not yet there; for TF Serving NAME/VERSION",
    )
    encoders = parser.add_argument_group("encoders")
    add_weights(encoders)
    encoders.add_argument(
        "--encoder_precision",
        choices=("float32", "bfloat16"),
        help="of VGG-19 (default: that of the training data, else float32); bfloat16 is faster on "
        "processors that compute in it",
    )
    return parser.parse_args(arguments)


def run(flags: argparse.Namespace) -> None:
    """Writes the SavedModel.

    Raises:
        ValueError: If the model or the weights are missing or others than they must be.
        OSError: If there is something at OUTPUT, or it cannot be written.
    """
    encoding = override(EncodingConfig(), flags)
    if not encoding.audio_weights:
        raise ValueError("`--audio_weights` must be given. See --help.")
    with whole_folder(flags.output.resolve()) as partial:
        from avel_tf import encoders  # heavy, and not needed for --help
        from avel_tf.keras_files import load_system
        from avel_tf.media_export.saved_model import check_inputs, export_media_model

        model, source = load_system(flags.model), read_origin(flags.model)
        check_inputs(model)
        precision = encoding.encoder_precision
        if precision == "auto":
            precision = source["visual_encoder"]["precision"] if is_encoded(source) else "float32"
        visual = encoders.Vgg19Encoder(encoding.visual_weights, precision)
        audio = encoders.VggishEncoder(encoding.audio_weights)
        metadata = {"visual_encoder": visual.metadata(), "audio_encoder": audio.metadata()}
        check_encoders(source, metadata)
        export_media_model(model, visual, audio, partial)
        if source:
            write_origin(partial, source)


def main(arguments: Sequence[str] | None = None) -> int:
    """Writes the SavedModel; returns the exit status."""
    flags = parse_arguments(arguments)
    quiet()
    try:
        run(flags)
    except (ValueError, OSError) as error:
        print(f"Error: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("\nStopped. Nothing was written.", file=sys.stderr)
        return 130
    size = sum(path.stat().st_size for path in flags.output.rglob("*") if path.is_file())
    print(f"Wrote {flags.output}, {size / 1e6:.0f} MB, with the signature localize_media.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
