"""Runs a pipeline on this machine, one component after another, with cache and lineage.

In the pipeline root:

- `{component}/{output}/{execution id}/`: content of a published artifact.
- `{component}/{output}/.partial-{execution id}/`: the same while it is being made.
- `{component}/.working/{code}/{cache key}/`: checkpoints of work that has not succeeded yet.
- `.lock`: held while a run lasts.
"""

import dataclasses
import json
import logging
import pathlib
import shutil
import time
import traceback
from collections.abc import Callable, Iterable, Mapping

from avel_tf.errors import DeviceError, InputError
from avel_tf.utils.locks import exclusive
from components.artifacts import Artifact
from components.component import Channel, Component, ComponentError, LatestBlessed, Pipeline
from components.component_code import check_unchanged, digest_code, digest_json
from components.lineage import Execution, Lineage, Run

_logger = logging.getLogger(__name__)
_EXPECTED = (ComponentError, InputError, DeviceError)  # their messages say what to do
_MAX_MESSAGE = 2000  # characters; some packages print the whole record that they failed on


@dataclasses.dataclass(frozen=True)
class Result:
    """Outcome of a component.

    Args:
        component_id: String.
        state: "COMPLETE", "CACHED" or "FAILED".
        seconds: Float. Wall time.
        outputs: Artifact by output key; empty after a failure.
        summary: Return value of `execute`, of this run or, if cached, of the earlier one.
        error: Message of a failure, or `None`.
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
    execution is served from the outputs of that one. A run after one that failed or was killed
    therefore resumes where that one ended.

    Args:
        pipeline: `Pipeline`.
        pipeline_root: Path. Folder that holds all outputs; created if missing.
        lineage: `Lineage`.
        run_id: String. New name for this run.
        enable_cache: Boolean. `False` executes every component.
        on_start: Called with the id of a component before it runs.
        on_finish: Called with its `Result` after.
    Returns:
        List of `Result`, one for each component that ran. The last one may have failed.
    Raises:
        RuntimeError: If another run is using the pipeline root.
        ValueError: If the lineage already has a run with this id.
    """
    root = pathlib.Path(pipeline_root).resolve()
    results = []
    for component in pipeline.components:
        digest_code(type(component))  # before one of them takes hours
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
            expected = isinstance(error, _EXPECTED)
            message = str(error) if expected else _cut(f"{type(error).__name__}: {error}")
            try:
                execution.fail(message)
            except ConnectionError:  # must not hide why the component failed
                _logger.error("%s failed: %s", component.id, message)
                raise
            if not isinstance(error, Exception):  # Ctrl-C and the like end the whole run
                raise
            if not expected:
                lines = "".join(map(_cut, traceback.format_exception(error)))
                _logger.error("%s failed.\n%s", component.id, lines)
            return Result(component.id, "FAILED", time.monotonic() - started, error=message)
        self._published |= {(component.id, key): artifact for key, artifact in outputs.items()}
        return Result(component.id, state, time.monotonic() - started, outputs, summary)

    def _resolve(self, channel: Channel | LatestBlessed) -> Artifact | None:
        if isinstance(channel, LatestBlessed):
            candidate = self._published[channel.producer_id, channel.candidate.output_key]
            models = self._run.find_blessed_models(other_than=candidate.id)
            return next((model for model in models if _is_whole(model, "passed over")), None)
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
        check_unchanged(type(component))
        code = digest_code(type(component))
        key = self._cache_key(component, inputs, code)
        if self._enable_cache:
            for outputs, summary in self._run.find_cached_outputs(key, component.OUTPUTS):
                if all(_is_whole(each, "made again") for each in outputs.values()):
                    execution.complete_from_cache(outputs, summary, key)
                    return "CACHED", outputs, summary
        _check_inputs(inputs)
        try:
            outputs, summary = _fill(component, inputs, folders, home / ".working" / code / key)
            execution.complete(outputs, summary, key)
        except BaseException:
            _remove(folder for final in folders.values() for folder in (final, _partial(final)))
            raise
        # Unfinished work of this code may still be resumed, that of older code never.
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
        return digest_json(parts)


def _fill(
    component: Component,
    inputs: dict[str, Artifact | None],
    folders: dict[str, pathlib.Path],
    working_dir: pathlib.Path,
) -> tuple[dict[str, Artifact], dict | None]:
    """Executes a component in folders with a temporary name, and renames them when it returns."""
    outputs = {}
    for key, folder in folders.items():
        _partial(folder).mkdir(parents=True)
        outputs[key] = component.OUTPUTS[key](str(_partial(folder)))
    working_dir.mkdir(parents=True, exist_ok=True)
    # Through JSON, so that a summary is the same now and when it is served from cache.
    summary = json.loads(json.dumps(component.execute(inputs, outputs, working_dir)))
    for key, folder in folders.items():
        outputs[key].seal()
        _partial(folder).rename(folder)
        outputs[key].uri = str(folder)
    return outputs, summary


def _is_whole(artifact: Artifact, otherwise: str) -> bool:
    """Tells whether an earlier run's artifact can be used; a warning says why a damaged one isn't.

    Args:
        artifact: `Artifact`.
        otherwise: String. What happens to a damaged one.
    """
    if not artifact.is_present():
        return False
    damage = artifact.find_damage()
    if damage:
        _logger.warning("%s. The %s is %s.", damage, artifact.TYPE_NAME, otherwise)
    return not damage


def _check_inputs(inputs: Mapping[str, Artifact | None]) -> None:
    """Refuses inputs that were damaged since this run made or found them."""
    for key, artifact in inputs.items():
        if artifact is not None and (damage := artifact.find_damage()):
            raise ComponentError(
                f"{damage}, which is part of the input `{key}`. Run again: it is made again."
            )


def _cut(message: str) -> str:
    """Leaves out the middle of a long message of an unexpected error."""
    excess, half = len(message) - _MAX_MESSAGE, _MAX_MESSAGE // 2
    if excess <= 0:
        return message
    return f"{message[:half]} [{excess} characters left out] {message[-half:]}"


def _partial(folder: pathlib.Path) -> pathlib.Path:
    # The execution's own id: the next run finds what a killed one left.
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
