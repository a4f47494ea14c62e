"""The Trainer alone: how it says what is wrong; test_model_side.py has it in a pipeline."""

import pytest

from avel_tf.configuration import TrainingConfig
from components.artifacts import ExampleAnomalies, Examples, Model, ModelRun
from components.component import Channel, ComponentError
from components.trainer import Trainer


@pytest.fixture
def trainer():
    """A Trainer that asks for a GPU."""
    return Trainer(
        TrainingConfig("sel", devices="gpu"),
        examples=Channel("Dataset", "examples", Examples),
        anomalies=Channel("Dataset", "anomalies", ExampleAnomalies),
    )


def test_missing_gpu_is_an_expected_failure(trainer, tmp_path):
    (tmp_path / "dataset.json").write_text('{"num_records": {"train": 4, "val": 4}}')
    inputs = {"examples": Examples(str(tmp_path))}
    outputs = {"model": Model(str(tmp_path)), "model_run": ModelRun(str(tmp_path))}
    with pytest.raises(ComponentError, match="`devices` is 'gpu', but .* choose 'auto'"):
        trainer.execute(inputs, outputs, tmp_path)
