"""Base class of every model here: a functional model that is rebuilt from its arguments."""

import inspect
import json
import pathlib
from typing import Any, Self

import keras
from keras.src.backend.common import global_state

from avel_tf import __version__
from avel_tf.models.weights_file import count_shapes
from avel_tf.utils.atomic import whole_folder

CONFIG, WEIGHTS, CARD = "config.json", "model.weights.h5", "README.md"
TRAINED_ON = "trained_on"
H5PY_ERRORS = (OSError, KeyError, RuntimeError)  # as it reports a damaged file


class Localizer(keras.Model):
    """A functional model with a dtype policy, saved as its constructor's arguments.

    A subclass makes its layers, calls this constructor with their graph, and keeps each of its own
    arguments as an attribute of the same name, where `get_config` reads them. It must be registered
    with Keras, and its constructor must take `dtype`, `name` and `trainable` besides its own
    arguments.

    A preset is a folder to share, for any Keras backend:

    - `{folder}/`
        - `config.json`: the class and its arguments.
        - `model.weights.h5`
        - `README.md`: the model card.

    It holds neither code nor a pickle, and only localizers are made from it, so a folder from any
    source is safe to open.

    The attribute `trained_on`, None at first, is a JSON-able dict that is saved with the model:
    `source` and `description` of its training data, as in `dataset.json`, which tell how to encode
    videos for it.

    Args:
        inputs: Dict of `keras.Input` by name.
        outputs: Dict of Keras tensors by name.
        dtype: Dtype policy that the layers were made with.
        **kwargs: `name` and `trainable`, see `keras.Model`.
    Example:

    ```python
    model = SupervisedEventLocalizer(units=16)
    model.save_to_preset(folder)
    again = SupervisedEventLocalizer.from_preset(folder)
    assert again.get_config() == model.get_config()
    ```
    """

    def __init__(self, inputs: dict, outputs: dict, dtype: keras.DTypePolicy, **kwargs: Any):
        super().__init__(inputs=inputs, outputs=outputs, **kwargs)
        self.dtype_policy = dtype
        self._trained_on = "null"  # as text: Keras looks for layers in dicts

    @property
    def trained_on(self) -> dict[str, Any] | None:
        """`source` and `description` of the training data; None if unknown."""
        return json.loads(self._trained_on)

    @trained_on.setter
    def trained_on(self, value: dict[str, Any] | None) -> None:
        self._trained_on = json.dumps(value)

    def get_config(self) -> dict[str, Any]:
        # Without super(): a functional model's own config is its graph, not its arguments.
        config = {
            "name": self.name,
            "trainable": self.trainable,
            "dtype": keras.dtype_policies.serialize(self.dtype_policy),
        }
        _, *arguments = inspect.signature(type(self).__init__).parameters  # without `self`
        for name in arguments:
            if name not in config:
                value = getattr(self, name)
                config[name] = list(value) if isinstance(value, tuple) else value
        return config | ({TRAINED_ON: self.trained_on} if self.trained_on else {})

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: Any = None) -> Self:
        arguments = {name: value for name, value in config.items() if name != TRAINED_ON}
        model = cls(**arguments)  # never a graph of layers, which Keras's own would make too
        model.trained_on = config.get(TRAINED_ON)
        return model

    def save_to_preset(self, folder: str | pathlib.Path, card: str = "") -> None:
        """Writes a preset, completely or not at all.

        Args:
            folder: Folder to make.
            card: String. Text of the model card; if empty, it lists the model's arguments.
        Raises:
            ValueError: If the class is not registered with Keras.
            FileExistsError: If `folder` exists and is not an empty folder.
        """
        name = keras.saving.get_registered_name(type(self))
        if keras.saving.get_registered_object(name) is not type(self):
            raise ValueError(
                f"A preset names its class, and {name} is not registered. Decorate it with "
                "`keras.saving.register_keras_serializable`."
            )
        with whole_folder(pathlib.Path(folder)) as partial:
            content = {"avel_tf": __version__, "class": name, "config": self.get_config()}
            (partial / CONFIG).write_text(json.dumps(content, indent=2) + "\n")
            self.save_weights(partial / WEIGHTS)
            (partial / CARD).write_text(card or _card(self, content))

    @classmethod
    def from_preset(cls, folder: str | pathlib.Path) -> Self:
        """Makes the model of a preset, with its weights, under the backend in use.

        Args:
            folder: Folder that `save_to_preset` wrote.
        Raises:
            FileNotFoundError: If a file is missing.
            ValueError: If the configuration does not describe a model of this class or of a
                subclass, or the weights do not fit it.
        """
        folder = pathlib.Path(folder)
        for name in (CONFIG, WEIGHTS):
            if not (folder / name).is_file():
                raise FileNotFoundError(f"{folder} is not a preset: it lacks {name}.")
        try:
            content = json.loads((folder / CONFIG).read_text())
            name, config = content["class"], content["config"]
        except (ValueError, KeyError, TypeError, RecursionError) as error:
            raise ValueError(f"{folder / CONFIG} does not describe a system: {error!r}.") from error
        kind = keras.saving.get_registered_object(name) if isinstance(name, str) else None
        if not (isinstance(kind, type) and issubclass(kind, Localizer)):
            received = name if isinstance(name, str) else type(name)
            raise ValueError(
                f"A preset holds a system of avel_tf.models. Received: {received!r:.100}."
            )
        if not issubclass(kind, cls):
            raise ValueError(
                f"{folder} holds a {kind.__name__}, not a {cls.__name__}. Use the `from_preset` of "
                f"{kind.__name__} or of avel_tf.presets."
            )
        _check_shapes(kind, config, folder)
        model = kind.from_config(config)
        try:
            model.load_weights(folder / WEIGHTS)
        except H5PY_ERRORS as error:
            raise ValueError(f"{folder / WEIGHTS} is damaged: {_first_line(error)}.") from error
        except ValueError as error:
            raise ValueError(
                f"{folder / WEIGHTS} does not fit {CONFIG}: {_first_line(error)}."
            ) from error
        return model


def _check_shapes(kind: type[Localizer], config: dict[str, Any], folder: pathlib.Path) -> None:
    """Raises ValueError unless the file of weights holds those of the model, which is not made."""
    try:
        shapes = _weight_shapes(kind, config)
    except Exception as error:  # whatever a stranger's arguments lead to; or a later version's
        raise ValueError(
            f"{folder / CONFIG} does not describe a system: {_first_line(error)}."
        ) from error
    try:
        stored = count_shapes(folder / WEIGHTS)
    except H5PY_ERRORS as error:
        raise ValueError(f"{folder / WEIGHTS} is damaged: {_first_line(error)}.") from error
    for shape in shapes:
        if not stored[shape]:
            raise ValueError(
                f"{folder / CONFIG} describes weights of the shape {shape}, which {WEIGHTS} does "
                "not hold. Get both files from where the preset comes from."
            )
        stored[shape] -= 1


def _weight_shapes(kind: type[Localizer], config: dict[str, Any]) -> list[tuple[int, ...]]:
    """Shapes of a model's weights, which are not made: they may be larger than the memory."""
    with keras.StatelessScope(initialize_variables=False):
        try:
            model = kind.from_config(config)
        finally:  # or Keras would make the weights at its next chance
            global_state.set_global_attribute("uninitialized_variables", [])
    return [tuple(weight.shape) for weight in model.weights]


def _first_line(error: Exception) -> str:
    """Shortens an error to one line: Keras adds many about layers, and a value may be endless."""
    return str(error).strip().partition("\n")[0].removesuffix(".")[:300]


def _card(model: Localizer, content: dict) -> str:
    lines = [f"- {name}: {value}" for name, value in content["config"].items()]
    return "\n".join(
        [
            f"# {content['class'].removeprefix('avel_tf>')}",
            "",
            f"{model.count_params():,} parameters, made with avel_tf {content['avel_tf']}.",
            "Its author did not say what it was trained on or how good it is.",
            "",
            *lines,
            "",
        ]
    )
