"""Training."""

import dataclasses
import pathlib
from typing import Any

from avel_tf.configuration import TrainingConfig
from components.artifacts import ExampleAnomalies, Examples, Model, ModelRun
from components.component import Artifacts, Component


class Trainer(Component):
    """Trains a Keras model, keeps the epoch that is best on val, and exports it.

    Inputs:
        examples: `Examples`.
        anomalies: `ExampleAnomalies` of them, so that training waits for their validation.
    Outputs:
        model: `Model`.
        model_run: `ModelRun`.
    """

    INPUTS = {"examples": Examples, "anomalies": ExampleAnomalies}
    OUTPUTS = {"model": Model, "model_run": ModelRun}
    PARAMETERS = TrainingConfig

    def execute(
        self, inputs: Artifacts, outputs: Artifacts, working_dir: pathlib.Path
    ) -> dict[str, Any]:
        """Runs or resumes the training."""
        from avel_tf.training.train import train

        examples: Examples = inputs["examples"]
        model: Model = outputs["model"]
        model_run: ModelRun = outputs["model_run"]
        result = train(
            self.parameters, examples.folder(), model.folder(), model_run.folder(), working_dir
        )
        return dataclasses.asdict(result)
