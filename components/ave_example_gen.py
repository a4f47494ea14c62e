"""AVE videos or official features to TFRecords."""

import pathlib
from collections.abc import Sequence

from avel_tf.ave import DataError, fingerprint
from avel_tf.configuration import ExtractionConfig
from components.artifacts import Examples
from components.component import BeamComponent, ComponentError


class AveExampleGen(BeamComponent):
    """Turns the records of the official splits into TFRecords of segment features.

    Args:
        parameters: `ExtractionConfig`.
        beam_args: Sequence of Beam's own options.
        feature_store: Folder of clips already encoded, which runs and tasks may share. It changes
            what has to be done; only a clip that limits would now reject is still taken from it.
    Outputs:
        examples: `Examples` with the splits train, val and test; for `sel` also background, if
            the feature release has clips without event.
    """

    OUTPUTS = {"examples": Examples}
    PARAMETERS = ExtractionConfig

    def __init__(
        self, parameters: ExtractionConfig, beam_args: Sequence[str], feature_store: pathlib.Path
    ):
        super().__init__(parameters, beam_args)
        self.feature_store = feature_store

    def external_fingerprint(self) -> str:
        """Names, sizes and times of change of the input files and the encoders' weights."""
        return fingerprint(self.parameters.input_paths)

    def execute(self, inputs, outputs, working_dir):
        """Runs the extraction job."""
        from avel_tf.extraction.job import extract

        examples = outputs["examples"]
        try:
            metadata = extract(
                self.parameters,
                examples.path(),
                working_dir,
                self.feature_store,
                self.beam_args,
            )
        except DataError as error:
            raise ComponentError(str(error)) from error
        examples.splits = list(metadata["num_records"])
        summary = {"records": metadata["num_records"], "rejected": metadata["num_rejected"]}
        if encoder := metadata["source"].get("visual_encoder"):
            summary["encoder_precision"] = encoder["precision"]
        return summary
