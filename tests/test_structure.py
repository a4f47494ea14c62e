"""Import rules, lint, format and docstrings of the whole project."""

import ast
import pathlib
import re
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


def test_docstrings_open_with_a_verb_or_a_noun_phrase():
    opening = re.compile(r"(What|Whether|How|Which|Where|Why)\b")
    kinds = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    found = [
        f"{path}: {docstring.splitlines()[0]}"
        for folder in ("avel_tf", "components", "pipelines", "benchmarks", "docs", "tests")
        for path in (CHECKOUT / folder).rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, kinds) and opening.match(docstring := ast.get_docstring(node) or "")
    ]
    assert not found


def test_library_import_is_light():
    code = (
        "import sys, avel_tf\n"
        "heavy = {'apache_beam', 'tensorflow_model_analysis', 'ml_metadata', 'av', 'tensorflow'}\n"
        "assert not heavy & set(sys.modules), heavy & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], cwd=CHECKOUT, check=True)


def test_cached_run_imports_nothing_heavy():
    """Checks that a run with all components cached does not wait for TensorFlow to start."""
    code = (
        "import sys\n"
        "sys.path.insert(0, 'pipelines')\n"
        "import local_runner\n"
        "import avel_tf.reporting.report, avel_tf.simulation\n"
        "heavy = {'apache_beam', 'tensorflow_model_analysis', 'tensorflow', 'keras'}\n"
        "assert not heavy & set(sys.modules), heavy & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], cwd=CHECKOUT, check=True)


def test_lock_names_exact_versions_and_no_addresses():
    locks = list((CHECKOUT / "requirements").glob("*.lock"))
    assert len(locks) == 4
    for lock in locks:
        for line in lock.read_text().splitlines():
            name, separator, version = line.partition("==")
            assert separator and name and version and "://" not in line, (lock.name, line)
