"""Runs programs in processes of their own, which share one import of TensorFlow and its like.

Each is forked from a server that has imported the large packages and done nothing else: a test of
a whole program then costs what the program does. Tests of what an import shows or costs start a
fresh interpreter instead.
"""

import dataclasses
import multiprocessing.forkserver
import os
import pathlib
import runpy
import signal
import subprocess
import sys
import tempfile

LARGE = ["tensorflow", "keras", "apache_beam", "tensorflow_model_analysis", "ml_metadata.proto"]

_context = multiprocessing.get_context("forkserver")
_context.set_forkserver_preload(LARGE)


@dataclasses.dataclass(frozen=True)
class Finished:
    """A program that ended; its exit status is negative for a signal, as in `subprocess`."""

    returncode: int
    stdout: str
    stderr: str


class Program:
    """A running program.

    Args:
        program: Path of a Python file, or Python code.
        *arguments: Command-line arguments.
        shares_imports: Boolean. Whether the isolated programs that it runs share them, too.
    """

    def __init__(
        self, program: pathlib.Path | str, *arguments: object, shares_imports: bool = False
    ):
        self._folder = tempfile.TemporaryDirectory()
        outputs = [str(pathlib.Path(self._folder.name, name)) for name in ("stdout", "stderr")]
        task = (program, list(map(str, arguments)), os.getcwd(), outputs, shares_imports)
        # By path, for the name `tests` may mean another package there.
        self._process = _context.Process(
            target=runpy.run_path, args=(__file__, {"TASK": task}, "__program__")
        )
        self._process.start()

    def is_running(self) -> bool:
        """Returns whether it has not ended."""
        return self._process.is_alive()

    def kill(self) -> None:
        """Ends it by SIGKILL."""
        os.kill(self._process.pid, signal.SIGKILL)

    def wait(self, seconds: float = 300) -> Finished:
        """Waits for its end, and returns what it wrote."""
        self._process.join(seconds)
        if self.is_running():
            self.kill()
            self._process.join()
        texts = [pathlib.Path(self._folder.name, name).read_text() for name in ("stdout", "stderr")]
        self._folder.cleanup()
        return Finished(self._process.exitcode, *texts)


def run(program: pathlib.Path | str, *arguments: object, shares_imports: bool = False) -> Finished:
    """Runs a Python file, or Python code, to its end."""
    return Program(program, *arguments, shares_imports=shares_imports).wait()


def run_isolated(command: list[str], **_) -> Finished:
    """Stands in for `subprocess.run` of `[sys.executable, "-I", FILE, ...]`."""
    interpreter, isolated, file, *arguments = command
    assert (interpreter, isolated) == (sys.executable, "-I")
    return run(pathlib.Path(file), *arguments)


def _share_imports():
    # A child knows its server, but would start another.
    multiprocessing.forkserver._forkserver.ensure_running = lambda: None
    run_process = subprocess.run

    def run_program(command, **options):
        isolated = command[:2] == [sys.executable, "-I"]
        return run_isolated(command) if isolated else run_process(command, **options)

    subprocess.run = run_program


def _execute(program, arguments, folder, outputs, shares_imports):
    for descriptor, path in enumerate(outputs, start=1):
        os.dup2(os.open(path, os.O_WRONLY | os.O_CREAT, 0o600), descriptor)
    os.chdir(folder)
    if shares_imports:
        _share_imports()
    sys.argv = [str(program), *arguments]
    if isinstance(program, pathlib.Path):
        runpy.run_path(str(program), run_name="__main__")
    else:
        exec(compile(program, "<program>", "exec"), {"__name__": "__main__"})


if __name__ == "__program__":
    _execute(*TASK)  # noqa: F821  given by `Program`
