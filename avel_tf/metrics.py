"""Evaluation metrics: sums that add up over batches, values from these sums, Keras metrics.

Accuracies are in [0, 1]. A value with nothing to count is NaN. Padded segments, whose label and
relevance are `choices.PADDING`, are never counted.
"""

from collections.abc import Collection, Mapping
from fractions import Fraction
from typing import Any

import keras
import numpy as np
from keras import ops

from avel_tf.choices import PADDING, TASKS
from avel_tf.localization import count_present, expected_hits, expected_overlap, segment_weights
from avel_tf.utils.arguments import check_choice

PRIMARY_METRIC = {"sel": "segment_accuracy", "cml": "average_accuracy"}


def sel_counts(
    labels: Mapping[str, np.ndarray], predictions: Mapping[str, np.ndarray]
) -> dict[str, float | Fraction]:
    """Sums of one batch of supervised event localization; add them up over batches.

    B: batch, T: segments, K: event categories.

    Args:
        labels: `event_category` (B,), K for a record without an event; `event_relevance` (B, T)
            and `segment_label` (B, T), `PADDING` in padded segments.
        predictions: `event_category_logits` (B, K) and `segment_label` (B, T), the outputs that
            every system for the task has. A segment with any label but background counts as
            predicted relevant.
    Returns:
        Dict of sums for `sel_values`. Those of the records' shares are exact, so that the sum over
        batches does not depend on their order.
    """
    truth, relevant = labels["segment_label"], labels["event_relevance"] > 0.5
    logits, segment_label = predictions["event_category_logits"], predictions["segment_label"]
    predicted = (segment_label < logits.shape[-1]) & (truth != PADDING)
    counts = {
        "records": np.sum(count_present(truth) > 0),
        "events": np.sum(labels["event_category"] < logits.shape[-1]),
        "category_hits": np.sum(logits.argmax(axis=-1) == labels["event_category"]),
        "relevant_and_predicted": np.sum(relevant & predicted),
        "relevant_plus_predicted": np.sum(relevant) + np.sum(predicted),
    }
    return {name: float(count) for name, count in counts.items()} | {
        "segment_shares": _sum_shares(segment_label == truth, truth),
        "relevance_shares": _sum_shares(predicted == relevant, truth),
    }


def sel_values(counts: Mapping[str, float | Fraction]) -> dict[str, float]:
    """Metrics of supervised event localization from the sums over all batches.

    Args:
        counts: Sums of the values that `sel_counts` returned.
    Returns:
        `segment_accuracy` over all labels including background, the paper's measure, and
        `relevance_accuracy`, event or background: the mean over records of the share of each
        record's segments, so that each record weighs the same; `category_accuracy` over records
        with an event; `relevance_f1` of the event segments of all records together.
    Reference: Wu et al., ICCV 2019, section 4.1.
    """
    return {
        "segment_accuracy": _ratio(counts["segment_shares"], counts["records"]),
        "category_accuracy": _ratio(counts["category_hits"], counts["events"]),
        "relevance_accuracy": _ratio(counts["relevance_shares"], counts["records"]),
        "relevance_f1": _ratio(
            2 * counts["relevant_and_predicted"], counts["relevant_plus_predicted"]
        ),
    }


def window_scores_by_direction(
    predictions: Mapping[str, np.ndarray],
) -> dict[str, np.ndarray]:
    """Scores for finding windows in each direction, as `expected_hits` takes them.

    B: batch, T: segments.

    Args:
        predictions: `visual_relevance_logits` and `audio_relevance_logits` (B, T), or
            `audio_visual_scores` (B, T, T), as a system for the task outputs them.
    Returns:
        Dict of arrays for `audio_to_visual` and `visual_to_audio`.
    """
    if "audio_visual_scores" in predictions:
        scores = np.asarray(predictions["audio_visual_scores"])
        return {"audio_to_visual": scores, "visual_to_audio": scores.swapaxes(1, 2)}
    return {
        "audio_to_visual": predictions["visual_relevance_logits"],
        "visual_to_audio": predictions["audio_relevance_logits"],
    }


def cml_counts(
    labels: Mapping[str, np.ndarray], predictions: Mapping[str, np.ndarray]
) -> dict[str, float]:
    """Sums of one batch of cross-modality localization; add them up over batches.

    B: batch, T: segments.

    Args:
        labels: `event_relevance` (B, T).
        predictions: See `window_scores_by_direction`.
    Returns:
        Dict of sums for `cml_values`; only records with both event and background count.
    """
    sums = {}
    for direction, scores in window_scores_by_direction(predictions).items():
        hits, counts = expected_hits(scores, labels["event_relevance"])
        overlap, _ = expected_overlap(scores, labels["event_relevance"])
        sums["records"] = float(counts.sum())
        sums[f"{direction}_hits"] = float(hits.sum())
        sums[f"{direction}_overlap"] = float(overlap.sum())
    return sums


def cml_values(counts: Mapping[str, float]) -> dict[str, float]:
    """Metrics of cross-modality localization from the sums over all batches.

    Args:
        counts: Sums of the values that `cml_counts` returned.
    Returns:
        `audio_to_visual_accuracy`, `visual_to_audio_accuracy`, the shares of windows that match
        the event's exactly, and their mean `average_accuracy`; `audio_to_visual_overlap`,
        `visual_to_audio_overlap` and `average_overlap`, mean temporal intersection over union.
    Reference: Wu et al., ICCV 2019, section 4.1, for the accuracies.
    """
    values = {}
    for kind, sums in (("accuracy", "hits"), ("overlap", "overlap")):
        directions = {
            f"{direction}_{kind}": _ratio(counts[f"{direction}_{sums}"], counts["records"])
            for direction in ("audio_to_visual", "visual_to_audio")
        }
        values |= directions | {f"average_{kind}": sum(directions.values()) / 2}
    return values


def record_accuracies(
    task: str, labels: Mapping[str, np.ndarray], predictions: Mapping[str, np.ndarray]
) -> np.ndarray:
    """Computes the primary metric of each record, to compare systems record by record.

    B: batch, T: segments.

    Args:
        task: `"sel"` or `"cml"`.
        labels: As for `sel_counts` or `cml_counts`.
        predictions: As for `sel_counts` or `cml_counts`.
    Returns:
        Float array (B,) in [0, 1], whose mean ignoring NaN is the metric; NaN for records that
        do not count.
    Raises:
        ValueError: If `task` is neither.
    """
    check_choice("task", task, TASKS)
    if task == "sel":
        truth = labels["segment_label"]
        return record_shares(predictions["segment_label"] == truth, truth)
    hits = []
    for scores in window_scores_by_direction(predictions).values():
        values, counts = expected_hits(scores, labels["event_relevance"])
        hits.append(np.where(counts, values, np.nan))
    return np.mean(hits, axis=0)


def record_shares(hits: np.ndarray, targets: np.ndarray) -> np.ndarray:
    """Computes the share of hits among the segments that each record has.

    Args:
        hits: Boolean array (B, T).
        targets: Array (B, T), `PADDING` in padded segments.
    Returns:
        Float array (B,) in [0, 1]; NaN for a record without segments.
    """
    num_hits, num_present = _hits_and_segments(hits, targets)
    return num_hits / np.where(num_present, num_present, np.nan)


def _sum_shares(hits: np.ndarray, targets: np.ndarray) -> Fraction:
    """Adds up what `record_shares` returns, without rounding."""
    pairs = zip(*(each.tolist() for each in _hits_and_segments(hits, targets)), strict=True)
    return sum((Fraction(*pair) for pair in pairs if pair[1]), Fraction())


def _hits_and_segments(hits: np.ndarray, targets: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    return np.sum(hits & (targets != PADDING), axis=1), count_present(targets)


def _ratio(numerator: float | Fraction, denominator: float) -> float:
    # A fraction stays exact until the end.
    return float(numerator / Fraction(denominator)) if denominator else float("nan")


@keras.saving.register_keras_serializable(package="avel_tf")
class SegmentAccuracy(keras.metrics.Mean):
    """Share of segments whose label is predicted correctly; padded ones are left out.

    Records of one batch weigh the same, however many of their segments are padded.

    Call arguments:
        y_true: Tensor (B, T) of labels, `PADDING` in padded segments.
        y_pred: Tensor (B, T) of labels.
    """

    def update_state(self, y_true, y_pred, sample_weight=None):
        hits = ops.equal(ops.cast(y_true, "int32"), ops.cast(y_pred, "int32"))
        super().update_state(ops.cast(hits, self.dtype), _weights(y_true, sample_weight))


@keras.saving.register_keras_serializable(package="avel_tf")
class RelevanceAccuracy(keras.metrics.Mean):
    """Share of segments whose relevance is predicted correctly; a probability of 0.5 is an event.

    Keras's `BinaryAccuracy` counts 0.5 as background, section 3.4 of the paper as event. Padded
    segments are left out, and records of one batch weigh the same.

    Call arguments:
        y_true: Tensor (B, T) of event relevance, 0 or 1, `PADDING` in padded segments.
        y_pred: Float tensor (B, T) of probabilities.
    """

    def update_state(self, y_true, y_pred, sample_weight=None):
        hits = ops.equal(ops.convert_to_tensor(y_pred) >= 0.5, ops.convert_to_tensor(y_true) > 0.5)
        super().update_state(ops.cast(hits, self.dtype), _weights(y_true, sample_weight))


def _weights(y_true: Any, sample_weight: Any) -> Any:
    """Weights (B, T) of segments, times those of samples, (B,) or (B, T), if there are any."""
    weights = segment_weights(y_true)
    if sample_weight is None:
        return weights
    sample_weight = ops.convert_to_tensor(sample_weight, "float32")
    return weights * ops.reshape(sample_weight, (ops.shape(weights)[0], -1))


@keras.saving.register_keras_serializable(package="avel_tf")
class CategoryAccuracy(keras.metrics.Mean):
    """Share of records whose event's category has the largest logit; background ones don't count.

    Call arguments:
        y_true: Integer tensor (B,); the number of categories for a record without an event.
        y_pred: Float tensor (B, categories) of logits.
    """

    def update_state(self, y_true, y_pred, sample_weight=None):
        category = ops.reshape(ops.cast(y_true, "int32"), (-1,))
        hits = ops.equal(category, ops.cast(ops.argmax(y_pred, axis=-1), "int32"))
        weights = ops.cast(category < y_pred.shape[-1], self.dtype)
        if sample_weight is not None:
            weights = weights * ops.cast(sample_weight, self.dtype)
        super().update_state(ops.cast(hits, self.dtype), weights)


@keras.saving.register_keras_serializable(package="avel_tf")
class WindowAccuracy(keras.metrics.Mean):
    """Share of records whose best window is the event's, see `localization.expected_hits`.

    On `visual_relevance_logits` it measures audio to visual, on `audio_relevance_logits` visual
    to audio, on `audio_visual_scores` audio to visual or, with `transpose`, visual to audio. It
    is 0 until a record has counted.

    Args:
        transpose: Boolean. Whether the scores of pairs have the candidates on the first axis.
    Call arguments:
        y_true: Tensor (B, T) of event relevance, 0 or 1, `PADDING` in padded segments.
        y_pred: Float tensor (B, T) of scores, or (B, T, T).
    """

    def __init__(self, name: str = "accuracy", transpose: bool = False, **kwargs: Any):
        super().__init__(name=name, **kwargs)
        self.transpose = transpose

    def update_state(self, y_true, y_pred, sample_weight=None):
        scores = ops.swapaxes(y_pred, 1, 2) if self.transpose else y_pred
        hits, counts = expected_hits(scores, y_true, xp=ops)
        weight = ops.cast(counts, self.dtype)
        if sample_weight is not None:
            weight = weight * ops.cast(sample_weight, self.dtype)
        super().update_state(hits, weight)

    def get_config(self):
        return {**super().get_config(), "transpose": self.transpose}


def localization_metrics(outputs: Collection[str]) -> dict[str, list[keras.metrics.Metric]]:
    """Metrics for `Model.compile`, by the name of the model's output.

    Args:
        outputs: Names of the model's outputs, such as `model.output`.
    Returns:
        Dict of lists of metrics. `losses.localization_targets` has their targets.
    """
    if "segment_label" in outputs:
        metrics = {
            "segment_label": [SegmentAccuracy(name="accuracy")],
            "event_category_logits": [CategoryAccuracy(name="accuracy")],
        }
        if "event_relevance_probabilities" in outputs:
            metrics["event_relevance_probabilities"] = [RelevanceAccuracy(name="accuracy")]
        return metrics
    if "audio_visual_scores" in outputs:
        return {
            "audio_visual_scores": [
                WindowAccuracy("audio_to_visual"),
                WindowAccuracy("visual_to_audio", transpose=True),
            ]
        }
    return {
        "visual_relevance_logits": [WindowAccuracy("audio_to_visual")],
        "audio_relevance_logits": [WindowAccuracy("visual_to_audio")],
    }


def monitored_logs(outputs: Collection[str]) -> list[str]:
    """Names of the Keras logs whose mean is the primary metric.

    Args:
        outputs: Names of the model's outputs.
    """
    if "segment_label" in outputs:
        return ["segment_label_accuracy"]
    return [
        f"{output}_{metric.name}"
        for output, metrics in localization_metrics(outputs).items()
        for metric in metrics
    ]
