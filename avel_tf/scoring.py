"""Scores of a Keras model on a split, record by record, beside the trivial baselines."""

import pathlib

import keras
import numpy as np

from avel_tf import metrics, trivial_baselines
from avel_tf.ave import BACKGROUND
from avel_tf.extraction.tables import read_records
from avel_tf.models.inputs import pools_maps
from avel_tf.records import memory_dataset, read_split

COUNTS = {
    "sel": (metrics.sel_counts, metrics.sel_values),
    "cml": (metrics.cml_counts, metrics.cml_values),
}
LABELS = ("event_category", "event_relevance", "segment_label")
BATCH = 64


def score(model: keras.Model, examples: pathlib.Path, task: str) -> tuple[dict, dict]:
    """Scores a model on the test split.

    Args:
        model: Keras model of the task.
        examples: Folder with `Split-test` and `records.csv`.
        task: `"sel"` or `"cml"`.
    Returns:
        Dict of `task`, `primary_metric`, `metrics` (NaN of a model that diverged, one with outputs
        that are not finite), `trivial_baselines` and `yardsticks`; and dict
        of arrays `record_id` (N,) and `accuracy` (N,), the primary metric of each record, NaN for
        those that do not count.
    """
    inputs = tuple(model.input)
    names = tuple(sorted({*inputs, *LABELS, "record_id"}))
    arrays = read_split(examples / "Split-test", names, pools_maps(model))
    batches = memory_dataset({name: arrays[name] for name in inputs}, BATCH)
    predictions = model.predict(batches, verbose=0)
    labels = {name: arrays[name] for name in LABELS}
    counts, values = COUNTS[task]
    results = values(counts(labels, predictions))
    if not all(np.isfinite(each).all() for each in predictions.values() if each.dtype.kind == "f"):
        results = dict.fromkeys(results, float("nan"))  # labels would hide that it diverged
    trivial, yardsticks = trivial_scores(task, examples / "records.csv")
    return {
        "task": task,
        "primary_metric": metrics.PRIMARY_METRIC[task],
        "metrics": results,
        "trivial_baselines": trivial,
        "yardsticks": yardsticks,
    }, {
        "record_id": arrays["record_id"],
        "accuracy": metrics.record_accuracies(task, labels, predictions),
    }


def trivial_scores(task: str, records: pathlib.Path) -> tuple[dict, dict]:
    """What the primary metric is for predictions that never look at the features.

    Args:
        task: `"sel"` or `"cml"`.
        records: `records.csv` of a dataset.
    Returns:
        Two dicts from name to value: those a model must beat, and yardsticks beside them.
    """
    annotations = read_records(records)
    train, test = annotations["train"], annotations["test"]
    if task == "cml":
        relevance = np.array([item.event_relevance for item in test])
        return {
            "random window": trivial_baselines.random_window(relevance),
            "first window": trivial_baselines.first_window(relevance),
            "last window": trivial_baselines.last_window(relevance),
            "most common start by length, from train": trivial_baselines.most_common_start(
                np.array([item.event_relevance for item in train]), relevance
            ),
        }, {}
    labels = np.array([item.segment_label for item in test])
    return {
        "always background": trivial_baselines.always_background(labels, BACKGROUND),
        "most common label of train": trivial_baselines.most_common_label(
            np.array([item.segment_label for item in train]), labels
        ),
    }, {
        "true category, always event": trivial_baselines.always_event(
            np.array([item.event_category for item in test]), labels
        )
    }
