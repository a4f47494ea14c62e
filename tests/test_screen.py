import subprocess
import sys

SCRIPT = """
from avel_tf.screen import quiet

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


def test_only_what_tensorflow_fails_to_clean_up_at_exit_is_kept_from_the_screen():
    result = subprocess.run(
        [sys.executable, "-c", SCRIPT],
        capture_output=True,
        text=True,
        check=True,
    )
    assert result.stdout == "done\n"
    assert result.stderr.count("Exception ignored in") == 2
    assert "Graph.__del__" in result.stderr and "Broken.__del__" in result.stderr
