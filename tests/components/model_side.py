"""The pipeline after data ingestion: Trainer to Pusher, fed by a copied dataset."""

import dataclasses
import pathlib
import shutil
from typing import ClassVar

from avel_tf.configuration import (
    EvaluationConfig,
    InfraValidationConfig,
    ModelConfig,
    TrainingConfig,
)
from components import artifacts, component
from components.evaluator import Evaluator
from components.infra_validator import InfraValidator
from components.lineage import Lineage
from components.pusher import Pusher, PusherParameters
from components.trainer import Trainer

# An untrained model must predict nothing, so the features' magnitude is normalized away.
MODEL = ModelConfig(units=8, num_heads=2, block="full", normalization="batch")
RUNS = {
    "first": {"learning_rate": 3e-3},
    "second": {"learning_rate": 3e-3, "seed": 1},
    "untrained": {"learning_rate": 1e-9, "seed": 2},
}


@dataclasses.dataclass(frozen=True)
class ModelRuns:
    """Value of the fixture `model_runs`."""

    results: dict
    lineage: Lineage
    served: pathlib.Path


@dataclasses.dataclass(frozen=True)
class DatasetParameters:
    folder: str


class Dataset(component.Component):
    OUTPUTS: ClassVar = {
        "examples": artifacts.Examples,
        "anomalies": artifacts.ExampleAnomalies,
    }
    PARAMETERS = DatasetParameters

    def execute(self, inputs, outputs, working_dir):
        examples = outputs["examples"]
        shutil.copytree(self.parameters.folder, examples.path(), dirs_exist_ok=True)
        examples.splits = ["train", "val", "test"]


def make_pipeline(examples, destination, settings):
    """Makes the pipeline for the dataset in the folder `examples`."""
    dataset = Dataset(DatasetParameters(str(examples)))
    training = TrainingConfig(
        "cml", model=MODEL, relevance_loss="each", batch_size=8, epochs=1, **settings
    )
    trainer = Trainer(training, **dataset.outputs)
    model = trainer.outputs["model"]
    evaluator = Evaluator(
        EvaluationConfig("cml", max_regression=0.2),
        examples=dataset.outputs["examples"],
        model=model,
        baseline_model=component.LatestBlessed(model),
    )
    infra_validator = InfraValidator(InfraValidationConfig(), model=model)
    pusher = Pusher(
        PusherParameters(str(destination), 5),
        examples=dataset.outputs["examples"],
        model=model,
        evaluation=evaluator.outputs["evaluation"],
        blessing=evaluator.outputs["blessing"],
        infra_blessing=infra_validator.outputs["infra_blessing"],
    )
    components = (dataset, trainer, evaluator, infra_validator, pusher)
    return component.Pipeline("model_side", components)
