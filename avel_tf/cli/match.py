"""Finds in one modality the event that a part of the other shows, with a model for --task cml.

Clip and recording may be the same file and of any length.
"""

import argparse
import math
import pathlib

from avel_tf.cli.with_model import MODEL_NOTE, add_model_flags, check_outputs, open_reader
from avel_tf.errors import InputError

EXAMPLES = f"""\
example:
  Find where in a recording the sound of seconds 3 to 6 of a clip is visible:
    avel match --audio clip.mp4 --start 3 --end 6 --video recording.mp4 \\
        --model runs/ave-cml/served/ave-cml --audio_weights vggish.weights.h5 --report match.html

{MODEL_NOTE}"""
WHEN_STOPPED = ""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the arguments of the command."""
    for name in ("audio", "video"):
        parser.add_argument(
            f"--{name}",
            type=pathlib.Path,
            required=True,
            metavar="FILE",
            help=f"the file whose {name} is compared",
        )
    parser.add_argument(
        "--query",
        choices=("audio", "video"),
        default="audio",
        help="file that --start and --end refer to; the other one is searched (default: audio)",
    )
    parser.add_argument(
        "--start",
        type=float,
        required=True,
        metavar="S",
        help="in seconds, from 0; the query is all whole seconds that it and --end touch",
    )
    parser.add_argument("--end", type=float, required=True, metavar="S", help="in seconds")
    parser.add_argument(
        "--top", type=int, default=5, metavar="N", help="most windows to show (default: 5)"
    )
    add_model_flags(parser)
    parser.add_argument(
        "--report",
        type=pathlib.Path,
        metavar="FILE",
        help="write a page with the query, the scores over time and the windows found",
    )


def run(flags: argparse.Namespace) -> int:
    """Prints and writes the matches; returns the exit status."""
    from avel_tf.prediction import output  # heavy, and not needed for --help
    from avel_tf.prediction.match_page import match_page
    from avel_tf.prediction.matches import match_files
    from avel_tf.prediction.system import read_system_for
    from avel_tf.serving.provenance import caution

    if not 0 <= flags.start < flags.end < math.inf:
        raise InputError(
            "`--start` must be from 0 and less than `--end`. "
            f"Received: --start {flags.start:g} --end {flags.end:g}."
        )
    if flags.top < 1:
        raise InputError(f"`--top` must be at least 1. Received: --top {flags.top}.")
    check_outputs({".json": flags.json, ".html": flags.report})
    start, end = math.floor(flags.start), math.ceil(flags.end)
    system = read_system_for("cml", flags.model)
    reader = open_reader(flags, system.source)
    search = match_files(
        system.signatures,
        reader,
        flags.audio,
        flags.video,
        flags.query,
        start,
        end,
        flags.top,
    )
    if warning := caution(system.source, reader.metadata()):
        print(warning)
    print(f"Query: seconds {start} to {end} of {search.query.path}")
    print(output.matches_table(search.matches))
    if flags.json:
        asked = {
            "model": str(system.path),
            "caution": warning,
            **{name: str(getattr(flags, name)) for name in ("audio", "video", "query")},
            "start_seconds": start,
            "end_seconds": end,
        }
        output.write_whole(flags.json, output.matches_json(asked, search.matches))
    if flags.report:
        text = match_page(search, system.path, warning, flags.report.parent)
        output.write_whole(flags.report, text)
    return 0
