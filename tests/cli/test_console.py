import subprocess
import sys

SCRIPT = """
from avel_tf.cli.console import quiet

class Broken:
    def __del__(self):
        raise TypeError

class Graph:
    def __del__(self):
        raise TypeError

Graph.__del__.__module__ = "tensorflow.python"
quiet()
Graph()
at_exit = Graph(), Broken()
print("done")
"""


def test_only_failures_of_tensorflow_at_exit_are_hidden():
    result = subprocess.run(
        [sys.executable, "-c", SCRIPT],
        capture_output=True,
        text=True,
        check=True,
    )
    assert result.stdout == "done\n"
    assert result.stderr.count("Exception ignored in") == 2
    assert "Graph.__del__" in result.stderr and "Broken.__del__" in result.stderr


PRINTING = r"""
import logging, sys
from avel_tf.cli.console import quiet

quiet()
print("a\x1b[2Jb.mp4")
logging.getLogger("avel_tf").warning("c\x1b[2Jd.mp4")
sys.stderr.write("e\x1b[2Jf.mp4")
"""


def test_names_cannot_command_the_terminal():
    command = [sys.executable, "-c", PRINTING]
    result = subprocess.run(command, capture_output=True, text=True, check=True)
    assert result.stdout == "a\\x1b[2Jb.mp4\n"
    assert result.stderr == "WARNING: c\\x1b[2Jd.mp4\ne\\x1b[2Jf.mp4"
