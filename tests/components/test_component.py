"""The checks of a component's specification and of a pipeline's wiring."""

import dataclasses
import pathlib
from typing import Any, ClassVar

import pytest

from components.artifacts import Examples, Model, ModelRun
from components.component import Channel, Component, LatestBlessed, Pipeline


@dataclasses.dataclass(frozen=True)
class Parameters:
    value: Any = 1


class Reader(Component):
    OUTPUTS: ClassVar = {"examples": Examples, "model_run": ModelRun}
    PARAMETERS = Parameters

    def execute(self, inputs, outputs, working_dir):
        """Does nothing."""


class Trainer(Component):
    INPUTS: ClassVar = {"examples": Examples}
    OUTPUTS: ClassVar = {"model": Model}
    PARAMETERS = Parameters

    def execute(self, inputs, outputs, working_dir):
        """Does nothing."""


class Comparer(Component):
    INPUTS: ClassVar = {"model": Model, "baseline_model": Model}
    PARAMETERS = Parameters

    def execute(self, inputs, outputs, working_dir):
        """Does nothing."""


EXAMPLES = Channel("Reader", "examples", Examples)
MODEL_RUN = Channel("Reader", "model_run", ModelRun)


def test_component_declares_its_outputs_as_channels():
    reader = Reader(Parameters())
    assert reader.id == "Reader"
    assert reader.outputs == {"examples": EXAMPLES, "model_run": MODEL_RUN}
    assert reader.external_fingerprint() == ""


def test_missing_and_unknown_inputs_are_refused():
    expected = r"Inputs of Trainer must be \['examples'\]. Received: "
    with pytest.raises(ValueError, match=expected + r"\[\]"):
        Trainer(Parameters())
    with pytest.raises(ValueError, match=expected + r"\['examples', 'model_run'\]"):
        Trainer(Parameters(), examples=EXAMPLES, model_run=MODEL_RUN)


@pytest.mark.parametrize("value", [MODEL_RUN, "Reader.examples", None])
def test_input_of_the_wrong_type_is_refused(value):
    with pytest.raises(
        TypeError, match="Input `examples` of Trainer must be a channel of Examples. Received: "
    ):
        Trainer(Parameters(), examples=value)


@pytest.mark.parametrize("parameters", [None, {"value": 1}, Parameters])
def test_parameters_of_the_wrong_type_are_refused(parameters):
    with pytest.raises(TypeError, match="`parameters` of Reader must be Parameters. Received: "):
        Reader(parameters)


@pytest.mark.parametrize("value", [pathlib.Path("data"), float("nan"), {1, 2}])
def test_parameters_must_be_json(value):
    with pytest.raises(TypeError, match="`parameters` of Reader must hold JSON values"):
        Reader(Parameters(value))


def test_parameters_must_not_hide_what_the_lineage_records():
    @dataclasses.dataclass(frozen=True)
    class Clashing:
        summary: str = ""

    class Clash(Reader):
        PARAMETERS = Clashing

    with pytest.raises(ValueError, match=r"must not be called summary or error. Received: \['sum"):
        Clash(Clashing())


def test_latest_blessed_stands_for_a_model():
    model = Channel("Trainer", "model", Model)
    latest = LatestBlessed(model)
    comparer = Comparer(Parameters(), model=model, baseline_model=latest)
    assert comparer.inputs["baseline_model"] == latest
    with pytest.raises(TypeError, match="`candidate` must be a Channel of Model. Received: "):
        LatestBlessed(EXAMPLES)
    with pytest.raises(TypeError, match="Input `examples` of Trainer must be a channel of Exampl"):
        Trainer(Parameters(), examples=latest)


def test_pipeline_orders_components():
    reader = Reader(Parameters())
    trainer = Trainer(Parameters(), examples=reader.outputs["examples"])
    model = trainer.outputs["model"]
    comparer = Comparer(Parameters(), model=model, baseline_model=LatestBlessed(model))
    pipeline = Pipeline("p", (comparer, trainer, reader))
    assert pipeline.components == (reader, trainer, comparer)


def test_pipeline_name_must_not_be_empty():
    with pytest.raises(ValueError, match="`name` must not be empty. Received: name=''."):
        Pipeline("", ())


def test_components_of_one_id_are_refused():
    with pytest.raises(ValueError, match=r"different ids. Received: \['Reader', 'Reader'\]"):
        Pipeline("p", (Reader(Parameters()), Reader(Parameters())))


@pytest.mark.parametrize(
    "channel",
    [
        Channel("Nobody", "examples", Examples),
        Channel("Reader", "records", Examples),
        Channel("Reader", "model_run", Examples),
    ],
)
def test_input_from_nowhere_is_refused(channel):
    components = (Reader(Parameters()), Trainer(Parameters(), examples=channel))
    with pytest.raises(ValueError, match=r"Input `Trainer.examples` must come from an output"):
        Pipeline("p", components)


def test_baseline_model_without_a_candidate_is_refused():
    reader = Reader(Parameters())
    trainer = Trainer(Parameters(), examples=EXAMPLES)
    stray = LatestBlessed(Channel("Tuner", "model", Model))
    comparer = Comparer(Parameters(), model=trainer.outputs["model"], baseline_model=stray)
    with pytest.raises(ValueError, match=r"Input `Comparer.baseline_model` must come from"):
        Pipeline("p", (reader, trainer, comparer))


def test_cycle_is_refused():
    class Writer(Component):
        INPUTS: ClassVar = {"model": Model}
        OUTPUTS: ClassVar = {"examples": Examples}
        PARAMETERS = Parameters

        def execute(self, inputs, outputs, working_dir):
            """Does nothing."""

    writer = Writer(Parameters(), model=Channel("Trainer", "model", Model))
    trainer = Trainer(Parameters(), examples=writer.outputs["examples"])
    with pytest.raises(ValueError, match="in a cycle: (Writer -> Trainer -> Writer|Trainer -> W)"):
        Pipeline("p", (writer, trainer))


def test_component_must_have_a_body():
    class Bodiless(Component):
        PARAMETERS = Parameters

    with pytest.raises(TypeError, match="abstract method '?execute"):
        Bodiless(Parameters())
