"""Deployment."""

import dataclasses
import json
import pathlib

from avel_tf.arguments import check_positive_integer
from components.artifacts import (
    Examples,
    InfraBlessing,
    Model,
    ModelBlessing,
    ModelEvaluation,
    PushedModel,
)
from components.component import Component


@dataclasses.dataclass(frozen=True)
class PusherParameters:
    """Where to push.

    Args:
        destination: String. Base path of the served model: TF Serving loads its highest version.
        keep_versions: Integer from 2. How many versions to keep there; the highest is the one
            that is served, the one before it until that has loaded.
    Raises:
        ValueError: If `keep_versions` is less than 2.
    """

    destination: str
    keep_versions: int

    def __post_init__(self):
        check_positive_integer("keep_versions", self.keep_versions)
        if self.keep_versions < 2:
            raise ValueError(
                "`keep_versions` must be at least 2, for the old version is served until the new "
                f"one has loaded. Received: keep_versions={self.keep_versions}."
            )


class Pusher(Component):
    """Copies a model that is good and can be served to a new version folder, which appears whole.

    Beside it go its card, `model_card.md`, and the facts of it, `model_card.json`.

    Inputs:
        examples: `Examples` it was trained and tested on.
        model: `Model`.
        evaluation: `ModelEvaluation` of it.
        blessing: `ModelBlessing` of it.
        infra_blessing: `InfraBlessing` of it.
    Outputs:
        pushed_model: `PushedModel`.
    """

    INPUTS = {
        "examples": Examples,
        "model": Model,
        "evaluation": ModelEvaluation,
        "blessing": ModelBlessing,
        "infra_blessing": InfraBlessing,
    }
    OUTPUTS = {"pushed_model": PushedModel}
    PARAMETERS = PusherParameters

    def execute(self, inputs, outputs, working_dir):
        """Pushes, or records that the model is not blessed."""
        pushed = outputs["pushed_model"]
        if not (inputs["blessing"].is_blessed and inputs["infra_blessing"].is_blessed):
            pushed.record_no_push()
            return {"pushed": ""}
        from avel_tf import model_card
        from avel_tf.push import push_model

        destination, model = pathlib.Path(self.parameters.destination), inputs["model"]
        facts = model_card.gather(
            inputs["examples"].path(),
            model.configuration_path(),
            inputs["evaluation"].metrics_path(),
            {key: artifact.id for key, artifact in inputs.items()},
        )
        texts = {
            "model_card.md": model_card.markdown(destination.name, facts),
            "model_card.json": json.dumps(facts, indent=2) + "\n",
        }
        destination = push_model(
            model.serving_path(), destination, self.parameters.keep_versions, texts
        )
        pushed.record_push(destination, int(destination.name))
        return {"pushed": str(destination)}
