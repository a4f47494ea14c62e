"""Positive sample propagation (PSP)."""

from collections.abc import Sequence
from typing import Any

import keras
from keras import ops
from keras.layers import Dense, Dropout, LayerNormalization

from avel_tf.layers import AudioGuidedAttention
from avel_tf.layers.bidirectional import bidirectional_lstm
from avel_tf.layers.similarity import cosine_similarity, to_unit_sum
from avel_tf.models.inputs import check_visual_shape, feature_inputs, present_segments
from avel_tf.models.localizer import Localizer
from avel_tf.models.outputs import localization_outputs
from avel_tf.utils.arguments import check_multiple, check_positive_integer

THRESHOLD = 0.099  # connections of at most this weight are cut
DROPOUT = 0.1


@keras.saving.register_keras_serializable(package="avel_tf")
class PositiveSamplePropagation(Localizer):
    """Labels each segment after it has taken up the other modality's that are like it.

    With Dn a dense layer of width n, as published:

    1. Sound D256, D128 without bias or activation; audio-guided attention over the regions, and
       the same two projections of its output; a bidirectional LSTM of 128 a direction over each.
    2. Propagation: β = relu(relu(v W₂) relu(a U₁)ᵀ / 16), rows to unit sum, entries of at most
       0.099 to zero, rows to unit sum again; v ← v + β relu(a U₂), and with the rows of the
       transposed products a ← a + β' relu(v W₁). The four matrices have no bias.
    3. relu D256 of each modality, dropout 0.1, one layer normalization for both; their mean; D64
       and D29 label each segment independently, with background as one more label.

    Trained by the cross-entropy of the labels, plus 100 times the `PairSimilarityLoss`, which needs
    the segments' labels: under weak supervision `WeakSegmentLoss` stands alone.

    Padded segments, see `present_segments`, have no effect on others and are background. The
    default sizes have 1,549,262 parameters.

    B: batch, T: segments, K: event categories.

    Args:
        num_categories: Integer. Event categories without background, whose label is this number.
        audio_dim: Integer. Width of the audio features.
        visual_shape: Tuple of three integers. Height, width and channels of the visual features.
        units: Integer, a multiple of 4. Width of the propagation; all other widths but the 512 of
            the attention over regions keep their published ratio to it.
        dtype: Name of a dtype policy, or a policy, for all layers; Keras's global one if None.
            Saved with the model.
    Call arguments:
        inputs: Dict of
            `audio_features`: Float tensor (B, T, audio_dim), one row per second.
            `visual_features`: Float tensor (B, T, *visual_shape).
    Returns:
        Dict of
        `segment_label_logits`: Float32 tensor (B, T, num_categories + 1), background last.
        `segment_label`: Int32 tensor (B, T), the decision.
        `event_category_logits`: Float32 tensor (B, num_categories), see `localization_outputs`.
        `pair_similarities`: Float32 tensor (B, T) in [0, 1], relu of the cosine of both modalities'
        features, zero in padded segments.
    Raises:
        ValueError: If an argument is out of range.
    Example:

    ```python
    model = PositiveSamplePropagation()
    outputs = model(
        {
            "audio_features": np.ones((1, 10, 128)),
            "visual_features": np.ones((1, 10, 7, 7, 512)),
        }
    )
    assert outputs["segment_label_logits"].shape == (1, 10, 29)
    ```

    Reference: Zhou et al., Positive Sample Propagation along the Audio-Visual Event Line, CVPR
    2021.
    """

    def __init__(
        self,
        num_categories: int = 28,
        audio_dim: int = 128,
        visual_shape: Sequence[int] = (7, 7, 512),
        units: int = 256,
        dtype: Any = None,
        name: str | None = None,
        trainable: bool = True,
    ):
        check_positive_integer("num_categories", num_categories)
        check_positive_integer("audio_dim", audio_dim)
        visual_shape = check_visual_shape(visual_shape)
        check_multiple("units", units, 4)
        policy = keras.dtype_policies.get(dtype)

        # === Layers ===
        def matrix(width: int, name: str, activation: str | None = None) -> Dense:
            return Dense(width, activation, use_bias=False, dtype=policy, name=name)

        attention = AudioGuidedAttention(dtype=policy, name="audio_guided_attention")
        norm = LayerNormalization(epsilon=1e-5, dtype=policy, name="norm")
        hidden = Dense(units // 4, dtype=policy, name="hidden")
        # float32 even under mixed precision: the loss applies a softmax to it.
        segment_label = Dense(num_categories + 1, dtype="float32", name="segment_label")

        # === Functional model ===
        inputs = feature_inputs(audio_dim, visual_shape)
        is_present = present_segments(**inputs)  # (B, T)
        audio = matrix(units, "audio_wide")(inputs["audio_features"])
        audio = matrix(units // 2, "audio_narrow")(audio)
        visual = attention(audio, inputs["visual_features"])  # (B, T, C)
        visual = matrix(units // 2, "visual_narrow")(matrix(units, "visual_wide")(visual))
        mask = is_present > 0
        audio = bidirectional_lstm(units // 2, policy, "audio_lstm")(audio, mask=mask)
        visual = bidirectional_lstm(units // 2, policy, "visual_lstm")(visual, mask=mask)
        products = ops.matmul(  # (B, T visual, T audio)
            matrix(units, "visual_key", "relu")(visual),
            ops.swapaxes(matrix(units, "audio_key", "relu")(audio), 1, 2),
        )
        products = ops.cast(products, "float32") / units**0.5
        to_visual = positive_connections(products, is_present)
        to_audio = positive_connections(ops.swapaxes(products, 1, 2), is_present)
        from_audio = matrix(units, "audio_value", "relu")(audio)
        from_visual = matrix(units, "visual_value", "relu")(visual)
        visual = visual + ops.matmul(ops.cast(to_visual, from_audio.dtype), from_audio)
        audio = audio + ops.matmul(ops.cast(to_audio, from_visual.dtype), from_visual)
        fused = []  # (B, T, units) of each modality
        for name_, x in (("audio", audio), ("visual", visual)):
            x = Dense(units, "relu", dtype=policy, name=f"{name_}_output")(x)
            fused.append(norm(Dropout(DROPOUT, dtype=policy, name=f"{name_}_dropout")(x)))
        mean = (fused[0] + fused[1]) / 2
        outputs = localization_outputs(segment_label(hidden(mean)), is_present)
        outputs["pair_similarities"] = ops.relu(cosine_similarity(*fused)) * is_present
        outputs |= self._contrasted(mean, is_present)
        super().__init__(inputs, outputs, policy, name=name, trainable=trainable)

        # === Config ===
        self.num_categories = num_categories
        self.audio_dim = audio_dim
        self.visual_shape = visual_shape
        self.units = units

    @staticmethod
    def _contrasted(features: Any, is_present: Any) -> dict[str, Any]:
        """Outputs of a subclass for losses on the features (B, T, units) of segments."""
        return {}


def positive_connections(products: Any, is_present: Any) -> Any:
    """Weights of the segments that a segment takes up; the weak ones are cut.

    B: batch, T: segments.

    Args:
        products: Float32 tensor (B, T, T), below 0 where two segments do not belong together.
        is_present: Float32 tensor (B, T); a padded segment is taken up by none.
    Returns:
        Float32 tensor (B, T, T) whose rows sum to 1 or are zero.
    """
    positive = to_unit_sum(ops.relu(products) * is_present[:, None])
    return to_unit_sum(ops.where(positive > THRESHOLD, positive, 0.0))
