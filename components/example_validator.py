"""Anomalies of examples."""

import dataclasses
import fnmatch
import json
import logging
import pathlib
from typing import TYPE_CHECKING, Any

from avel_tf.configuration import ValidationConfig
from components.artifacts import ExampleAnomalies, Examples, ExampleStatistics
from components.component import Artifacts, Component, ComponentError

if TYPE_CHECKING:
    from avel_tf.records.validation import Anomaly


class ExampleValidator(Component):
    """Compares statistics with the schema; an anomaly that is not allowed by name stops the run.

    Inputs:
        examples: `Examples`, for the video ids of its splits and for its rejects.
        statistics: `ExampleStatistics`.
    Outputs:
        anomalies: `ExampleAnomalies`.
    """

    INPUTS = {"examples": Examples, "statistics": ExampleStatistics}
    OUTPUTS = {"anomalies": ExampleAnomalies}
    PARAMETERS = ValidationConfig

    def execute(
        self, inputs: Artifacts, outputs: Artifacts, working_dir: pathlib.Path
    ) -> dict[str, Any]:
        """Checks each split, then what the splits share, then how much is missing."""
        from avel_tf.ave import BACKGROUND_NAME, SPLITS
        from avel_tf.records.schema import read_schema, write_schema
        from avel_tf.records.validation import find_anomalies, shared_video_ids, too_many_rejects

        examples: Examples = inputs["examples"]
        statistics: ExampleStatistics = inputs["statistics"]
        anomalies: ExampleAnomalies = outputs["anomalies"]
        anomalies.splits = statistics.splits
        dataset, found = examples.folder(), []
        source = dataset.metadata()["source"]
        for split in statistics.splits:
            is_labeled = split in SPLITS
            categories = self.parameters.categories if is_labeled else (BACKGROUND_NAME,)
            schema = read_schema(not is_labeled, dataset.description(), source)
            in_split, report = find_anomalies(
                split, statistics.statistics_path(split), categories, schema
            )
            found += in_split
            path = anomalies.anomalies_path(split)
            path.parent.mkdir()
            path.write_bytes(report.SerializeToString())
            write_schema(schema, anomalies.schema_path(split))
        records = dataset.annotations()
        video_ids = {split: [item.video_id for item in records[split]] for split in examples.splits}
        found += shared_video_ids(video_ids)
        found += too_many_rejects(dataset, self.parameters.max_rejected_share)
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
                + "\nFix the data, or accept an anomaly with `--allow_anomaly NAME`."
            )
        return {"allowed_anomalies": [item.name for item in allowed]}

    def _is_allowed(self, name: str) -> bool:
        return any(fnmatch.fnmatchcase(name, item) for item in self.parameters.allowed_anomalies)

    def _warn(self, allowed: "list[Anomaly]") -> None:
        """Logs one warning per allowed name; the summary file lists all anomalies."""
        for pattern in self.parameters.allowed_anomalies:
            alike = [item for item in allowed if fnmatch.fnmatchcase(item.name, pattern)]
            if alike:
                others = f" (and {len(alike) - 1} more like it)" if len(alike) > 1 else ""
                logging.getLogger(__name__).warning(
                    "Allowed anomaly %s: %s%s", *_texts(alike[0]), others
                )


def _texts(anomaly: "Anomaly") -> tuple[str, str]:
    return anomaly.name, anomaly.description
