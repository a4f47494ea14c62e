"""The locked packages work together in ways that imports do not show."""

import pathlib
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request

import pytest

BIN = pathlib.Path(sys.executable).parent
CHECKOUT = pathlib.Path(__file__).resolve().parent.parent


@pytest.mark.slow
def test_tensorboard_opens(tmp_path):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [BIN / "tensorboard", "--logdir", tmp_path, "--port", str(port)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as server:
        try:
            page = open_page(f"http://127.0.0.1:{port}/", server)
        finally:
            server.kill()
    assert "<title>TensorBoard</title>" in page


def open_page(address, server):
    for _ in range(600):
        assert server.poll() is None, server.stdout.read().decode()
        try:
            return urllib.request.urlopen(address).read().decode()
        except urllib.error.URLError:
            time.sleep(0.1)
    raise AssertionError("TensorBoard does not answer within a minute")


def test_farmhash_matches_the_version_that_tfdv_requires():
    """Checks values of pyfarmhash 0.3, which TFDV pins but which needs a compiler."""
    import farmhash

    assert farmhash.fingerprint64("audio_features") == 8176515656070483725
    assert farmhash.fingerprint64("") == 11160318154034397263
    assert farmhash.fingerprint32("audio_features") == 802632099


@pytest.mark.parametrize(
    ("glibc", "programs", "chosen"),
    [
        ("2.41", ["python3.13", "python3.11", "uv"], "python3.13"),
        ("2.39", ["python3.12", "python3.11"], "python3.12"),
        ("2.36", ["python3.13", "python3.11"], "python3.11"),  # too old for the newer lock
        ("2.41", ["uv"], "uv run --quiet --no-project --python 3.13 python"),
        ("2.36", ["python3.12", "uv"], "uv run --quiet --no-project --python 3.11 python"),
        ("2.36", ["python3.12"], "Install one of 3.11 with its venv module"),
        ("2.41", ["broken"], "Install one of 3.13 3.12 3.11 with its venv module"),
    ],
)
def test_make_takes_the_newest_python_that_has_a_lock(tmp_path, glibc, programs, chosen):
    def write(name, text):
        (tmp_path / name).write_text(f"#!/bin/sh\n{text}\n")
        (tmp_path / name).chmod(0o755)

    write("getconf", f"echo glibc {glibc}")
    write("awk", f'exec {shutil.which("awk")} "$@"')
    for name in programs:
        write(name, "exit 0")
    if programs == ["broken"]:  # as without the venv module
        write("python3.13", "exit 1")
    found = subprocess.run(
        ["/bin/sh", CHECKOUT / "requirements" / "find_python"],
        env={"PATH": str(tmp_path)},
        capture_output=True,
        text=True,
    )
    if chosen.startswith("Install"):
        assert found.returncode == 1 and chosen in found.stderr and not found.stdout
    else:
        assert (found.returncode, found.stdout) == (0, f"{chosen}\n"), found.stderr
