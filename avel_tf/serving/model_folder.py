"""Folder of a trained model; the only code that knows the names in it."""

import dataclasses
import json
import pathlib
from collections.abc import Mapping
from typing import Self


@dataclasses.dataclass(frozen=True)
class ModelFolder:
    """A trained model on disk, to serve and to load back.

    - `{path}/`
        - `Format-Serving/`: SavedModel.
        - `Format-Keras/model.keras`
        - `configuration.json`: the settings of model and training.

    Args:
        path: Path of the folder.
    """

    path: pathlib.Path

    @classmethod
    def around(cls, keras_file: pathlib.Path) -> Self:
        """Returns the model folder that a Keras file is in, if it is in one."""
        return cls(keras_file.parent.parent)

    @property
    def serving_path(self) -> pathlib.Path:
        """Folder of the SavedModel."""
        return self.path / "Format-Serving"

    @property
    def keras_path(self) -> pathlib.Path:
        """File `model.keras`."""
        return self.path / "Format-Keras" / "model.keras"

    @property
    def configuration_path(self) -> pathlib.Path:
        """File `configuration.json`."""
        return self.path / "configuration.json"

    def configuration(self) -> dict:
        """Reads the settings of model and training: a `TrainingConfig` as a dict."""
        return json.loads(self.configuration_path.read_text())

    def write_configuration(self, configuration: Mapping) -> None:
        """Writes the settings of model and training."""
        self.configuration_path.write_text(json.dumps(configuration, indent=2))
