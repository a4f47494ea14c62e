"""Scores of a model and of predictions without one, compared with scores by hand."""

import functools

import keras
import numpy as np
import pytest

from avel_tf import metrics
from avel_tf.ave import read_annotations, read_splits
from avel_tf.evaluation.scoring import score, trivial_scores
from avel_tf.models import SYSTEMS, AudioVisualLocalizer, SupervisedEventLocalizer
from avel_tf.records import DatasetFolder, read_batches

LABELS = ("event_category", "event_relevance", "segment_label")
MODELS = {
    "sel": functools.partial(SupervisedEventLocalizer, units=4, num_heads=1),
    "cml": functools.partial(SYSTEMS["cml"]["dam"], units=4, num_heads=1),
}


def whole_test_split(examples, names):
    (batch,) = read_batches(examples / "Split-test", 1000, names)
    return {name: value.numpy() for name, value in batch.items()}


@pytest.mark.parametrize("task", ["sel", "cml"])
def test_scores_equal_those_of_the_whole_split(examples_folder, task):
    keras.utils.set_random_seed(0)
    model = MODELS[task]()
    result, records = score(model, DatasetFolder(examples_folder(task)), task)

    inputs = tuple(model.input)
    split = whole_test_split(examples_folder(task), tuple({*inputs, *LABELS, "record_id"}))
    predictions = model.predict_on_batch({name: split[name] for name in inputs})
    predictions = {name: np.asarray(value) for name, value in predictions.items()}
    counts = {"sel": metrics.sel_counts, "cml": metrics.cml_counts}[task](split, predictions)
    expected = {"sel": metrics.sel_values, "cml": metrics.cml_values}[task](counts)
    assert result.metrics == pytest.approx(expected, abs=1e-6)
    assert result.task == task
    assert result.primary_metric == records.metric == metrics.PRIMARY_METRIC[task]

    assert sorted(records.record_id) == sorted(split["record_id"])
    by_id = dict(zip(records.record_id, records.accuracy, strict=True))
    expected = metrics.record_accuracies(task, split, predictions)
    for record_id, accuracy in zip(split["record_id"], expected, strict=True):
        np.testing.assert_allclose(by_id[record_id], accuracy, atol=1e-6)
    assert np.nanmean(records.accuracy) == pytest.approx(result.primary_value)


def test_a_model_of_pooled_maps_scores_as_on_whole_maps(examples_folder):
    keras.utils.set_random_seed(0)
    model = AudioVisualLocalizer()
    assert None in model.input["visual_features"].shape[2:4]
    result, records = score(model, DatasetFolder(examples_folder("sel")), "sel")

    split = whole_test_split(examples_folder("sel"), (*model.input, *LABELS, "record_id"))
    assert split["visual_features"].shape[2:4] == (7, 7)
    predicted = model.predict_on_batch({name: split[name] for name in model.input})
    hits = np.asarray(predicted["segment_label"]) == split["segment_label"]
    assert result.metrics["segment_accuracy"] == pytest.approx(hits.mean(), abs=1 / 120)
    assert records.accuracy.shape == (12,)


def test_every_record_of_sel_counts_and_only_short_events_of_cml(examples_folder):
    for task in ("sel", "cml"):
        keras.utils.set_random_seed(0)
        accuracy = score(MODELS[task](), DatasetFolder(examples_folder(task)), task)[1].accuracy
        labels = whole_test_split(examples_folder(task), ("event_relevance",))["event_relevance"]
        short = (labels.sum(axis=1) > 0) & (labels.sum(axis=1) < 10)
        assert np.isfinite(accuracy).sum() == (12 if task == "sel" else short.sum())


@pytest.mark.parametrize("task", ["sel", "cml"])
def test_a_model_that_diverged_has_no_scores(examples_folder, task):
    model = MODELS[task]()  # of SEL, its labels are numbers all the same
    model.set_weights([np.full_like(weights, np.nan) for weights in model.get_weights()])
    result, _ = score(model, DatasetFolder(examples_folder(task)), task)
    assert result.metrics and np.isnan(list(result.metrics.values())).all()


@pytest.mark.parametrize(
    ("task", "trivial", "yardsticks"),
    [
        ("sel", [17.79, 17.79], [82.21]),
        ("cml", [20.77, 35.32, 46.77, 47.01], []),
    ],
)
def test_real_records_give_the_known_baselines(real_data, task, trivial, yardsticks):
    annotations = read_annotations(real_data / "ave" / "Annotations.txt")
    splits = read_splits([real_data / "ave"], annotations, task)
    train, test = ([annotations[row] for row in splits[name]] for name in ("train", "test"))
    found = trivial_scores(task, train, test)
    assert [round(100 * value, 2) for value in found.baselines.values()] == trivial
    assert [round(100 * value, 2) for value in found.yardsticks.values()] == yardsticks


def test_scores_come_with_the_trivial_baselines_of_their_dataset(examples_folder):
    for task, model in MODELS.items():
        result, _ = score(model(), DatasetFolder(examples_folder(task)), task)
        records = DatasetFolder(examples_folder(task)).annotations()
        trivial = trivial_scores(task, records["train"], records["test"])
        assert result.trivial_baselines == trivial.baselines
        assert result.yardsticks == trivial.yardsticks
    split = whole_test_split(examples_folder("sel"), LABELS)
    records = DatasetFolder(examples_folder("sel")).annotations()
    trivial = trivial_scores("sel", records["train"], records["test"])
    background = np.mean(split["segment_label"] == 28)
    assert trivial.baselines["always background"] == pytest.approx(background)
    assert trivial.yardsticks == {"true category, always event": pytest.approx(1 - background)}
