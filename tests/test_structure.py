"""Import rules, lint and format of the whole project."""

import pathlib
import subprocess
import sys

import pytest

CHECKOUT = pathlib.Path(__file__).resolve().parent.parent
BIN = pathlib.Path(sys.executable).parent


@pytest.mark.parametrize(
    "command",
    [["lint-imports", "--no-cache"], ["ruff", "check"], ["ruff", "format", "--check"]],
    ids=["import rules", "lint", "format"],
)
def test_checker_finds_nothing(command):
    result = subprocess.run(
        [BIN / command[0], *command[1:]], cwd=CHECKOUT, capture_output=True, text=True
    )
    assert result.returncode == 0, result.stdout + result.stderr


def test_library_import_is_light():
    code = (
        "import sys, avel_tf\n"
        "heavy = {'apache_beam', 'tensorflow_model_analysis', 'ml_metadata', 'av', 'tensorflow'}\n"
        "assert not heavy & set(sys.modules), heavy & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], cwd=CHECKOUT, check=True)


def test_cached_run_imports_nothing_heavy():
    """A run in which every component is cached takes seconds, not TensorFlow's start-up."""
    code = (
        "import sys\n"
        "sys.path.insert(0, 'pipelines')\n"
        "import local_runner\n"
        "import avel_tf.report, avel_tf.simulation\n"
        "heavy = {'apache_beam', 'tensorflow_model_analysis', 'tensorflow', 'keras'}\n"
        "assert not heavy & set(sys.modules), heavy & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], cwd=CHECKOUT, check=True)


def test_lock_names_exact_versions_and_no_addresses():
    for lock in CHECKOUT.glob("requirements-*.lock"):
        for line in lock.read_text().splitlines():
            name, separator, version = line.partition("==")
            assert separator and name and version and "://" not in line, (lock.name, line)
