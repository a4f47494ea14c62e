"""A localizer that asks each segment by itself (SEL)."""

import math
from collections.abc import Sequence
from typing import Any

import keras
from keras import ops
from keras.layers import Dense, Dropout

from avel_tf.layers import AudioGuidedAttention
from avel_tf.localization import PUBLISHED_THRESHOLD, most_likely, segment_labels
from avel_tf.models.inputs import check_visual_shape, feature_inputs, present_segments
from avel_tf.models.localizer import Localizer
from avel_tf.utils.arguments import check_fraction, check_positive_integer


@keras.saving.register_keras_serializable(package="avel_tf")
class PerSegmentLocalizer(Localizer):
    """Finds the category of each segment from its own sound and picture, and of the record by them.

    No segment knows of another one except by the record's category; nothing attends over time.

    1. Audio-guided attention over the regions; a rectified projection of each modality to the local
       features of the paper, with dropout; a dense layer with a sigmoid, which gives the
       probability p_tk that segment t is of category k.
    2. The record's category k* has the largest mean of p_tk over its segments.
    3. A segment is relevant with a probability of sigmoid(α logit(p_tk*) + β), where α and β are
       trained with the rest. At first that is 1/2 where the segment is as likely of that category
       as by chance, p_tk* = 1 / K.

    Trained by the binary cross-entropies of all p_tk and of the relevance. Under weak supervision
    all segments of a record are taken for its event in the first, and α and β stay as they are: no
    label of a segment is needed.

    Padded segments, see `present_segments`, have no effect on others and are background.

    B: batch, T: segments, K: event categories.

    Args:
        num_categories: Integer. Event categories without background, whose label is this number.
        audio_dim: Integer. Width of the audio features.
        visual_shape: Tuple of three integers. Height, width and channels of the visual features.
        units: Integer. Width of the local features.
        dropout: Float in [0, 1]. Rate of the local features.
        threshold: Float from 0 to 1. Lowest relevance of a segment of the event.
        dtype: Name of a dtype policy, or a policy, for all layers; Keras's global one if None.
            Saved with the model.
    Call arguments:
        inputs: Dict of
            `audio_features`: Float tensor (B, T, audio_dim), one row per second.
            `visual_features`: Float tensor (B, T, *visual_shape).
    Returns:
        Dict of
        `segment_category_logits`: Float32 tensor (B, T, K), of p_tk before the sigmoid.
        `event_category_logits`: Float32 tensor (B, K), the logarithm of the mean of p_tk.
        `segment_relevance_logits`: Float32 tensor (B, T), of the relevance before the sigmoid.
        `event_relevance_probabilities`: Float32 tensor (B, T), zero in padded segments.
        `segment_label`: Int32 tensor (B, T), the decision: the category where the relevance is
        at least `threshold`, otherwise `num_categories`.
    Raises:
        ValueError: If an argument is out of range.
    Example:

    ```python
    model = PerSegmentLocalizer()
    outputs = model(
        {
            "audio_features": np.ones((1, 10, 128)),
            "visual_features": np.ones((1, 10, 7, 7, 512)),
        }
    )
    assert outputs["segment_category_logits"].shape == (1, 10, 28)
    ```

    Reference: none, it is this package's own; see `AudioGuidedAttention` for the regions.
    """

    def __init__(
        self,
        num_categories: int = 28,
        audio_dim: int = 128,
        visual_shape: Sequence[int] = (7, 7, 512),
        units: int = 256,
        dropout: float = 0.3,
        threshold: float = PUBLISHED_THRESHOLD,
        dtype: Any = None,
        name: str | None = None,
        trainable: bool = True,
    ):
        check_positive_integer("num_categories", num_categories)
        check_positive_integer("audio_dim", audio_dim)
        visual_shape = check_visual_shape(visual_shape)
        check_positive_integer("units", units)
        check_fraction("dropout", dropout)
        check_fraction("threshold", threshold)
        policy = keras.dtype_policies.get(dtype)

        # === Layers ===
        def embed(features: Any, modality: str) -> Any:
            dense = Dense(units, "relu", dtype=policy, name=f"{modality}_embedding")
            return Dropout(dropout, dtype=policy, name=f"{modality}_dropout")(dense(features))

        attention = AudioGuidedAttention(dtype=policy, name="audio_guided_attention")
        # float32 even under mixed precision: the losses apply a sigmoid to both.
        segment_category = Dense(num_categories, dtype="float32", name="segment_category")
        chance = math.log(max(num_categories - 1, 1))
        segment_relevance = Dense(
            1,
            kernel_initializer="ones",
            bias_initializer=keras.initializers.Constant(chance),
            dtype="float32",
            name="segment_relevance",
        )

        # === Functional model ===
        inputs = feature_inputs(audio_dim, visual_shape)
        is_present = present_segments(**inputs)  # (B, T)
        visual = attention(inputs["audio_features"], inputs["visual_features"])  # (B, T, C)
        local_features = [embed(inputs["audio_features"], "audio"), embed(visual, "visual")]
        logits = segment_category(ops.concatenate(local_features, axis=-1))  # (B, T, K)
        num_present = ops.maximum(ops.sum(is_present, axis=1, keepdims=True), 1.0)
        mean = ops.sum(ops.sigmoid(logits) * is_present[..., None], axis=1) / num_present
        category = ops.one_hot(most_likely(mean), num_categories)  # (B, K)
        of_category = ops.sum(logits * category[:, None], axis=-1, keepdims=True)  # (B, T, 1)
        relevance_logits = segment_relevance(of_category)[..., 0]
        relevance = ops.sigmoid(relevance_logits) * is_present
        outputs = {
            "segment_category_logits": logits,
            "event_category_logits": ops.log(ops.maximum(mean, keras.config.epsilon())),
            "segment_relevance_logits": relevance_logits,
            "event_relevance_probabilities": relevance,
            "segment_label": segment_labels(mean, relevance, threshold),
        }
        super().__init__(inputs, outputs, policy, name=name, trainable=trainable)

        # === Config ===
        self.num_categories = num_categories
        self.audio_dim = audio_dim
        self.visual_shape = visual_shape
        self.units = units
        self.dropout = dropout
        self.threshold = threshold
