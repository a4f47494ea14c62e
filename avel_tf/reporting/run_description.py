"""Description of the model behind a result, for titles of reports and lists of runs."""

import dataclasses
from collections.abc import Mapping
from typing import Any, Self

from avel_tf.records.dataset_folder import DatasetFolder
from avel_tf.serving.model_folder import ModelFolder
from avel_tf.serving.provenance import caution, describe_data, describe_encoders, read_origin

TITLES = {"sel": "Supervised event localization", "cml": "Cross-modality localization"}


@dataclasses.dataclass(frozen=True)
class RunDescription:
    """Names of a trained model and of its data.

    Args:
        task: String. `"sel"` or `"cml"`.
        system: String.
        settings: String. Name of the settings that its training began with.
        supervision: String. `"full"` or `"weak"`.
        seed: Integer.
        data: String. Kind of the features, in words.
        caution: String. What to say next to numbers if data or training are made up; else empty.
        encoders: String. Names of the encoders and their weights; empty for other features.
    """

    task: str
    system: str
    settings: str
    supervision: str
    seed: int
    data: str
    caution: str
    encoders: str = ""

    @classmethod
    def read(cls, model: ModelFolder, dataset: DatasetFolder) -> Self:
        """Describes a model by its files.

        Args:
            model: `ModelFolder`.
            dataset: `DatasetFolder` of its results.
        """
        training, source = model.configuration(), dataset.metadata()["source"]
        origin = read_origin(model.serving_path)
        data = describe_data(source)
        if origin and (trained_on := describe_data(origin)) != data:
            data += f"; trained on {trained_on}"
        return cls(
            task=training["task"],
            system=training["system"],
            settings=training["settings_name"],
            supervision=training["supervision"],
            seed=training["seed"],
            data=data,
            caution=caution(source, origin),
            encoders=describe_encoders(source),
        )

    def marked(self, numbers: Mapping[str, Any]) -> dict[str, Any]:
        """Returns numbers for `metrics.json`, after the data that they come from."""
        return {"data": self.data, "caution": self.caution, **numbers}

    @property
    def title(self) -> str:
        """Title of a page."""
        return (
            f"{TITLES[self.task]}: {self.system}, {self.supervision} supervision, seed {self.seed}"
        )
