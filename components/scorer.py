"""Scores of a model record by record, to compare systems."""

import dataclasses
import json

from avel_tf.arguments import check_choice
from avel_tf.configuration import TASKS
from components.artifacts import Examples, Model, RecordScores
from components.component import Component


@dataclasses.dataclass(frozen=True)
class ScorerParameters:
    """What to score.

    Args:
        task: String. `"sel"` or `"cml"`.
    """

    task: str

    def __post_init__(self):
        check_choice("task", self.task, TASKS)


class Scorer(Component):
    """Scores a Keras model on the test split, without a verdict.

    Inputs:
        examples: `Examples`.
        model: `Model`.
    Outputs:
        scores: `RecordScores`.
    """

    INPUTS = {"examples": Examples, "model": Model}
    OUTPUTS = {"scores": RecordScores}
    PARAMETERS = ScorerParameters

    def execute(self, inputs, outputs, working_dir):
        """Predicts the split in this process."""
        import keras
        import numpy as np

        from avel_tf.scoring import score

        model = keras.saving.load_model(inputs["model"].keras_path(), compile=False)
        metrics, records = score(model, inputs["examples"].path(), self.parameters.task)
        scores = outputs["scores"]
        scores.metrics_path().write_text(json.dumps(metrics, indent=2))
        np.savez_compressed(scores.records_path(), **records)
        return metrics["metrics"]
