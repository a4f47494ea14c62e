"""Errors of the Trainer by itself; test_model_side.py runs it in a pipeline."""

import pytest

from avel_tf.configuration import TrainingConfig
from avel_tf.errors import DeviceError
from components.artifacts import ExampleAnomalies, Examples, Model, ModelRun
from components.component import Channel
from components.trainer import Trainer


@pytest.fixture
def trainer():
    """A Trainer that requires a GPU."""
    return Trainer(
        TrainingConfig("sel", devices="gpu"),
        examples=Channel("Dataset", "examples", Examples),
        anomalies=Channel("Dataset", "anomalies", ExampleAnomalies),
    )


def test_missing_gpu_is_an_error(trainer, tmp_path):
    examples = Examples(str(tmp_path))
    examples.folder().write_tables({"num_records": {"train": 4, "val": 4}}, ["split"], [], [])
    inputs = {"examples": examples}
    outputs = {"model": Model(str(tmp_path)), "model_run": ModelRun(str(tmp_path))}
    with pytest.raises(DeviceError, match="`devices` is 'gpu', but .* choose 'auto'"):
        trainer.execute(inputs, outputs, tmp_path)
