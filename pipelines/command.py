"""The program `avel`: every command of the library and of the pipelines."""

import sys
from collections.abc import Sequence

from avel_tf.cli import commands
from avel_tf.cli.program import Command, run_program

COMMANDS = {
    "run": Command("pipelines.local_runner", "run the pipeline: videos to a served model"),
    **commands.COMMANDS,
    "reproduce": Command("pipelines.reproduce", "train the paper's systems and write its tables"),
    "tune": Command("pipelines.tune", "search settings of dual attention matching"),
    "runs": Command("pipelines.runs", "list the runs of output folders, or compare two"),
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs a command; returns the exit status."""
    return run_program(COMMANDS, "avel", arguments)


if __name__ == "__main__":
    sys.exit(main())
