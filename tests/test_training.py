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

from avel_tf import metrics, training
from avel_tf.ave import DataError
from avel_tf.configuration import SYSTEMS, ModelConfig, TrainingConfig

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
for folder, settings in json.loads(sys.argv[2]):
    folder = pathlib.Path(folder)
    for name in ("model", "run"):
        (folder / name).mkdir(parents=True)
    config = TrainingConfig(**settings | {"model": ModelConfig(**settings["model"])})
    training.train(config, examples, folder / "model", folder / "run", folder / "working")
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

def reporting_model(*arguments):
    model = compiled_model(*arguments)
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


def outcome(run):
    return {name: value for name, value in run.result.items() if name != "seconds"}


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
    scored = metrics.monitored_logs(run.load().output)
    names = {"loss", "audio_relevance_logits_loss", "visual_relevance_logits_loss", *scored}
    assert len(scored) == {"sel": 1, "cml": 2}[task]
    assert names | {f"val_{name}" for name in names} | {"val_accuracy"} <= history[0].keys()
    for row in history:
        assert row["val_accuracy"] == np.mean([row[f"val_{name}"] for name in scored])
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
    for name in ("Split-train", "Split-val", "dataset.json", "records.csv"):
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
    assert outcome(resumed) == outcome(run)
    assert read_history(resumed.run_folder) == read_history(run.run_folder)
    assert_same_weights(resumed.load(), run.load())
    assert len(list((resumed.run_folder / "train").glob("events.*"))) > 1


@pytest.mark.slow
def test_finished_run_trains_nothing(trained, run_training, examples_folder, monkeypatch):
    run = trained("cml")
    monkeypatch.delattr(training, "_dataset")
    again = run_training(run.config, examples_folder("cml"), run.working_dir)
    assert outcome(again) == outcome(run)
    assert again.result["seconds"] == run.result["seconds"] > 0
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


def test_val_must_tell_epochs_apart(run_training, tmp_path):
    (tmp_path / "dataset.json").write_text('{"num_records": {"train": 1, "val": 1}}')
    lines = ["split,row,category,video_id,start_seconds,end_seconds"]
    lines += ["train,0,Bark,a,2,5", "val,1,Bark,b,0,10", "val,2,Bark,c,3,3"]
    (tmp_path / "records.csv").write_text("\n".join(lines))
    with pytest.raises(DataError, match="None of the 2 val records has an event that is shorter"):
        run_training(TrainingConfig("cml"), tmp_path)


def test_gpu_that_is_not_there():
    with pytest.raises(training.DeviceError, match=r"sees no GPU. Install .* or choose 'auto'."):
        training.distribution_strategy("gpu")


@pytest.mark.parametrize(("batch_size", "split"), [(13, "train"), (16, "val")])
def test_devices_that_cannot_share_a_batch(batch_size, split):
    config = dataclasses.replace(TINY, batch_size=batch_size)
    with pytest.raises(training.DeviceError, match=rf"2 devices.* {split}, .*={batch_size}\."):
        training._check_shares(config, {"train": 40, "val": 9}, num_devices=2)
    training._check_shares(config, {"train": 40, "val": 9}, num_devices=1)


@pytest.mark.parametrize("in_memory", [False, True])
def test_number_of_records_must_be_right(examples_folder, in_memory, tmp_path):
    # A dataset.json that does not belong to the shards would shift what an epoch is.
    config = TrainingConfig("sel", model=TINY.model, batch_size=8, in_memory=in_memory)
    model = training.compiled_model(config, 1)
    examples = examples_folder("sel")
    batches = training._dataset(config, model, examples, tmp_path, "val", {"val": 17})
    with pytest.raises(Exception, match="expected to contain 3 elements but contained only 2"):
        list(batches)


def read_batches(config, examples, working_dir):
    model = training.compiled_model(config, 1)
    batches = training._dataset(config, model, examples, working_dir, "val", {"val": 12})
    return {name: tensor.shape[2:] for name, tensor in model.input.items()}, list(batches)


@pytest.mark.parametrize(("task", "system"), [("sel", "dam"), ("sel", "avsdn"), ("cml", "dam")])
def test_batches_are_the_same_in_memory(examples_folder, task, system, tmp_path):
    variant = {"model": TINY.model} if system == "dam" else {}
    config = TrainingConfig(task, system, batch_size=8, **variant)
    inputs, batches = read_batches(config, examples_folder(task), tmp_path)
    # What sees the mean of the map alone is given no more.
    map_shape = (7, 7) if inputs["visual_features"][0] else (1, 1)
    assert (map_shape == (7, 7)) == ((task, system) == ("sel", "dam"))
    for features, _ in batches:
        assert features.keys() == inputs.keys()
        assert features["visual_features"].shape[2:] == (*map_shape, 512)
    config = dataclasses.replace(config, in_memory=True)
    _, others = read_batches(config, examples_folder(task), tmp_path)
    assert [len(features["audio_features"]) for features, _ in others] == [8, 4]
    for batch, other in zip(batches, others, strict=True):
        for ours, theirs in zip(batch, other, strict=True):
            assert ours.keys() == theirs.keys()
            for name, array in ours.items():
                np.testing.assert_array_equal(theirs[name], array, err_msg=name)


@pytest.mark.slow
def test_resumed_in_memory_equals_uninterrupted(run_training, examples_folder, monkeypatch):
    monkeypatch.setattr(training, "export_model", lambda *_: None)  # which others test
    config = TrainingConfig(
        "cml", "avdln", in_memory=True, optimizer="sgd", batch_size=8, epochs=2, patience=2
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
    for ours, theirs in zip(*(model.optimizer.variables for model in models), strict=True):
        np.testing.assert_array_equal(ours, theirs, err_msg=ours.path)


def random_batch(model):
    """Features as the model sees them, and labels; the last record is background throughout."""
    rng, category = np.random.default_rng(0), np.array([5, 0, 28])
    event_relevance = np.array([[0, 1, 1], [1, 0, 0], [0, 0, 0]], "float32")
    labels = {
        "event_category": category,
        "event_relevance": event_relevance,
        "segment_label": np.where(event_relevance, category[:, None], 28),
    }
    features = {"event_relevance": event_relevance}
    for name in ("audio_features", "visual_features"):
        shape = [size or 1 for size in model.input[name].shape[2:]]
        features[name] = rng.random((3, 3, *shape)).astype("float32") / 8
    return {name: features[name] for name in model.input}, labels


@pytest.mark.parametrize(
    "config",
    [
        *(TrainingConfig(task, system) for task in SYSTEMS for system in SYSTEMS[task]),
        *(
            TrainingConfig("sel", system, supervision="weak", relevance_loss=relevance_loss)
            for system, relevance_loss in (("dam", "each"), ("audio", "mean"))
        ),
        TrainingConfig("sel", "audio", segment_loss="soft_margin", optimizer="sgd"),
        TrainingConfig("sel", model=ModelConfig(matching="none")),
        TrainingConfig("cml", model=ModelConfig(matching="self", embedding="average")),
    ],
    ids=lambda config: f"{config.task}-{config.system}-{config.supervision}",
)
def test_every_system_takes_a_step(config):
    keras.utils.set_random_seed(0)
    model = training.compiled_model(config, 1)
    model.run_eagerly = True  # tracing and compiling take longer than this test
    features, labels = random_batch(model)
    data = features, training.losses.localization_targets(model.output, labels)
    before = model.get_weights()
    history = model.fit(
        *data, validation_data=data, callbacks=[training.ValAccuracy()], verbose=0
    ).history
    assert np.isfinite(history["loss"]).all() and history["loss"][0] != 0
    moved = [
        not np.array_equal(old, new) for old, new in zip(before, model.get_weights(), strict=True)
    ]
    assert any(moved) and all(np.isfinite(weight).all() for weight in model.get_weights())
    # What chooses the epoch is the primary metric.
    outputs = {name: np.asarray(output) for name, output in model(features).items()}
    expected = np.nanmean(metrics.record_accuracies(config.task, labels, outputs))
    np.testing.assert_allclose(history["val_accuracy"], expected, rtol=1e-5)


def test_learning_rate_of_schedules():
    config = dataclasses.replace(TINY, schedule="cosine", learning_rate=0.5, epochs=20)
    learning_rate = training.compiled_model(config, 3).optimizer._learning_rate
    # Half a period of the cosine over 60 steps: whole, half, nothing.
    values = [float(learning_rate(step)) for step in (0, 20, 30, 60)]
    np.testing.assert_allclose(values, [0.5, 0.375, 0.25, 0], atol=1e-6)
    drop = training.compiled_model(dataclasses.replace(config, schedule="drop"), 3)
    values = [float(drop.optimizer._learning_rate(step)) for step in (0, 14_999, 15_001)]
    np.testing.assert_allclose(values, [0.5, 0.5, 0.05], atol=1e-6)
    config = dataclasses.replace(config, schedule="constant")
    optimizer = training.compiled_model(config, 3).optimizer
    optimizer.iterations.assign(50)
    assert float(optimizer.learning_rate) == 0.5


def test_optimizers():
    adam, sgd = (
        training.compiled_model(dataclasses.replace(TINY, optimizer=name), 1).optimizer
        for name in ("adam", "sgd")
    )
    assert isinstance(adam, keras.optimizers.Adam)
    assert isinstance(sgd, keras.optimizers.SGD) and sgd.momentum == 0.9
