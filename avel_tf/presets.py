"""A system as a folder to hand on: configuration, weights and model card, on any Keras backend.

- `{folder}/`
    - `config.json`: the class and its arguments.
    - `model.weights.h5`
    - `README.md`: the model card.

Nothing in it is code or a pickle, and only this package's own classes are made of it, so that a
folder from anywhere can be opened.
"""

import json
import pathlib

import keras

from avel_tf import (
    __version__,
    models,  # registers its classes
)
from avel_tf.whole_folder import whole_folder

CONFIG, WEIGHTS, CARD = "config.json", "model.weights.h5", "README.md"


def save_to_preset(model: keras.Model, folder: str | pathlib.Path, card: str = "") -> None:
    """Writes a preset, whole or not at all.

    Args:
        model: A system of `avel_tf.models`.
        folder: Folder to make.
        card: String. Text of the model card; what the model is, if empty.
    Raises:
        ValueError: If the model is none of this package's.
        FileExistsError: If there is something at `folder`.
    """
    name = keras.saving.get_registered_name(type(model))
    _own_class(name)
    with whole_folder(pathlib.Path(folder)) as partial:
        content = {"avel_tf": __version__, "class": name, "config": model.get_config()}
        (partial / CONFIG).write_text(json.dumps(content, indent=2) + "\n")
        model.save_weights(partial / WEIGHTS)
        (partial / CARD).write_text(card or _card(model, content))


def from_preset(folder: str | pathlib.Path) -> keras.Model:
    """The system of a preset, with its weights, under the backend that is in use.

    Args:
        folder: What `save_to_preset` wrote.
    Raises:
        FileNotFoundError: If a file is missing.
        ValueError: If the configuration is none of this package's, or the weights do not fit it.
    Example:

    ```python
    model = CrossModalityLocalizer(units=16, num_heads=2)
    save_to_preset(model, folder)
    assert from_preset(folder).count_params() == model.count_params()
    ```
    """
    folder = pathlib.Path(folder)
    for name in (CONFIG, WEIGHTS):
        if not (folder / name).is_file():
            raise FileNotFoundError(f"{folder} is no preset: it lacks {name}.")
    try:
        content = json.loads((folder / CONFIG).read_text())
        name, config = content["class"], content["config"]
    except (ValueError, KeyError, TypeError) as error:
        raise ValueError(f"{folder / CONFIG} does not describe a system: {error!r}.") from error
    kind = _own_class(name)
    try:
        model = kind(**config)
    except TypeError as error:  # of a later version, perhaps
        raise ValueError(f"{folder / CONFIG} does not describe a {name}: {error}.") from error
    try:
        model.load_weights(folder / WEIGHTS)
    except OSError as error:
        raise ValueError(f"{folder / WEIGHTS} is damaged: {error}.") from error
    return model


def _own_class(name: str) -> type[keras.Model]:
    found = keras.saving.get_registered_object(name)
    if not (isinstance(found, type) and found.__module__.startswith(models.__name__)):
        raise ValueError(f"A preset holds a system of avel_tf.models. Received: {name!r}.")
    return found


def _card(model: keras.Model, content: dict) -> str:
    lines = [f"- {name}: {value}" for name, value in content["config"].items()]
    return "\n".join(
        [
            f"# {content['class'].removeprefix('avel_tf>')}",
            "",
            f"{model.count_params():,} parameters, made with avel_tf {content['avel_tf']}.",
            "What it was trained on and how good it is, its author did not say.",
            "",
            *lines,
            "",
        ]
    )
