"""A check that the exported model can be served."""

import dataclasses
import pathlib
from typing import Any

from avel_tf.configuration import InfraValidationConfig
from components.artifacts import InfraBlessing, Model
from components.component import Artifacts, Component, ComponentError


class InfraValidator(Component):
    """Loads the SavedModel in a fresh process as TF Serving does, before it is pushed.

    It must answer the warm-up requests as the Keras model does, use only TensorFlow's own
    operations and stay within limits of time and memory.

    Inputs:
        model: `Model`.
    Outputs:
        infra_blessing: `InfraBlessing`.
    """

    INPUTS = {"model": Model}
    OUTPUTS = {"infra_blessing": InfraBlessing}
    PARAMETERS = InfraValidationConfig

    def execute(
        self, inputs: Artifacts, outputs: Artifacts, working_dir: pathlib.Path
    ) -> dict[str, Any]:
        """Serves the warm-up requests."""
        from avel_tf.serving.infra_validation import validate_serving

        model: Model = inputs["model"]
        infra_blessing: InfraBlessing = outputs["infra_blessing"]
        folder = model.folder()
        try:
            verdict = validate_serving(self.parameters, folder.serving_path, folder.keras_path)
        except RuntimeError as error:  # not a verdict, which the cache would keep
            raise ComponentError(str(error)) from error
        infra_blessing.record_verdict(verdict.servable)
        return dataclasses.asdict(verdict)
