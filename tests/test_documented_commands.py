"""Programs accept the command lines in README and docs, and explain every flag."""

import argparse
import pathlib
import re
import runpy
import shlex
import sys

import pytest

from pipelines import command

CHECKOUT = pathlib.Path(__file__).resolve().parent.parent
PROGRAM = re.compile(
    r"(?:\S+=\S+ )*(?:\.venv(?:-jax)?/bin/)?(?:python ((?:pipelines|benchmarks)/.*)|(avel .*))"
)


def command_lines(text):
    """Finds each `avel …` and the arguments of each `python …` in code and between backticks."""
    blocks = re.findall(r"```\w*\n(.*?)```", text, re.DOTALL)
    lines = "\n".join(blocks).replace("\\\n", " ").splitlines()
    spans = re.findall(r"`([^`]+)`", re.sub(r"```.*?```", "", text, flags=re.DOTALL))
    for line in (*lines, *(span.replace("\n", " ") for span in spans)):
        if found := PROGRAM.fullmatch(line):
            yield found[1] or found[2]


COMMANDS = sorted(
    {
        line
        for page in (CHECKOUT / "README.md", *(CHECKOUT / "docs").rglob("*.md"))
        for line in command_lines(page.read_text())
    }
)


class Parsed(BaseException):
    """Ends a program once its command line is parsed."""


def actions(parser):
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for each in action.choices.values():
                yield from actions(each)
        else:
            yield action


def test_commands_are_found():
    programs = {line.split()[0] for line in COMMANDS}
    commands = {line.split()[1] for line in COMMANDS if line.startswith("avel ")}
    assert commands >= {"run", "extract", "reproduce", "tune", "predict", "match", "simulate"}
    assert len([name for name in programs if name.startswith("benchmarks/")]) >= 6


@pytest.mark.parametrize("line", COMMANDS)
def test_it_is_understood(line, monkeypatch):
    parse = argparse.ArgumentParser.parse_args

    def parse_and_end(parser, *arguments):
        parse(parser, *arguments)
        raise Parsed(parser)

    program, *arguments = shlex.split(re.sub(r"[][]", "", line), comments=True)
    monkeypatch.setattr(argparse.ArgumentParser, "parse_args", parse_and_end)
    monkeypatch.setattr(sys, "argv", [program, *arguments])
    monkeypatch.chdir(CHECKOUT)
    with pytest.raises((Parsed, SystemExit)) as end:
        if program == "avel":
            command.main(arguments)
        else:
            runpy.run_path(program, run_name="__main__")
    if end.type is SystemExit:
        assert end.value.code == 0 and arguments[-1] in ("--help", "--version")
        return
    unexplained = [action.dest for action in actions(end.value.args[0]) if not action.help]
    assert not unexplained
