"""Runs a pipeline on this machine, one component after the other, with cache and lineage.

In the pipeline root:

- `{component}/{output}/{execution id}/`: content of a published artifact.
- `{component}/{output}/.partial-{execution id}/`: the same while it is being made.
- `{component}/.working/{code}/{cache key}/`: checkpoints of work that has not succeeded yet.
- `.lock`: held while a run lasts.
"""

import dataclasses
import functools
import hashlib
import importlib.metadata
import inspect
import json
import logging
import pathlib
import shutil
import time
from collections.abc import Callable, Iterable, Mapping

from avel_tf.locks import exclusive
from components.artifacts import Artifact
from components.component import Channel, Component, ComponentError, LatestBlessed, Pipeline
from components.lineage import Execution, Lineage, Run

_logger = logging.getLogger(__name__)
_CHECKOUT = pathlib.Path(__file__).resolve().parent.parent
_LIBRARY_FOLDERS = ("avel_tf", "schemas")
_DISTRIBUTIONS = (
    "tensorflow",
    "keras",
    "apache-beam",
    "tensorflow-model-analysis",
    "tensorflow-data-validation",
    "tensorflow-io",
    "av",
    "numpy",
)


@dataclasses.dataclass(frozen=True)
class Result:
    """How a component ended.

    Args:
        component_id: String.
        state: "COMPLETE", "CACHED" or "FAILED".
        seconds: Float. Wall time.
        outputs: Artifact by output key; empty after a failure.
        summary: What `execute` returned, now or, if cached, then.
        error: Message of a failure, else `None`.
    """

    component_id: str
    state: str
    seconds: float
    outputs: dict[str, Artifact] = dataclasses.field(default_factory=dict)
    summary: dict | None = None
    error: str | None = None


def run_pipeline(
    pipeline: Pipeline,
    *,
    pipeline_root: pathlib.Path,
    lineage: Lineage,
    run_id: str,
    enable_cache: bool = True,
    on_start: Callable[[str], None] = lambda _: None,
    on_finish: Callable[[Result], None] = lambda _: None,
) -> list[Result]:
    """Runs the components in order and stops at the first failure.

    A component whose parameters, inputs, code and external files are those of an earlier
    execution is served from that one's outputs. So the run after a failed or killed one goes on
    where that one ended.

    Args:
        pipeline: `Pipeline`.
        pipeline_root: Path. Folder that holds all outputs; made if need be.
        lineage: `Lineage`.
        run_id: String. A new name for this run.
        enable_cache: Boolean. `False` executes every component.
        on_start: Called with the id of a component before it runs.
        on_finish: Called with its `Result` after.
    Returns:
        List of `Result`, one for each component that ran. The last one may have failed.
    Raises:
        RuntimeError: If another run is using the pipeline root.
        ValueError: If the lineage has a run of this id already.
    """
    root = pathlib.Path(pipeline_root).resolve()
    results = []
    for component in pipeline.components:
        _code(type(component))  # before one of them takes hours
    with exclusive(root):
        run = lineage.begin_run(pipeline.name, run_id, root)
        _remove_leftovers(root, run)
        launcher = _Launcher(root, run, enable_cache)
        for component in pipeline.components:
            on_start(component.id)
            results.append(launcher.launch(component))
            on_finish(results[-1])
            if results[-1].state == "FAILED":
                break
    return results


class _Launcher:
    """Runs the components of one run."""

    def __init__(self, root: pathlib.Path, run: Run, enable_cache: bool):
        self._root = root
        self._run = run
        self._enable_cache = enable_cache
        self._published: dict[tuple[str, str], Artifact] = {}

    def launch(self, component: Component) -> Result:
        """Serves a component from cache or executes it, and records how it ended."""
        started = time.monotonic()
        inputs = {key: self._resolve(channel) for key, channel in component.inputs.items()}
        execution = self._run.begin_execution(
            component, {key: artifact for key, artifact in inputs.items() if artifact is not None}
        )
        try:
            state, outputs, summary = self._make(component, execution, inputs)
        except BaseException as error:
            expected = isinstance(error, ComponentError)
            message = str(error) if expected else f"{type(error).__name__}: {error}"
            try:
                execution.fail(message)
            except ConnectionError:  # must not hide why the component failed
                _logger.error("%s failed: %s", component.id, message)
                raise
            if not isinstance(error, Exception):  # Ctrl-C and the like end the whole run
                raise
            if not expected:
                _logger.exception("%s failed.", component.id)
            return Result(component.id, "FAILED", time.monotonic() - started, error=message)
        self._published |= {(component.id, key): artifact for key, artifact in outputs.items()}
        return Result(component.id, state, time.monotonic() - started, outputs, summary)

    def _resolve(self, channel: Channel | LatestBlessed) -> Artifact | None:
        if isinstance(channel, LatestBlessed):
            models = self._run.blessed_models(other_than=self._resolve(channel.candidate).id)
            return next((model for model in models if model.is_present()), None)
        return self._published[channel.producer_id, channel.output_key]

    def _make(
        self, component: Component, execution: Execution, inputs: dict[str, Artifact | None]
    ) -> tuple[str, dict[str, Artifact], dict | None]:
        home = self._root / component.id
        folders = {key: home / key / str(execution.id) for key in component.OUTPUTS}
        if taken := [str(folder) for folder in folders.values() if folder.exists()]:
            raise ComponentError(
                f"{', '.join(taken)} was made under another lineage database. Use that database, "
                "or another pipeline root."
            )
        _check_code(type(component))
        code = _code(type(component))
        key = self._cache_key(component, inputs, code)
        if self._enable_cache:
            for outputs, summary in self._run.cached_outputs(key, component.OUTPUTS):
                if all(artifact.is_present() for artifact in outputs.values()):
                    execution.complete_from_cache(outputs, summary, key)
                    return "CACHED", outputs, summary
        try:
            outputs, summary = _fill(component, inputs, folders, home / ".working" / code / key)
            execution.complete(outputs, summary, key)
        except BaseException:
            _remove(folder for final in folders.values() for folder in (final, _partial(final)))
            raise
        # Other work of this code may go on yet, that of older code never.
        others = set((home / ".working").iterdir()) - {home / ".working" / code}
        _remove([home / ".working" / code / key, *others])
        return "COMPLETE", outputs, summary

    def _cache_key(
        self, component: Component, inputs: Mapping[str, Artifact | None], code: str
    ) -> str:
        parts = {
            "pipeline": self._run.pipeline_name,
            "component": component.id,
            "parameters": dataclasses.asdict(component.parameters),
            "external": component.external_fingerprint(),
            # The content of an artifact never changes; the name tells databases apart.
            "inputs": {
                key: artifact and [artifact.id, artifact.name] for key, artifact in inputs.items()
            },
            "code": code,
        }
        return _digest_of(parts)


def _code(kind: type[Component]) -> str:
    return _digest_of([_sources(kind), _environment()])


# As they were when this process, which imports them once, first looked.
@functools.cache
def _sources(kind: type[Component]) -> list[str]:
    """What a component depends on alone: its class's files."""
    bases = [base for base in kind.__mro__ if issubclass(base, Component)]
    sources = {pathlib.Path(inspect.getfile(base)) for base in [*bases, Artifact]}
    return sorted(map(_digest, sources))


@functools.cache
def _environment() -> dict[str, str]:
    """What all components depend on: the library, the data contract, the main packages."""
    files = {
        str(path.relative_to(_CHECKOUT)): path
        for folder in _LIBRARY_FOLDERS
        for path in (_CHECKOUT / folder).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    versions = {name: importlib.metadata.version(name) for name in _DISTRIBUTIONS}
    return {name: _digest(path) for name, path in files.items()} | versions


def _check_code(kind: type[Component]) -> None:
    """Code that changed is not run any more: part of it is imported already, the rest is not."""
    if (_sources.__wrapped__(kind), _environment.__wrapped__()) != (_sources(kind), _environment()):
        raise ComponentError(
            f"Files in {', '.join(_LIBRARY_FOLDERS)} or components have changed since this program "
            "started. Start it again."
        )


def _digest(path: pathlib.Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _digest_of(parts: list | dict) -> str:
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


def _fill(
    component: Component,
    inputs: dict[str, Artifact | None],
    folders: dict[str, pathlib.Path],
    working_dir: pathlib.Path,
) -> tuple[dict[str, Artifact], dict | None]:
    """Executes a component on folders of another name, and renames them when it has returned."""
    outputs = {}
    for key, folder in folders.items():
        _partial(folder).mkdir(parents=True)
        outputs[key] = component.OUTPUTS[key](str(_partial(folder)))
    working_dir.mkdir(parents=True, exist_ok=True)
    summary = component.execute(inputs, outputs, working_dir)
    for key, folder in folders.items():
        _partial(folder).rename(folder)
        outputs[key].uri = str(folder)
    return outputs, summary


def _partial(folder: pathlib.Path) -> pathlib.Path:
    return folder.with_name(f".partial-{folder.name}")


def _remove_leftovers(root: pathlib.Path, run: Run) -> None:
    """Removes what killed runs left: unfinished folders, and finished but unpublished ones."""
    _remove(root.glob("*/*/.partial-*"))
    for component_id, execution_id in run.abandoned:
        _remove((root / component_id).glob(f"*/{execution_id}"))


def _remove(folders: Iterable[pathlib.Path]) -> None:
    for folder in folders:
        if folder.exists():
            shutil.rmtree(folder)
