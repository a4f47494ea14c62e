"""Cross-modality localization (CML)."""

from typing import Any

import keras
from keras import ops

from avel_tf.layers.similarity import cosine_similarity
from avel_tf.models.dual_attention_matching import DualAttentionMatching
from avel_tf.models.inputs import (
    feature_inputs,
    feature_normalization,
    mean_over_map,
    normalized,
    present_segments,
)
from avel_tf.models.localizer import Localizer


@keras.saving.register_keras_serializable(package="avel_tf")
class CrossModalityLocalizer(Localizer):
    """Finds in one modality the event that the other modality asks for.

    The query is the event's segments in one modality, chosen by `event_relevance` both in
    training and in testing; each segment of the other modality is a candidate. No candidate sees
    what it must not: the visual map is pooled by its mean, independently of the audio query, and
    positions are not encoded anywhere. A map of any size gives the same result as its mean, a map
    of one region.

    B: batch, T: segments, H, W: map size.

    Args:
        audio_dim: Integer. Width of the audio features.
        visual_dim: Integer. Width of the visual features, their channels.
        units: Integer. Width of dual attention matching.
        num_heads: Integer. Heads of its self-attention; must divide `units`.
        block: What surrounds the attention, see `EventMaskedSelfAttention`.
        dropout: Float in [0, 1]. Rate inside the self-attention.
        normalization: `"none"`, or `"batch"` for batch normalization of each modality's features,
            the visual ones after pooling.
        embedding: Kind of global feature, see `DualAttentionMatching`.
        matching: `"cross"`; or `"self"` to train by matching each modality with itself and to
            score candidates by their cosine to the query's global feature (Table 4).
        projection: `"relu"` or `"linear"`: activation of the local features, of which the paper
            says nothing.
        similarity: `"dot"` or `"cosine"`, see `CrossMatching`.
        dtype: Name of a dtype policy, or a policy, for all layers; Keras's global one if None.
            Saved with the model.
    Call arguments:
        inputs: Dict of
            `audio_features`: Float tensor (B, T, audio_dim), one row per second.
            `visual_features`: Float tensor (B, T, H, W, visual_dim).
            `event_relevance`: Float tensor (B, T), 1 for the query's segments, at most 0 for
                others, padded ones included.
    Returns:
        Dict of float32 tensors (B, T):
        `visual_relevance_logits`: Score of each visual candidate, audio to visual.
        `audio_relevance_logits`: Score of each audio candidate, visual to audio.
        `event_relevance_probabilities`: Mean of the two probabilities, for the loss.
        With `matching="self"`, the two scores are cosines in [-1, 1], which are not meant for a
        loss. Training uses two more outputs, from which the probabilities are computed:
        `audio_self_relevance_logits`, `visual_self_relevance_logits`: Score of each segment by
        the global feature of its own modality.
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

    Reference: Wu et al., ICCV 2019, section 3.3; section 4.3, Tables 3 and 4.
    """

    def __init__(
        self,
        audio_dim: int = 128,
        visual_dim: int = 512,
        units: int = 256,
        num_heads: int = 4,
        block: str = "plain",
        dropout: float = 0.0,
        normalization: str = "none",
        embedding: str = "self_attention",
        matching: str = "cross",
        projection: str = "relu",
        similarity: str = "dot",
        dtype: Any = None,
        name: str | None = None,
        trainable: bool = True,
    ):
        policy = keras.dtype_policies.get(dtype)

        # === Layers ===
        self.audio_normalization = feature_normalization(
            normalization, policy, "audio_normalization"
        )
        self.visual_normalization = feature_normalization(
            normalization, policy, "visual_normalization"
        )
        self.dual_attention_matching = DualAttentionMatching(
            audio_dim=audio_dim,
            visual_dim=visual_dim,
            units=units,
            num_heads=num_heads,
            block=block,
            dropout=dropout,
            embedding=embedding,
            matching=matching,
            projection=projection,
            similarity=similarity,
            dtype=policy,
            name="matching",
        )

        # === Functional model ===
        inputs = feature_inputs(audio_dim, (None, None, visual_dim))
        inputs["event_relevance"] = keras.Input((None,), name="event_relevance")
        audio, visual = inputs["audio_features"], inputs["visual_features"]
        is_present = present_segments(audio, visual)  # (B, T)
        visual = mean_over_map(visual)  # (B, T, C)
        matches = self.dual_attention_matching(
            {
                "audio_features": normalized(self.audio_normalization, audio, is_present),
                "visual_features": normalized(self.visual_normalization, visual, is_present),
                "event_relevance": ops.maximum(inputs["event_relevance"], 0.0),
            }
        )
        logits = {
            "audio": matches["audio_relevance_logits"],
            "visual": matches["visual_relevance_logits"],
        }
        outputs = {"event_relevance_probabilities": matches["event_relevance_probabilities"]}
        if matching == "cross":
            outputs["audio_relevance_logits"] = logits["audio"]
            outputs["visual_relevance_logits"] = logits["visual"]
        else:
            outputs["audio_self_relevance_logits"] = logits["audio"]
            outputs["visual_self_relevance_logits"] = logits["visual"]
            for query, candidates in (("visual", "audio"), ("audio", "visual")):
                outputs[f"{candidates}_relevance_logits"] = cosine_similarity(
                    matches[f"{query}_global_feature"][:, None],
                    matches[f"{candidates}_local_features"],
                )
        super().__init__(inputs, outputs, policy, name=name, trainable=trainable)

        # === Config ===
        self.audio_dim = audio_dim
        self.visual_dim = visual_dim
        self.units = units
        self.num_heads = num_heads
        self.block = block
        self.dropout = dropout
        self.normalization = normalization
        self.embedding = embedding
        self.matching = matching
        self.projection = projection
        self.similarity = similarity
