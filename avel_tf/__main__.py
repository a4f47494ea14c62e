"""A trained system on your own videos."""

import argparse
import pathlib
import signal
import sys
from collections.abc import Sequence

from avel_tf.flags import add_encoding
from avel_tf.screen import quiet

EXAMPLES = """\
examples:
  Which events are in these videos, and when; the page shows what the system saw and heard:
    python -m avel_tf predict ./*.mp4 --model runs/ave-sel/served/ave-sel \\
        --audio_weights vggish.weights.h5 --report events.html
  Where in a recording one sees what is heard from second 3 to 6 of a clip:
    python -m avel_tf match --audio clip.mp4 --start 3 --end 6 --video recording.mp4 \\
        --model runs/ave-cml/served/ave-cml --audio_weights vggish.weights.h5

MODEL is a .keras file, a SavedModel, or the folder a pipeline pushes its versions to. The encoders'
weights must be those that its training data were made with.
"""


def parse_arguments(arguments: list[str] | None = None) -> argparse.Namespace:
    """Reads the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m avel_tf",
        description=__doc__,
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    predict = commands.add_parser(
        "predict",
        help="find the events in videos",
        description="Finds the events in videos, long ones too, by a model for --task sel.",
    )
    predict.add_argument(
        "videos", nargs="+", type=pathlib.Path, metavar="VIDEO", help="with sound, of any length"
    )
    match = commands.add_parser(
        "match",
        help="find in one modality what happens in the other",
        description="Finds in one modality the event that a part of the other shows, by a model "
        "for --task cml. Clip and recording may be the same file, and long.",
    )
    for name in ("audio", "video"):
        match.add_argument(
            f"--{name}",
            type=pathlib.Path,
            required=True,
            metavar="FILE",
            help=f"the file whose {name} is compared",
        )
    match.add_argument(
        "--query",
        choices=("audio", "video"),
        default="audio",
        help="the file that --start and --end are of; the other one is searched (default: audio)",
    )
    match.add_argument("--start", type=int, required=True, metavar="S", help="in seconds, from 0")
    match.add_argument("--end", type=int, required=True, metavar="S", help="in seconds")
    match.add_argument(
        "--top", type=int, default=5, metavar="N", help="windows to tell, at most (default: 5)"
    )
    for command in (predict, match):
        command.add_argument(
            "--model", type=pathlib.Path, required=True, metavar="MODEL", help="see below"
        )
        command.add_argument("--json", type=pathlib.Path, metavar="FILE", help="write JSON")
    predict.add_argument(
        "--csv", type=pathlib.Path, metavar="FILE", help="write CSV, a row an event"
    )
    predict.add_argument(
        "--report",
        type=pathlib.Path,
        metavar="FILE",
        help="write a page with pictures, sound, relevance and labels over time",
    )
    predict.add_argument(
        "--annotations",
        type=pathlib.Path,
        metavar="FILE",
        help="AVE's Annotations.txt, for videos of it: the report tells right from wrong",
    )
    for command in (predict, match):
        add_encoding(command.add_argument_group("encoding"))
    return parser.parse_args(arguments)


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command; returns the exit status."""
    flags = parse_arguments(arguments)
    quiet()
    sys.stdout.reconfigure(errors="backslashreplace")  # names of files may be no text
    from avel_tf.prediction.commands import COMMANDS  # heavy, and not needed for --help

    signal.signal(signal.SIGTERM, signal.default_int_handler)  # what is found is written then too
    try:
        return COMMANDS[flags.command](flags)
    except (ValueError, OSError, RuntimeError) as error:  # DataError, MediaError among them
        print(f"Error: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("\nStopped.", file=sys.stderr)
        return 130


if __name__ == "__main__":
    sys.exit(main())
