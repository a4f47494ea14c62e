"""The program `avel`: its commands, their help, and errors as messages."""

import argparse
import re
import subprocess
import sys

import pytest

import avel_tf
from avel_tf.cli import predict, simulate, train
from avel_tf.cli.console import report_errors
from avel_tf.cli.program import parse_arguments
from pipelines.command import COMMANDS, main

HEAVY = """
import contextlib, sys
from pipelines.command import main

with contextlib.suppress(SystemExit):
    main(sys.argv[1:])
heavy = {"tensorflow", "keras", "apache_beam", "tensorflow_model_analysis", "ml_metadata"}
assert not heavy & set(sys.modules), heavy & set(sys.modules)
"""


def test_help_names_every_command(capsys):
    with pytest.raises(SystemExit) as end:
        main(["--help"])
    assert end.value.code == 0
    printed = capsys.readouterr().out
    assert "import" not in printed, "the package's whole docstring"
    for name, command in COMMANDS.items():
        assert re.search(rf"^    {name}\s+{command.summary}$", printed, re.MULTILINE)


def test_version(capsys):
    with pytest.raises(SystemExit):
        main(["--version"])
    assert capsys.readouterr().out == f"avel_tf {avel_tf.__version__}\n"


@pytest.mark.parametrize("arguments", [[], ["nothing"], ["run", "--nothing"]])
def test_unknown_commands_and_flags_are_refused(arguments, capsys):
    with pytest.raises(SystemExit) as end:
        main(arguments)
    assert end.value.code == 2
    assert "usage: avel" in capsys.readouterr().err


@pytest.mark.parametrize("command", COMMANDS)
def test_help_imports_nothing_heavy(command):
    done = subprocess.run(
        [sys.executable, "-c", HEAVY, command, "--help"], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(f"usage: avel {command} ") and not done.stderr


def test_the_library_is_a_program_too():
    command = [sys.executable, "-m", "avel_tf", "simulate", "--help"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.startswith("usage: python -m avel_tf simulate ")


def fail(error):
    raise error


@pytest.mark.parametrize(
    ("error", "status", "message"),
    [
        (ValueError("a fault"), 2, "Error: typed: a fault\n"),
        (RuntimeError("Another run"), 2, "Error: typed: Another run\n"),
        (FileNotFoundError("no file"), 2, "Error: typed: no file\n"),
        (
            ModuleNotFoundError(name="ml_metadata"),
            2,
            "Error: The package ml_metadata is not installed. This command needs the extra "
            "`pipeline`: pip install 'avel_tf[pipeline]'\n",
        ),
        (KeyboardInterrupt(), 130, "\nStopped. The same command resumes.\n"),
    ],
)
def test_errors_become_messages(error, status, message, capsys):
    given = report_errors(lambda: fail(error), "typed: {}".format, "The same command resumes.")
    assert given == status
    assert capsys.readouterr().err == message


@pytest.mark.parametrize(
    "error", [TypeError("a fault"), ModuleNotFoundError("a fault", name="avel_tf.nothing")]
)
def test_faults_keep_their_traceback(error):
    with pytest.raises(type(error), match="a fault"):
        report_errors(lambda: fail(error), str, "")


@pytest.mark.parametrize(
    ("module", "arguments", "message", "as_typed"),
    [
        # Given or not, a setting is called by its flag; other names stay.
        (train, ["data", "m"], "`epochs` and `audio`", "`--epochs` and `audio`"),
        (train, ["data", "m", "--epochs=3"], "`epochs` is 3", "`--epochs` is 3"),
        (train, ["data", "m"], "`model` of `dataset`", "`MODEL` of `DATASET`"),
        (simulate, ["clips", "d"], "`num_clips` in `folder`", "`--num_clips` in `DIR`"),
        (predict, ["a.mp4", "--model", "m"], "`max_pixels`", "`--max_pixels`"),
    ],
)
def test_messages_name_what_a_user_types(module, arguments, message, as_typed):
    assert parse_arguments(module, "avel", arguments).as_typed(message) == as_typed


def test_help_explains_the_exit_status(capsys):
    with pytest.raises(SystemExit):
        main(["--help"])
    assert re.search(
        r"^  3 +the pipeline is done, but did not bless", capsys.readouterr().out, re.M
    )


def test_every_flag_is_explained(monkeypatch):
    parse = argparse.ArgumentParser.parse_args
    parsers = []

    def keep(parser, *arguments):
        parsers.append(parser)
        return parse(parser, *arguments)

    monkeypatch.setattr(argparse.ArgumentParser, "parse_args", keep)
    for command in COMMANDS:
        with pytest.raises(SystemExit):
            main([command, "--help"])
        (commands,) = (each for each in parsers.pop()._actions if each.dest == "command")
        actions = commands.choices[command]._actions
        assert not [action.dest for action in actions if not action.help and not action.choices]
