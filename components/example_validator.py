"""Anomalies of a dataset."""

import dataclasses
import fnmatch
import json
import logging

from avel_tf.configuration import ValidationConfig
from components.artifacts import ExampleAnomalies, Examples, ExampleStatistics
from components.component import Component, ComponentError


class ExampleValidator(Component):
    """Holds statistics against the schema; anomalies that are not allowed by name stop the run.

    Inputs:
        examples: `Examples`, for the video ids of its splits and its rejects.
        statistics: `ExampleStatistics`.
    Outputs:
        anomalies: `ExampleAnomalies`.
    """

    INPUTS = {"examples": Examples, "statistics": ExampleStatistics}
    OUTPUTS = {"anomalies": ExampleAnomalies}
    PARAMETERS = ValidationConfig

    def execute(self, inputs, outputs, working_dir):
        """Checks each split, then what the splits share, then how much is missing."""
        from avel_tf.ave import BACKGROUND_NAME, SPLITS
        from avel_tf.extraction.tables import read_records
        from avel_tf.validation import find_anomalies, shared_video_ids, too_many_rejects

        statistics, anomalies = inputs["statistics"], outputs["anomalies"]
        anomalies.splits = statistics.splits
        found = []
        for split in statistics.splits:
            categories = self.parameters.categories if split in SPLITS else (BACKGROUND_NAME,)
            in_split, report = find_anomalies(split, statistics.statistics_path(split), categories)
            found += in_split
            path = anomalies.anomalies_path(split)
            path.parent.mkdir()
            path.write_bytes(report.SerializeToString())
        examples = inputs["examples"]
        records = read_records(examples.records_path())
        video_ids = {split: [item.video_id for item in records[split]] for split in examples.splits}
        found += shared_video_ids(video_ids)
        found += too_many_rejects(examples.path(), self.parameters.max_rejected_share)
        allowed = [item for item in found if self._is_allowed(item.name)]
        forbidden = [item for item in found if not self._is_allowed(item.name)]
        anomalies.summary_path().write_text(
            json.dumps(
                {
                    "allowed": [dataclasses.asdict(item) for item in allowed],
                    "forbidden": [dataclasses.asdict(item) for item in forbidden],
                },
                indent=2,
            )
        )
        self._warn(allowed)
        if forbidden:
            raise ComponentError(
                f"Anomalies of the dataset ({len(forbidden)}):\n"
                + "\n".join("  {}: {}".format(*_texts(item)) for item in forbidden)
                + "\nMend the data, or accept an anomaly with `--allow_anomaly NAME`."
            )
        return {"allowed_anomalies": [item.name for item in allowed]}

    def _is_allowed(self, name: str) -> bool:
        return any(fnmatch.fnmatchcase(name, item) for item in self.parameters.allowed_anomalies)

    def _warn(self, allowed: list) -> None:
        """One line for each name that was allowed; the summary has them all."""
        for pattern in self.parameters.allowed_anomalies:
            alike = [item for item in allowed if fnmatch.fnmatchcase(item.name, pattern)]
            if alike:
                others = f" (and {len(alike) - 1} more like it)" if len(alike) > 1 else ""
                logging.getLogger(__name__).warning(
                    "Allowed anomaly %s: %s%s", *_texts(alike[0]), others
                )


def _texts(anomaly) -> tuple[str, str]:
    return anomaly.name, anomaly.description
