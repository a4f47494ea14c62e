"""A step of each system, parts that come in late, schedules and optimizers."""

import dataclasses
import gc
import weakref

import keras
import numpy as np
import pytest
import tensorflow as tf

from avel_tf import losses, metrics
from avel_tf.choices import OPTIMIZERS, SYSTEMS
from avel_tf.configuration import ModelConfig, TrainingConfig
from avel_tf.models import SYSTEMS as SYSTEM_CLASSES
from avel_tf.models.followers import suppression
from avel_tf.optimizers import PytorchAdam
from avel_tf.training import fitting
from avel_tf.training import train as training
from tests.eager import eagerly
from tests.training.runs import TINY, late_localizer


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
        model = late_localizer()
        fitting.compile_model(model, config, steps_per_epoch)
        return model

    monkeypatch.setattr(training, "compiled_model", small)
    monkeypatch.setattr(training, "export_model", lambda *_: None)  # tested elsewhere
    config = TrainingConfig("sel", "audio", epochs=1, in_memory=True)
    model = run_training(config, examples_folder("sel")).load()
    assert "of an epoch before 25, with which its contrast begins" in caplog.text
    assert float(model.get_layer("contrast_start").is_open) == 0


def graphs_of_steps():
    """Trains for two epochs; returns weak references to the graphs of its steps."""
    model = training.compiled_model(TrainingConfig("cml", "dcca"), 1)
    step, graphs = model.train_step, []

    def train_step(data):
        graphs.append(weakref.ref(tf.compat.v1.get_default_graph()))
        return step(data)

    model.train_step = train_step
    features, labels = random_batch(model)
    data = features, losses.localization_targets(model.output, labels)
    batches = tf.data.Dataset.from_tensors(data)
    fitting.fit_model(model, batches.repeat(2), batches, range(2), [], "random features")
    assert all(graph() for graph in graphs)
    return graphs


@pytest.mark.slow
def test_the_step_is_traced_once_and_ends_with_its_model():
    (graph,) = graphs_of_steps()
    gc.collect()
    assert graph() is None


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
