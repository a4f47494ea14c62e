"""Scores of a Keras model on the test split, record by record, next to baselines and controls."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import keras
import numpy as np

from avel_tf import metrics
from avel_tf.ave import Annotation
from avel_tf.evaluation import trivial_baselines
from avel_tf.evaluation.controls import (
    POOLED_FEATURES,
    QUERY_BLIND,
    compare_with_controls,
    control_accuracies,
    query_blind_accuracies,
)
from avel_tf.evaluation.record_accuracies import RecordAccuracies
from avel_tf.evaluation.results import Scores, TrivialScores
from avel_tf.models.inputs import pools_maps
from avel_tf.records import Description, Window, batch_arrays, read_split
from avel_tf.records.dataset_folder import DatasetFolder
from avel_tf.records.description import AVE

COUNTS = {
    "sel": (metrics.sel_counts, metrics.sel_values),
    "cml": (metrics.cml_counts, metrics.cml_values),
}
LABELS = ("event_category", "event_relevance", "segment_label")
BATCH = 64


def score(model: keras.Model, dataset: DatasetFolder, task: str) -> tuple[Scores, RecordAccuracies]:
    """Scores a model on the test split.

    Args:
        model: Keras model of the task.
        dataset: `DatasetFolder`.
        task: `"sel"` or `"cml"`.
    Returns:
        `Scores` and `RecordAccuracies`.
    """
    names = tuple(sorted({*model.input, *LABELS, "record_id"}))
    arrays = read_split(dataset, "test", names, pools_maps(model))
    annotations = dataset.annotations()
    trivial = trivial_scores(task, annotations["train"], annotations["test"], dataset.description())
    val = read_split(dataset, "val", POOLED_FEATURES, True) if task == "cml" else {}
    return score_arrays(model, arrays, task, trivial, val)


def score_arrays(
    model: keras.Model,
    arrays: Mapping[str, np.ndarray],
    task: str,
    trivial: TrivialScores,
    val: Mapping[str, np.ndarray],
) -> tuple[Scores, RecordAccuracies]:
    """Scores a model on records in memory.

    N: records.

    Args:
        model: Keras model of the task.
        arrays: Dict of the model's inputs, `record_id` (N,) and the labels; for `"cml"` of the
            features of both modalities in any case.
        task: `"sel"` or `"cml"`.
        trivial: What `trivial_scores` returns for the same records.
        val: For `"cml"`, the features and `event_relevance` of val, which chooses a control.
    Returns:
        `Scores` and `RecordAccuracies`.
    """

    def predict(exchanged: Mapping[str, np.ndarray]) -> Mapping[str, np.ndarray]:
        inputs = {
            name: arrays[name][exchanged[name]] if name in exchanged else arrays[name]
            for name in model.input
        }
        return model.predict(batch_arrays(inputs, BATCH), verbose=0)

    predictions = predict({})
    labels = {name: arrays[name] for name in (*LABELS, "record_id")}
    counts, values = COUNTS[task]
    measured = values(counts(labels, predictions))
    primary = metrics.PRIMARY_METRIC[task]
    accuracies = metrics.record_accuracies(task, labels, predictions)
    controls, notes = {}, {}
    if is_finite(predictions):
        controls = control_accuracies(task, labels, predictions, predict)
        if task == "cml":
            notes[QUERY_BLIND], controls[QUERY_BLIND] = query_blind_accuracies(val, arrays)
    else:
        measured = dict.fromkeys(measured, float("nan"))  # labels would hide that it diverged
    return (
        Scores(
            task,
            primary,
            measured,
            trivial.baselines,
            trivial.yardsticks,
            compare_with_controls(accuracies, controls, notes),
        ),
        RecordAccuracies(primary, arrays["record_id"], accuracies, controls),
    )


def is_finite(predictions: Mapping[str, np.ndarray]) -> bool:
    """Returns whether all outputs of a model are numbers."""
    floats = [each for each in predictions.values() if each.dtype.kind == "f"]
    return all(np.isfinite(each).all() for each in floats)


def trivial_scores(
    task: str,
    train: Sequence[Annotation | Window],
    test: Sequence[Annotation | Window],
    description: Description = AVE,
) -> TrivialScores:
    """Scores predictions that never look at the features.

    Args:
        task: `"sel"` or `"cml"`.
        train: Annotations that predictions may be made from.
        test: Annotations of the records that are scored, which gives their order.
        description: What the records are.
    """
    train_labels, test_labels = (
        [description.labels(item) for item in split] for split in (train, test)
    )

    def stacked(labels: Sequence[Mapping[str, Any]], name: str) -> np.ndarray:
        return np.array([each[name] for each in labels])

    if task == "cml":
        relevance = stacked(test_labels, "event_relevance")
        baselines = {
            "random window": trivial_baselines.random_window(relevance),
            "first window": trivial_baselines.first_window(relevance),
            "last window": trivial_baselines.last_window(relevance),
            "most common start by length, from train": trivial_baselines.most_common_start(
                stacked(train_labels, "event_relevance"), relevance
            ),
        }
        return TrivialScores(baselines, yardsticks={})
    labels = stacked(test_labels, "segment_label")
    baselines = {
        "always background": trivial_baselines.always_background(labels, description.background),
        "most common label of train": trivial_baselines.most_common_label(
            stacked(train_labels, "segment_label"), labels
        ),
    }
    always_event = trivial_baselines.always_event(stacked(test_labels, "event_category"), labels)
    return TrivialScores(
        baselines, {"true category, always event": math.fsum(always_event) / len(always_event)}
    )
