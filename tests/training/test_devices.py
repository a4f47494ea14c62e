"""The devices of a training."""

import dataclasses

import numpy as np
import pytest

from avel_tf.errors import DeviceError
from avel_tf.training import train as training
from tests.training.runs import TINY, load, read_history, run_program

# Prepended: makes two CPU devices, and prints the number of copies of a model's first weight.
TWO_CPUS = """
import tensorflow as tf
from avel_tf.training import train as training

(cpu,) = tf.config.list_physical_devices("CPU")
tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)
compiled_model = training.compiled_model

def reporting_model(*arguments):
    model = compiled_model(*arguments)
    value = model.trainable_variables[0].value
    print("copies:", len(getattr(value, "values", [value])))
    return model

training.compiled_model = reporting_model
training.export_model = lambda *_: None  # tested elsewhere
"""


@pytest.mark.slow
def test_mirrored_over_two_devices(examples_folder, tmp_path):
    configs = [
        dataclasses.replace(TINY, devices=devices, epochs=2) for devices in ("cpu", "mirrored")
    ]
    runs = [(tmp_path / config.devices, config) for config in configs]
    finished = run_program(TWO_CPUS, examples_folder("cml"), *runs)
    assert finished.returncode == 0, finished.stderr
    assert [line for line in finished.stdout.splitlines() if line.startswith("copies")] == [
        "copies: 1",
        "copies: 2",
    ]
    one, two = (read_history(folder / "run") for folder, _ in runs)
    for row, other in zip(one, two, strict=True):
        for name in ("loss", "val_loss", "val_accuracy"):
            assert other[name] == pytest.approx(row[name], rel=1e-3), name
    for ours, theirs in zip(
        *(load(folder / "model").get_weights() for folder, _ in runs), strict=True
    ):
        np.testing.assert_allclose(ours, theirs, atol=1e-3)


def test_missing_gpu_is_an_error():
    with pytest.raises(DeviceError, match=r"sees no GPU. Install .* or choose 'auto'."):
        training.distribution_strategy("gpu")


@pytest.mark.parametrize(("batch_size", "split"), [(13, "train"), (16, "val")])
def test_devices_that_cannot_share_a_batch(batch_size, split):
    config = dataclasses.replace(TINY, batch_size=batch_size)
    with pytest.raises(DeviceError, match=rf"2 devices.* {split}, .*={batch_size}\."):
        training._check_shares(config, {"train": 40, "val": 9}, num_devices=2)
    training._check_shares(config, {"train": 40, "val": 9}, num_devices=1)
