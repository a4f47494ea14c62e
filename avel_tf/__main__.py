"""The library's commands; with those of the pipelines it is the program `avel`."""

import sys

from avel_tf.cli.commands import COMMANDS
from avel_tf.cli.program import run_program

if __name__ == "__main__":
    sys.exit(run_program(COMMANDS, "python -m avel_tf"))
