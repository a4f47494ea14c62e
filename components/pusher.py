"""Deployment."""

import dataclasses
import json
import pathlib
from typing import Any

from avel_tf.utils.arguments import check_positive_integer
from components.artifacts import (
    Examples,
    InfraBlessing,
    Model,
    ModelBlessing,
    ModelEvaluation,
    PushedModel,
)
from components.component import Artifacts, Component


@dataclasses.dataclass(frozen=True)
class PusherParameters:
    """Settings of `Pusher`.

    Args:
        destination: String. Base path of the served model; TF Serving loads the highest version
            in it.
        keep_versions: Integer from 2. Number of versions to keep there. The highest is served;
            the one before it is served until the highest has loaded.
    Raises:
        ValueError: If `keep_versions` is less than 2.
    """

    destination: str
    keep_versions: int

    def __post_init__(self):
        check_positive_integer("keep_versions", self.keep_versions)
        if self.keep_versions < 2:
            raise ValueError(
                "`keep_versions` must be at least 2, because the old version is served until the "
                f"new one has loaded. Received: keep_versions={self.keep_versions}."
            )


class Pusher(Component):
    """Copies a model with both blessings to a new version folder, which appears whole.

    The folder also gets its model card, `model_card.md`, and the facts in it, `model_card.json`.

    Inputs:
        examples: `Examples` that the model was trained and tested on.
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

    def execute(
        self, inputs: Artifacts, outputs: Artifacts, working_dir: pathlib.Path
    ) -> dict[str, Any]:
        """Pushes, or records that the model is not blessed."""
        examples: Examples = inputs["examples"]
        model: Model = inputs["model"]
        evaluation: ModelEvaluation = inputs["evaluation"]
        blessing: ModelBlessing = inputs["blessing"]
        infra_blessing: InfraBlessing = inputs["infra_blessing"]
        pushed_model: PushedModel = outputs["pushed_model"]
        if not (blessing.is_blessed and infra_blessing.is_blessed):
            pushed_model.record_no_push()
            return {"pushed": ""}
        from avel_tf.reporting import model_card
        from avel_tf.serving.push import push_model

        base = pathlib.Path(self.parameters.destination)
        facts = model_card.gather(
            examples.folder(),
            model.folder(),
            evaluation.folder().metrics_path,
            {key: artifact.id for key, artifact in inputs.items()},
        )
        texts = {
            "model_card.md": model_card.markdown(base.name, facts),
            "model_card.json": json.dumps(facts, indent=2) + "\n",
        }
        destination = push_model(
            model.folder().serving_path, base, self.parameters.keep_versions, texts
        )
        pushed_model.record_push(destination, int(destination.name))
        return {"pushed": str(destination)}
