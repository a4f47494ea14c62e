"""How the features were made that a model was trained on, and whether encoders make the like."""

import json
import logging
import pathlib

from avel_tf.ave import DataError
from avel_tf.extraction.tables import NAMES_AND_VERSIONS, differences

PATH = pathlib.Path("assets.extra", "features.json")  # in a SavedModel


def write_origin(saved_model: pathlib.Path, source: dict) -> None:
    """Notes it in a SavedModel.

    Args:
        saved_model: Folder.
        source: `source` of the dataset's `dataset.json`.
    """
    (saved_model / PATH).write_text(json.dumps(source, indent=2) + "\n")


def read_origin(model: pathlib.Path) -> dict | None:
    """What a SavedModel notes; of a Keras file, the SavedModel that the Trainer put beside it.

    Args:
        model: Folder of a SavedModel, or `.keras` file.
    Returns:
        `source` of the dataset's `dataset.json`, None if nothing is noted.
    Raises:
        DataError: If the note cannot be read.
    """
    saved_model = model if model.is_dir() else model.parent.parent / "Format-Serving"
    path = saved_model / PATH
    if not path.is_file():
        return None
    try:
        source = json.loads(path.read_text())
    except ValueError:
        source = None
    if not isinstance(source, dict) or "kind" not in source:
        raise DataError(f"{path} is damaged. Export the model again.")
    return source


def is_encoded(source: dict | None) -> bool:
    """Whether the features were made by encoders that are known."""
    return source is not None and source["kind"] == "media"


def check_encoders(source: dict | None, metadata: dict) -> None:
    """Compares encoders with those of the training data, or warns that nobody can.

    Args:
        source: What `read_origin` returned.
        metadata: How features are made now, by the same names; what it lacks is not compared.
    Raises:
        DataError: If they differ in more than names and versions.
    """
    if not is_encoded(source):
        learned_on = source["kind"].replace("_", " ") if source else "features it does not tell of"
        logging.getLogger(__name__).warning(
            "The model learned on %s: whether these encoders make the like cannot be checked.",
            learned_on,
        )
        return
    known = {name: value for name, value in source.items() if name in metadata}
    if found := differences(known, metadata, NAMES_AND_VERSIONS):
        raise DataError(
            f"The model learned on features of other encoders: {'; '.join(found)}. Give the same "
            "weights and settings."
        )
