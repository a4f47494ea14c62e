"""Dual matching of each modality's global feature with the other's segments."""

import math
from typing import Any

import keras
from keras import ops

from avel_tf.choices import SIMILARITIES
from avel_tf.layers.similarity import cosine_similarity
from avel_tf.utils.arguments import check_choice

TEMPERATURE = 10.0  # at first
BELOW_HALF = 0.5 - 2.0**-24  # the largest float32 below 1/2 that 1 - (1 - x) leaves as it is


@keras.saving.register_keras_serializable(package="avel_tf")
class CrossMatching(keras.layers.Layer):
    """Scores the event relevance of every segment with the other modality's global feature.

    Each segment is scored independently, background or not. The outputs are float32 even under
    mixed precision, because scores are later summed and compared with a threshold.

    B: batch, T: segments, D: feature width, the same for all four inputs.

    Args:
        similarity: `"dot"`, the paper's dot product, without weights; or `"cosine"`: the cosine
            times a learned temperature plus a learned bias, both of their own for each direction.
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
        ValueError: If `similarity` is neither, or the inputs differ in width.
    Example:

    ```python
    local_features, global_feature = np.ones((1, 10, 256)), np.ones((1, 256))
    matches = CrossMatching()(local_features, local_features, global_feature, global_feature)
    assert matches["event_relevance_probabilities"].shape == (1, 10)
    ```

    Reference: Wu et al., ICCV 2019, section 3.2, Eqs. 5–7.
    """

    def __init__(self, similarity: str = "dot", **kwargs: Any):
        check_choice("similarity", similarity, SIMILARITIES)
        super().__init__(**kwargs)
        self.similarity = similarity

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
        if self.similarity == "cosine":
            initial = keras.initializers.Constant(math.log(TEMPERATURE))
            self.log_temperature = self.add_weight((2,), initial, name="log_temperature")
            self.bias = self.add_weight((2,), "zeros", name="bias")

    def call(
        self,
        audio_local_features,
        visual_local_features,
        audio_global_feature,
        visual_global_feature,
    ):
        audio_logits = self._logits(visual_global_feature, audio_local_features, 0)  # Eq. 5
        visual_logits = self._logits(audio_global_feature, visual_local_features, 1)  # Eq. 6
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

    def _logits(self, global_feature, local_features, direction):
        if self.similarity == "dot":
            return _dot(global_feature, local_features)
        cosine = cosine_similarity(global_feature[:, None], local_features)
        temperature = ops.exp(ops.cast(self.log_temperature[direction], "float32"))
        return temperature * cosine + ops.cast(self.bias[direction], "float32")

    def get_config(self):
        return {**super().get_config(), "similarity": self.similarity}


def _dot(global_feature, local_features):
    return ops.einsum(
        "bd,btd->bt", ops.cast(global_feature, "float32"), ops.cast(local_features, "float32")
    )
