"""Origin of features: in words, kept with a model, and compared with other encoders."""

import dataclasses
import json
import logging
import pathlib
import zipfile
from typing import TypeGuard

from avel_tf.choices import AUDIO_ENCODERS, NAMED_WEIGHTS, VISUAL_ENCODERS
from avel_tf.configuration import EncodingConfig
from avel_tf.errors import InputError
from avel_tf.records.dataset_folder import (
    NAMES_AND_VERSIONS,
    SIMULATED_CLIPS,
    UNSTATED,
    differences,
)
from avel_tf.records.description import AVE, Description
from avel_tf.serving.model_folder import ModelFolder

PATH = pathlib.Path("assets.extra", "features.json")  # in a SavedModel
DESCRIPTION = PATH.with_name("description.json")
DECISION = PATH.with_name("decision.json")


def write_origin(saved_model: pathlib.Path, source: dict, description: Description = AVE) -> None:
    """Records the origin of the training features in a SavedModel, and what the records were.

    Args:
        saved_model: Folder.
        source: `source` of the dataset's `dataset.json`.
        description: `Description` of the dataset.
    """
    for path, content in ((PATH, source), (DESCRIPTION, dataclasses.asdict(description))):
        (saved_model / path).write_text(json.dumps(content, indent=2) + "\n")


def read_origin(model: pathlib.Path) -> dict | None:
    """Reads the origin from a SavedModel or a Keras file, for files of version 0.1.0 from the
    Trainer's SavedModel next to it.

    Args:
        model: Folder of a SavedModel, or `.keras` file.
    Returns:
        `source` of the dataset's `dataset.json`, or None if it is not recorded.
    Raises:
        InputError: If the record cannot be read.
    """
    return _from_keras_file(model, "source") or _read(model, PATH, "kind")


def read_description(model: pathlib.Path) -> Description:
    """Reads what the records of the training data were, from the same places; by default AVE's.

    Raises:
        InputError: If the record cannot be read.
    """
    found = _from_keras_file(model, "description") or _read(model, DESCRIPTION, "categories")
    return Description.from_json(found)


def write_threshold(saved_model: pathlib.Path, threshold: float | None) -> None:
    """Records in a SavedModel from which relevance on its system takes a segment for the event.

    Args:
        saved_model: Folder.
        threshold: Float; None if the system decides otherwise.
    """
    (saved_model / DECISION).write_text(json.dumps({"threshold": threshold}, indent=2) + "\n")


def read_threshold(saved_model: pathlib.Path, default: float | None) -> float | None:
    """Reads what `write_threshold` wrote; `default` for SavedModels of version 0.1.0.

    Raises:
        InputError: If the record cannot be read.
    """
    return (_read(saved_model, DECISION, "threshold") or {"threshold": default})["threshold"]


def _from_keras_file(model: pathlib.Path, name: str) -> dict | None:
    """Reads a part of `Localizer.trained_on` from a `.keras` file, which is not loaded."""
    try:
        with zipfile.ZipFile(model) as archive:
            config = json.loads(archive.read("config.json"))["config"]
        return (config.get("trained_on") or {}).get(name)
    except (OSError, ValueError, KeyError, TypeError, AttributeError, zipfile.BadZipFile):
        return None  # a folder; or loading it will say what is wrong with it


def _read(model: pathlib.Path, name: pathlib.Path, key: str) -> dict | None:
    saved_model = model if model.is_dir() else ModelFolder.around(model).serving_path
    path = saved_model / name
    if not path.is_file():
        return None
    try:
        content = json.loads(path.read_text())
    except ValueError:
        content = None
    if not isinstance(content, dict) or key not in content:
        raise InputError(f"{path} is damaged. Export the model again.")
    return content


def describe_data(source: dict | None) -> str:
    """Describes the kind of features in words.

    Args:
        source: `source` of a dataset's `dataset.json`, or None if unknown.
    """
    if source is None:
        return "features of unknown origin"
    if is_encoded(source):
        clips = [] if source.get(SIMULATED_CLIPS) else ["media files"]
        return ", ".join([*clips, *made_up(source)])
    return source["kind"].replace("_", " ")


def describe_encoders(source: dict | None) -> str:
    """Names the encoders of features and their weights; empty if there are none."""
    encoders = [source.get(f"{kind}_encoder") for kind in ("visual", "audio")] if source else []
    found = []
    for encoder in filter(None, encoders):
        weights = encoder.get("weights", "unknown weights")
        is_untrained = weights.startswith("random")
        found.append(f"{encoder.get('name')} ({'untrained' if is_untrained else weights})")
    return ", ".join(found)


def made_up(source: dict | None) -> list[str]:
    """Lists what is not real about features: the simulation, or encoders that are untrained."""
    if source is None:
        return []
    if source["kind"] == "simulated_features":
        return [describe_data(source)]
    found = ["simulated clips"] if source.get(SIMULATED_CLIPS) else []
    encoders = (source.get(f"{name}_encoder", {}) for name in ("audio", "visual"))
    if any(str(encoder.get("weights", "")).startswith("random") for encoder in encoders):
        found.append("untrained encoders")
    return found


def caution(*sources: dict | None) -> str:
    """Writes the sentence that numbers on made-up features are shown with; empty for real ones.

    Args:
        sources: As for `made_up`: those of all features that the numbers depend on.
    """
    found = list(dict.fromkeys(part for source in sources for part in made_up(source)))
    return f"From {' and '.join(found)}: these numbers say nothing about real videos." * bool(found)


def is_encoded(source: dict | None) -> TypeGuard[dict]:
    """Returns whether the features were made by known encoders."""
    return source is not None and source["kind"] == "media"


def encoded_like(source: dict | None) -> EncodingConfig:
    """Makes the settings that features were encoded with, as far as they are recorded.

    Weights and models whose files have moved since have to be given again.

    Args:
        source: `source` of their dataset's `dataset.json`.
    """
    if not is_encoded(source):
        return EncodingConfig()
    stated = {**UNSTATED, **source}
    settings = {name: stated[name] for name in ("frames_per_segment", "resize") if name in stated}
    for kind, known in (("visual", VISUAL_ENCODERS), ("audio", AUDIO_ENCODERS)):
        encoder = source.get(f"{kind}_encoder", {})
        name, path = encoder.get("name"), encoder.get("path")
        weights = encoder.get("weights", "").partition("(")[0]  # "random(seed=0)"
        if encoder.get("is_model_file"):
            settings[f"{kind}_encoder"] = path
        elif name in known:
            settings[f"{kind}_encoder"] = name
        if path and pathlib.Path(path).is_file():
            settings[f"{kind}_weights"] = path
        elif weights and weights in NAMED_WEIGHTS:
            settings[f"{kind}_weights"] = weights
    if precision := source.get("visual_encoder", {}).get("precision"):
        settings["encoder_precision"] = precision
    return EncodingConfig(**settings)


def check_encoders(source: dict | None, metadata: dict) -> None:
    """Compares encoders with those of the training data, or warns that this is not possible.

    Args:
        source: Result of `read_origin`.
        metadata: How features are made now, by the same names; missing ones are not compared.
    Raises:
        InputError: If they differ in more than names and versions.
    """
    if not is_encoded(source):
        logging.getLogger(__name__).warning(
            "The model was trained on %s, so these encoders cannot be compared with theirs.",
            describe_data(source),
        )
        return
    known = {name: value for name, value in source.items() if name in metadata}
    if found := differences(known, metadata, NAMES_AND_VERSIONS):
        raise InputError(
            f"The model was trained on features of other encoders: {'; '.join(found)}. Use the "
            "same weights and settings."
        )
