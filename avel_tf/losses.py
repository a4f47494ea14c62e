"""What the two localizers are trained to minimize, and the targets that takes."""

from collections.abc import Mapping
from typing import Any

import keras

from avel_tf.arguments import check_choice, check_fraction

RELEVANCE_LOSSES = ("mean", "each")
RELEVANCE_OUTPUTS = (
    "audio_relevance_logits",
    "visual_relevance_logits",
    "event_relevance_probabilities",
)


def localization_targets(task: str, labels: Mapping[str, Any]) -> dict[str, Any]:
    """Targets for `Model.fit` and `Model.evaluate`, by the name of the model's output.

    Keras wants one for every output, whether a loss or metric uses it or not.

    B: batch, T: segments.

    Args:
        task: `"sel"` or `"cml"`.
        labels: `event_relevance` (B, T); for `"sel"` also `event_category` (B,) and
            `segment_label` (B, T). More are allowed.
    Returns:
        Dict from output to label.
    Raises:
        ValueError: If `task` is neither.
    """
    check_choice("task", task, ("sel", "cml"))
    targets = dict.fromkeys(RELEVANCE_OUTPUTS, labels["event_relevance"])
    if task == "sel":
        targets["event_category_logits"] = labels["event_category"]
        targets["segment_label"] = labels["segment_label"]
    return targets


def localization_losses(
    task: str, relevance_loss: str = "mean", event_category_weight: float = 0.5
) -> tuple[dict[str, keras.losses.Loss], dict[str, float]]:
    """Losses and their weights for `Model.compile`, by the name of the model's output.

    The relevance loss is a binary cross-entropy, the mean over segments and records.

    Args:
        task: `"sel"` is Eq. 8, lambda * category + (1 - lambda) * relevance; `"cml"` is the
            relevance alone.
        relevance_loss: `"mean"` is the paper's loss on p_t of Eq. 7, the mean of both
            directions' probabilities. It can be small while one direction does all the work:
            watch both. `"each"` is half the loss of p_t^A and half that of p_t^V.
        event_category_weight: Float in [0, 1]. Lambda of Eq. 8; of no effect on `"cml"`.
    Returns:
        Dict of losses and dict of their weights.
    Raises:
        ValueError: If an argument is out of range.
    Example:

    ```python
    losses, loss_weights = localization_losses("sel", relevance_loss="each")
    assert loss_weights["event_category_logits"] == 0.5
    assert loss_weights["audio_relevance_logits"] == 0.25
    ```

    Reference: Wu et al., ICCV 2019, sections 3.2 and 3.4, Eqs. 7 and 8.
    """
    check_choice("task", task, ("sel", "cml"))
    check_choice("relevance_loss", relevance_loss, RELEVANCE_LOSSES)
    check_fraction("event_category_weight", event_category_weight)

    losses, weights = {}, {}
    if task == "sel":
        losses["event_category_logits"] = keras.losses.SparseCategoricalCrossentropy(
            from_logits=True
        )
        weights["event_category_logits"] = event_category_weight
    relevance_weight = 1.0 - sum(weights.values())
    if relevance_loss == "mean":
        losses["event_relevance_probabilities"] = keras.losses.BinaryCrossentropy()
        weights["event_relevance_probabilities"] = relevance_weight
    else:
        for name in ("audio_relevance_logits", "visual_relevance_logits"):
            losses[name] = keras.losses.BinaryCrossentropy(from_logits=True)
            weights[name] = relevance_weight / 2
    return losses, weights
