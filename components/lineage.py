"""Record of what ran, on which inputs, with which outputs: ml-metadata under TFX's names.

A run has the contexts `pipeline` (named after the pipeline), `pipeline_run` (after the run) and,
for each component, `node` ("pipeline.component"). An execution is associated with all three and,
once it has succeeded, with an `execution_cache` context named after its cache key; its artifacts
are attributed to the same contexts. Events carry the input or output key and the index 0.
"""

import dataclasses
import datetime
import json
import os
import pathlib
from collections.abc import Iterator, Mapping
from typing import Any, TypeVar

import ml_metadata
from ml_metadata.proto import metadata_store_pb2 as mlmd

from components.artifacts import Artifact, Model, ModelBlessing, ModelEvaluation
from components.component import Component
from components.lineage_database import open_store, parse_connection

_A = TypeVar("_A", bound=Artifact)
_PROPERTY_TYPES = {int: mlmd.INT, float: mlmd.DOUBLE, str: mlmd.STRING}
_VALUE_FIELDS = {bool: "bool_value", int: "int_value", float: "double_value", str: "string_value"}


@dataclasses.dataclass(frozen=True)
class RecordedRun:
    """A run as the lineage knows it.

    Args:
        run_id: String.
        started: Local time.
        states: Mapping from component id to "COMPLETE", "CACHED", "FAILED" or "RUNNING".
        summaries: Mapping from the id of each component that succeeded to what it returned.
        evaluation: The run's `ModelEvaluation`, None without one.
    """

    run_id: str
    started: datetime.datetime
    states: Mapping[str, str]
    summaries: Mapping[str, dict | None]
    evaluation: ModelEvaluation | None


class Lineage:
    """A lineage database.

    Tables are created on first use; a MySQL or PostgreSQL database must exist. MySQL and MariaDB
    users must log in by `mysql_native_password`, because ml-metadata's client supports no newer
    method. `store` is the `ml_metadata.MetadataStore`, for queries of your own.

    Args:
        connection: String. Path of an SQLite file, "mysql://user:password@host:port/database" or
            "postgresql://user:password@host:port/database", user and password percent-encoded.
    Raises:
        ValueError: If `connection` is a URL of another form, or looks like one.
        ConnectionError: If the database cannot be opened. No message shows the password.
    """

    def __init__(self, connection: str | os.PathLike[str]):
        self._config = parse_connection(os.fspath(connection))
        self._type_ids: dict[tuple[str, str], int] = {}
        self.reconnect()

    def reconnect(self) -> None:
        """Opens a new connection, because servers close one that is idle while a model trains."""
        self.store = open_store(self._config)

    def begin_run(self, pipeline_name: str, run_id: str, pipeline_root: pathlib.Path) -> "Run":
        """Starts recording a run, and marks executions that a killed run left as failed.

        Raises:
            ValueError: If a run with this id is already recorded.
        """
        return Run(self, pipeline_name, run_id, str(pipeline_root))

    def read_runs(self) -> list[RecordedRun]:
        """Reads all runs of all pipelines, oldest first."""
        contexts = self.store.get_contexts_by_type("pipeline_run")
        runs = [self._read_run(context) for context in contexts]
        return sorted(runs, key=lambda run: run.started)

    def _read_run(self, context: mlmd.Context) -> RecordedRun:
        states, summaries, evaluation = {}, {}, None
        for execution in self.store.get_executions_by_context(context.id):
            component_id = execution.type.rpartition(".")[2]
            states[component_id] = mlmd.Execution.State.Name(execution.last_known_state)
            if "summary" in execution.custom_properties:
                summary = execution.custom_properties["summary"].string_value
                summaries[component_id] = json.loads(summary)
            outputs = [
                event.artifact_id
                for event in self.store.get_events_by_execution_ids([execution.id])
                if event.type == mlmd.Event.OUTPUT
            ]
            for proto in self.store.get_artifacts_by_id(outputs):
                if proto.type == ModelEvaluation.TYPE_NAME:
                    evaluation = _read_artifact(ModelEvaluation, proto)
        started = datetime.datetime.fromtimestamp(context.create_time_since_epoch / 1000)
        return RecordedRun(context.name, started, states, summaries, evaluation)

    def register_type(self, kind: str, name: str, **fields: Any) -> int:
        """Id of an "artifact", "context" or "execution" type, which is registered if missing."""
        if (kind, name) not in self._type_ids:
            proto = getattr(mlmd, f"{kind.capitalize()}Type")(name=name, **fields)
            put = getattr(self.store, f"put_{kind}_type")
            # A database shared with TFX has these types with more properties than here.
            self._type_ids[kind, name] = put(proto, can_add_fields=True, can_omit_fields=True)
        return self._type_ids[kind, name]


class Run:
    """One run of a pipeline in the lineage; made by `Lineage.begin_run`.

    `abandoned` lists the component id and execution id of each execution that a killed run in the
    same pipeline root left running; they are marked as failed.
    """

    def __init__(self, lineage: Lineage, pipeline_name: str, run_id: str, pipeline_root: str):
        self.lineage = lineage
        self.pipeline_name = pipeline_name
        self.run_id = run_id
        self._pipeline_root = pipeline_root
        self._pipeline_context_id = self._put_contexts()
        self.abandoned = self._fail_abandoned()

    def begin_execution(self, component: Component, inputs: Mapping[str, Artifact]) -> "Execution":
        """Records that a component starts, on published inputs."""
        return Execution(self, component, inputs)

    def find_cached_outputs(
        self, cache_key: str, output_types: Mapping[str, type[Artifact]]
    ) -> Iterator[tuple[dict[str, Artifact], dict | None]]:
        """Yields outputs and summary of each success under this key, newest first."""
        store = self.lineage.store
        context = store.get_context_by_type_and_name("execution_cache", cache_key)
        executions = store.get_executions_by_context(context.id) if context else []
        for execution in sorted(executions, key=lambda execution: execution.id, reverse=True):
            keys = {
                event.artifact_id: event.path.steps[0].key
                for event in store.get_events_by_execution_ids([execution.id])
                if event.type == mlmd.Event.OUTPUT
            }
            protos = {keys[proto.id]: proto for proto in store.get_artifacts_by_id(list(keys))}
            outputs = {key: _read_artifact(kind, protos[key]) for key, kind in output_types.items()}
            yield outputs, json.loads(execution.custom_properties["summary"].string_value)

    def find_blessed_models(self, other_than: int) -> Iterator[Model]:
        """Yields models whose newest verdict is a blessing, in order of verdicts, newest first.

        Args:
            other_than: Integer. Id of a model to leave out.
        """
        store = self.lineage.store
        protos = {
            proto.id: proto for proto in store.get_artifacts_by_context(self._pipeline_context_id)
        }
        blessings = [each.id for each in protos.values() if each.type == ModelBlessing.TYPE_NAME]
        given = [  # an execution served from cache gives its verdict again
            (event.execution_id, event.artifact_id)
            for event in store.get_events_by_artifact_ids(blessings)
            if event.type == mlmd.Event.OUTPUT
        ]
        verdicts: dict[int, int] = {}
        for _, blessing in sorted(given, reverse=True):
            custom = protos[blessing].custom_properties
            verdicts.setdefault(custom["current_model_id"].int_value, custom["blessed"].int_value)
        for model_id, blessed in verdicts.items():
            if blessed and model_id != other_than:
                yield _read_artifact(Model, protos[model_id])

    def _put_contexts(self) -> int:
        store = self.lineage.store
        if store.get_context_by_type_and_name("pipeline_run", self.run_id) is not None:
            raise ValueError(f"`run_id` must be new. Received: run_id={self.run_id!r}.")
        run = self.make_context("pipeline_run", self.run_id)
        _set_values(run.custom_properties, {"pipeline_root": self._pipeline_root})
        pipeline = store.get_context_by_type_and_name("pipeline", self.pipeline_name)
        pipeline = pipeline or self.make_context("pipeline", self.pipeline_name)
        return store.put_contexts([pipeline, run])[0]

    def _fail_abandoned(self) -> list[tuple[str, int]]:
        store = self.lineage.store
        abandoned = []
        for execution in store.get_executions_by_context(self._pipeline_context_id):
            if execution.last_known_state != mlmd.Execution.RUNNING:
                continue
            contexts = {c.type: c for c in store.get_contexts_by_execution(execution.id)}
            root = contexts["pipeline_run"].custom_properties["pipeline_root"].string_value
            if root == self._pipeline_root:  # in another root it may still be running
                execution.last_known_state = mlmd.Execution.FAILED
                _set_values(execution.custom_properties, {"error": "The process was killed."})
                store.put_executions([execution])
                component_id = contexts["node"].name.removeprefix(f"{self.pipeline_name}.")
                abandoned.append((component_id, execution.id))
        return abandoned

    def make_context(self, type_name: str, name: str) -> mlmd.Context:
        """Context for the store to create, or to find by its name."""
        return mlmd.Context(type_id=self.lineage.register_type("context", type_name), name=name)


class Execution:
    """One execution of a component in the lineage; made by `Run.begin_execution`.

    `id` is its id there.
    """

    def __init__(self, run: Run, component: Component, inputs: Mapping[str, Artifact]):
        self._run = run
        self._component_id = component.id
        self._contexts = [
            run.make_context("pipeline", run.pipeline_name),
            run.make_context("pipeline_run", run.run_id),
            run.make_context("node", f"{run.pipeline_name}.{component.id}"),
        ]
        kind = type(component)
        type_id = run.lineage.register_type("execution", f"{kind.__module__}.{kind.__qualname__}")
        self._proto = mlmd.Execution(type_id=type_id, last_known_state=mlmd.Execution.RUNNING)
        for key, value in dataclasses.asdict(component.parameters).items():
            scalar = value if type(value) in _VALUE_FIELDS else json.dumps(value)
            _set_values(self._proto.custom_properties, {key: scalar})
        self._put([(None, _make_event(mlmd.Event.INPUT, *item)) for item in inputs.items()])
        self.id = self._proto.id

    def complete(
        self, outputs: Mapping[str, Artifact], summary: dict | None, cache_key: str
    ) -> None:
        """Records success and publishes the outputs, which sets their `id` and `name`."""
        run = self._run
        for key, artifact in outputs.items():
            artifact.name = f"{run.pipeline_name}:{run.run_id}:{self._component_id}:{key}:0"
        run.lineage.reconnect()
        pairs = [
            (
                _make_artifact_proto(run.lineage, artifact),
                _make_event(mlmd.Event.OUTPUT, key, artifact),
            )
            for key, artifact in outputs.items()
        ]
        ids = self._succeed(mlmd.Execution.COMPLETE, pairs, summary, cache_key)
        for artifact, artifact_id in zip(outputs.values(), ids, strict=True):
            artifact.id = artifact_id

    def complete_from_cache(
        self, outputs: Mapping[str, Artifact], summary: dict | None, cache_key: str
    ) -> None:
        """Records that outputs published earlier are used again."""
        pairs = [(None, _make_event(mlmd.Event.OUTPUT, *item)) for item in outputs.items()]
        self._succeed(mlmd.Execution.CACHED, pairs, summary, cache_key)

    def fail(self, message: str) -> None:
        """Records a failure and its message."""
        self._proto.last_known_state = mlmd.Execution.FAILED
        _set_values(self._proto.custom_properties, {"error": message})
        self._run.lineage.reconnect()
        self._put([])

    def _succeed(self, state: int, pairs: list, summary: dict | None, key: str) -> list[int]:
        self._proto.last_known_state = state
        _set_values(self._proto.custom_properties, {"summary": json.dumps(summary)})
        return self._put(pairs, self._run.make_context("execution_cache", key))

    def _put(self, pairs: list, *more: mlmd.Context) -> list[int]:
        try:
            self._proto.id, artifact_ids, _ = self._run.lineage.store.put_execution(
                self._proto, pairs, [*self._contexts, *more], reuse_context_if_already_exist=True
            )
        except ml_metadata.errors.StatusError as error:  # a full disk, a lost server
            raise ConnectionError(f"Cannot write to the lineage database: {error}") from error
        return artifact_ids


def _make_event(event_type: int, key: str, artifact: Artifact) -> mlmd.Event:
    path = mlmd.Event.Path(steps=[{"key": key}, {"index": 0}])
    return mlmd.Event(type=event_type, path=path, artifact_id=artifact.id)


def _read_artifact(artifact_type: type[_A], proto: mlmd.Artifact) -> _A:
    properties, custom = (
        {key: getattr(value, value.WhichOneof("value")) for key, value in source.items()}
        for source in (proto.properties, proto.custom_properties)
    )
    return artifact_type(proto.uri, properties, custom, proto.id, proto.name)


def _make_artifact_proto(lineage: Lineage, artifact: Artifact) -> mlmd.Artifact:
    proto = mlmd.Artifact(name=artifact.name, uri=artifact.uri, state=mlmd.Artifact.LIVE)
    proto.type_id = lineage.register_type(
        "artifact",
        artifact.TYPE_NAME,
        base_type=artifact.BASE_TYPE,
        properties={key: _PROPERTY_TYPES[kind] for key, kind in artifact.PROPERTIES.items()},
    )
    _set_values(proto.properties, artifact.properties)
    _set_values(proto.custom_properties, artifact.custom)
    return proto


def _set_values(target: Any, values: Mapping[str, Any]) -> None:
    for key, value in values.items():
        if type(value) not in _VALUE_FIELDS:
            raise TypeError(f"Property `{key}` must be a number or string. Received: {value!r}.")
        setattr(target[key], _VALUE_FIELDS[type(value)], value)
