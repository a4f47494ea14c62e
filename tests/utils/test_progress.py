"""Progress in a log file, and on a terminal."""

import io

import pytest

from avel_tf.utils.progress import Progress


class Terminal(io.StringIO):
    def isatty(self):
        return True


def shown(file, count, total, **settings):
    with Progress(total=total, desc="Work", file=file, mininterval=0, **settings) as bar:
        for _ in range(count):
            bar.update()
    return file.getvalue()


def test_a_log_file_gets_a_line_every_few_percent():
    text = shown(io.StringIO(), 1000, 1000)
    lines = text.split("\n")
    assert "\r" not in text and lines.pop() == ""
    assert len(lines) == 21
    shares = [int(line.removeprefix("Work: ").partition("%")[0]) for line in lines]
    assert shares == list(range(0, 101, 5))


def test_the_last_line_says_how_far_it_came():
    assert " 7/1000 " in shown(io.StringIO(), 7, 1000).splitlines()[-1]
    assert len(shown(io.StringIO(), 0, 0).splitlines()) == 1


def test_what_is_done_already_counts():
    lines = shown(io.StringIO(), 50, 100, initial=50).splitlines()
    assert "50%" in lines[0] and "100%" in lines[-1] and len(lines) == 11


def test_a_terminal_gets_a_bar():
    text = shown(Terminal(), 3, 3)
    assert text.count("\r") >= 3 and text.count("\n") == 1


@pytest.mark.parametrize("file", [io.StringIO(), Terminal()])
def test_nothing_is_shown_if_disabled(file):
    assert shown(file, 3, 3, disable=True) == ""


def test_work_that_ends_early_ends_at_all_of_it():
    """Writes the last line even if one for the same step was just written."""
    file = io.StringIO()
    bar = Progress(total=40, desc="Work", file=file, mininterval=0)
    bar.update(10)
    assert " 25%" in file.getvalue().splitlines()[-1]
    bar.total = bar.n
    bar.close()
    assert "Work: 100%" in file.getvalue().splitlines()[-1] and " 10/10 " in file.getvalue()
