"""Training on a small dataset: learning, choice of epoch, reproducibility, and resuming."""

import csv
import dataclasses
import json
import os
import pathlib
import shutil
import signal

import keras
import numpy as np
import pytest
import tensorflow as tf

from avel_tf import losses, metrics
from avel_tf.choices import OPTIMIZERS, SYSTEMS
from avel_tf.configuration import ModelConfig, TrainingConfig
from avel_tf.errors import DeviceError, InputError
from avel_tf.layers.late_start import LateStart
from avel_tf.models import SYSTEMS as SYSTEM_CLASSES
from avel_tf.models.followers import suppression
from avel_tf.optimizers import PytorchAdam
from avel_tf.records import DatasetFolder, shard_paths
from avel_tf.training import fitting
from avel_tf.training import train as training
from tests import programs
from tests.eager import eagerly

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

# Prepended: as `tests.eager`.
EAGERLY = """
import tensorflow as tf

tf.config.run_functions_eagerly(True)
"""

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


@pytest.mark.slow
@pytest.mark.parametrize("task", ["sel", "cml"])
def test_learns(trained, task):
    run = trained(task)
    history = read_history(run.run_folder)
    # An untrained model gets one category at best, and a random one of at least two windows.
    assert history[0]["val_accuracy"] < 0.7
    assert run.result.val_accuracy > 0.9
    assert history[-1]["loss"] < history[0]["loss"] / 2
    # Without the moving averages of normalization.
    assert run.result.parameters == sum(
        weight.numpy().size for weight in run.load().trainable_weights
    )


@pytest.mark.slow
@pytest.mark.parametrize("task", ["sel", "cml"])
def test_history_has_every_output_and_split(trained, task):
    run = trained(task)
    history = read_history(run.run_folder)
    assert [row["epoch"] for row in history] == list(range(1, run.result.epochs + 1))
    scored = metrics.monitored_logs(run.load().output)
    names = {"loss", "audio_relevance_logits_loss", "visual_relevance_logits_loss", *scored}
    assert len(scored) == {"sel": 1, "cml": 2}[task]
    assert names | {f"val_{name}" for name in names} | {"val_accuracy"} <= history[0].keys()
    for row in history:
        assert row["val_accuracy"] == np.mean([row[f"val_{name}"] for name in scored])
    for name in ("train", "validation"):  # for TensorBoard
        assert list((run.run_folder / run.config.run_name / name).glob("events.out.tfevents.*"))
    settings = json.loads((run.model_folder / "configuration.json").read_text())
    assert TrainingConfig(**settings | {"model": ModelConfig(**settings["model"])}) == run.config


@pytest.mark.slow
@eagerly()
def test_curves_and_accuracies_on_made_up_features_are_named_so(
    run_training, examples_folder, tmp_path, monkeypatch, capsys
):
    monkeypatch.setattr(training, "export_model", lambda *_: None)  # tested elsewhere
    for name in ("Split-train", "Split-val", "records.csv"):
        (tmp_path / name).symlink_to(examples_folder("cml") / name)
    metadata = json.loads((examples_folder("cml") / "dataset.json").read_text())
    metadata["source"] = {"kind": "simulated_features"}
    (tmp_path / "dataset.json").write_text(json.dumps(metadata))
    run = run_training(TINY, tmp_path)
    assert (run.run_folder / f"{TINY.run_name}-simulated_features" / "train").is_dir()
    assert run.result.data == "simulated features"
    assert run.result.caution.startswith("From simulated features: ")
    assert "Training on simulated features: " in capsys.readouterr().err


@pytest.mark.slow
def test_stops_early_and_exports_the_best_epoch(
    trained, run_training, examples_folder, tmp_path, monkeypatch
):
    run = trained("cml")
    values = [row["val_accuracy"] for row in read_history(run.run_folder)]
    best = run.result.best_epoch
    assert values[best - 1] == max(values) > max(values[: best - 1], default=0)
    assert len(values) == best + run.config.patience < run.config.epochs

    # A run that ends with that epoch and sees no test split has the same weights.
    monkeypatch.setattr(training, "export_model", lambda *_: None)  # of a model just like that one
    for name in ("Split-train", "Split-val", "dataset.json", "records.csv"):
        (tmp_path / name).symlink_to(examples_folder("cml") / name)
    config = dataclasses.replace(run.config, epochs=best, devices="cpu")
    repeated = run_training(config, tmp_path)
    assert repeated.result.best_epoch == repeated.result.epochs == best
    assert_same_weights(repeated.load(), run.load())
    assert read_history(repeated.run_folder) == read_history(run.run_folder)[:best]


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


def test_val_must_be_able_to_rank_epochs(run_training, tmp_path):
    (tmp_path / "dataset.json").write_text('{"num_records": {"train": 1, "val": 1}}')
    lines = ["split,row,category,video_id,start_seconds,end_seconds"]
    lines += ["train,0,Bark,a,2,5", "val,1,Bark,b,0,10", "val,2,Bark,c,3,3"]
    (tmp_path / "records.csv").write_text("\n".join(lines))
    with pytest.raises(InputError, match="None of the 2 val records has an event that is shorter"):
        run_training(TrainingConfig("cml"), tmp_path)


def test_missing_gpu_is_an_error():
    with pytest.raises(DeviceError, match=r"sees no GPU. Install .* or choose 'auto'."):
        training.distribution_strategy("gpu")


@pytest.mark.parametrize(("batch_size", "split"), [(13, "train"), (16, "val")])
def test_devices_that_cannot_share_a_batch(batch_size, split):
    config = dataclasses.replace(TINY, batch_size=batch_size)
    with pytest.raises(DeviceError, match=rf"2 devices.* {split}, .*={batch_size}\."):
        training._check_shares(config, {"train": 40, "val": 9}, num_devices=2)
    training._check_shares(config, {"train": 40, "val": 9}, num_devices=1)


@pytest.mark.parametrize("in_memory", [False, True])
def test_number_of_records_must_be_correct(examples_folder, in_memory, tmp_path):
    # A dataset.json that does not match the shards would change the length of an epoch.
    config = TrainingConfig("sel", model=TINY.model, batch_size=8, in_memory=in_memory)
    model = training.compiled_model(config, 1)
    examples = examples_folder("sel")
    batches = training._batches(
        config, model, DatasetFolder(examples), tmp_path, "val", {"val": 17}
    )
    with pytest.raises(Exception, match="expected to contain 3 elements but contained only 2"):
        list(batches)


@pytest.fixture
def copied_examples(examples_folder, tmp_path):
    """A copy of the examples of `sel` to damage, its `DatasetFolder`."""
    shutil.copytree(examples_folder("sel"), tmp_path / "examples")
    return DatasetFolder(tmp_path / "examples")


def read_val(dataset, working_dir, **arguments):
    """Reads the batches of val as a training does."""
    config = TrainingConfig("sel", model=TINY.model, batch_size=8, **arguments)
    model = training.compiled_model(config, 1)
    return list(training._batches(config, model, dataset, working_dir, "val", {"val": 12}))


@pytest.mark.parametrize("in_memory", [False, True])
@pytest.mark.parametrize("end", [0, -20])
def test_a_damaged_shard_is_named(copied_examples, tmp_path, in_memory, end):
    path = pathlib.Path(shard_paths(copied_examples.split_path("val"))[1])
    path.write_bytes(path.read_bytes()[:end])
    with pytest.raises(InputError, match=f"{path} is damaged .* Copy the dataset again"):
        read_val(copied_examples, tmp_path, in_memory=in_memory)


def test_the_unpacked_copy_follows_the_content_of_the_shards(copied_examples, tmp_path):
    first, second = map(pathlib.Path, shard_paths(copied_examples.split_path("val")))
    whole, state = second.read_bytes(), second.stat()
    before = read_val(copied_examples, tmp_path)
    copies = list((tmp_path / "records" / "val").iterdir())
    read_val(copied_examples, tmp_path)
    assert list((tmp_path / "records" / "val").iterdir()) == copies  # used again

    second.write_bytes(first.read_bytes())  # another's, then repaired byte for byte
    with pytest.raises(InputError, match=f"{second} holds the record"):
        read_val(copied_examples, tmp_path)
    assert not list((tmp_path / "records").glob("val/*"))
    second.write_bytes(whole)
    os.utime(second, ns=(state.st_atime_ns, state.st_mtime_ns))
    after = read_val(copied_examples, tmp_path)
    for batch, other in zip(before, after, strict=True):
        np.testing.assert_array_equal(batch[0]["audio_features"], other[0]["audio_features"])


def val_batches(config, examples, working_dir):
    model = training.compiled_model(config, 1)
    batches = training._batches(
        config, model, DatasetFolder(examples), working_dir, "val", {"val": 12}
    )
    return {name: tensor.shape[2:] for name, tensor in model.input.items()}, list(batches)


@pytest.mark.parametrize(("task", "system"), [("sel", "dam"), ("sel", "avsdn"), ("cml", "dam")])
def test_batches_are_the_same_in_memory(examples_folder, task, system, tmp_path):
    variant = {"model": TINY.model} if system == "dam" else {}
    config = TrainingConfig(task, system, batch_size=8, **variant)
    inputs, batches = val_batches(config, examples_folder(task), tmp_path)
    # A model that sees only the mean of the map is given only the mean.
    map_shape = (7, 7) if inputs["visual_features"][0] else (1, 1)
    assert (map_shape == (7, 7)) == ((task, system) == ("sel", "dam"))
    for features, _ in batches:
        assert features.keys() == inputs.keys()
        assert features["visual_features"].shape[2:] == (*map_shape, 512)
    config = dataclasses.replace(config, in_memory=True)
    _, others = val_batches(config, examples_folder(task), tmp_path)
    assert [len(features["audio_features"]) for features, _ in others] == [8, 4]
    for batch, other in zip(batches, others, strict=True):
        for ours, theirs in zip(batch, other, strict=True):
            assert ours.keys() == theirs.keys()
            for name, array in ours.items():
                np.testing.assert_array_equal(theirs[name], array, err_msg=name)


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


def random_batch(model):
    """Draws features as the model sees them, and labels; the last record is all background."""
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
            for system, relevance_loss in (("dam", "mean"), ("audio", "each"))
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
    data = features, losses.localization_targets(model.output, labels)
    before = model.get_weights()
    history = model.fit(
        *data, validation_data=data, callbacks=[fitting.ValAccuracy()], verbose=0
    ).history
    assert np.isfinite(history["loss"]).all() and history["loss"][0] != 0
    moved = [
        not np.array_equal(old, new) for old, new in zip(before, model.get_weights(), strict=True)
    ]
    assert any(moved) and all(np.isfinite(weight).all() for weight in model.get_weights())
    # The epoch is chosen by the primary metric.
    outputs = {name: np.asarray(output) for name, output in model(features).items()}
    expected = np.nanmean(metrics.record_accuracies(config.task, labels, outputs))
    np.testing.assert_allclose(history["val_accuracy"], expected, rtol=1e-5)


def test_a_late_part_begins_with_its_epoch_in_a_resumed_training_too(tmp_path, caplog, monkeypatch):
    monkeypatch.setattr(suppression, "NUM_ENCODERS", 1)  # the second is like the first
    model = SYSTEM_CLASSES["sel"]["cace"](audio_dim=6, visual_shape=(2, 3, 8), units=4)
    fitting.compile_model(model, TrainingConfig("sel", "cace"), 1)
    features, labels = random_batch(model)
    data = features, losses.localization_targets(model.output, labels)
    batches = tf.data.Dataset.from_tensors(data)

    def fit(epochs):
        model.run_eagerly = True  # tracing takes longer than this test
        train_batches = batches.repeat(len(epochs))
        return fitting.fit_model(model, train_batches, batches, epochs, [], "random").history

    assert fit(range(22, 24))["contrast_views_loss"] == [0, 0]  # epochs 23 and 24
    fitting.warn_of_late_starts(model)
    assert "of an epoch before 25, with which its contrast begins: it has none" in caplog.text
    model.save(tmp_path / "model.keras")
    model = keras.saving.load_model(tmp_path / "model.keras")
    logs = fit(range(24, 25))
    assert logs["contrast_views_loss"][0] > 0.1 and logs["val_contrast_views_loss"][0] > 0.1
    caplog.clear()
    fitting.warn_of_late_starts(model)
    assert not caplog.text


@eagerly()
def test_a_model_of_before_its_late_part_is_told(
    run_training, examples_folder, monkeypatch, caplog
):
    def small(config, steps_per_epoch, description):
        localizer = SYSTEM_CLASSES["sel"]["audio"](units=4)
        features = dict(localizer.input)
        late_start = LateStart(25, name="contrast_start")
        features["audio_features"] = late_start(features["audio_features"])
        model = keras.Model(localizer.input, localizer(features))
        fitting.compile_model(model, config, steps_per_epoch)
        return model

    monkeypatch.setattr(training, "compiled_model", small)
    monkeypatch.setattr(training, "export_model", lambda *_: None)  # tested elsewhere
    config = TrainingConfig("sel", "audio", epochs=1, in_memory=True)
    model = run_training(config, examples_folder("sel")).load()
    assert "of an epoch before 25, with which its contrast begins" in caplog.text
    assert float(model.get_layer("contrast_start").is_open) == 0


@pytest.mark.slow
def test_the_step_is_traced_once():
    model = training.compiled_model(TrainingConfig("cml", "dcca"), 1)
    step, traces = model.train_step, []
    model.train_step = lambda data: [traces.append(data), step(data)][1]
    features, labels = random_batch(model)
    data = features, losses.localization_targets(model.output, labels)
    batches = tf.data.Dataset.from_tensors(data)
    fitting.fit_model(model, batches.repeat(2), batches, range(2), [], "random features")
    assert len(traces) == 1


def test_learning_rate_of_schedules():
    config = dataclasses.replace(TINY, schedule="cosine", learning_rate=0.5, epochs=20)
    learning_rate = training.compiled_model(config, 3).optimizer._learning_rate
    # Half a period of the cosine over 60 steps: whole, half, nothing.
    values = [float(learning_rate(step)) for step in (0, 20, 30, 60)]
    np.testing.assert_allclose(values, [0.5, 0.375, 0.25, 0], atol=1e-6)
    drop = training.compiled_model(dataclasses.replace(config, schedule="drop"), 3)
    values = [float(drop.optimizer._learning_rate(step)) for step in (0, 14_999, 15_001)]
    np.testing.assert_allclose(values, [0.5, 0.5, 0.05], atol=1e-6)
    halves = training.compiled_model(dataclasses.replace(config, schedule="halves"), 3)
    assert [float(halves.optimizer._learning_rate(step)) for step in (30, 31, 61, 91)] == [
        *(0.5, 0.25, 0.125, 0.0625)
    ]
    fifths = training.compiled_model(dataclasses.replace(config, schedule="fifths"), 3)
    rates = [float(fifths.optimizer._learning_rate(step)) for step in (180, 181, 361)]
    assert rates == pytest.approx([0.5, 0.4, 0.32])
    config = dataclasses.replace(config, schedule="constant")
    optimizer = training.compiled_model(config, 3).optimizer
    optimizer.iterations.assign(50)
    assert float(optimizer.learning_rate) == 0.5


def test_optimizers():
    adam, pytorch_adam, sgd = (
        training.compiled_model(dataclasses.replace(TINY, optimizer=name), 1).optimizer
        for name in OPTIMIZERS
    )
    assert type(adam) is keras.optimizers.Adam and type(pytorch_adam) is PytorchAdam
    assert isinstance(sgd, keras.optimizers.SGD) and sgd.momentum == 0.9
