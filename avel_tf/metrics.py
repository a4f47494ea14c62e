"""How good predictions are: sums that add up over batches, values from sums, Keras metrics.

Accuracies are in [0, 1]. A value without anything to count is NaN.
"""

from collections.abc import Mapping

import keras
import numpy as np
from keras import ops

from avel_tf.arguments import check_choice
from avel_tf.localization import expected_hits


def sel_counts(
    labels: Mapping[str, np.ndarray], predictions: Mapping[str, np.ndarray]
) -> dict[str, float]:
    """Sums of one batch of supervised event localization; add them up over batches.

    B: batch, T: segments, K: event categories.

    Args:
        labels: `event_category` (B,), `event_relevance` (B, T) and `segment_label` (B, T).
        predictions: `event_category_logits` (B, K), `event_relevance_probabilities` (B, T) and
            `segment_label` (B, T), as `SupervisedEventLocalizer` outputs them.
    Returns:
        Dict of sums for `sel_values`.
    """
    relevant = labels["event_relevance"] > 0.5
    predicted = predictions["event_relevance_probabilities"] >= 0.5
    category = predictions["event_category_logits"].argmax(axis=-1)
    counts = {
        "records": len(category),
        "segments": relevant.size,
        "category_hits": np.sum(category == labels["event_category"]),
        "segment_hits": np.sum(predictions["segment_label"] == labels["segment_label"]),
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


def cml_counts(
    labels: Mapping[str, np.ndarray], predictions: Mapping[str, np.ndarray]
) -> dict[str, float]:
    """Sums of one batch of cross-modality localization; add them up over batches.

    B: batch, T: segments.

    Args:
        labels: `event_relevance` (B, T).
        predictions: `visual_relevance_logits` and `audio_relevance_logits` (B, T), as
            `CrossModalityLocalizer` outputs them.
    Returns:
        Dict of sums for `cml_values`; only records with event and background count.
    """
    relevance = labels["event_relevance"]
    audio_to_visual, counts = expected_hits(predictions["visual_relevance_logits"], relevance)
    visual_to_audio, _ = expected_hits(predictions["audio_relevance_logits"], relevance)
    return {
        "records": float(counts.sum()),
        "audio_to_visual_hits": float(audio_to_visual.sum()),
        "visual_to_audio_hits": float(visual_to_audio.sum()),
    }


def cml_values(counts: Mapping[str, float]) -> dict[str, float]:
    """Metrics of cross-modality localization from the sums over all batches.

    Args:
        counts: Sums of what `cml_counts` returned.
    Returns:
        `audio_to_visual_accuracy`, `visual_to_audio_accuracy`, and their mean
        `average_accuracy`.
    Reference: Wu et al., ICCV 2019, section 4.1.
    """
    audio_to_visual = _ratio(counts["audio_to_visual_hits"], counts["records"])
    visual_to_audio = _ratio(counts["visual_to_audio_hits"], counts["records"])
    return {
        "audio_to_visual_accuracy": audio_to_visual,
        "visual_to_audio_accuracy": visual_to_audio,
        "average_accuracy": (audio_to_visual + visual_to_audio) / 2,
    }


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
    visual to audio. 0 as long as no record has counted.

    Call arguments:
        y_true: Tensor (B, T) of event relevance, 0 or 1.
        y_pred: Float tensor (B, T) of scores.
    """

    def update_state(self, y_true, y_pred, sample_weight=None):
        hits, counts = expected_hits(y_pred, y_true, xp=ops)
        weight = ops.cast(counts, self.dtype)
        if sample_weight is not None:
            weight = weight * ops.cast(sample_weight, self.dtype)
        super().update_state(hits, weight)


def localization_metrics(task: str) -> dict[str, keras.metrics.Metric]:
    """Metrics for `Model.compile`, by the name of the model's output.

    Keras logs them as output and metric: `segment_label_accuracy`,
    `event_category_logits_accuracy`, `event_relevance_probabilities_accuracy`;
    `visual_relevance_logits_accuracy` (audio to visual), `audio_relevance_logits_accuracy`
    (visual to audio).

    Args:
        task: `"sel"` or `"cml"`.
    Returns:
        Dict of metrics, all named `accuracy`. `losses.localization_targets` has their targets.
    Raises:
        ValueError: If `task` is neither.
    """
    check_choice("task", task, ("sel", "cml"))
    if task == "sel":
        return {
            "segment_label": keras.metrics.Accuracy(name="accuracy"),
            "event_category_logits": keras.metrics.SparseCategoricalAccuracy(name="accuracy"),
            "event_relevance_probabilities": RelevanceAccuracy(name="accuracy"),
        }
    return {
        "visual_relevance_logits": WindowAccuracy(name="accuracy"),
        "audio_relevance_logits": WindowAccuracy(name="accuracy"),
    }
