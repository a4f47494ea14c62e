"""Fixtures for the component tests: the toy pipeline, and databases to record it in."""

import contextlib
import functools
import importlib.util
import os
import pathlib
import shutil
import sys
import uuid

import pytest

from components import component_code, launcher, lineage
from components.import_closure import find_import_closure
from tests import programs
from tests.eager import eagerly

HERE = pathlib.Path(__file__).parent


def load_module(file, name):
    """Imports a file that is not on the import path."""
    spec = importlib.util.spec_from_file_location(name, file)
    module = sys.modules[name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def toy():
    """The module `toy.py`, fresh for each test."""
    module = load_module(HERE / "toy.py", "toy")
    yield module
    del sys.modules["toy"]


@pytest.fixture(params=["sqlite", "mysql", "postgresql"])
def database(request, tmp_path):
    """Connection of a lineage database; servers keep the content of earlier tests."""
    if request.param == "sqlite":
        return str(tmp_path / "lineage.sqlite")
    variable = f"AVEL_TEST_{request.param.upper()}"
    if variable not in os.environ:
        pytest.skip(f"{variable} is not set; `.ci/databases start` prints a value for it")
    return os.environ[variable]


def forget_code():
    """Makes the launcher read the code again, as a new process does."""
    component_code._digest_files.cache_clear()
    component_code._read_versions.cache_clear()


class Runner:
    """Runs the toy pipeline repeatedly in one pipeline root."""

    def __init__(self, toy, folder, connection):
        self.toy = toy
        self.folder = folder
        self.root = folder / "root"
        self.connection = connection
        self.lineage = lineage.Lineage(connection)
        self.name = f"toy-{uuid.uuid4()}"
        self.run_ids = []
        (folder / "number").write_text("5")

    def run(self, enable_cache=True, **arguments):
        """Runs as if in a separate process; returns results by component id."""
        forget_code()
        self.run_ids.append(f"{self.name}-{len(self.run_ids)}")
        results = launcher.run_pipeline(
            self.toy.make_pipeline(self.folder, self.name, **arguments),
            pipeline_root=self.root,
            lineage=self.lineage,
            run_id=self.run_ids[-1],
            enable_cache=enable_cache,
        )
        return {result.component_id: result for result in results}

    def states(self, **arguments):
        """Runs and returns states by component id."""
        return {key: result.state for key, result in self.run(**arguments).items()}


@pytest.fixture
def checkout(tmp_path, monkeypatch):
    """Copy of the files that the toy components use, a report and a schema, for edits."""
    original, copy = component_code._CHECKOUT, tmp_path / "checkout"
    unused = {original / "avel_tf/reporting/report.py", original / "schemas/ave_examples.pbtxt"}
    used = find_import_closure({HERE / "toy.py"}, original) - {HERE / "toy.py"}
    for file in unused | used:
        target = copy / file.relative_to(original)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(file, target)
    monkeypatch.setattr(component_code, "_CHECKOUT", copy)
    forget_code()
    yield copy
    forget_code()


@pytest.fixture
def make_runner(toy, tmp_path, checkout):
    """Makes a `Runner` for a database."""
    return functools.partial(Runner, toy, tmp_path)


@pytest.fixture
def runner(make_runner, tmp_path):
    """A `Runner` with an SQLite file."""
    return make_runner(str(tmp_path / "lineage.sqlite"))


@pytest.fixture
def database_runner(make_runner, database):
    """A `Runner` for each kind of database."""
    return make_runner(database)


@pytest.fixture
def make_relay():
    """Makes a `Relay` to a server."""
    module = load_module(HERE / "database_servers.py", "database_servers")
    with contextlib.ExitStack() as relays:
        yield lambda connection: relays.enter_context(contextlib.closing(module.Relay(connection)))


@pytest.fixture(scope="session")
def model_runs(examples_folder, tmp_path_factory):
    """Results by component id of three runs of `model_side.py`, in one lineage.

    The first model is good, the second is another good one, the third has learned nothing.
    """
    module = load_module(HERE / "model_side.py", "model_side")
    folder = tmp_path_factory.mktemp("model_side")
    lineage_database = lineage.Lineage(folder / "lineage.sqlite")
    runs = {}
    examples = examples_folder("cml")
    with pytest.MonkeyPatch.context() as patch, eagerly():
        patch.setattr("subprocess.run", programs.run_isolated)  # for the server
        for name, settings in module.RUNS.items():
            results = launcher.run_pipeline(
                module.make_pipeline(examples, folder / "served", settings),
                pipeline_root=folder / "root",
                lineage=lineage_database,
                run_id=name,
            )
            runs[name] = {result.component_id: result for result in results}
    yield module.ModelRuns(runs, lineage_database, folder / "served")
    del sys.modules["model_side"]
