"""The base class of components, and the wiring of components into a pipeline."""

import abc
import dataclasses
import graphlib
import json
import pathlib
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from components.artifacts import Artifact, Model

# What `execute` gets: by key, artifacts of the types that `INPUTS` and `OUTPUTS` declare.
Artifacts = Mapping[str, Any]


class ComponentError(Exception):
    """An expected failure of `Component.execute`; its message says what to do.

    So are `InputError` and `DeviceError` of the library.
    """


@dataclasses.dataclass(frozen=True)
class Channel:
    """An output of a component, before it exists.

    Args:
        producer_id: String. `id` of the component that makes it.
        output_key: String. Key among the producer's outputs.
        artifact_type: Subclass of `Artifact`.
    """

    producer_id: str
    output_key: str
    artifact_type: type[Artifact]


@dataclasses.dataclass(frozen=True)
class LatestBlessed:
    """The baseline model to compare a candidate with: a channel that may hold nothing.

    It stands for the newest `Model` of the pipeline that is not the candidate, still exists and
    whose newest `ModelBlessing` is positive, or for `None`. Because the candidate is left out, a
    second run resolves what the first one did, although that one's model has been blessed since,
    and is served from cache.

    Args:
        candidate: `Channel` of the model to compare.
    Raises:
        TypeError: If `candidate` is not a channel of a `Model`.
    """

    candidate: Channel
    artifact_type: ClassVar[type[Artifact]] = Model

    def __post_init__(self) -> None:
        if not (
            isinstance(self.candidate, Channel) and issubclass(self.candidate.artifact_type, Model)
        ):
            raise TypeError(
                f"`candidate` must be a Channel of Model. Received: candidate={self.candidate!r}."
            )

    @property
    def producer_id(self) -> str:
        """The producer of the candidate, which has to run first."""
        return self.candidate.producer_id


class Component(abc.ABC):
    """One step of a pipeline: typed inputs, outputs and parameters, and a body.

    A subclass sets the three class attributes and implements `execute`, which imports inside
    itself whatever is heavy, so that a run served from cache is quick.

    - `INPUTS`: type of artifact by input key.
    - `OUTPUTS`: type of artifact by output key.
    - `PARAMETERS`: frozen dataclass of values that JSON can hold.

    Args:
        parameters: Instance of `PARAMETERS`.
        **inputs: `Channel` or `LatestBlessed` for every key of `INPUTS`.
    Raises:
        TypeError: If `parameters` or an input has the wrong type.
        ValueError: If an input is missing or unknown, or a parameter has a reserved name.
    """

    INPUTS: ClassVar[dict[str, type[Artifact]]] = {}
    OUTPUTS: ClassVar[dict[str, type[Artifact]]] = {}
    PARAMETERS: ClassVar[type]

    def __init__(self, parameters: Any, **inputs: Channel | LatestBlessed):
        self.id = type(self).__name__
        self._check_parameters(parameters)
        self._check_inputs(inputs)
        self.parameters = parameters
        self.inputs = inputs
        self.outputs = {
            key: Channel(self.id, key, artifact_type) for key, artifact_type in self.OUTPUTS.items()
        }

    def _check_parameters(self, parameters: Any) -> None:
        if type(parameters) is not self.PARAMETERS:
            raise TypeError(
                f"`parameters` of {self.id} must be {self.PARAMETERS.__name__}. "
                f"Received: parameters={parameters!r}."
            )
        values = dataclasses.asdict(parameters)
        if clash := values.keys() & {"summary", "error"}:  # the lineage stores these too
            raise ValueError(
                f"`parameters` of {self.id} must not be called summary or error. "
                f"Received: {sorted(clash)}."
            )
        try:
            json.dumps(values, allow_nan=False)
        except (TypeError, ValueError) as error:
            raise TypeError(
                f"`parameters` of {self.id} must hold JSON values ({error}). "
                f"Received: parameters={parameters!r}."
            ) from error

    def _check_inputs(self, inputs: dict[str, Channel | LatestBlessed]) -> None:
        if inputs.keys() != self.INPUTS.keys():
            raise ValueError(
                f"Inputs of {self.id} must be {sorted(self.INPUTS)}. Received: {sorted(inputs)}."
            )
        for key, channel in inputs.items():
            expected = self.INPUTS[key]
            if not isinstance(channel, Channel | LatestBlessed) or not issubclass(
                channel.artifact_type, expected
            ):
                raise TypeError(
                    f"Input `{key}` of {self.id} must be a channel of {expected.__name__}. "
                    f"Received: {key}={channel!r}."
                )

    def external_fingerprint(self) -> str:
        """Digest of what `execute` depends on beyond inputs, parameters and code.

        It is part of the cache key. A component overrides it if it reads files that the lineage
        does not know.
        """
        return ""

    @abc.abstractmethod
    def execute(
        self, inputs: Artifacts, outputs: Artifacts, working_dir: pathlib.Path
    ) -> dict[str, Any] | None:
        """Fills the folders of `outputs`.

        Args:
            inputs: Artifact by input key; `None` for a `LatestBlessed` that found nothing.
            outputs: Artifact by output key, each with a fresh folder.
            working_dir: Folder for checkpoints. A restart of the same work, after a failure or a
                kill, gets the same folder with its content; it is removed after success.
        Returns:
            Small dict that JSON can hold, stored with the execution and shown again when it is
            served from cache; or `None`.
        Raises:
            ComponentError: For a failure that the user can do something about.
        """


class BeamComponent(Component):
    """A component whose body runs Beam jobs.

    Args:
        parameters: Instance of `PARAMETERS`.
        beam_args: Sequence of Beam's own options. They say where a job runs, not what it makes,
            so they are not part of the cache key.
        **inputs: As for `Component`.
    """

    def __init__(
        self, parameters: Any, beam_args: Sequence[str] = (), **inputs: Channel | LatestBlessed
    ):
        super().__init__(parameters, **inputs)
        self.beam_args = tuple(beam_args)


@dataclasses.dataclass(frozen=True)
class NoParameters:
    """Parameters of a component that has none."""


@dataclasses.dataclass(frozen=True)
class Pipeline:
    """Components wired by their channels, kept in an order in which they can run.

    Args:
        name: String. Tells pipelines apart in the lineage.
        components: Sequence of components, in any order.
    Raises:
        ValueError: If the name is empty, two components have the same id, an input does not come
            from a component of the pipeline, or the channels form a cycle.
    """

    name: str
    components: tuple[Component, ...]

    def __post_init__(self) -> None:
        if not self.name:
            raise ValueError(f"`name` must not be empty. Received: name={self.name!r}.")
        by_id = {component.id: component for component in self.components}
        if len(by_id) < len(self.components):
            ids = [component.id for component in self.components]
            raise ValueError(f"Components must have different ids. Received: {ids}.")
        for component in self.components:
            for key, channel in component.inputs.items():
                _check_producer(f"{component.id}.{key}", channel, by_id)
        object.__setattr__(self, "components", _in_running_order(by_id))


def _check_producer(
    consumer: str, channel: Channel | LatestBlessed, by_id: dict[str, Component]
) -> None:
    wanted = channel.candidate if isinstance(channel, LatestBlessed) else channel
    producer = by_id.get(wanted.producer_id)
    if producer is None or producer.outputs.get(wanted.output_key) != wanted:
        raise ValueError(
            f"Input `{consumer}` must come from an output of a component of the pipeline, "
            f"{list(by_id)}. Received: {wanted!r}."
        )


def _in_running_order(by_id: dict[str, Component]) -> tuple[Component, ...]:
    graph = {
        component.id: [channel.producer_id for channel in component.inputs.values()]
        for component in by_id.values()
    }
    try:
        order = tuple(graphlib.TopologicalSorter(graph).static_order())
    except graphlib.CycleError as error:
        raise ValueError(
            f"Components must not depend on each other in a cycle: {' -> '.join(error.args[1])}."
        ) from error
    return tuple(by_id[component_id] for component_id in order)
