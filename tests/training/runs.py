"""A small configuration and looks at finished runs, shared by the tests of training."""

import csv
import dataclasses
import json

import keras
import numpy as np

from avel_tf.configuration import ModelConfig, TrainingConfig
from avel_tf.layers.late_start import LateStart
from avel_tf.models import SYSTEMS
from tests import programs

TINY = TrainingConfig(
    task="cml", model=ModelConfig(units=8, num_heads=2), batch_size=8, epochs=1, seed=1
)


# Another process that trains once for each pair of folder and settings.
PROGRAM = """
import json, pathlib, sys
from avel_tf.training import train as training
from avel_tf.configuration import ModelConfig, TrainingConfig
from avel_tf.records import DatasetFolder
from avel_tf.serving.model_folder import ModelFolder
from avel_tf.training.run_folder import RunFolder

dataset = DatasetFolder(pathlib.Path(sys.argv[1]))
for folder, settings in json.loads(sys.argv[2]):
    folder = pathlib.Path(folder)
    for name in ("model", "run"):
        (folder / name).mkdir(parents=True)
    config = TrainingConfig(**settings | {"model": ModelConfig(**settings["model"])})
    folders = ModelFolder(folder / "model"), RunFolder(folder / "run"), folder / "working"
    training.train(config, dataset, *folders)
"""


# Prepended: as `tests.eager`.
EAGERLY = """
import tensorflow as tf

tf.config.run_functions_eagerly(True)
"""


def late_localizer():
    """Makes a small model with a part that begins with epoch 25."""
    localizer = SYSTEMS["sel"]["audio"](units=4)
    features = dict(localizer.input)
    late_start = LateStart(25, name="contrast_start")
    features["audio_features"] = late_start(features["audio_features"])
    return keras.Model(localizer.input, localizer(features))


def run_program(preparation, examples, *runs):
    runs = [(str(folder), dataclasses.asdict(config)) for folder, config in runs]
    return programs.run(preparation + PROGRAM, examples, json.dumps(runs))


def read_history(run_folder):
    with (run_folder / "history.csv").open(newline="") as file:
        return [{name: float(value) for name, value in row.items()} for row in csv.DictReader(file)]


def outcome(run):
    return dataclasses.replace(run.result, seconds=0)


def load(model_folder):
    return keras.saving.load_model(model_folder / "Format-Keras" / "model.keras", compile=False)


def assert_same_weights(model, other):
    for weight, ours, theirs in zip(
        model.weights, model.get_weights(), other.get_weights(), strict=True
    ):
        np.testing.assert_array_equal(ours, theirs, err_msg=weight.path)
