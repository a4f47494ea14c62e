"""Turns VGGish's released checkpoint into a file for --audio_weights."""

import argparse
import pathlib

EXAMPLES = """\
example:
  curl -O https://storage.googleapis.com/audioset/vggish_model.ckpt
  avel convert-weights vggish_model.ckpt vggish.weights.h5
"""
WHEN_STOPPED = "Nothing was written."


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the arguments of the command."""
    parser.add_argument(
        "checkpoint",
        type=pathlib.Path,
        metavar="CKPT",
        help="AudioSet's vggish_model.ckpt (289 MB), or the prefix of a newer checkpoint",
    )
    parser.add_argument(
        "output",
        type=pathlib.Path,
        metavar="OUT",
        help="file to write, ending in .weights.h5; an existing one is replaced",
    )


def run(flags: argparse.Namespace) -> int:
    """Writes the file; returns the exit status."""
    from avel_tf.encoders import convert_vggish  # heavy, and not needed for --help

    digest = convert_vggish(flags.checkpoint, flags.output)
    print(f"Wrote {flags.output}, {flags.output.stat().st_size / 1e6:.0f} MB.")
    print(f"SHA-256 of its weights, as in the metadata of the features: {digest}")
    print(f"Next: encode with --audio_weights {flags.output}")
    return 0
