"""Supervised audio-visual event localization (SEL)."""

from collections.abc import Sequence
from typing import Any

import keras

from avel_tf.choices import MATCHINGS
from avel_tf.layers import AudioGuidedAttention
from avel_tf.localization import PUBLISHED_THRESHOLD, segment_labels
from avel_tf.models.dual_attention_matching import DualAttentionMatching
from avel_tf.models.inputs import (
    check_visual_shape,
    feature_inputs,
    feature_normalization,
    normalized,
    present_segments,
)
from avel_tf.models.localizer import Localizer
from avel_tf.utils.arguments import check_choice, check_fraction, check_positive_integer


@keras.saving.register_keras_serializable(package="avel_tf")
class SupervisedEventLocalizer(Localizer):
    """Predicts the event category of a record and the segments that the event spans.

    The category is predicted from both global features together, the relevance of each segment
    by dual attention matching. Global features see all segments, background included: the
    event's position is unknown at inference, and a query cropped to it would leak the label.
    Padded segments, see `present_segments`, have no effect on others and are background.

    B: batch, T: segments.

    Args:
        num_categories: Integer. Event categories without background, whose label is this number.
        audio_dim: Integer. Width of the audio features.
        visual_shape: Tuple of three integers. Height, width and channels of the visual features.
        units: Integer. Width of dual attention matching.
        num_heads: Integer. Heads of its self-attention; must divide `units`.
        block: What surrounds the attention, see `EventMaskedSelfAttention`.
        dropout: Float in [0, 1]. Rate inside the self-attention.
        normalization: `"none"`, or `"batch"` for batch normalization of each modality's features,
            before the attention over regions.
        embedding: Kind of global feature, see `DualAttentionMatching`.
        matching: `"cross"` or `"self"`, see `DualAttentionMatching`; or `"none"` to skip the check
            of segments: all of them count as the event, and only the category is trained
            (Table 5, and lambda = 1 in Eq. 8).
        projection: `"relu"` or `"linear"`: activation of the local features, of which the paper
            says nothing.
        similarity: `"dot"` or `"cosine"`, see `CrossMatching`.
        threshold: Float from 0 to 1. Lowest relevance of a segment of the event.
        dtype: Name of a dtype policy, or a policy, for all layers; Keras's global one if None.
            Saved with the model.
    Call arguments:
        inputs: Dict of
            `audio_features`: Float tensor (B, T, audio_dim), one row per second.
            `visual_features`: Float tensor (B, T, *visual_shape).
    Returns:
        Dict of
        `event_category_logits`: Float32 tensor (B, num_categories).
        `audio_relevance_logits`, `visual_relevance_logits`, `event_relevance_probabilities`:
        Float32 tensors (B, T), see `CrossMatching`; the probabilities of padded segments are zero,
        their logits are without meaning. With `matching="none"` there are no logits, and the
        probabilities of all other segments are one.
        `segment_label`: Int32 tensor (B, T), the decision: the category where the relevance is
        at least `threshold`, otherwise `num_categories`.
    Raises:
        ValueError: If an argument is out of range.
    Example:

    ```python
    model = SupervisedEventLocalizer()
    outputs = model(
        {
            "audio_features": np.ones((1, 10, 128)),
            "visual_features": np.ones((1, 10, 7, 7, 512)),
        }
    )
    assert outputs["segment_label"].shape == (1, 10)
    ```

    Reference: Wu et al., ICCV 2019, section 3.4; section 4.3, Table 5.
    """

    def __init__(
        self,
        num_categories: int = 28,
        audio_dim: int = 128,
        visual_shape: Sequence[int] = (7, 7, 512),
        units: int = 256,
        num_heads: int = 4,
        block: str = "plain",
        dropout: float = 0.0,
        normalization: str = "none",
        embedding: str = "self_attention",
        matching: str = "cross",
        projection: str = "relu",
        similarity: str = "dot",
        threshold: float = PUBLISHED_THRESHOLD,
        dtype: Any = None,
        name: str | None = None,
        trainable: bool = True,
    ):
        check_positive_integer("num_categories", num_categories)
        visual_shape = check_visual_shape(visual_shape)
        check_choice("matching", matching, MATCHINGS)
        check_fraction("threshold", threshold)
        policy = keras.dtype_policies.get(dtype)

        # === Layers ===
        self.audio_normalization = feature_normalization(
            normalization, policy, "audio_normalization"
        )
        self.visual_normalization = feature_normalization(
            normalization, policy, "visual_normalization"
        )
        self.audio_guided_attention = AudioGuidedAttention(
            dtype=policy, name="audio_guided_attention"
        )
        self.dual_attention_matching = DualAttentionMatching(
            audio_dim=audio_dim,
            visual_dim=visual_shape[-1],
            units=units,
            num_heads=num_heads,
            block=block,
            dropout=dropout,
            embedding=embedding,
            # With "none", only its global features are used, so that the match is irrelevant.
            matching="cross" if matching == "none" else matching,
            projection=projection,
            similarity=similarity,
            dtype=policy,
            name="matching",
        )
        self.fusion = keras.layers.Concatenate(dtype=policy, name="fusion")
        # float32 even under mixed precision: the loss applies a softmax to it.
        self.event_category = keras.layers.Dense(
            num_categories, dtype="float32", name="event_category"
        )

        # === Functional model ===
        inputs = feature_inputs(audio_dim, visual_shape)
        is_present = present_segments(**inputs)  # (B, T)
        audio = normalized(self.audio_normalization, inputs["audio_features"], is_present)
        visual = normalized(self.visual_normalization, inputs["visual_features"], is_present)
        visual = self.audio_guided_attention(audio, visual)  # (B, T, C)
        matches = self.dual_attention_matching(
            {"audio_features": audio, "visual_features": visual, "event_relevance": is_present}
        )
        fused = self.fusion([matches["audio_global_feature"], matches["visual_global_feature"]])
        category_logits = self.event_category(fused)
        outputs = {"event_category_logits": category_logits}
        if matching == "none":
            probabilities = is_present
        else:
            outputs["audio_relevance_logits"] = matches["audio_relevance_logits"]
            outputs["visual_relevance_logits"] = matches["visual_relevance_logits"]
            probabilities = matches["event_relevance_probabilities"] * is_present
        outputs["event_relevance_probabilities"] = probabilities
        outputs["segment_label"] = segment_labels(category_logits, probabilities, threshold)
        super().__init__(inputs, outputs, policy, name=name, trainable=trainable)

        # === Config ===
        self.num_categories = num_categories
        self.audio_dim = audio_dim
        self.visual_shape = visual_shape
        self.units = units
        self.num_heads = num_heads
        self.block = block
        self.dropout = dropout
        self.normalization = normalization
        self.embedding = embedding
        self.matching = matching
        self.projection = projection
        self.similarity = similarity
        self.threshold = threshold
