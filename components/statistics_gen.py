"""Statistics of a dataset."""

from components.artifacts import Examples, ExampleStatistics
from components.component import BeamComponent, NoParameters


class StatisticsGen(BeamComponent):
    """Computes statistics of every feature of every split with tensorflow-data-validation.

    Inputs:
        examples: `Examples`.
    Outputs:
        statistics: `ExampleStatistics` of the same splits.
    """

    INPUTS = {"examples": Examples}
    OUTPUTS = {"statistics": ExampleStatistics}
    PARAMETERS = NoParameters

    def execute(self, inputs, outputs, working_dir):
        """Runs one Beam job a split."""
        from avel_tf.validation import write_statistics

        examples, statistics = inputs["examples"], outputs["statistics"]
        statistics.splits = examples.splits
        for split in examples.splits:
            path = statistics.statistics_path(split)
            path.parent.mkdir()
            write_statistics(examples.split_path(split), path, self.beam_args)
