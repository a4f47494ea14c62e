"""Presets of any system: folders to share, see `avel_tf.models.Localizer`."""

import pathlib

import keras

from avel_tf.models import Localizer


def save_to_preset(model: Localizer, folder: str | pathlib.Path, card: str = "") -> None:
    """Writes a preset, completely or not at all.

    Args:
        model: A system of `avel_tf.models`.
        folder: Folder to make.
        card: String. Text of the model card; if empty, it lists the model's arguments.
    Raises:
        ValueError: If the model is not a system of this package.
        FileExistsError: If `folder` exists and is not an empty folder.
    """
    if not isinstance(model, Localizer):
        name = keras.saving.get_registered_name(type(model))
        raise ValueError(f"A preset holds a system of avel_tf.models. Received: {name!r}.")
    model.save_to_preset(folder, card)


def from_preset(folder: str | pathlib.Path) -> Localizer:
    """Makes the system of a preset, whatever its class, with its weights.

    Args:
        folder: Folder that `save_to_preset` wrote.
    Raises:
        FileNotFoundError: If a file is missing.
        ValueError: If the configuration does not describe a system of this package, or the
            weights do not fit it.
    Example:

    ```python
    model = CrossModalityLocalizer(units=16, num_heads=2)
    save_to_preset(model, folder)
    assert from_preset(folder).count_params() == model.count_params()
    ```
    """
    return Localizer.from_preset(folder)
