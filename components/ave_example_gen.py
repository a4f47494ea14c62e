"""From AVE videos or official features to TFRecords."""

import pathlib
from collections.abc import Sequence
from typing import Any

from avel_tf.ave import fingerprint
from avel_tf.configuration import ExtractionConfig
from components.artifacts import Examples
from components.component import Artifacts, BeamComponent


class AveExampleGen(BeamComponent):
    """Turns the records of the official splits into TFRecords of segment features.

    Args:
        parameters: `ExtractionConfig`.
        beam_args: Sequence of Beam's own options.
        feature_store: Folder of encoded clips, which runs and tasks may share. It saves work
            without changing the output, except that it may hold a clip that stricter limits would
            reject by now.
    Outputs:
        examples: `Examples` with the splits train, val and test; for `sel` also background, if
            the feature release has clips without an event.
    """

    OUTPUTS = {"examples": Examples}
    PARAMETERS = ExtractionConfig

    def __init__(
        self, parameters: ExtractionConfig, beam_args: Sequence[str], feature_store: pathlib.Path
    ):
        super().__init__(parameters, beam_args)
        self.feature_store = feature_store

    def external_fingerprint(self) -> str:
        """Digest of names, sizes and modification times of input files and encoder weights."""
        return fingerprint(self.parameters.input_paths)

    def execute(
        self, inputs: Artifacts, outputs: Artifacts, working_dir: pathlib.Path
    ) -> dict[str, Any]:
        """Runs the extraction job."""
        from avel_tf.extraction.job import extract

        examples: Examples = outputs["examples"]
        metadata = extract(
            self.parameters, examples.path(), working_dir, self.feature_store, self.beam_args
        )
        examples.splits = list(metadata["num_records"])
        summary = {"records": metadata["num_records"], "rejected": metadata["num_rejected"]}
        if encoder := metadata["source"].get("visual_encoder"):
            summary["encoder_precision"] = encoder["precision"]
        return summary
