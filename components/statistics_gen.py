"""Statistics of examples."""

import pathlib

from components.artifacts import Examples, ExampleStatistics
from components.component import Artifacts, BeamComponent, NoParameters


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

    def execute(self, inputs: Artifacts, outputs: Artifacts, working_dir: pathlib.Path) -> None:
        """Checks the shards, then runs one Beam job per split."""
        from avel_tf.records import check_split
        from avel_tf.records.validation import write_statistics

        examples: Examples = inputs["examples"]
        statistics: ExampleStatistics = outputs["statistics"]
        statistics.splits = examples.splits
        dataset = examples.folder()
        description = dataset.description()
        for split in examples.splits:
            check_split(dataset, split)
        for split in examples.splits:
            path = statistics.statistics_path(split)
            path.parent.mkdir()
            write_statistics(dataset.split_path(split), path, self.beam_args, description)
