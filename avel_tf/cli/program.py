"""Programs made of commands: each is a module that is imported only once it is chosen.

A command's module has a docstring, `EXAMPLES` for the end of its help, `WHEN_STOPPED`, the sentence
that Ctrl-C prints, `add_arguments(parser)` and `run(flags)`, which returns the exit status.
`flags.as_typed(message)` calls settings in a message as the user does: by flags.
"""

import argparse
import dataclasses
import functools
import importlib
import re
import sys
from collections.abc import Mapping, Sequence
from types import ModuleType

import avel_tf
from avel_tf.cli.console import quiet, report_errors
from avel_tf.cli.keras_settings import check_keras_settings

EXIT_STATUS = """\
exit status:
  0    done
  1    part of it failed: a video, a row of a table, a component of the pipeline; the rest is kept
  2    error in the command line or an input
  3    the pipeline is done, but did not bless the model and did not push it
  130  stopped
"""


@dataclasses.dataclass(frozen=True)
class Command:
    """A command in the table of a program.

    Args:
        module: String. Name of the module.
        summary: String. One line for the program's help.
    """

    module: str
    summary: str


def run_program(
    commands: Mapping[str, Command], name: str, arguments: Sequence[str] | None = None
) -> int:
    """Runs a program of several commands.

    Args:
        commands: Mapping from the name of a command to `Command`.
        name: String. The program's name, for its help.
        arguments: The command line; None for that of this process.
    Returns:
        The exit status.
    """
    arguments = sys.argv[1:] if arguments is None else arguments
    parser = argparse.ArgumentParser(
        prog=name, description=avel_tf.__doc__.splitlines()[0], epilog=EXIT_STATUS
    )
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument(
        "--version",
        action="version",
        version=f"avel_tf {avel_tf.__version__}",
        help="print the version and exit",
    )
    parsers = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    module = None
    for command, entry in commands.items():
        subparser = parsers.add_parser(command, help=entry.summary)
        if command in arguments[:1]:
            module = importlib.import_module(entry.module)
            _describe(subparser, module)
    return _run(module, parser.parse_args(arguments))


def run_command(module: ModuleType, name: str, arguments: Sequence[str] | None = None) -> int:
    """Runs a program of one command.

    Args:
        module: Module of the command.
        name: String. The program's name, for its help.
        arguments: The command line; None for that of this process.
    Returns:
        The exit status.
    """
    arguments = sys.argv[1:] if arguments is None else arguments
    return _run(module, parse_arguments(module, name, arguments))


def parse_arguments(module: ModuleType, name: str, arguments: Sequence[str]) -> argparse.Namespace:
    """Reads the command line of a program of one command."""
    parser = argparse.ArgumentParser(prog=name)
    _describe(parser, module)
    return parser.parse_args(arguments)


def _describe(parser: argparse.ArgumentParser, module: ModuleType) -> None:
    parser.description, parser.epilog = module.__doc__, module.EXAMPLES
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    module.add_arguments(parser)
    parser.set_defaults(as_typed=functools.partial(_as_typed, _names(parser)))


def _names(parser: argparse.ArgumentParser) -> dict[str, str]:
    """Maps the fields of a parsed command line to what a user calls them: `--flag` or PLACE."""
    names = {}
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for each in action.choices.values():
                names |= _names(each)
        else:
            names[action.dest] = (action.option_strings or [action.metavar])[-1]
    return names


def _as_typed(names: Mapping[str, str], message: str) -> str:
    return re.sub(r"`(\w+)`", lambda name: f"`{names.get(name[1], name[1])}`", message)


def _run(module: ModuleType, flags: argparse.Namespace) -> int:
    def run() -> int:
        check_keras_settings()
        return module.run(flags)

    quiet()
    return report_errors(run, flags.as_typed, module.WHEN_STOPPED)
