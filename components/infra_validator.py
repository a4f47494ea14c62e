"""Whether the exported model can be served."""

from avel_tf.configuration import InfraValidationConfig
from components.artifacts import InfraBlessing, Model
from components.component import Component, ComponentError


class InfraValidator(Component):
    """Loads the SavedModel in a fresh process as TF Serving does, before it is pushed.

    Its answers to the warm-up requests must be the Keras model's, its operations TensorFlow's own,
    its time and memory within limits.

    Inputs:
        model: `Model`.
    Outputs:
        infra_blessing: `InfraBlessing`.
    """

    INPUTS = {"model": Model}
    OUTPUTS = {"infra_blessing": InfraBlessing}
    PARAMETERS = InfraValidationConfig

    def execute(self, inputs, outputs, working_dir):
        """Serves the warm-up requests."""
        from avel_tf.infra_validation import validate_serving

        model = inputs["model"]
        try:
            result = validate_serving(self.parameters, model.serving_path(), model.keras_path())
        except RuntimeError as error:  # a verdict would be kept
            raise ComponentError(str(error)) from error
        outputs["infra_blessing"].record_verdict(result.pop("servable"))
        return result
