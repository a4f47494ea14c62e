"""Evaluation of a Keras model on a dataset of arrays."""

import dataclasses
import math

import keras
import numpy as np

from avel_tf.evaluation.bootstrap import bootstrap_interval, describe_few_records
from avel_tf.evaluation.record_accuracies import RecordAccuracies
from avel_tf.evaluation.results import Scores
from avel_tf.evaluation.scoring import score_arrays, trivial_scores
from avel_tf.notebook.dataset import Dataset
from avel_tf.notebook.fitting import check_task
from avel_tf.notebook.html import table
from avel_tf.reporting.caution_box import caution_box
from avel_tf.reporting.report import format_percent
from avel_tf.serving.provenance import caution


@dataclasses.dataclass(frozen=True, eq=False)
class Evaluation(Scores):
    """Scores of a model on a split, shown as a table in a notebook.

    Args:
        split: String. Name of the split.
        caution: String. That the numbers say nothing about real videos, and why; empty for real
            features.
        interval: 95 % interval of the primary metric, by a bootstrap over records; None for a
            model that diverged.
        records: `RecordAccuracies`: `record_id` and `accuracy` of each record.
    """

    split: str
    caution: str
    interval: tuple[float, float] | None
    records: RecordAccuracies = dataclasses.field(repr=False)

    @property
    def _warning(self) -> str:
        return describe_few_records(int(np.isfinite(self.records.accuracy).sum()))

    def _repr_html_(self) -> str:
        names = sorted(self.metrics, key=lambda name: name != self.primary_metric)
        rows = [(name, f"{self.metrics[name]:.2%}", "") for name in names]
        if self.interval:
            lower, upper = self.interval
            texts = f"95 % interval {lower:.2%} to {upper:.2%}", self._warning
            rows[0] = (*rows[0][:2], "; ".join(filter(None, texts)))
        for note, values in (
            (f"trivial baseline, {self.primary_metric}", self.trivial_baselines),
            (f"yardstick, {self.primary_metric}", self.yardsticks),
        ):
            rows += [(name, f"{value:.2%}", note) for name, value in values.items()]
        rows += [
            (name, format_percent(each.value), each.words) for name, each in self.controls.items()
        ]
        title = f"{len(self.records.record_id)} records of {self.split}"
        return caution_box(self.caution) + table(title, ("metric", "value", ""), rows)


def evaluate(model: keras.Model, dataset: Dataset, split: str = "test") -> Evaluation:
    """Scores a model on a split, next to predictions that never look at the features.

    Args:
        model: A system of `avel_tf.models`, or a functional Keras model with the same outputs.
        dataset: `Dataset`. Some trivial baselines use its split `train`, a control of `"cml"` is
            chosen on `val`.
        split: String. Choose settings on `val`, not on `test`.
    Raises:
        ValueError: If the model is not for the dataset's task, or takes other inputs.
    """
    check_task(model, dataset.task)
    scored = dataset[split]
    trivial = trivial_scores(
        dataset.task, dataset["train"].annotations, scored.annotations, dataset.description
    )
    arrays = scored.arrays_for(model)
    val = dataset["val"].arrays_for(model) if dataset.task == "cml" else {}
    scores, records = score_arrays(model, arrays, dataset.task, trivial, val)
    diverged = math.isnan(scores.primary_value)
    return Evaluation(
        **vars(scores),
        split=split,
        caution=caution(dataset.source),
        interval=None if diverged else bootstrap_interval(records.accuracy[None]),
        records=records,
    )
