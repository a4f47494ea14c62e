"""Typed artifacts: folders of a known layout that one component hands to the next."""

import dataclasses
import json
import pathlib
from typing import Any, ClassVar

from avel_tf.evaluation.evaluation_folder import EvaluationFolder
from avel_tf.records.dataset_folder import DatasetFolder, split_folder_name
from avel_tf.serving.model_folder import ModelFolder
from avel_tf.serving.versions import newest_version
from avel_tf.training.run_folder import RunFolder
from components.content import find_damage, write_content

CONTENT_DIGEST = "content_sha256"  # custom property of every published artifact


@dataclasses.dataclass
class Artifact:
    """One output of one execution: a folder, and the properties the lineage records with it.

    Type names, property names and `BASE_TYPE` (ml-metadata's system type) are those of TFX.
    A component gets its outputs with `uri` set to an empty folder, fills it and may set `custom`.
    The folder moves once, when the component has returned, so no file in it may hold its own
    absolute path.

    Args:
        uri: String. Absolute path of the folder.
        properties: Dict. Values of the properties that `PROPERTIES` declares.
        custom: Dict from string to integer, float or string. Properties beyond the declared ones.
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
        """Tells whether the content still exists; if not, it is never served from cache."""
        return self.path().is_dir()

    def seal(self) -> None:
        """Records what the folder holds, as the last step before it is published."""
        self.custom[CONTENT_DIGEST] = write_content(self.path())

    def find_damage(self) -> str | None:
        """Says how the content differs from what was published; `None` if it does not."""
        digest = self.custom.get(CONTENT_DIGEST)  # artifacts of version 0.1.0 have none
        return find_damage(self.path(), digest) if digest else None


class SplitArtifact(Artifact):
    """An artifact with one folder per split: `{uri}/Split-{name}/`.

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
        return self.path() / split_folder_name(name)


class Examples(SplitArtifact):
    """A dataset: records of segment features.

    - `{uri}/`: see `DatasetFolder`.
    """

    TYPE_NAME = "Examples"
    BASE_TYPE = "DATASET"

    def folder(self) -> DatasetFolder:
        """The dataset's folder."""
        return DatasetFolder(self.path())


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
    """Differences of `ExampleStatistics` from the schema.

    - `{uri}/`
        - `Split-{name}/SchemaDiff.pb`: `Anomalies`.
        - `Split-{name}/schema.pbtxt`: the schema that they are anomalies under.
        - `anomalies.json`: the same, to read.
    """

    TYPE_NAME = "ExampleAnomalies"

    def anomalies_path(self, split: str) -> pathlib.Path:
        """File `SchemaDiff.pb` of a split."""
        return self.split_path(split) / "SchemaDiff.pb"

    def schema_path(self, split: str) -> pathlib.Path:
        """File `schema.pbtxt` of a split."""
        return self.split_path(split) / "schema.pbtxt"

    def summary_path(self) -> pathlib.Path:
        """File `anomalies.json`."""
        return self.path() / "anomalies.json"


class Model(Artifact):
    """A trained model, to serve and to load back.

    - `{uri}/`: see `ModelFolder`.
    """

    TYPE_NAME = "Model"
    BASE_TYPE = "MODEL"

    def folder(self) -> ModelFolder:
        """The model's folder."""
        return ModelFolder(self.path())


class ModelRun(Artifact):
    """Course of a training.

    - `{uri}/`: see `RunFolder`.
    """

    TYPE_NAME = "ModelRun"

    def folder(self) -> RunFolder:
        """The run's folder."""
        return RunFolder(self.path())


class ModelEvaluation(Artifact):
    """Measured quality of a model.

    - `{uri}/`: see `EvaluationFolder`.
        - `eval_config.json`, `metrics-*`, `plots-*`, `validations-*`: output of TFMA.
    """

    TYPE_NAME = "ModelEvaluation"

    def folder(self) -> EvaluationFolder:
        """The evaluation's folder."""
        return EvaluationFolder(self.path())


class RecordScores(Artifact):
    """Scores of a model on the test split, record by record.

    - `{uri}/`: see `EvaluationFolder`; without a report.
    """

    TYPE_NAME = "RecordScores"

    def folder(self) -> EvaluationFolder:
        """The scores' folder."""
        return EvaluationFolder(self.path())


class ModelBlessing(Artifact):
    """Verdict of the gate on a model.

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
    """Verdict on whether a model can be served.

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
    """Deployment of a blessed model, or the record that there was none.

    - `{uri}/`
        - `pushed.json`: the properties below.

    Custom properties, as in TFX: `pushed` (1 or 0) and, if 1, `pushed_destination` (the
    version's own folder, outside of the pipeline) and `pushed_version`.
    """

    TYPE_NAME = "PushedModel"
    BASE_TYPE = "MODEL"

    def is_present(self) -> bool:
        """Tells whether the folder exists and a pushed version is still the newest."""
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
