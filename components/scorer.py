"""Scores of a model, record by record, to compare systems."""

import dataclasses
import pathlib
from typing import Any

from avel_tf.choices import TASKS
from avel_tf.utils.arguments import check_choice
from components.artifacts import Examples, Model, RecordScores
from components.component import Artifacts, Component


@dataclasses.dataclass(frozen=True)
class ScorerParameters:
    """Settings of `Scorer`.

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

    def execute(
        self, inputs: Artifacts, outputs: Artifacts, working_dir: pathlib.Path
    ) -> dict[str, Any]:
        """Predicts the split within this process."""
        import keras

        from avel_tf.evaluation.scoring import score
        from avel_tf.reporting.run_description import RunDescription

        examples: Examples = inputs["examples"]
        model: Model = inputs["model"]
        scores: RecordScores = outputs["scores"]
        loaded = keras.saving.load_model(model.folder().keras_path, compile=False)
        result, records = score(loaded, examples.folder(), self.parameters.task)
        numbers = dataclasses.asdict(result)
        run = RunDescription.read(model.folder(), examples.folder())
        scores.folder().write_scores(run.marked(numbers), records)
        return numbers | {"run": dataclasses.asdict(run)}
