"""Cross-modal background suppression (CMBS)."""

from collections.abc import Sequence
from typing import Any

import keras

from avel_tf.localization import PUBLISHED_THRESHOLD
from avel_tf.models.followers.suppression import NUM_HEADS, Suppression
from avel_tf.models.inputs import check_visual_shape, feature_inputs, present_segments
from avel_tf.models.localizer import Localizer
from avel_tf.utils.arguments import check_fraction, check_multiple, check_positive_integer


@keras.saving.register_keras_serializable(package="avel_tf")
class CrossModalBackgroundSuppression(Localizer):
    """Finds an event by attention over the other modality's segments, weighed by its gate.

    With Dn a dense layer of width n, σ the sigmoid and Ln layer normalization, as published:

    1. Each region: v = relu(D512 v). Spatial self-attention s = Ln(v + softmax(Q Kᵀ) V), pooled to
       s̄ by its agreement with its mean; channel gate g = σ(D512 relu D256 mean(relu D512 a ⊙ relu
       D512 s)); p pools v ⊙ (1 + g) by its agreement with the sound a; the second is
       p + 0.4 σ(s̄) ⊙ p.
    2. A bidirectional LSTM over each modality, two encoder layers of Vaswani et al. that make its
       memory, and one layer whose query sees itself and the *other* modality's memory.
    3. Gates σ(D1 memory): visual features are multiplied by 1 + 0.1 g_a, audio ones by 1 + 0.1 g_v.
    4. Each modality's own categories, the mean of their four largest logits over time; attention
       from V ⊙ A to both modalities, which yields the fused features f.
    5. Relevance D1 f of each segment; category D28 of the maximum of f over time, plus 0.3 times
       the modalities' own.

    Trained by four losses of weight 1: binary cross-entropy of the relevance and of the product of
    both gates, cross-entropy of the category and of the modalities' own. Under weak supervision the
    two of relevance see the most relevant segment only, as for every system here
    (`WeakRelevanceLoss`).

    Padded segments, see `present_segments`, have no effect on others and are background. The
    default sizes have 9,200,473 parameters.

    B: batch, T: segments, K: event categories.

    Args:
        num_categories: Integer. Event categories without background, whose label is this number.
        audio_dim: Integer. Width of the audio features.
        visual_shape: Tuple of three integers. Height, width and channels of the visual features.
        units: Integer, a multiple of 4. Width of the attention over segments; all other widths
            keep their published ratio to it.
        threshold: Float from 0 to 1. Lowest relevance of a segment of the event.
        dtype: Name of a dtype policy, or a policy, for all layers; Keras's global one if None.
            Saved with the model.
    Call arguments:
        inputs: Dict of
            `audio_features`: Float tensor (B, T, audio_dim), one row per second.
            `visual_features`: Float tensor (B, T, *visual_shape).
    Returns:
        Dict of
        `event_category_logits`, `modality_category_logits`: Float32 tensors (B, K).
        `event_relevance_logits`: Float32 tensor (B, T), without meaning in padded segments.
        `event_relevance_probabilities`, and `joint_gate_probabilities`, the product of both gates:
        Float32 tensors (B, T), zero in padded segments.
        `segment_label`: Int32 tensor (B, T), the decision: the category where the relevance is
        at least `threshold`, otherwise `num_categories`.
    Raises:
        ValueError: If an argument is out of range.
    Example:

    ```python
    model = CrossModalBackgroundSuppression(units=8)
    outputs = model(
        {
            "audio_features": np.ones((1, 10, 128)),
            "visual_features": np.ones((1, 10, 7, 7, 512)),
        }
    )
    assert outputs["segment_label"].shape == (1, 10)
    ```

    Reference: Xia and Zhao, Cross-modal Background Suppression for Audio-Visual Event
    Localization, CVPR 2022.
    """

    def __init__(
        self,
        num_categories: int = 28,
        audio_dim: int = 128,
        visual_shape: Sequence[int] = (7, 7, 512),
        units: int = 256,
        threshold: float = PUBLISHED_THRESHOLD,
        dtype: Any = None,
        name: str | None = None,
        trainable: bool = True,
    ):
        check_positive_integer("num_categories", num_categories)
        check_positive_integer("audio_dim", audio_dim)
        visual_shape = check_visual_shape(visual_shape)
        check_multiple("units", units, NUM_HEADS)
        check_fraction("threshold", threshold)
        policy = keras.dtype_policies.get(dtype)

        # === Layers ===
        parts = Suppression(num_categories, units, 4 * units, threshold, policy)

        # === Functional model ===
        inputs = feature_inputs(audio_dim, visual_shape)
        is_present = present_segments(**inputs)  # (B, T)
        audio = inputs["audio_features"]
        regions = parts.regions(inputs["visual_features"])  # (B, T, R, 2 units)
        visual = parts.pooled(audio, regions, parts.norm("spatial"))  # (B, T, 2 units)
        attended = parts.attended(audio, visual, is_present)
        fused = attended["fused"]  # (B, T, units)
        outputs = parts.outputs(fused, fused, attended, is_present)
        super().__init__(inputs, outputs, policy, name=name, trainable=trainable)

        # === Config ===
        self.num_categories = num_categories
        self.audio_dim = audio_dim
        self.visual_shape = visual_shape
        self.units = units
        self.threshold = threshold
