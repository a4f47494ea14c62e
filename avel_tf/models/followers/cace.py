"""Co-guidance attention and contrastive enhancement (CACE-Net)."""

from collections.abc import Sequence
from typing import Any

import keras
from keras import ops
from keras.layers import GaussianNoise

from avel_tf.layers.late_start import LateStart
from avel_tf.layers.similarity import unit_length
from avel_tf.localization import PUBLISHED_THRESHOLD
from avel_tf.models.followers.suppression import NUM_HEADS, Suppression, attend
from avel_tf.models.inputs import check_visual_shape, feature_inputs, present_segments
from avel_tf.models.localizer import Localizer
from avel_tf.utils.arguments import check_fraction, check_multiple, check_positive_integer

GUIDANCE = 0.3  # of the sound by the pictures
NOISE = 0.1  # standard deviation, between the two views
CONTRAST = 0.6  # of the contrasted features, in what finds the event
CONTRAST_EPOCH = 25  # counted from 1


@keras.saving.register_keras_serializable(package="avel_tf")
class CoGuidanceContrastiveEnhancement(Localizer):
    """Is `CrossModalBackgroundSuppression` with sound guided by pictures, and contrasted events.

    With Dn a dense layer of width n, σ the sigmoid and Ln layer normalization, as published:

    1. Guidance: a second self-attention over regions like the first, with its own Q, K and V and
       the same Ln, averaged over them: v̄. Self-attention over the segments of the sound, whose
       Q, K and V are D128: s = Ln(a + softmax(Q Kᵀ) V). What the pictures find in it,
       g = softmax(D128 v̄ (D128 s)ᵀ) D128 s, weighs the sound: a ← a + 0.3 σ(g) ⊙ a.
    2. As in CMBS, but with 512 hidden units in the layers that see the other modality.
    3. Contrast: z = relu D256 f of the fused features f, and z' of f + N(0, 0.1²), both scaled to
       unit length, are the views of `EventContrastLoss`, of weight 1, next to the four losses of
       CMBS. Relevance is D1(f + 0.6 z); the category sees f.

    The contrast begins with epoch 25, see `LateStart`; until then the views are zero and relevance
    is D1 f.

    Where the description is silent: neither self-attention nor guide is scaled, as in CMBS; the
    LSTM is given the guided sound, and the attention over regions the sound as it is; V and g are
    as wide as the sound; the z that is added is not scaled to unit length, and added from the same
    epoch on; the first epoch is 1; both views have one D256. Its optimizer is that of CMBS. It
    has no weak form: `EventContrastLoss` needs the labels of segments.

    Padded segments, see `present_segments`, have no effect on others and are background. The
    default sizes train 9,283,417 parameters.

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
        Dict of the outputs of `CrossModalBackgroundSuppression`, and
        `contrast_views`: Float32 tensor (B, T, 2 units), two views of each segment one after the
        other, each of unit length or zero; zero in padded segments. They only differ in training.
    Raises:
        ValueError: If an argument is out of range.
    Example:

    ```python
    model = CoGuidanceContrastiveEnhancement(units=8)
    outputs = model(
        {
            "audio_features": np.ones((1, 10, 128)),
            "visual_features": np.ones((1, 10, 7, 7, 512)),
        }
    )
    assert outputs["contrast_views"].shape == (1, 10, 16)
    ```

    Reference: He et al., CACE-Net: Co-guidance Attention and Contrastive Enhancement for Effective
    Audio-Visual Event Localization, ACM Multimedia 2024.
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
        parts = Suppression(num_categories, units, 2 * units, threshold, policy)
        spatial_norm = parts.norm("spatial")
        projection = parts.dense(units, "contrast", "relu")
        noise = GaussianNoise(NOISE, dtype=policy, name="contrast_noise")
        late_start = LateStart(CONTRAST_EPOCH, dtype=policy, name="contrast_start")

        # === Functional model ===
        inputs = feature_inputs(audio_dim, visual_shape)
        is_present = present_segments(**inputs)  # (B, T)
        audio = inputs["audio_features"]
        regions = parts.regions(inputs["visual_features"])  # (B, T, R, 2 units)
        visual = parts.pooled(audio, regions, spatial_norm)  # (B, T, 2 units)
        seen = parts.attended_regions(regions, spatial_norm, "guiding")
        audio = guided(parts, audio, ops.mean(seen, axis=2), is_present)
        attended = parts.attended(audio, visual, is_present)
        fused = attended["fused"]  # (B, T, units)
        contrasted = late_start(projection(fused))
        views = [contrasted, late_start(projection(noise(fused)))]
        outputs = parts.outputs(fused, fused + CONTRAST * contrasted, attended, is_present)
        views = ops.concatenate([unit_length(ops.cast(x, "float32")) for x in views], axis=-1)
        outputs["contrast_views"] = views * is_present[..., None]
        super().__init__(inputs, outputs, policy, name=name, trainable=trainable)

        # === Config ===
        self.num_categories = num_categories
        self.audio_dim = audio_dim
        self.visual_shape = visual_shape
        self.units = units
        self.threshold = threshold


def guided(parts: Suppression, audio: Any, seen: Any, is_present: Any) -> Any:
    """Weighs the sound by what the pictures find in it.

    B: batch, T: segments.

    Args:
        parts: `Suppression`, which makes the layers.
        audio: Float tensor (B, T, audio width).
        seen: Float tensor (B, T, visual width).
        is_present: Float tensor (B, T).
    Returns:
        Float tensor (B, T, audio width).
    """
    width = audio.shape[-1]
    attended = parts.self_attention(audio, width, "sound", is_present)
    heard = parts.norm("sound")(audio + attended)
    guide = attend(
        parts.dense(parts.units // 2, "guide_query")(seen),
        parts.dense(parts.units // 2, "guide_key")(heard),
        parts.dense(width, "guide_value")(heard),
        is_present,
    )
    return audio + GUIDANCE * ops.sigmoid(guide) * audio
