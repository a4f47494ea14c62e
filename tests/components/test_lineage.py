"""Lineage of a run in each kind of database, read back over a separate connection."""

import pathlib
import re
import subprocess
import sys

import ml_metadata
import pytest

from components.component import ComponentError
from components.lineage import Lineage

PASSWORD = "secret/word"
QUOTED = "secret%2Fword"


def test_contexts_follow_tfx(database_runner):
    database_runner.run()
    database_runner.run()
    name, store = database_runner.name, Lineage(database_runner.connection).store

    def executions(context_type, context_name):
        context = store.get_context_by_type_and_name(context_type, context_name)
        return [execution.type for execution in store.get_executions_by_context(context.id)]

    types = ["toy.Source", "toy.Train", "toy.Judge", "toy.Push"]
    assert sorted(executions("pipeline", name)) == sorted(types * 2)
    for run_id in database_runner.run_ids:
        assert sorted(executions("pipeline_run", run_id)) == sorted(types)
    for execution_type in types:
        node = execution_type.replace("toy", name)
        assert executions("node", node) == [execution_type] * 2
    run = store.get_context_by_type_and_name("pipeline_run", database_runner.run_ids[0])
    assert run.custom_properties["pipeline_root"].string_value == str(database_runner.root)


def test_executions_keep_state_parameters_summary_and_cache_key(database_runner):
    database_runner.run()
    database_runner.run()
    store = Lineage(database_runner.connection).store
    node = store.get_context_by_type_and_name("node", f"{database_runner.name}.Train")
    executions = store.get_executions_by_context(node.id)
    executed, cached = sorted(executions, key=lambda execution: execution.id)
    assert executed.State.Name(executed.last_known_state) == "COMPLETE"
    assert cached.State.Name(cached.last_known_state) == "CACHED"
    for execution in (executed, cached):
        properties = execution.custom_properties
        assert properties.keys() == {"gain", "layers", "summary"}
        assert properties["gain"].double_value == 2.0
        assert properties["layers"].string_value == "[3, 4]"
        assert properties["summary"].string_value == '{"restored": false}'

    def cache_context(execution):
        contexts = store.get_contexts_by_execution(execution.id)
        return [context.name for context in contexts if context.type == "execution_cache"]

    assert cache_context(executed) == cache_context(cached)
    assert re.fullmatch("[0-9a-f]{64}", *cache_context(executed))


def test_events_link_executions_to_artifacts_by_key_and_index(database_runner):
    first = database_runner.run()
    second = database_runner.run()
    store = Lineage(database_runner.connection).store
    wanted = {
        ("INPUT", "examples", first["Source"].outputs["examples"].id),
        ("OUTPUT", "model", first["Train"].outputs["model"].id),
        ("OUTPUT", "model_run", first["Train"].outputs["model_run"].id),
    }
    assert second["Train"].outputs == first["Train"].outputs
    node = store.get_context_by_type_and_name("node", f"{database_runner.name}.Train")
    for execution in store.get_executions_by_context(node.id):
        events = store.get_events_by_execution_ids([execution.id])
        assert {
            (event.Type.Name(event.type), event.path.steps[0].key, event.artifact_id)
            for event in events
        } == wanted
        assert all(event.path.steps[1].index == 0 for event in events)


def test_unresolved_input_has_no_event(database_runner):
    database_runner.run()
    store = Lineage(database_runner.connection).store
    node = store.get_context_by_type_and_name("node", f"{database_runner.name}.Judge")
    [execution] = store.get_executions_by_context(node.id)
    events = store.get_events_by_execution_ids([execution.id])
    assert sorted(event.path.steps[0].key for event in events) == ["blessing", "model"]


def test_artifacts_have_type_name_state_and_properties(database_runner):
    results = database_runner.run()
    store = Lineage(database_runner.connection).store
    run_id = database_runner.run_ids[0]
    context = store.get_context_by_type_and_name("pipeline_run", run_id)
    artifacts = {artifact.type: artifact for artifact in store.get_artifacts_by_context(context.id)}
    assert artifacts.keys() == {"Examples", "Model", "ModelRun", "ModelBlessing", "PushedModel"}
    assert all(each.State.Name(each.state) == "LIVE" for each in artifacts.values())
    examples, model = artifacts["Examples"], results["Train"].outputs["model"]
    assert examples.name == f"{database_runner.name}:{run_id}:Source:examples:0"
    assert examples.properties["split_names"].string_value == '["train"]'
    assert examples.uri == results["Source"].outputs["examples"].uri
    blessing = artifacts["ModelBlessing"].custom_properties
    assert blessing["blessed"].int_value == 1
    assert blessing["current_model_id"].int_value == model.id
    pushed = artifacts["PushedModel"].custom_properties
    assert pushed["pushed_version"].string_value == str(model.id)


def test_artifact_types_have_the_system_types_and_properties_of_tfx(database_runner):
    database_runner.run()
    store = Lineage(database_runner.connection).store
    examples, run = store.get_artifact_type("Examples"), store.get_artifact_type("ModelRun")
    assert examples.SystemDefinedBaseType.Name(examples.base_type) == "DATASET"
    assert examples.properties["split_names"] == 3  # STRING
    assert not run.HasField("base_type")


def test_inputs_are_attributed_to_the_run_that_reads_them(database_runner):
    model = database_runner.run()["Train"].outputs["model"]
    database_runner.run(threshold=1.0)
    contexts = Lineage(database_runner.connection).store.get_contexts_by_artifact(model.id)
    assert {context.name for context in contexts} >= set(database_runner.run_ids)


def test_failure_is_recorded_without_outputs(database_runner, toy):
    def fail(working_dir):
        raise ComponentError("Loss is NaN. Lower `gain`.")

    toy.HOOKS["Train"] = fail
    database_runner.run()
    store = Lineage(database_runner.connection).store
    node = store.get_context_by_type_and_name("node", f"{database_runner.name}.Train")
    [execution] = store.get_executions_by_context(node.id)
    assert execution.State.Name(execution.last_known_state) == "FAILED"
    assert execution.custom_properties["error"].string_value == "Loss is NaN. Lower `gain`."
    [event] = store.get_events_by_execution_ids([execution.id])
    assert event.Type.Name(event.type) == "INPUT"


def test_only_executions_of_the_same_root_count_as_abandoned(database_runner, toy):
    name, lineage = database_runner.name, database_runner.lineage
    source = toy.make_pipeline(database_runner.folder).components[0]
    here, there = pathlib.Path("/here"), pathlib.Path("/there")
    killed = lineage.begin_run(name, f"{name}-killed", here).begin_execution(source, {})
    other = lineage.begin_run(name, f"{name}-other", there).begin_execution(source, {})
    other_pipeline = lineage.begin_run(f"{name}.b", f"{name}-b", here).begin_execution(source, {})

    run = Lineage(database_runner.connection).begin_run(name, f"{name}-next", here)
    assert run.abandoned == [("Source", killed.id)]
    executions = lineage.store.get_executions_by_id([killed.id, other.id, other_pipeline.id])
    states = {each.id: each.State.Name(each.last_known_state) for each in executions}
    assert states == {killed.id: "FAILED", other.id: "RUNNING", other_pipeline.id: "RUNNING"}


def test_run_id_is_used_once_in_a_database(database_runner):
    name = database_runner.name
    database_runner.lineage.begin_run(name, name, pathlib.Path("/root"))
    with pytest.raises(ValueError, match=f"`run_id` must be new. Received: run_id='{name}'."):
        database_runner.lineage.begin_run(f"{name}-other", name, pathlib.Path("/root"))


def test_types_shared_with_tfx_keep_their_other_properties(database_runner):
    """Checks Examples, to which TFX also gives a span and a version."""
    store = database_runner.lineage.store
    database_runner.run()
    examples = store.get_artifact_type("Examples")
    examples.properties["span"] = 1  # INT
    store.put_artifact_type(examples, can_add_fields=True)
    database_runner.lineage = Lineage(database_runner.connection)
    database_runner.run(enable_cache=False)
    assert dict(store.get_artifact_type("Examples").properties) == {"split_names": 3, "span": 1}


def test_undeclared_property_is_refused(runner, toy, monkeypatch):
    def execute(self, inputs, outputs, working_dir):
        outputs["model"].properties["span"] = 1

    monkeypatch.setattr(toy.Train, "execute", execute)
    assert "unknown property: span" in runner.run()["Train"].error


def test_property_that_is_not_a_scalar_is_refused(runner, toy, monkeypatch):
    def execute(self, inputs, outputs, working_dir):
        outputs["model"].custom["shape"] = [1, 2]

    monkeypatch.setattr(toy.Train, "execute", execute)
    result = runner.run()["Train"]
    assert result.error == (
        "TypeError: Property `shape` must be a number or string. Received: [1, 2]."
    )


def test_publication_survives_a_connection_cut_during_execution(
    toy, database, make_runner, make_relay
):
    if "://" not in database:
        pytest.skip("an SQLite file has no connection to cut")
    relay = make_relay(database)
    runner = make_runner(relay.connection)
    toy.HOOKS["Train"] = lambda working_dir: relay.cut()
    assert set(runner.states().values()) == {"COMPLETE"}


def test_sqlite_file_is_made_with_its_folder(tmp_path):
    Lineage(tmp_path / "new" / "lineage.sqlite")
    assert (tmp_path / "new" / "lineage.sqlite").is_file()


@pytest.mark.parametrize("name", ["a:b", "2026-11-26T10:00/x@y", "C:/lineage", "at@home"])
def test_unusual_paths_are_paths(tmp_path, monkeypatch, name):
    monkeypatch.chdir(tmp_path)
    Lineage(name)
    assert (tmp_path / name).is_file()


LOCK = """
import sqlite3, sys
connection = sqlite3.connect(sys.argv[1], isolation_level=None)
connection.execute("BEGIN EXCLUSIVE")
print("locked", flush=True)
sys.stdin.read()
"""


@pytest.mark.slow
def test_a_locked_file_is_waited_for_with_a_limit(tmp_path, monkeypatch):
    lineage = Lineage(tmp_path / "lineage.sqlite")
    monkeypatch.setattr(lineage.store, "_max_num_retries", 1)  # ml-metadata's, of five
    command = [sys.executable, "-c", LOCK, tmp_path / "lineage.sqlite"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
        other.stdout.readline()
        with pytest.raises(ConnectionError, match="keeps the lineage database locked. .*fuser"):
            lineage.begin_run("pipeline", "run", tmp_path)
        other.stdin.close()
    lineage.begin_run("pipeline", "run", tmp_path)


def test_file_that_is_not_a_database_is_refused(tmp_path):
    file = tmp_path / "notes.txt"
    file.write_text("Not a database, as its first bytes show.\n" * 20)
    with pytest.raises(ConnectionError, match=f"Cannot open the lineage database {file}: .*not a"):
        Lineage(file)


@pytest.mark.parametrize(
    "connection",
    [
        f"sqlite://user:{QUOTED}@host:1/db",
        f"mysql://user:{QUOTED}@host/db",  # no port
        f"mysql://user:{QUOTED}@host:1",  # no database
        f"mysql://user:{QUOTED}@host:1/db?ssl=1",
        f"postgresql://:{QUOTED}@host:1/db",  # no user
        f"mysql://user:{PASSWORD}@host:1/db",  # an unquoted slash ends the host
        f"mysql:/user:{QUOTED}@host:1/db",
        f"mysql:///user:{QUOTED}@host:1/db",
        f"user:{QUOTED}@host:1/db",
        f"user:{QUOTED}@host",
        "sqlite:/lineage.sqlite",
        "file:/lineage.sqlite",
    ],
)
def test_url_of_another_form_is_refused_without_showing_it(connection, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(
        ValueError, match="The `lineage` database must be the path of an SQLite"
    ) as caught:
        Lineage(connection)
    assert "secret" not in str(caught.value) and not any(tmp_path.iterdir())
    assert caught.value.__suppress_context__ or caught.value.__context__ is None


@pytest.mark.parametrize("scheme", ["mysql", "postgresql"])
def test_unreachable_server_is_named_without_the_password(scheme, capfd):
    with pytest.raises(ConnectionError) as caught:
        Lineage(f"{scheme}://user:{QUOTED}@127.0.0.1:1/db")  # port 1 is reserved and unused
    message = str(caught.value)
    assert message.startswith(
        f"Cannot open the lineage database {scheme}://user:***@127.0.0.1:1. Check that the server "
    )
    assert "secret" not in message + "".join(capfd.readouterr())
    assert caught.value.__suppress_context__


def test_url_may_be_percent_encoded_and_use_localhost(database):
    if "://" not in database:
        pytest.skip("an SQLite file has no URL")
    user, password = re.search("//(.+):(.+)@", database).groups()
    encoded = ["".join(f"%{byte:02x}" for byte in text.encode()) for text in (user, password)]
    url = database.replace(f"{user}:{password}@127.0.0.1", "{}:{}@localhost".format(*encoded))
    Lineage(url).store.get_executions()


def test_wrong_password_is_refused(database):
    if "://" not in database:
        pytest.skip("an SQLite file has no password")
    with pytest.raises(ConnectionError, match="that user and password are right"):
        Lineage(re.sub(r":[0-9a-f]+@", ":wrong@", database))


def test_a_database_that_cannot_be_written_is_a_connection_error(runner, monkeypatch):
    """Checks that a full disk gives neither ml-metadata's traceback nor silence."""

    def fail(*_, **__):
        raise ml_metadata.errors.InternalError("database or disk is full")

    monkeypatch.setattr(ml_metadata.MetadataStore, "put_execution", fail)
    with pytest.raises(ConnectionError, match="Cannot write to the lineage.*disk is full"):
        runner.run()
