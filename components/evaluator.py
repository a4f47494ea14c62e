"""Evaluation and the gate."""

from avel_tf.configuration import EvaluationConfig
from components.artifacts import Examples, Model, ModelBlessing, ModelEvaluation
from components.component import BeamComponent


class Evaluator(BeamComponent):
    """Scores the exported model on the test split and blesses it, or not.

    Inputs:
        examples: `Examples`.
        model: `Model`, the candidate.
        baseline_model: The last blessed `Model`, if there is one.
    Outputs:
        evaluation: `ModelEvaluation`.
        blessing: `ModelBlessing`.
    """

    INPUTS = {"examples": Examples, "model": Model, "baseline_model": Model}
    OUTPUTS = {"evaluation": ModelEvaluation, "blessing": ModelBlessing}
    PARAMETERS = EvaluationConfig

    def execute(self, inputs, outputs, working_dir):
        """Runs TFMA and writes the report."""
        from avel_tf.evaluation import evaluate
        from avel_tf.report import IN_DETAIL, write_report

        model, baseline = inputs["model"], inputs["baseline_model"]
        evaluation = outputs["evaluation"]
        result = evaluate(
            self.parameters,
            model.serving_path(),
            baseline and baseline.serving_path(),
            inputs["examples"].path(),
            evaluation.path(),
            self.beam_args,
        )
        write_report(result, evaluation.report_path())
        outputs["blessing"].record_verdict(result["blessed"], model, baseline)
        return {key: value for key, value in result.items() if key not in IN_DETAIL}
