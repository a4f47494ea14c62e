"""Deployment."""

import dataclasses
import pathlib

from components.artifacts import InfraBlessing, Model, ModelBlessing, PushedModel
from components.component import Component


@dataclasses.dataclass(frozen=True)
class PusherParameters:
    """Where to push.

    Args:
        destination: String. Base path of the served model: TF Serving loads its highest version.
    """

    destination: str


class Pusher(Component):
    """Copies a model that is good and can be served to a new version folder, which appears whole.

    Inputs:
        model: `Model`.
        blessing: `ModelBlessing` of it.
        infra_blessing: `InfraBlessing` of it.
    Outputs:
        pushed_model: `PushedModel`.
    """

    INPUTS = {"model": Model, "blessing": ModelBlessing, "infra_blessing": InfraBlessing}
    OUTPUTS = {"pushed_model": PushedModel}
    PARAMETERS = PusherParameters

    def execute(self, inputs, outputs, working_dir):
        """Pushes, or records that the model is not blessed."""
        pushed = outputs["pushed_model"]
        if not (inputs["blessing"].is_blessed and inputs["infra_blessing"].is_blessed):
            pushed.record_no_push()
            return {"pushed": ""}
        from avel_tf.export import push_model

        destination = push_model(
            inputs["model"].serving_path(), pathlib.Path(self.parameters.destination)
        )
        pushed.record_push(destination, int(destination.name))
        return {"pushed": str(destination)}
