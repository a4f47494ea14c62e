"""Prepares the weights of the encoders."""

import argparse
import pathlib
import sys
from collections.abc import Sequence

from avel_tf.screen import quiet

EXAMPLES = """\
example:
  curl -O https://storage.googleapis.com/audioset/vggish_model.ckpt
  python -m avel_tf.encoders convert-vggish vggish_model.ckpt vggish.weights.h5
"""


def parse_arguments(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """Reads the command line."""
    layout = {"epilog": EXAMPLES, "formatter_class": argparse.RawDescriptionHelpFormatter}
    parser = argparse.ArgumentParser(
        prog="python -m avel_tf.encoders", description=__doc__, **layout
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    convert = commands.add_parser(
        "convert-vggish",
        help="turn VGGish's released checkpoint into a .weights.h5 file",
        description="Turns VGGish's released checkpoint into a file for --audio_weights.",
        **layout,
    )
    convert.add_argument(
        "checkpoint",
        type=pathlib.Path,
        metavar="CKPT",
        help="AudioSet's vggish_model.ckpt (289 MB), or the prefix of a newer checkpoint",
    )
    convert.add_argument(
        "output",
        type=pathlib.Path,
        metavar="OUT",
        help="file to write, ending in .weights.h5; replaced if there is one",
    )
    return parser.parse_args(arguments)


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs a command; returns the exit status."""
    flags = parse_arguments(arguments)
    quiet()
    from avel_tf.encoders import convert_vggish  # heavy

    try:
        digest = convert_vggish(flags.checkpoint, flags.output)
    except (ValueError, OSError) as error:
        print(f"Error: {error}", file=sys.stderr)
        return 2
    print(f"Wrote {flags.output}, {flags.output.stat().st_size / 1e6:.0f} MB.")
    print(f"SHA-256 of its weights, which the metadata of the features will state: {digest}")
    print(f"Next: encode with --audio_weights {flags.output}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
