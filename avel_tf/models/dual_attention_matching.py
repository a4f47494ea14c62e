"""The dual attention matching module that both tasks share."""

from typing import Any

import keras

from avel_tf.arguments import check_choice, check_positive_integer
from avel_tf.layers import CrossMatching, EventMaskedSelfAttention, SequenceEmbedding
from avel_tf.layers.sequence_embedding import KINDS

EMBEDDINGS = ("self_attention", *KINDS)
MATCHINGS = ("cross", "self")


@keras.saving.register_keras_serializable(package="avel_tf")
class DualAttentionMatching(keras.Model):
    """Checks every segment of each modality against the whole event in the other.

    Local features are a ReLU projection of each segment to the common width. The global feature
    of a modality sees its segments of non-zero relevance alone; matching then scores all of
    them, background too. No position enters anywhere.

    B: batch, T: segments.

    Args:
        audio_dim: Integer. Width of the audio features.
        visual_dim: Integer. Width of the visual features, pooled over the picture.
        units: Integer. Width that both modalities are projected to.
        num_heads: Integer. Heads of the self-attention; must divide `units`.
        block: `"plain"` or `"full"`, see `EventMaskedSelfAttention`.
        dropout: Float in [0, 1]. Rate inside the self-attention.
        embedding: What makes a global feature of a modality's segments: `"self_attention"`, which
            alone uses the three arguments before, or a kind of `SequenceEmbedding` (Table 3).
        matching: `"cross"`, each global feature checks the other modality's segments; or `"self"`,
            its own (Tables 4 and 5).
        dtype: Name of a dtype policy, or a policy, for all layers; Keras's global one if None.
            Saved with the model.
    Call arguments:
        inputs: Dict of
            `audio_features`: Float tensor (B, T, audio_dim), one row a second.
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
        dtype: Any = None,
        name: str | None = None,
        trainable: bool = True,
    ):
        check_positive_integer("audio_dim", audio_dim)
        check_positive_integer("visual_dim", visual_dim)
        check_choice("embedding", embedding, EMBEDDINGS)
        check_choice("matching", matching, MATCHINGS)
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
        self.audio_embedding = keras.layers.Dense(
            units, activation="relu", dtype=policy, name="audio_embedding"
        )
        self.visual_embedding = keras.layers.Dense(
            units, activation="relu", dtype=policy, name="visual_embedding"
        )
        self.cross_matching = CrossMatching(dtype=policy, name="cross_matching")

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
        # Eqs. 5 and 6 ask the audio segments by the second, the visual ones by the first.
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
        super().__init__(inputs=inputs, outputs=outputs, name=name, trainable=trainable)
        self.dtype_policy = policy

        # === Config ===
        self.audio_dim = audio_dim
        self.visual_dim = visual_dim
        self.units = units
        self.num_heads = num_heads
        self.block = block
        self.dropout = dropout
        self.embedding = embedding
        self.matching = matching

    def get_config(self):
        # Without super(): a functional model's own config is its graph, not these arguments.
        return {
            "name": self.name,
            "trainable": self.trainable,
            "dtype": keras.dtype_policies.serialize(self.dtype_policy),
            "audio_dim": self.audio_dim,
            "visual_dim": self.visual_dim,
            "units": self.units,
            "num_heads": self.num_heads,
            "block": self.block,
            "dropout": self.dropout,
            "embedding": self.embedding,
            "matching": self.matching,
        }
