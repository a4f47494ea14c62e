"""Training and evaluation on arrays, as in the pipeline but without its folders."""

import csv
import inspect

import keras
import numpy as np
import pytest

import avel_tf
from avel_tf import metrics
from avel_tf.configuration import ModelConfig, TrainingConfig
from avel_tf.errors import InputError
from avel_tf.evaluation.scoring import score
from avel_tf.models import (
    AudioVisualLocalizer,
    CrossModalityLocalizer,
    PerSegmentLocalizer,
    SupervisedEventLocalizer,
)
from avel_tf.notebook.dataset import Dataset
from avel_tf.records import DatasetFolder
from tests.eager import eagerly
from tests.training.runs import late_localizer

SYSTEMS = {"sel": SupervisedEventLocalizer, "cml": CrossModalityLocalizer}
SMALL = {"units": 16, "num_heads": 2}


def fitted(task, dataset, seed=3, **settings):
    keras.utils.set_random_seed(seed)
    model = SYSTEMS[task](**SMALL)
    settings = {"batch_size": 8, "epochs": 3, "learning_rate": 3e-3, "seed": seed} | settings
    return model, avel_tf.fit(model, dataset, **settings)


@pytest.fixture(scope="module")
def datasets(feature_folder):
    return {task: avel_tf.load_dataset(feature_folder, task=task) for task in SYSTEMS}


@pytest.mark.slow
@eagerly()
def test_it_trains_as_the_pipeline_does(examples_folder, run_training, monkeypatch):
    monkeypatch.setattr("avel_tf.training.train.export_model", lambda *_: None)  # tested elsewhere
    config = TrainingConfig(
        "sel",
        model=ModelConfig(**SMALL),
        batch_size=20,
        epochs=2,
        learning_rate=3e-3,
        seed=3,
        in_memory=True,
    )
    run = run_training(config, examples_folder("sel"))
    model, history = fitted(
        "sel", avel_tf.load_dataset(examples_folder("sel")), epochs=2, batch_size=20
    )
    with (run.run_folder / "history.csv").open(newline="") as file:
        expected = list(csv.DictReader(file))
    assert expected[0].keys() - {"epoch"} == history.history.keys()
    for name, values in history.history.items():
        assert values == [float(epoch[name]) for epoch in expected], name
    for ours, theirs in zip(model.get_weights(), run.load().get_weights(), strict=True):
        np.testing.assert_array_equal(ours, theirs)


@pytest.mark.slow
@eagerly()
def test_the_seed_repeats_everything(datasets):
    def weights():
        keras.utils.set_random_seed(1)
        model = CrossModalityLocalizer(**SMALL, block="full", dropout=0.3)
        avel_tf.fit(model, datasets["cml"], batch_size=20, epochs=1, seed=1)
        return model.get_weights()

    for first, second in zip(weights(), weights(), strict=True):
        np.testing.assert_array_equal(first, second)


@pytest.mark.slow
def test_the_best_epoch_on_val_is_kept_and_trained_further(datasets):
    # With a learning rate so high that val accuracy goes up and down.
    model, history = fitted("sel", datasets["sel"], epochs=12, patience=4, learning_rate=3e-2)
    values = history.history["val_accuracy"]
    best = values.index(max(values))
    assert best < len(values) - 1, "the last epoch was the best, which shows nothing"
    assert len(values) == min(12, best + 4 + 1)
    kept = avel_tf.evaluate(model, datasets["sel"], "val")
    assert kept.primary_value == pytest.approx(max(values))
    more = avel_tf.fit(model, datasets["sel"], epochs=1, batch_size=8)
    assert more.history["loss"][0] < history.history["loss"][0]


@pytest.mark.slow
@pytest.mark.parametrize("kind", [AudioVisualLocalizer, PerSegmentLocalizer])
@eagerly()
def test_weak_supervision_adds_the_clips_without_event(datasets, kind):
    dataset = datasets["sel"]
    splits = {"train": dataset["train"], "val": dataset["val"], "background": dataset["test"]}
    counts = {split: len(records) for split, records in splits.items()}
    weak = Dataset("sel", dataset.source, counts, splits.get)
    model = kind(units=4)
    history = avel_tf.fit(model, weak, supervision="weak", epochs=1, batch_size=13)
    assert history.params["steps"] == (40 + 12) / 13
    assert np.isfinite(history.history["loss"]).all()


@eagerly()
def test_the_progress_ends_at_its_end_when_training_stops_early(datasets, capsys):
    # Nothing is learned, so that the first epoch stays the best.
    _, history = fitted(
        "sel", datasets["sel"], epochs=9, patience=1, learning_rate=1e-12, batch_size=20
    )
    assert len(history.history["loss"]) == 2
    lines = capsys.readouterr().err.splitlines()
    assert lines[0].startswith("Training on official features:   0%")
    assert "Training on official features: 100%" in lines[-1] and " 4/4 " in lines[-1]


@eagerly()
def test_a_model_of_before_its_late_part_is_told(datasets, caplog):
    avel_tf.fit(late_localizer(), datasets["sel"], epochs=1)
    assert "of an epoch before 25, with which its contrast begins" in caplog.text


def test_weak_supervision_needs_them(datasets):
    with pytest.raises(InputError, match="no split `background`"):
        fitted("sel", datasets["sel"], supervision="weak")


@pytest.mark.parametrize(
    ("task", "settings", "message"),
    [
        ("cml", {}, r"The dataset is for sel, but the model for cml.* `task='cml'`"),
        ("sel", {"epochs": 0}, "`epochs` must be a positive integer"),
        ("sel", {"segment_loss": "soft_margin"}, "`segment_loss` only applies"),
    ],
)
def test_unsuitable_arguments_are_refused(datasets, task, settings, message):
    with pytest.raises(ValueError, match=message):
        fitted(task, datasets["sel"], **settings)


def test_defaults_match_the_pipeline():
    parameters = inspect.signature(avel_tf.fit).parameters
    settings = {name: each for name, each in parameters.items() if name not in ("model", "dataset")}
    fields = TrainingConfig.__dataclass_fields__
    assert len(settings) >= 10
    for name, parameter in settings.items():
        assert parameter.default == fields[name].default, name
        assert parameter.annotation == fields[name].type, name


@pytest.mark.parametrize("task", ["sel", "cml"])
def test_it_scores_as_the_pipeline_does(task, examples_folder):
    keras.utils.set_random_seed(0)
    model = SYSTEMS[task](**SMALL)
    dataset = avel_tf.load_dataset(examples_folder(task), task=task)
    result = avel_tf.evaluate(model, dataset)
    scores, records = score(model, DatasetFolder(examples_folder(task)), task)
    assert result.metrics == pytest.approx(scores.metrics)
    assert result.trivial_baselines == scores.trivial_baselines
    assert result.yardsticks == scores.yardsticks
    np.testing.assert_array_equal(result.records.record_id, records.record_id)
    np.testing.assert_allclose(result.records.accuracy, records.accuracy)
    assert (result.split, len(dataset["test"])) == ("test", 12)
    lower, upper = result.interval
    assert lower <= np.nanmean(records.accuracy) <= upper


def test_another_split_has_its_own_trivial_baselines(datasets):
    model = SupervisedEventLocalizer(**SMALL)
    val = avel_tf.evaluate(model, datasets["sel"], "val")
    background = np.mean(datasets["sel"]["val"]["segment_label"] == 28)
    assert val.trivial_baselines["always background"] == pytest.approx(background)
    assert len(val.records.record_id) == len(datasets["sel"]["val"])


def test_a_notebook_shows_the_evaluation(datasets):
    result = avel_tf.evaluate(SupervisedEventLocalizer(**SMALL), datasets["sel"])
    shown = result._repr_html_()
    assert "12 records of test" in shown
    for values in (result.metrics, result.trivial_baselines, result.yardsticks):
        for name, value in values.items():
            assert f">{name}</td>" in shown and f">{value:.2%}</td>" in shown
    lower, upper = result.interval
    assert f"95 % interval {lower:.2%} to {upper:.2%}" in shown
    names = [*result.metrics, *result.trivial_baselines]
    assert shown.index(metrics.PRIMARY_METRIC["sel"]) < min(
        shown.index(f">{name}<") for name in names[1:]
    )


def test_scores_on_made_up_features_are_said_to_be_so(datasets):
    real = datasets["sel"]
    made_up = Dataset("sel", {"kind": "simulated_features"}, real.num_records, real.__getitem__)
    result = avel_tf.evaluate(SupervisedEventLocalizer(**SMALL), made_up)
    sentence = "From simulated features: these numbers say nothing about real videos."
    assert sentence in repr(result) and sentence in result._repr_html_()


def test_a_model_that_diverged_has_no_interval(datasets):
    model = SupervisedEventLocalizer(**SMALL)
    model.set_weights([np.full_like(weight, np.nan) for weight in model.get_weights()])
    result = avel_tf.evaluate(model, datasets["sel"])
    assert np.isnan(result.primary_value) and result.interval is None
    assert "interval" not in result._repr_html_()


@eagerly()
def test_plain_keras_takes_the_batches(datasets):
    model = SupervisedEventLocalizer(**SMALL)
    model.compile("adam", loss={"event_category_logits": "sparse_categorical_crossentropy"})
    history = model.fit(datasets["sel"]["train"].batches(model, 8), verbose=0)
    assert np.isfinite(history.history["loss"]).all()
