"""Training."""

from avel_tf.configuration import TrainingConfig
from components.artifacts import ExampleAnomalies, Examples, Model, ModelRun
from components.component import Component, ComponentError


class Trainer(Component):
    """Trains a Keras model, keeps the best epoch on val and exports it.

    Inputs:
        examples: `Examples`.
        anomalies: `ExampleAnomalies` of them: nothing is trained before they are validated.
    Outputs:
        model: `Model`.
        model_run: `ModelRun`.
    """

    INPUTS = {"examples": Examples, "anomalies": ExampleAnomalies}
    OUTPUTS = {"model": Model, "model_run": ModelRun}
    PARAMETERS = TrainingConfig

    def execute(self, inputs, outputs, working_dir):
        """Runs or resumes the training."""
        from avel_tf.ave import DataError
        from avel_tf.training import DeviceError, train

        try:
            return train(
                self.parameters,
                inputs["examples"].path(),
                outputs["model"].path(),
                outputs["model_run"].path(),
                working_dir,
            )
        except (DataError, DeviceError) as error:
            raise ComponentError(str(error)) from error
