"""Dual matching of each modality's global feature with the other's segments."""

import keras
from keras import ops

BELOW_HALF = 0.5 - 2.0**-24  # the largest float32 below 1/2 that 1 - (1 - x) leaves as it is


@keras.saving.register_keras_serializable(package="avel_tf")
class CrossMatching(keras.layers.Layer):
    """Scores the event relevance of every segment with the other modality's global feature.

    Each segment is scored independently, background or not. The layer has no weights. Its
    outputs are float32 even under mixed precision, because scores are later summed and compared
    with a threshold.

    B: batch, T: segments, D: feature width, the same for all four inputs.

    Call arguments:
        audio_local_features: Float tensor (B, T, D).
        visual_local_features: Float tensor (B, T, D).
        audio_global_feature: Float tensor (B, D).
        visual_global_feature: Float tensor (B, D).
    Returns:
        Dict of float32 tensors (B, T):
        `audio_relevance_logits`: visual global feature · audio segment, p_t^A before its
        sigmoid; visual to audio in cross-modality localization.
        `visual_relevance_logits`: audio global feature · visual segment, p_t^V before its
        sigmoid; audio to visual.
        `event_relevance_probabilities`: p_t, the mean of the two probabilities. It is on the side
        of 0.5, the threshold of section 3.4, that it would be on without rounding: of a modality
        that is certain and one that is certain of the contrary, the more certain one decides.
    Raises:
        ValueError: If the inputs differ in width.
    Example:

    ```python
    local_features, global_feature = np.ones((1, 10, 256)), np.ones((1, 256))
    matches = CrossMatching()(local_features, local_features, global_feature, global_feature)
    assert matches["event_relevance_probabilities"].shape == (1, 10)
    ```

    Reference: Wu et al., ICCV 2019, section 3.2, Eqs. 5–7.
    """

    def build(
        self,
        audio_local_features_shape,
        visual_local_features_shape,
        audio_global_feature_shape,
        visual_global_feature_shape,
    ):
        widths = {
            "audio_local_features": audio_local_features_shape[-1],
            "visual_local_features": visual_local_features_shape[-1],
            "audio_global_feature": audio_global_feature_shape[-1],
            "visual_global_feature": visual_global_feature_shape[-1],
        }
        if len(set(widths.values())) > 1:
            raise ValueError(
                f"The inputs of CrossMatching must have the same width. Received: {widths}."
            )

    def call(
        self,
        audio_local_features,
        visual_local_features,
        audio_global_feature,
        visual_global_feature,
    ):
        audio_logits = _dot(visual_global_feature, audio_local_features)  # Eq. 5
        visual_logits = _dot(audio_global_feature, visual_local_features)  # Eq. 6
        probabilities = (ops.sigmoid(audio_logits) + ops.sigmoid(visual_logits)) / 2  # Eq. 7
        # Their mean is at least 1/2 exactly if the logits' sum is at least 0, however they round.
        is_relevant = audio_logits + visual_logits >= 0
        probabilities = ops.where(is_relevant & (probabilities < 0.5), 0.5, probabilities)
        probabilities = ops.where(
            ops.logical_not(is_relevant) & (probabilities > BELOW_HALF), BELOW_HALF, probabilities
        )
        return {
            "audio_relevance_logits": audio_logits,
            "visual_relevance_logits": visual_logits,
            "event_relevance_probabilities": probabilities,
        }


def _dot(global_feature, local_features):
    return ops.einsum(
        "bd,btd->bt", ops.cast(global_feature, "float32"), ops.cast(local_features, "float32")
    )
