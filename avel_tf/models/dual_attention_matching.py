"""Dual attention matching, the module that both tasks share."""

from typing import Any

import keras

from avel_tf.choices import EMBEDDINGS, PROJECTIONS, SCORING_MATCHINGS
from avel_tf.layers import CrossMatching, EventMaskedSelfAttention, SequenceEmbedding
from avel_tf.models.localizer import Localizer
from avel_tf.utils.arguments import check_choice, check_positive_integer


@keras.saving.register_keras_serializable(package="avel_tf")
class DualAttentionMatching(Localizer):
    """Checks every segment of each modality against the whole event in the other.

    Local features are a projection of each segment to a common width. The global feature of
    a modality sees only its segments of non-zero relevance; matching then scores all segments,
    background included. Positions are not encoded anywhere.

    B: batch, T: segments.

    Args:
        audio_dim: Integer. Width of the audio features.
        visual_dim: Integer. Width of the visual features, pooled over the map.
        units: Integer. Width to which both modalities are projected.
        num_heads: Integer. Heads of the self-attention; must divide `units`.
        block: What surrounds the attention, see `EventMaskedSelfAttention`.
        dropout: Float in [0, 1]. Rate inside the self-attention.
        embedding: Kind of global feature: `"self_attention"`, the only one to use the three
            arguments above, or a kind of `SequenceEmbedding` (Table 3).
        matching: `"cross"`: each global feature checks the other modality's segments; or `"self"`:
            those of its own (Tables 4 and 5).
        projection: `"relu"` or `"linear"`: activation of the local features, of which the paper
            says nothing.
        similarity: `"dot"` or `"cosine"`, see `CrossMatching`.
        dtype: Name of a dtype policy, or a policy, for all layers; Keras's global one if None.
            Saved with the model.
    Call arguments:
        inputs: Dict of
            `audio_features`: Float tensor (B, T, audio_dim), one row per second.
            `visual_features`: Float tensor (B, T, visual_dim).
            `event_relevance`: Float tensor (B, T) in [0, 1]: the segments that the global
            features see.
    Returns:
        Dict of `audio_local_features` and `visual_local_features`, float tensors (B, T, units);
        `audio_global_feature` and `visual_global_feature`, float tensors (B, units); and the
        float32 tensors (B, T) of `CrossMatching`: `audio_relevance_logits`,
        `visual_relevance_logits`, `event_relevance_probabilities`.
    Raises:
        ValueError: If an argument is out of range.
    Example:

    ```python
    model = DualAttentionMatching()
    outputs = model(
        {
            "audio_features": np.ones((1, 10, 128)),
            "visual_features": np.ones((1, 10, 512)),
            "event_relevance": np.ones((1, 10)),
        }
    )
    assert outputs["audio_global_feature"].shape == (1, 256)
    assert outputs["event_relevance_probabilities"].shape == (1, 10)
    ```

    Reference: Wu et al., ICCV 2019, section 3.2, Eqs. 1–7; section 4.3, Tables 3–5.
    """

    def __init__(
        self,
        audio_dim: int = 128,
        visual_dim: int = 512,
        units: int = 256,
        num_heads: int = 4,
        block: str = "plain",
        dropout: float = 0.0,
        embedding: str = "self_attention",
        matching: str = "cross",
        projection: str = "relu",
        similarity: str = "dot",
        dtype: Any = None,
        name: str | None = None,
        trainable: bool = True,
    ):
        check_positive_integer("audio_dim", audio_dim)
        check_positive_integer("visual_dim", visual_dim)
        check_choice("embedding", embedding, EMBEDDINGS)
        check_choice("matching", matching, SCORING_MATCHINGS)
        check_choice("projection", projection, PROJECTIONS)
        policy = keras.dtype_policies.get(dtype)

        # === Layers ===
        if embedding == "self_attention":
            global_layer, suffix = EventMaskedSelfAttention, "attention"
            settings = {"num_heads": num_heads, "block": block, "dropout": dropout}
        else:
            global_layer, suffix = SequenceEmbedding, "sequence_embedding"
            settings = {"kind": embedding}
        settings |= {"units": units, "dtype": policy}
        self.audio_global = global_layer(**settings, name=f"audio_{suffix}")
        self.visual_global = global_layer(**settings, name=f"visual_{suffix}")
        activation = "relu" if projection == "relu" else None
        self.audio_embedding = keras.layers.Dense(
            units, activation=activation, dtype=policy, name="audio_embedding"
        )
        self.visual_embedding = keras.layers.Dense(
            units, activation=activation, dtype=policy, name="visual_embedding"
        )
        self.cross_matching = CrossMatching(similarity, dtype=policy, name="cross_matching")

        # === Functional model ===
        inputs = {
            "audio_features": keras.Input((None, audio_dim), name="audio_features"),
            "visual_features": keras.Input((None, visual_dim), name="visual_features"),
            "event_relevance": keras.Input((None,), name="event_relevance"),
        }
        audio = self.audio_embedding(inputs["audio_features"])  # (B, T, units)
        visual = self.visual_embedding(inputs["visual_features"])
        audio_global = self.audio_global(audio, inputs["event_relevance"])  # (B, units)
        visual_global = self.visual_global(visual, inputs["event_relevance"])
        # In Eqs. 5 and 6 the second queries the audio segments, the first the visual ones.
        queries = (audio_global, visual_global)
        if matching == "self":
            queries = queries[::-1]
        outputs = {
            "audio_local_features": audio,
            "visual_local_features": visual,
            "audio_global_feature": audio_global,
            "visual_global_feature": visual_global,
            **self.cross_matching(audio, visual, *queries),
        }
        super().__init__(inputs, outputs, policy, name=name, trainable=trainable)

        # === Config ===
        self.audio_dim = audio_dim
        self.visual_dim = visual_dim
        self.units = units
        self.num_heads = num_heads
        self.block = block
        self.dropout = dropout
        self.embedding = embedding
        self.matching = matching
        self.projection = projection
        self.similarity = similarity
