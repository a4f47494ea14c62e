"""Keras's own settings, as far as the commands depend on them."""

import json
import os
import pathlib

from avel_tf.errors import InputError

NEEDED = {"backend": "tensorflow", "image_data_format": "channels_last"}


def check_keras_settings() -> None:
    """Checks without importing Keras that it will use TensorFlow and pictures as it has them.

    Raises:
        InputError: If another backend or layout is set; says where.
    """
    home = os.environ.get("KERAS_HOME") or pathlib.Path.home() / ".keras"
    path = pathlib.Path(home, "keras.json")
    try:
        settings = dict(json.loads(path.read_text()))
    except (OSError, ValueError, TypeError):  # Keras takes its defaults then, too
        settings = {}
    if backend := os.environ.get("KERAS_BACKEND"):
        if backend != NEEDED["backend"]:
            raise InputError(
                f"KERAS_BACKEND is {backend!r}, but this command runs on TensorFlow. Unset it, or "
                "set KERAS_BACKEND=tensorflow."
            )
        settings["backend"] = backend
    for name, needed in NEEDED.items():
        if (value := settings.get(name, needed)) != needed:
            raise InputError(
                f'{path} sets "{name}" to {json.dumps(value)}, but this command needs '
                f'"{needed}". Change it there.'
            )
