"""Typed artifacts: what one component hands to the next, as folders of a known layout."""

import dataclasses
import json
import pathlib
from typing import Any, ClassVar

from avel_tf.push import newest_version


@dataclasses.dataclass
class Artifact:
    """One output of one execution: a folder, and the properties the lineage records with it.

    Type names, property names and `BASE_TYPE` (ml-metadata's system type) are those of TFX.
    A component receives its outputs with `uri` set to a fresh folder, fills it and may set
    `custom`. The folder moves once, when the component has returned, so no file in it may hold
    its own absolute path.

    Args:
        uri: String. Absolute path of the folder.
        properties: Dict. Values of the properties that `PROPERTIES` declares.
        custom: Dict of string to integer, float or string. Properties beyond the declared ones.
        id: Integer in the lineage, or `None` before publication.
        name: String, "pipeline:run:component:output:0", or empty before publication.
    """

    TYPE_NAME: ClassVar[str]
    BASE_TYPE: ClassVar[str | None] = None
    PROPERTIES: ClassVar[dict[str, type]] = {}

    uri: str
    properties: dict[str, Any] = dataclasses.field(default_factory=dict)
    custom: dict[str, Any] = dataclasses.field(default_factory=dict)
    id: int | None = None
    name: str = ""

    def path(self) -> pathlib.Path:
        """Folder of the artifact."""
        return pathlib.Path(self.uri)

    def is_present(self) -> bool:
        """Whether the content still exists; one that does not is never served from cache."""
        return self.path().is_dir()


class SplitArtifact(Artifact):
    """An artifact with one folder a split: `{uri}/Split-{name}/`.

    `split_names` is stored as TFX does, as a JSON list. Set `splits` before asking for paths.
    """

    PROPERTIES: ClassVar[dict[str, type]] = {"split_names": str}

    @property
    def splits(self) -> list[str]:
        """Names of the splits."""
        return json.loads(self.properties.get("split_names", "[]"))

    @splits.setter
    def splits(self, names: list[str]) -> None:
        self.properties["split_names"] = json.dumps(list(names))

    def split_path(self, name: str) -> pathlib.Path:
        """Folder of a split.

        Raises:
            ValueError: If `name` is not one of `splits`.
        """
        if name not in self.splits:
            raise ValueError(
                f"`name` must be a split of {self.TYPE_NAME}, one of {self.splits}. "
                f"Received: name={name!r}."
            )
        return self.path() / f"Split-{name}"


class Examples(SplitArtifact):
    """Records of segment features.

    - `{uri}/`
        - `Split-{name}/*.gz`: TFRecord shards of `tf.Example`.
        - `dataset.json`: where the records come from and how they were made.
        - `records.csv`: one row a record: split, annotation.
        - `rejects.csv`: one row a record left out, with the reason.
    """

    TYPE_NAME = "Examples"
    BASE_TYPE = "DATASET"

    def metadata_path(self) -> pathlib.Path:
        """File `dataset.json`."""
        return self.path() / "dataset.json"

    def records_path(self) -> pathlib.Path:
        """File `records.csv`."""
        return self.path() / "records.csv"

    def rejects_path(self) -> pathlib.Path:
        """File `rejects.csv`."""
        return self.path() / "rejects.csv"


class ExampleStatistics(SplitArtifact):
    """Statistics of every feature of `Examples`.

    - `{uri}/`
        - `Split-{name}/FeatureStats.pb`: `DatasetFeatureStatisticsList`.
    """

    TYPE_NAME = "ExampleStatistics"
    BASE_TYPE = "STATISTICS"

    def statistics_path(self, split: str) -> pathlib.Path:
        """File `FeatureStats.pb` of a split."""
        return self.split_path(split) / "FeatureStats.pb"


class ExampleAnomalies(SplitArtifact):
    """Where `ExampleStatistics` depart from the schema.

    - `{uri}/`
        - `Split-{name}/SchemaDiff.pb`: `Anomalies`.
        - `anomalies.json`: the same, to read.
    """

    TYPE_NAME = "ExampleAnomalies"

    def anomalies_path(self, split: str) -> pathlib.Path:
        """File `SchemaDiff.pb` of a split."""
        return self.split_path(split) / "SchemaDiff.pb"

    def summary_path(self) -> pathlib.Path:
        """File `anomalies.json`."""
        return self.path() / "anomalies.json"


class Model(Artifact):
    """A trained model, to serve and to load back.

    - `{uri}/`
        - `Format-Serving/`: SavedModel.
        - `Format-Keras/model.keras`
        - `configuration.json`: what it was made and trained with.
    """

    TYPE_NAME = "Model"
    BASE_TYPE = "MODEL"

    def serving_path(self) -> pathlib.Path:
        """Folder of the SavedModel."""
        return self.path() / "Format-Serving"

    def keras_path(self) -> pathlib.Path:
        """File `model.keras`."""
        return self.path() / "Format-Keras" / "model.keras"

    def configuration_path(self) -> pathlib.Path:
        """File `configuration.json`."""
        return self.path() / "configuration.json"


class ModelRun(Artifact):
    """How a training went.

    - `{uri}/`
        - `history.csv`: one row an epoch.
        - `train/`, `validation/`: TensorBoard logs.
    """

    TYPE_NAME = "ModelRun"

    def history_path(self) -> pathlib.Path:
        """File `history.csv`."""
        return self.path() / "history.csv"


class ModelEvaluation(Artifact):
    """Measured quality of a model.

    - `{uri}/`
        - `eval_config.json`, `metrics-*`, `plots-*`, `validations-*`: output of TFMA.
        - `metrics.json`: name and value of every metric.
        - `report.html`
    """

    TYPE_NAME = "ModelEvaluation"

    def metrics_path(self) -> pathlib.Path:
        """File `metrics.json`."""
        return self.path() / "metrics.json"

    def report_path(self) -> pathlib.Path:
        """File `report.html`."""
        return self.path() / "report.html"


class RecordScores(Artifact):
    """Scores of a model on the test split, record by record.

    - `{uri}/`
        - `metrics.json`: name and value of every metric, beside the trivial baselines.
        - `records.npz`: `record_id` and `accuracy` (N,), the primary metric of each record, NaN
          for those that do not count.
    """

    TYPE_NAME = "RecordScores"

    def metrics_path(self) -> pathlib.Path:
        """File `metrics.json`."""
        return self.path() / "metrics.json"

    def records_path(self) -> pathlib.Path:
        """File `records.npz`."""
        return self.path() / "records.npz"


class ModelBlessing(Artifact):
    """Whether a model passed its gate.

    - `{uri}/`
        - `BLESSED` or `NOT_BLESSED`: an empty file.

    Custom properties, as in TFX: `blessed` (1 or 0), `current_model`, `current_model_id` and,
    if the model was compared with one, `baseline_model`, `baseline_model_id`.
    """

    TYPE_NAME = "ModelBlessing"

    @property
    def is_blessed(self) -> bool:
        """The verdict."""
        return self.custom["blessed"] == 1

    def record_verdict(
        self, blessed: bool, current_model: Model, baseline_model: Model | None
    ) -> None:
        """Writes the file and sets the properties."""
        (self.path() / ("BLESSED" if blessed else "NOT_BLESSED")).touch()
        self.custom |= {
            "blessed": int(blessed),
            "current_model": current_model.uri,
            "current_model_id": current_model.id,
        }
        if baseline_model is not None:
            self.custom |= {
                "baseline_model": baseline_model.uri,
                "baseline_model_id": baseline_model.id,
            }


class InfraBlessing(Artifact):
    """Whether a model can be served.

    - `{uri}/`
        - `INFRA_BLESSED` or `INFRA_NOT_BLESSED`: an empty file.

    Custom property, as in TFX: `blessed` (1 or 0).
    """

    TYPE_NAME = "InfraBlessing"

    @property
    def is_blessed(self) -> bool:
        """The verdict."""
        return self.custom["blessed"] == 1

    def record_verdict(self, blessed: bool) -> None:
        """Writes the file and sets the property."""
        (self.path() / ("INFRA_BLESSED" if blessed else "INFRA_NOT_BLESSED")).touch()
        self.custom["blessed"] = int(blessed)


class PushedModel(Artifact):
    """Where a blessed model was deployed, if it was.

    - `{uri}/`
        - `pushed.json`: the properties below.

    Custom properties, as in TFX: `pushed` (1 or 0) and, if 1, `pushed_destination` (the
    version's own folder, outside of the pipeline) and `pushed_version`.
    """

    TYPE_NAME = "PushedModel"
    BASE_TYPE = "MODEL"

    def is_present(self) -> bool:
        """Whether the folder exists and, for a pushed model, its version is the newest still."""
        pushed = self.custom.get("pushed_destination")
        is_served = pushed is None or pathlib.Path(pushed) == newest_version(
            pathlib.Path(pushed).parent
        )
        return is_served and super().is_present()

    def record_push(self, destination: pathlib.Path, version: int) -> None:
        """Records that the model is deployed in `destination`."""
        self._record(pushed=1, pushed_destination=str(destination), pushed_version=str(version))

    def record_no_push(self) -> None:
        """Records that the model was held back."""
        self._record(pushed=0)

    def _record(self, **properties: Any) -> None:
        self.custom |= properties
        (self.path() / "pushed.json").write_text(json.dumps(properties, indent=2) + "\n")
