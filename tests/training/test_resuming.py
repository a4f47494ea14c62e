"""Training that was killed, stopped or finished before, and goes on."""

import dataclasses
import json
import signal

import keras
import numpy as np
import pytest

from avel_tf.configuration import ModelConfig, TrainingConfig
from avel_tf.records import DatasetFolder
from avel_tf.training import train as training
from tests.eager import eagerly
from tests.training.runs import (
    EAGERLY,
    TINY,
    assert_same_weights,
    load,
    outcome,
    read_history,
    run_program,
)

# Prepended: kills the process when it is about to rename or remove a file of that name.
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


# Prepended: prints for each training whether its step is compiled; exports the second's model.
REPORT_XLA = """
from avel_tf.training import fitting
from avel_tf.training import train as training

export_model = training.export_model

def export_the_next(*_):
    training.export_model = export_model

training.export_model = export_the_next

fitting.ProgressLine.on_train_begin = lambda self, logs=None: print(
    "XLA:", self.model.jit_compile
)
"""


@pytest.mark.slow
@eagerly()
def test_killed_again_and_again_equals_uninterrupted(
    run_training, examples_folder, tmp_path, monkeypatch
):
    monkeypatch.setattr(training, "export_model", lambda *_: None)  # tested elsewhere
    # With state besides trained weights, and so slowly that the first epoch is not the best.
    model = ModelConfig(units=16, num_heads=2, block="full", dropout=0.3, normalization="batch")
    config = dataclasses.replace(TINY, model=model, learning_rate=1e-4, batch_size=20, epochs=5)
    examples = examples_folder("cml")
    run = run_training(config, examples)
    working = tmp_path / "working"

    def num_epochs():
        path = working / "checkpoints" / "progress.json"
        return len(json.loads(path.read_text())["history"]) if path.exists() else 0

    moments = [
        ("rename", "progress.json.partial"),  # the model is complete, its history is missing
        ("unlink", "epoch-00000.keras"),  # history exists, and old models too
        ("rename", "partial.keras"),  # half a model
    ]
    done = []
    for number, (method, name) in enumerate(moments):
        folder = tmp_path / str(number)
        folder.mkdir()
        (folder / "working").symlink_to(working, target_is_directory=True)
        working.mkdir(exist_ok=True)
        program = EAGERLY + KILL.replace("{method}", method).replace("{name}", name)
        killed = run_program(program, examples, (folder, run.config))
        assert killed.returncode == -signal.SIGKILL, killed.stderr
        assert (working / "checkpoints" / name).exists()
        done.append(num_epochs())
    assert done[0] == 0 < done[1] == done[2] < run.result.epochs

    resumed = run_training(run.config, examples, working)
    assert outcome(resumed) == outcome(run)
    assert read_history(resumed.run_folder) == read_history(run.run_folder)
    assert_same_weights(resumed.load(), run.load())
    logs = resumed.run_folder / run.config.run_name / "train"
    assert len(list(logs.glob("events.*"))) > 1


@pytest.mark.slow
def test_finished_run_trains_nothing(trained, run_training, examples_folder, monkeypatch):
    run = trained("cml")
    monkeypatch.delattr(training, "_batches")
    monkeypatch.setattr(training, "export_model", lambda *_: None)  # tested elsewhere
    again = run_training(run.config, examples_folder("cml"), run.working_dir)
    assert outcome(again) == outcome(run)
    assert again.result.seconds == run.result.seconds > 0
    assert_same_weights(again.load(), run.load())
    assert read_history(again.run_folder) == read_history(run.run_folder)


@pytest.mark.slow
def test_fast_modes_also_across_a_resume(examples_folder, tmp_path):
    # In a separate process: Keras does not use XLA once operations were made deterministic.
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
@eagerly()
def test_resumed_in_memory_equals_uninterrupted(run_training, examples_folder, monkeypatch):
    monkeypatch.setattr(training, "export_model", lambda *_: None)  # tested elsewhere
    config = TrainingConfig(
        *("cml", "avdln"),
        in_memory=True,
        optimizer="pytorch_adam",
        batch_size=64,
        examples="segments",
        epochs=2,
        patience=2,
        kept_epoch="last",
    )
    whole = run_training(config, examples_folder("cml"))
    first = run_training(dataclasses.replace(config, epochs=1), examples_folder("cml"))
    resumed = run_training(config, examples_folder("cml"), first.working_dir)
    history = read_history(whole.run_folder)
    assert read_history(resumed.run_folder) == history
    assert history[0]["loss"] != history[1]["loss"]
    models = [  # of the last epoch, whichever was best
        keras.saving.load_model(run.working_dir / "checkpoints" / "epoch-00001.keras")
        for run in (whole, resumed)
    ]
    assert_same_weights(*models)
    assert_same_weights(whole.load(), models[0])  # kept, whichever was best
    assert (whole.result.best_epoch, whole.result.val_accuracy) == (2, history[1]["val_accuracy"])
    num_train = DatasetFolder(examples_folder("cml")).metadata()["num_records"]["train"]
    assert models[0].optimizer.iterations == 2 * -(-10 * num_train // 64)  # of 64 segments
    for ours, theirs in zip(*(model.optimizer.variables for model in models), strict=True):
        np.testing.assert_array_equal(ours, theirs, err_msg=ours.path)
