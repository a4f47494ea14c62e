"""Training on a small dataset: what is learned, chosen, repeated, and kept through a kill."""

import csv
import dataclasses
import json
import os
import pathlib
import signal
import subprocess
import sys

import keras
import numpy as np
import pytest

from avel_tf import training
from avel_tf.configuration import ModelConfig, TrainingConfig

CHECKOUT = pathlib.Path(training.__file__).parent.parent
TINY = TrainingConfig(
    task="cml", model=ModelConfig(units=8, num_heads=2), batch_size=8, epochs=1, seed=1
)

# Another process that trains once for each pair of folder and settings.
PROGRAM = """
import json, pathlib, sys
from avel_tf import training
from avel_tf.configuration import ModelConfig, TrainingConfig

examples = pathlib.Path(sys.argv[1])
num_records = json.loads((examples / "dataset.json").read_text())["num_records"]
for folder, settings in json.loads(sys.argv[2]):
    folder = pathlib.Path(folder)
    for name in ("model", "run"):
        (folder / name).mkdir(parents=True)
    config = TrainingConfig(**settings | {"model": ModelConfig(**settings["model"])})
    training.train(
        config, examples, num_records, folder / "model", folder / "run", folder / "working"
    )
"""

# Goes before: the process is killed when a file of that name is to be renamed or removed.
KILL = """
import os, pathlib, signal

def kill_before(method, name):
    original = getattr(pathlib.Path, method)

    def replacement(path, *arguments):
        if path.name == name:
            if name == "partial.keras":  # as if in the middle of writing it
                os.truncate(path, path.stat().st_size // 2)
            os.kill(os.getpid(), signal.SIGKILL)
        return original(path, *arguments)

    setattr(pathlib.Path, method, replacement)

kill_before("{method}", "{name}")
"""

# Goes before: two CPUs, and a line with the copies of a model's first weight.
TWO_CPUS = """
import tensorflow as tf
from avel_tf import training

(cpu,) = tf.config.list_physical_devices("CPU")
tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)
compiled_model = training.compiled_model

def reporting_model(config):
    model = compiled_model(config)
    value = model.trainable_variables[0].value
    print("copies:", len(getattr(value, "values", [value])))
    return model

training.compiled_model = reporting_model
"""

# Goes before: a line a training, on whether its step is compiled.
REPORT_XLA = """
from avel_tf import training

training.ProgressLine.on_train_begin = lambda self, logs=None: print(
    "XLA:", self.model.jit_compile
)
"""


def run_program(preparation, examples, *runs):
    runs = [(str(folder), dataclasses.asdict(config)) for folder, config in runs]
    return subprocess.run(
        [sys.executable, "-c", preparation + PROGRAM, examples, json.dumps(runs)],
        env={**os.environ, "PYTHONPATH": str(CHECKOUT)},
        capture_output=True,
        text=True,
    )


def read_history(run_folder):
    with (run_folder / "history.csv").open(newline="") as file:
        return [{name: float(value) for name, value in row.items()} for row in csv.DictReader(file)]


def load(model_folder):
    return keras.saving.load_model(model_folder / "Format-Keras" / "model.keras", compile=False)


def assert_same_weights(model, other):
    for weight, ours, theirs in zip(
        model.weights, model.get_weights(), other.get_weights(), strict=True
    ):
        np.testing.assert_array_equal(ours, theirs, err_msg=weight.path)


@pytest.mark.slow
@pytest.mark.parametrize("task", ["sel", "cml"])
def test_learns(trained, task):
    run = trained(task)
    history = read_history(run.run_folder)
    # Untrained: always one category at best; any of at least two windows.
    assert history[0]["val_accuracy"] < 0.7
    assert run.result["val_accuracy"] > 0.9
    assert history[-1]["loss"] < history[0]["loss"] / 2


@pytest.mark.slow
@pytest.mark.parametrize("task", ["sel", "cml"])
def test_history_has_every_output_and_split(trained, task):
    run = trained(task)
    history = read_history(run.run_folder)
    assert [row["epoch"] for row in history] == list(range(1, run.result["epochs"] + 1))
    scored = training.SCORED_OUTPUTS[task]
    names = {"loss", "audio_relevance_logits_loss", "visual_relevance_logits_loss"}
    names |= {f"{output}_accuracy" for output in scored}
    assert names | {f"val_{name}" for name in names} | {"val_accuracy"} <= history[0].keys()
    for row in history:
        assert row["val_accuracy"] == np.mean([row[f"val_{output}_accuracy"] for output in scored])
    for name in ("train", "validation"):  # for TensorBoard
        assert list((run.run_folder / name).glob("events.out.tfevents.*"))
    settings = json.loads((run.model_folder / "configuration.json").read_text())
    assert TrainingConfig(**settings | {"model": ModelConfig(**settings["model"])}) == run.config


@pytest.mark.slow
def test_stops_early_and_exports_the_best_epoch(trained, run_training, examples_folder, tmp_path):
    run = trained("cml")
    values = [row["val_accuracy"] for row in read_history(run.run_folder)]
    best = run.result["best_epoch"]
    assert values[best - 1] == max(values) > max(values[: best - 1], default=0)
    assert len(values) == best + run.config.patience < run.config.epochs

    # A run that ends with that epoch, where no test split is to be seen, has the same weights.
    for name in ("Split-train", "Split-val", "dataset.json"):
        (tmp_path / name).symlink_to(examples_folder("cml") / name)
    config = dataclasses.replace(run.config, epochs=best, devices="cpu")
    repeated = run_training(config, tmp_path)
    assert repeated.result["best_epoch"] == repeated.result["epochs"] == best
    assert_same_weights(repeated.load(), run.load())
    assert read_history(repeated.run_folder) == read_history(run.run_folder)[:best]


@pytest.mark.slow
def test_killed_again_and_again_equals_uninterrupted(
    trained, run_training, examples_folder, tmp_path
):
    run, examples = trained("cml"), examples_folder("cml")
    working = tmp_path / "working"

    def num_epochs():
        path = working / "checkpoints" / "progress.json"
        return len(json.loads(path.read_text())["history"]) if path.exists() else 0

    moments = [
        ("rename", "progress.json.partial"),  # the model is whole, its history is not there
        ("unlink", "epoch-00000.keras"),  # history is there, old models as well
        ("rename", "partial.keras"),  # half a model
    ]
    done = []
    for number, (method, name) in enumerate(moments):
        folder = tmp_path / str(number)
        folder.mkdir()
        (folder / "working").symlink_to(working, target_is_directory=True)
        working.mkdir(exist_ok=True)
        program = KILL.replace("{method}", method).replace("{name}", name)
        killed = run_program(program, examples, (folder, run.config))
        assert killed.returncode == -signal.SIGKILL, killed.stderr
        assert (working / "checkpoints" / name).exists()
        done.append(num_epochs())
    assert done[0] == 0 < done[1] == done[2] < run.result["epochs"]

    resumed = run_training(run.config, examples, working)
    assert resumed.result == run.result
    assert read_history(resumed.run_folder) == read_history(run.run_folder)
    assert_same_weights(resumed.load(), run.load())
    assert len(list((resumed.run_folder / "train").glob("events.*"))) > 1


@pytest.mark.slow
def test_finished_run_trains_nothing(trained, run_training, examples_folder, monkeypatch):
    run = trained("cml")
    monkeypatch.delattr(training, "input_dataset")
    again = run_training(run.config, examples_folder("cml"), run.working_dir)
    assert again.result == run.result
    assert_same_weights(again.load(), run.load())
    assert read_history(again.run_folder) == read_history(run.run_folder)


@pytest.mark.slow
def test_fast_modes_also_across_a_resume(examples_folder, tmp_path):
    # In a process of its own: Keras leaves XLA out once operations were made deterministic.
    config = dataclasses.replace(TINY, precision="mixed_bfloat16", xla=True)
    first, second = tmp_path / "first", tmp_path / "second"
    second.mkdir()
    (second / "working").symlink_to(first / "working")
    runs = (first, config), (second, dataclasses.replace(config, epochs=2))
    finished = run_program(REPORT_XLA, examples_folder("cml"), *runs)
    assert finished.returncode == 0, finished.stderr
    assert finished.stdout.splitlines() == ["XLA: True", "XLA: True"]
    assert "UserWarning" not in finished.stderr
    history = read_history(second / "run")
    assert history[:1] == read_history(first / "run")
    assert len(history) == 2 and np.isfinite(history[1]["loss"])
    assert load(second / "model").dtype_policy.name == "mixed_bfloat16"


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


def test_gpu_that_is_not_there():
    with pytest.raises(training.DeviceError, match=r"sees no GPU. Install .* or choose 'auto'."):
        training.distribution_strategy("gpu")


@pytest.mark.parametrize(("batch_size", "split"), [(13, "train"), (16, "val")])
def test_devices_that_cannot_share_a_batch(batch_size, split):
    config = dataclasses.replace(TINY, batch_size=batch_size)
    with pytest.raises(training.DeviceError, match=rf"2 devices.* {split}, .*={batch_size}\."):
        training._check_shares(config, {"train": 40, "val": 9}, num_devices=2)
    training._check_shares(config, {"train": 40, "val": 9}, num_devices=1)


def test_number_of_records_must_be_right(examples_folder):
    # A dataset.json that does not belong to the shards would shift what an epoch is.
    batches = training._dataset(TINY, examples_folder("cml"), "val", {"val": 17})
    with pytest.raises(Exception, match="expected to contain 3 elements but contained only 2"):
        list(batches)
