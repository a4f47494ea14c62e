"""AVE videos or official features to TFRecords."""

from avel_tf.ave import SPLITS, DataError, fingerprint
from avel_tf.configuration import ExtractionConfig
from components.artifacts import Examples
from components.component import BeamComponent, ComponentError


class AveExampleGen(BeamComponent):
    """Turns the records of the official splits into TFRecords of segment features.

    Outputs:
        examples: `Examples` with the splits train, val and test.
    """

    OUTPUTS = {"examples": Examples}
    PARAMETERS = ExtractionConfig

    def external_fingerprint(self) -> str:
        """Names, sizes and times of change of the input files and the encoders' weights."""
        return fingerprint(self.parameters.input_paths)

    def execute(self, inputs, outputs, working_dir):
        """Runs the extraction job."""
        from avel_tf.extraction import extract

        examples = outputs["examples"]
        examples.splits = SPLITS
        try:
            metadata = extract(self.parameters, examples.path(), working_dir, self.beam_args)
        except DataError as error:
            raise ComponentError(str(error)) from error
        return {"records": metadata["num_records"], "rejected": metadata["num_rejected"]}
