"""Settings of a training: by name, and in files."""

import dataclasses
import json
import os
import pathlib
from typing import Any

from avel_tf.configuration import ModelConfig, TrainingConfig
from avel_tf.errors import InputError
from avel_tf.utils.arguments import check_choice
from avel_tf.utils.atomic import whole_file

SETTINGS = ("ave", "faithful", "own")
_CMBS = {"learning_rate": 7e-4, "schedule": "halves", "clip_norm": 0.5}
# As published, with PyTorch's Adam.
FOLLOWERS = {
    "psp": {"schedule": "fifths", "batch_size": 128},
    "cpsp": {"clip_norm": 0.1},
    "cmbs": _CMBS,
    "cace": _CMBS,
}
FOLLOWERS_EPOCHS = {"psp": 300, "cpsp": 45, "cmbs": 200, "cace": 200}  # of `faithful`


def system_training(
    task: str, system: str, settings: str = "ave", supervision: str = "full"
) -> TrainingConfig:
    """Returns the configuration to train a system on AVE.

    Args:
        task: String. `"sel"` or `"cml"`.
        system: String. One of `avel_tf.choices.SYSTEMS` of the task.
        settings: String. Path of a file that `write_settings` made, ending in .json, or a name:
            `"ave"` trains the baselines by ordinary cross-entropy and dual attention matching with
            settings that were chosen on val of simulated features (docs/attempts.md: search
            again on real ones, with `avel tune`); `"faithful"` follows the papers and the published
            programs, with defaults where these are silent (docs/decisions/0012-faithful.md);
            `"own"` is for a few hundred records and learned encoders.
        supervision: String. `"full"` or, for some systems, `"weak"`, see `TrainingConfig`.
    Raises:
        ValueError: If an argument is none of these.
        InputError: If the file is wrong, or for another task, system or supervision.
    """
    if settings.endswith(".json"):
        return _check_kind(read_settings(settings), settings, task, system, supervision)
    check_choice("settings", settings, SETTINGS)
    training = TrainingConfig(task, system, supervision=supervision, settings_name=settings)
    if system in FOLLOWERS:
        training = dataclasses.replace(training, optimizer="pytorch_adam", **FOLLOWERS[system])
    elif system == "avdln":
        training = dataclasses.replace(training, batch_size=8, epochs=20)
    elif system == "dcca":  # correlations need many pairs
        training = dataclasses.replace(training, batch_size=256)
    if settings == "faithful":
        if system == "dam":
            training = dataclasses.replace(
                training, model=ModelConfig(block="equations"), relevance_loss="mean"
            )
        if system in ("audio", "visual", "audio_visual", "audio_visual_attention"):
            epochs = 300 if supervision == "full" else 250
            training = dataclasses.replace(
                training,
                segment_loss="soft_margin",
                optimizer="pytorch_adam",
                schedule="drop",
                epochs=epochs,
                patience=epochs,
            )
        elif system in FOLLOWERS_EPOCHS:
            epochs = FOLLOWERS_EPOCHS[system]
            training = dataclasses.replace(training, epochs=epochs, patience=epochs)
        elif system == "avdln":  # published with Keras, whose Adam it is
            training = dataclasses.replace(training, examples="segments", kept_epoch="last")
        return training
    late = 24 if system == "cace" else 0  # epochs before its contrast, which may not end it
    if settings == "own":
        return dataclasses.replace(training, batch_size=16, epochs=60, patience=15 + late)
    training = dataclasses.replace(training, patience=8 + late)
    if system == "dam" and task == "cml":
        return dataclasses.replace(
            training,
            model=ModelConfig(
                units=128,
                num_heads=8,
                block="residual",
                projection="linear",
                similarity="cosine",
            ),
            learning_rate=3e-3,
            batch_size=128,
            patience=20,  # an early end leaves more to the seed
        )
    if system == "dam":
        return dataclasses.replace(
            training,
            model=ModelConfig(units=128, num_heads=8, block="full"),
            learning_rate=3e-3,
        )
    return training


def write_settings(training: TrainingConfig, path: pathlib.Path) -> None:
    """Writes a file that `read_settings` takes; the settings are named after it."""
    named = dataclasses.replace(training, settings_name=path.stem)
    with whole_file(path) as partial:
        partial.write_text(json.dumps(dataclasses.asdict(named), indent=2) + "\n")


def read_settings(path: str | os.PathLike[str]) -> TrainingConfig:
    """Reads the settings of a training.

    Args:
        path: JSON file of an object: `task`, any other field of `TrainingConfig`, and under
            `model` any of `ModelConfig`. Fields left out have their defaults.
    Raises:
        InputError: If the file cannot be read, or a key or value is wrong; it names the key.
    """
    try:
        content = json.loads(pathlib.Path(path).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InputError(
            f"{path} is not a file of settings: {error}. Give one that `avel tune` wrote."
        ) from error
    values = _read_fields(TrainingConfig, content, path, "")
    if "task" not in values:
        raise InputError(f'{path} lacks the key task. Add "sel" or "cml".')
    values["settings_name"] = pathlib.Path(path).stem
    model = _read_fields(ModelConfig, values.get("model", {}), path, "model: ")
    try:
        values["model"] = ModelConfig(**model)
        return TrainingConfig(**values)
    except ValueError as error:
        raise InputError(f"{path}: {error}") from error


def _read_fields(kind: type, content: Any, path: str | os.PathLike[str], prefix: str) -> dict:
    if not isinstance(content, dict):
        raise InputError(f"{path}: {prefix}must hold an object of settings. Received: {content!r}.")
    fields = {field.name: field for field in dataclasses.fields(kind)}
    for name, value in content.items():
        if name not in fields:
            raise InputError(
                f"{path}: {prefix}{name} is not a setting. The settings are {', '.join(fields)}."
            )
        default = fields[name].default
        if name in ("task", "model"):  # checked by their own classes
            continue
        allowed = (int, float) if isinstance(default, float) else type(default)
        if not isinstance(value, allowed) or isinstance(value, bool) != isinstance(default, bool):
            raise InputError(
                f"{path}: {prefix}{name} must be like {default!r}. Received: {value!r}."
            )
    return dict(content)


def _check_kind(
    training: TrainingConfig, path: str, task: str, system: str, supervision: str
) -> TrainingConfig:
    for name, asked in (("task", task), ("system", system), ("supervision", supervision)):
        given = getattr(training, name)
        if given != asked:
            raise InputError(
                f"{path} has settings for {name} {given!r}. Received: {asked!r}. "
                f"Give --{name} {given}, or another file."
            )
    return training
