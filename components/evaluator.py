"""Evaluation and the gate."""

import dataclasses
import pathlib
from typing import Any

from avel_tf.configuration import EvaluationConfig
from components.artifacts import Examples, Model, ModelBlessing, ModelEvaluation
from components.component import Artifacts, BeamComponent


class Evaluator(BeamComponent):
    """Scores the exported model on the test split and gives or withholds its blessing.

    Inputs:
        examples: `Examples`.
        model: `Model`, the candidate.
        baseline_model: `Model` that was blessed last, if there is one; TFX gives it this name.
    Outputs:
        evaluation: `ModelEvaluation`.
        blessing: `ModelBlessing`.
    """

    INPUTS = {"examples": Examples, "model": Model, "baseline_model": Model}
    OUTPUTS = {"evaluation": ModelEvaluation, "blessing": ModelBlessing}
    PARAMETERS = EvaluationConfig

    def execute(
        self, inputs: Artifacts, outputs: Artifacts, working_dir: pathlib.Path
    ) -> dict[str, Any]:
        """Runs TFMA and writes the report."""
        from avel_tf.evaluation.model_analysis import evaluate
        from avel_tf.reporting.report import write_report
        from avel_tf.reporting.run_description import RunDescription

        examples: Examples = inputs["examples"]
        model: Model = inputs["model"]
        baseline_model: Model | None = inputs["baseline_model"]
        evaluation: ModelEvaluation = outputs["evaluation"]
        blessing: ModelBlessing = outputs["blessing"]
        analysis = evaluate(
            self.parameters,
            model.folder().serving_path,
            baseline_model.folder().serving_path if baseline_model else None,
            examples.folder(),
            evaluation.path(),
            self.beam_args,
        )
        run = RunDescription.read(model.folder(), examples.folder())
        folder = evaluation.folder()
        folder.write_scores(run.marked(analysis.to_json()), analysis.accuracies)
        write_report(analysis.evaluation, analysis.details, run, folder.report_path)
        blessing.record_verdict(analysis.evaluation.blessed, model, baseline_model)
        return dataclasses.asdict(analysis.evaluation) | {"run": dataclasses.asdict(run)}
