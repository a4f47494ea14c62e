"""Cross-modality localization (CML)."""

from collections.abc import Sequence
from typing import Any

import keras
from keras import ops

from avel_tf.models.dual_attention_matching import DualAttentionMatching
from avel_tf.models.inputs import check_visual_shape, feature_normalization


@keras.saving.register_keras_serializable(package="avel_tf")
class CrossModalityLocalizer(keras.Model):
    """Finds in one modality the event that the other modality asks for.

    The query is the event's segments of one modality, chosen by `event_relevance` in training
    and in testing; each segment of the other modality is a candidate. What a candidate must not
    see, no part of the model lets in: the picture is pooled by its mean, without the sound that
    asks for it, and no position enters anywhere.

    B: batch, T: segments.

    Args:
        audio_dim: Integer. Width of the audio features.
        visual_shape: Tuple of three integers. Height, width and channels of the visual features.
        units: Integer. Width of dual attention matching.
        num_heads: Integer. Heads of its self-attention; must divide `units`.
        block: `"plain"` or `"full"`, see `EventMaskedSelfAttention`.
        dropout: Float in [0, 1]. Rate inside the self-attention.
        normalization: `"none"`, or `"batch"` for a batch normalization of the features of each
            modality, of the visual ones after their mean.
        dtype: Name of a dtype policy, or a policy, for all layers; Keras's global one if None.
            Saved with the model.
    Call arguments:
        inputs: Dict of
            `audio_features`: Float tensor (B, T, audio_dim), one row a second.
            `visual_features`: Float tensor (B, T, *visual_shape).
            `event_relevance`: Float tensor (B, T), 1 for the query's segments, else 0.
    Returns:
        Dict of float32 tensors (B, T):
        `visual_relevance_logits`: Score of each visual candidate, audio to visual.
        `audio_relevance_logits`: Score of each audio candidate, visual to audio.
        `event_relevance_probabilities`: Mean of both probabilities, for the loss.
    Raises:
        ValueError: If an argument is out of range.
    Example:

    ```python
    model = CrossModalityLocalizer()
    outputs = model(
        {
            "audio_features": np.ones((1, 10, 128)),
            "visual_features": np.ones((1, 10, 7, 7, 512)),
            "event_relevance": np.array([[0, 0, 1, 1, 1, 1, 0, 0, 0, 0]], "float32"),
        }
    )
    assert outputs["visual_relevance_logits"].shape == (1, 10)
    ```

    Reference: Wu et al., ICCV 2019, section 3.3.
    """

    def __init__(
        self,
        audio_dim: int = 128,
        visual_shape: Sequence[int] = (7, 7, 512),
        units: int = 256,
        num_heads: int = 4,
        block: str = "plain",
        dropout: float = 0.0,
        normalization: str = "none",
        dtype: Any = None,
        **kwargs: Any,
    ):
        visual_shape = check_visual_shape(visual_shape)
        policy = keras.dtype_policies.get(dtype)

        # === Layers ===
        self.audio_normalization = feature_normalization(
            normalization, policy, "audio_normalization"
        )
        self.visual_normalization = feature_normalization(
            normalization, policy, "visual_normalization"
        )
        self.matching = DualAttentionMatching(
            audio_dim=audio_dim,
            visual_dim=visual_shape[-1],
            units=units,
            num_heads=num_heads,
            block=block,
            dropout=dropout,
            dtype=policy,
            name="matching",
        )

        # === Functional model ===
        inputs = {
            "audio_features": keras.Input((None, audio_dim), name="audio_features"),
            "visual_features": keras.Input((None, *visual_shape), name="visual_features"),
            "event_relevance": keras.Input((None,), name="event_relevance"),
        }
        visual = ops.mean(inputs["visual_features"], axis=(2, 3))  # (B, T, C)
        matches = self.matching(
            {
                "audio_features": self.audio_normalization(inputs["audio_features"]),
                "visual_features": self.visual_normalization(visual),
                "event_relevance": inputs["event_relevance"],
            }
        )
        outputs = {
            "audio_relevance_logits": matches["audio_relevance_logits"],
            "visual_relevance_logits": matches["visual_relevance_logits"],
            "event_relevance_probabilities": matches["event_relevance_probabilities"],
        }
        super().__init__(inputs=inputs, outputs=outputs, **kwargs)
        self.dtype_policy = policy

        # === Config ===
        self.audio_dim = audio_dim
        self.visual_shape = visual_shape
        self.units = units
        self.num_heads = num_heads
        self.block = block
        self.dropout = dropout
        self.normalization = normalization

    def get_config(self):
        # Without super(): a functional model's own config is its graph, not these arguments.
        return {
            "name": self.name,
            "trainable": self.trainable,
            "dtype": keras.dtype_policies.serialize(self.dtype_policy),
            "audio_dim": self.audio_dim,
            "visual_shape": list(self.visual_shape),
            "units": self.units,
            "num_heads": self.num_heads,
            "block": self.block,
            "dropout": self.dropout,
            "normalization": self.normalization,
        }
