"""How good predictions are: sums that add up over batches, values from sums, Keras metrics.

Accuracies are in [0, 1]. A value without anything to count is NaN.
"""

from collections.abc import Collection, Mapping
from typing import Any

import keras
import numpy as np
from keras import ops

from avel_tf.arguments import check_choice
from avel_tf.localization import expected_hits, expected_overlap

PRIMARY_METRIC = {"sel": "segment_accuracy", "cml": "average_accuracy"}


def sel_counts(
    labels: Mapping[str, np.ndarray], predictions: Mapping[str, np.ndarray]
) -> dict[str, float]:
    """Sums of one batch of supervised event localization; add them up over batches.

    B: batch, T: segments, K: event categories.

    Args:
        labels: `event_category` (B,), `event_relevance` (B, T) and `segment_label` (B, T).
        predictions: `event_category_logits` (B, K) and `segment_label` (B, T), the outputs that
            every system of the task has. A segment that is not labelled background is predicted
            relevant, whatever its label.
    Returns:
        Dict of sums for `sel_values`.
    """
    relevant = labels["event_relevance"] > 0.5
    logits, segment_label = predictions["event_category_logits"], predictions["segment_label"]
    predicted = segment_label < logits.shape[-1]
    counts = {
        "records": len(logits),
        "segments": relevant.size,
        "category_hits": np.sum(logits.argmax(axis=-1) == labels["event_category"]),
        "segment_hits": np.sum(segment_label == labels["segment_label"]),
        "relevance_hits": np.sum(predicted == relevant),
        "relevant_and_predicted": np.sum(relevant & predicted),
        "relevant_plus_predicted": np.sum(relevant) + np.sum(predicted),
    }
    return {name: float(count) for name, count in counts.items()}


def sel_values(counts: Mapping[str, float]) -> dict[str, float]:
    """Metrics of supervised event localization from the sums over all batches.

    Args:
        counts: Sums of what `sel_counts` returned.
    Returns:
        `segment_accuracy` over the labels with background, the paper's measure;
        `category_accuracy` over records; `relevance_accuracy` over segments, event or
        background; `relevance_f1` of the event segments.
    Reference: Wu et al., ICCV 2019, section 4.1.
    """
    return {
        "segment_accuracy": _ratio(counts["segment_hits"], counts["segments"]),
        "category_accuracy": _ratio(counts["category_hits"], counts["records"]),
        "relevance_accuracy": _ratio(counts["relevance_hits"], counts["segments"]),
        "relevance_f1": _ratio(
            2 * counts["relevant_and_predicted"], counts["relevant_plus_predicted"]
        ),
    }


def window_scores_by_direction(
    predictions: Mapping[str, np.ndarray],
) -> dict[str, np.ndarray]:
    """The scores that find windows, as `expected_hits` takes them.

    B: batch, T: segments.

    Args:
        predictions: `visual_relevance_logits` and `audio_relevance_logits` (B, T), or
            `audio_visual_scores` (B, T, T), as a system of the task outputs them.
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
        Dict of sums for `cml_values`; only records with event and background count.
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
        counts: Sums of what `cml_counts` returned.
    Returns:
        `audio_to_visual_accuracy`, `visual_to_audio_accuracy`, the shares of windows that are
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
    """The primary metric of each record by itself, to compare systems record by record.

    B: batch, T: segments.

    Args:
        task: `"sel"` or `"cml"`.
        labels: As for `sel_counts` or `cml_counts`.
        predictions: As for `sel_counts` or `cml_counts`.
    Returns:
        Float array (B,) in [0, 1], whose mean without NaN is the metric; NaN for records that do
        not count.
    Raises:
        ValueError: If `task` is neither.
    """
    check_choice("task", task, ("sel", "cml"))
    if task == "sel":
        return np.mean(predictions["segment_label"] == labels["segment_label"], axis=1)
    hits = []
    for scores in window_scores_by_direction(predictions).values():
        values, counts = expected_hits(scores, labels["event_relevance"])
        hits.append(np.where(counts, values, np.nan))
    return np.mean(hits, axis=0)


def _ratio(numerator: float, denominator: float) -> float:
    return numerator / denominator if denominator else float("nan")


@keras.saving.register_keras_serializable(package="avel_tf")
class RelevanceAccuracy(keras.metrics.Mean):
    """Share of segments whose relevance is told right: a probability of 0.5 means event.

    Keras's `BinaryAccuracy` takes 0.5 for background, section 3.4 of the paper for event.

    Call arguments:
        y_true: Tensor (B, T) of event relevance, 0 or 1.
        y_pred: Float tensor (B, T) of probabilities.
    """

    def update_state(self, y_true, y_pred, sample_weight=None):
        hits = ops.equal(ops.convert_to_tensor(y_pred) >= 0.5, ops.convert_to_tensor(y_true) > 0.5)
        super().update_state(ops.cast(hits, self.dtype), sample_weight)


@keras.saving.register_keras_serializable(package="avel_tf")
class WindowAccuracy(keras.metrics.Mean):
    """Share of records whose best window is the event's, see `localization.expected_hits`.

    Attached to `visual_relevance_logits` this is audio to visual, to `audio_relevance_logits`
    visual to audio; to `audio_visual_scores` audio to visual, or the other with `transpose`. 0 as
    long as no record has counted.

    Args:
        transpose: Boolean. Whether scores of pairs have the candidates first.
    Call arguments:
        y_true: Tensor (B, T) of event relevance, 0 or 1.
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
            "segment_label": [keras.metrics.Accuracy(name="accuracy")],
            "event_category_logits": [keras.metrics.SparseCategoricalAccuracy(name="accuracy")],
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
    """Names under which Keras logs what the primary metric is the mean of.

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
