"""The parts of cross-modal background suppression, which CACE-Net has too."""

import dataclasses
from typing import Any

import keras
import numpy as np
from keras import ops
from keras.layers import Dense, Dropout, LayerNormalization, MultiHeadAttention

from avel_tf.layers import SequenceEmbedding
from avel_tf.layers.bidirectional import bidirectional_lstm
from avel_tf.localization import LOWEST, segment_labels

NUM_HEADS = 4
NUM_ENCODERS = 2
REGION_DROPOUT = 0.2
DROPOUT = 0.1
SPATIAL_WEIGHT = 0.4  # of the map's own attention, next to the sound's
SUPPRESSION = 0.1  # how far one modality's gate weighs the other
MODALITY_WEIGHT = 0.3  # of each modality's own category
NUM_LARGEST = 4  # segments that decide a modality's category


@dataclasses.dataclass(frozen=True)
class Suppression:
    """Makes the parts of the graph; layers are named after their place.

    B: batch, T: segments, R: regions, K: event categories.

    Args:
        num_categories: Integer.
        units: Integer. Width of the temporal part, a multiple of four; regions have twice that.
        feedforward: Integer. Width inside the layers that attend to the other modality.
        threshold: Float from 0 to 1. Lowest relevance of a segment of the event.
        dtype: Dtype policy.
    """

    num_categories: int
    units: int
    feedforward: int
    threshold: float
    dtype: Any

    def regions(self, visual: Any) -> Any:
        """Projects each region of maps (B, T, H, W, C): (B, T, R, 2 units)."""
        height, width, channels = visual.shape[2:]
        visual = keras.layers.Reshape((-1, height * width, channels), name="regions")(visual)
        return self._dropout(REGION_DROPOUT, "region")(
            self.dense(2 * self.units, "region_projection", "relu")(visual)
        )

    def pooled(self, audio: Any, regions: Any, norm: keras.layers.Layer) -> Any:
        """Spatial and channel attention: pools regions (B, T, R, D) to (B, T, D)."""
        attended = self.attended_regions(regions, norm, "spatial")
        mean = ops.mean(attended, axis=2, keepdims=True)
        spatial = self._pool(attended, mean, "spatial")
        sound = audio[:, :, None]  # (B, T, 1, audio width)
        width = regions.shape[-1]
        both = self.dense(width, "channel_audio", "relu")(sound) * self.dense(
            width, "channel_visual", "relu"
        )(attended)
        hidden = self.dense(self.units, "channel_hidden", "relu")(ops.mean(both, axis=2))
        gate = self.dense(width, "channel_gate", "sigmoid")(hidden)[:, :, None]
        pooled = self._pool(regions * (1 + gate), sound, "guided")
        return pooled + SPATIAL_WEIGHT * ops.sigmoid(spatial) * pooled

    def attended_regions(self, regions: Any, norm: keras.layers.Layer, name: str) -> Any:
        """Lets regions (B, T, R, D) attend to each other: the same shape."""
        attended = self.self_attention(regions, regions.shape[-1], name)
        return norm(regions + self._dropout(REGION_DROPOUT, name)(attended))

    def attended(self, audio: Any, visual: Any, is_present: Any) -> dict[str, Any]:
        """Cross-modal attention over segments, and suppression of background.

        Args:
            audio: Float tensor (B, T, audio width).
            visual: Float tensor (B, T, 2 units).
            is_present: Float tensor (B, T).
        Returns:
            Dict of `fused` (B, T, units), `joint_gate` (B, T), `modality_category` (B, K).
        """
        features = {
            "audio": bidirectional_lstm(self.units // 2, self.dtype, "audio_lstm")(
                audio, mask=is_present > 0
            ),
            "visual": bidirectional_lstm(self.units, self.dtype, "visual_lstm")(
                visual, mask=is_present > 0
            ),
        }
        encoded, gates = {}, {}
        for name, x in features.items():
            x = self.dense(self.units, f"{name}_memory")(x)
            for number in range(NUM_ENCODERS):
                x = self._block(x, x, is_present, 4 * self.units, f"{name}_encoder{number}")
            encoded[name] = x
            gates[name] = Dense(1, "sigmoid", dtype="float32", name=f"{name}_gate")(x)
        both_present = ops.concatenate([is_present, is_present], axis=1)
        suppressed, categories = {}, []
        for name, other in (("audio", "visual"), ("visual", "audio")):
            query = self.dense(self.units, f"{name}_query")(features[name])
            memory = ops.concatenate([encoded[other], query], axis=1)  # (B, 2 T, units)
            x = self._block(query, memory, both_present, self.feedforward, f"{name}_cross")
            suppressed[name] = x * ops.cast(1 + SUPPRESSION * gates[other], x.dtype)
            logits = Dense(self.num_categories, dtype="float32", name=f"{name}_category")
            categories.append(_mean_of_largest(logits(suppressed[name]), is_present))
        audio, visual = suppressed["audio"], suppressed["visual"]
        visual = self._interact(visual, audio, both_present, "visual_interaction")
        audio = self._interact(audio, visual, both_present, "audio_interaction")
        return {
            "fused": (audio + visual) / 2,
            "joint_gate": (gates["audio"] * gates["visual"])[..., 0],
            "modality_category": (categories[0] + categories[1]) / 2,
        }

    def outputs(
        self, fused: Any, for_event: Any, attended: dict[str, Any], is_present: Any
    ) -> dict[str, Any]:
        """Named outputs, from fused features (B, T, units) and those that find the event."""
        relevance = Dense(1, dtype="float32", name="event_relevance")(for_event)[..., 0]
        strongest = SequenceEmbedding(self.units, "max", dtype=self.dtype, name="strongest")(
            fused, is_present
        )
        category = Dense(self.num_categories, dtype="float32", name="event_category")(strongest)
        category = category + MODALITY_WEIGHT * attended["modality_category"]
        probabilities = ops.sigmoid(relevance) * is_present
        return {
            "event_category_logits": category,
            "modality_category_logits": attended["modality_category"],
            "event_relevance_logits": relevance,
            "joint_gate_probabilities": attended["joint_gate"] * is_present,
            "event_relevance_probabilities": probabilities,
            "segment_label": segment_labels(category, probabilities, self.threshold),
        }

    def self_attention(self, x: Any, width: int, name: str, is_present: Any = None) -> Any:
        """softmax(Q Kᵀ) V over the axis before the last, unscaled; V is `width` wide."""
        narrow = self.units // 2
        query, key = (self.dense(narrow, f"{name}_{part}")(x) for part in ("query", "key"))
        value = self.dense(width, f"{name}_value")(x)
        return attend(query, key, value, is_present)

    def dense(self, units: int, name: str, activation: str | None = None) -> Dense:
        """A dense layer of the model's policy."""
        return Dense(units, activation, dtype=self.dtype, name=name)

    def norm(self, name: str) -> LayerNormalization:
        """A layer normalization of the model's policy."""
        return LayerNormalization(epsilon=1e-5, dtype=self.dtype, name=f"{name}_norm")

    def _dropout(self, rate: float, name: str) -> Dropout:
        return Dropout(rate, dtype=self.dtype, name=f"{name}_dropout")

    def _pool(self, x: Any, guide: Any, name: str) -> Any:
        """Pools regions x (B, T, R, D) by their agreement with a guide (B, T, 1, E)."""
        agreement = self.dense(self.units, f"{name}_regions", "relu")(x) * self.dense(
            self.units, f"{name}_guide", "relu"
        )(guide)
        scores = ops.cast(self.dense(1, f"{name}_score", "tanh")(agreement), "float32")
        return ops.sum(ops.cast(ops.softmax(scores, axis=2), x.dtype) * x, axis=2)

    def _heads(self, x: Any, memory: Any, is_present: Any, name: str) -> Any:
        layer = MultiHeadAttention(
            NUM_HEADS,
            self.units // NUM_HEADS,
            dropout=DROPOUT,
            dtype=self.dtype,
            name=f"{name}_attention",
        )
        attended = layer(x, memory, attention_mask=is_present[:, None] > 0)
        return self._dropout(DROPOUT, f"{name}_attention")(attended)

    def _block(self, x: Any, memory: Any, is_present: Any, feedforward: int, name: str) -> Any:
        """Encoder layer of Vaswani et al., normalized after each half."""
        attended = self._heads(x, memory, is_present, name)
        x = self.norm(f"{name}_attention")(x + attended)
        hidden = self.dense(feedforward, f"{name}_hidden", "relu")(x)
        hidden = self._dropout(DROPOUT, f"{name}_hidden")(hidden)
        hidden = self.dense(self.units, f"{name}_output")(hidden)
        return self.norm(name)(x + self._dropout(DROPOUT, name)(hidden))

    def _interact(self, x: Any, other: Any, is_present: Any, name: str) -> Any:
        """Attends from what both modalities share to all of both."""
        product = x * other
        memory = ops.concatenate([x, other], axis=1)
        return self.norm(name)(product + self._heads(product, memory, is_present, name))


def attend(query: Any, key: Any, value: Any, is_present: Any = None) -> Any:
    """softmax(Q Kᵀ) V over the axis before the last; leaves out keys that are not present."""
    scores = ops.cast(ops.matmul(query, ops.swapaxes(key, -1, -2)), "float32")
    if is_present is not None:
        scores = ops.where(is_present[:, None] > 0, scores, LOWEST)
    return ops.matmul(ops.cast(ops.softmax(scores), value.dtype), value)


def _mean_of_largest(logits: Any, is_present: Any) -> Any:
    """Mean (B, K) of each category's largest logits (B, T, K), of fewer in shorter records."""
    logits = ops.where(is_present[..., None] > 0, logits, LOWEST)
    logits = ops.pad(logits, [[0, 0], [0, NUM_LARGEST], [0, 0]], constant_values=LOWEST)
    largest = ops.top_k(ops.transpose(logits, (0, 2, 1)), NUM_LARGEST)[0]  # (B, K, 4)
    count = ops.minimum(ops.sum(is_present, axis=1, keepdims=True), NUM_LARGEST)  # (B, 1)
    largest = ops.where(count[..., None] > np.arange(NUM_LARGEST), largest, 0.0)
    return ops.sum(largest, axis=-1) / ops.maximum(count, 1.0)
