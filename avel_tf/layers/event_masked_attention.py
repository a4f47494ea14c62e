"""Event-based global feature of one modality."""

import math
from typing import Any

import keras
from keras import ops
from keras.layers import Dense, Dropout, LayerNormalization

from avel_tf.choices import BLOCKS
from avel_tf.utils.arguments import check_choice, check_fraction, check_positive_integer

FEEDFORWARD_RATIO = 4  # Vaswani et al.: 2048 for a width of 512
PROJECTED = ("residual", "full")  # blocks with an output projection, residual and normalization


@keras.saving.register_keras_serializable(package="avel_tf")
class EventMaskedSelfAttention(keras.layers.Layer):
    """Multi-head self-attention among the segments of an event, averaged over them.

    It computes what `keras.layers.MultiHeadAttention` does inside, by the same operation with the
    same fused kernels, under a mask that is explicit and exact. That layer itself takes no weights
    between 0 and 1, and always projects its output, which Eqs. 1 and 2 do not.

    Segment j enters every sum with its relevance r_j: attention weights are
    r_j exp(s_ij) / sum_j r_j exp(s_ij), and the temporal mean is weighted by r. A segment of
    zero relevance has no effect, binary relevance is the paper's event region, and all ones
    attend to the whole record. A record without an event yields zeros.

    Positions are not encoded: in cross-modality localization, the position of an event in its
    clip predicts much of the answer by itself and must not reach the model.

    B: batch, T: segments, D: feature width.

    Args:
        units: Integer. Total width of the query, key and value projections over all heads.
        num_heads: Integer. Must divide `units`. Vaswani et al. have eight.
        block: What surrounds the attention. No projection has a bias.
            `"equations"`: nothing, and one head whatever `num_heads` says: Eqs. 1 to 4 to the
            letter, scaled by the root of `units`.
            `"plain"`: nothing, with `num_heads` heads.
            `"residual"`: the first half of the encoder block of Vaswani et al. before the mean:
            output projection, residual and normalization.
            `"full"`: the whole block: then also a ReLU feed-forward of `4 * units`, residual and
            normalization. The last two need an input that is `units` wide.
        dropout: Float in [0, 1]. Rate applied to the output of the attention and, if there is
            one, of the feed-forward.
    Call arguments:
        local_features: Float tensor (B, T, D), one row per second.
        event_relevance: Tensor (B, T) in [0, 1].
        training: Boolean. Whether dropout is active.
    Returns:
        Float tensor (B, units).
    Raises:
        ValueError: If an argument is out of range, or the input of a block with a residual is not
            `units` wide.
    Example:

    ```python
    layer = EventMaskedSelfAttention(units=256)
    event_relevance = np.array([[0, 0, 1, 1, 1, 1, 0, 0, 0, 0]])
    global_feature = layer(np.ones((1, 10, 128)), event_relevance)
    assert global_feature.shape == (1, 256)
    ```

    Reference: Wu et al., ICCV 2019, section 3.2, Eqs. 1–4; Vaswani et al., NIPS 2017.
    """

    def __init__(
        self,
        units: int,
        num_heads: int = 4,
        block: str = "plain",
        dropout: float = 0.0,
        **kwargs: Any,
    ):
        check_positive_integer("units", units)
        check_positive_integer("num_heads", num_heads)
        check_choice("block", block, BLOCKS)
        check_fraction("dropout", dropout)
        heads = 1 if block == "equations" else num_heads
        if units % heads:
            raise ValueError(
                f"`num_heads` must divide `units`. Received: num_heads={num_heads}, units={units}."
            )
        super().__init__(**kwargs)
        self.units = units
        self.num_heads = num_heads
        self.block = block
        self.dropout = dropout
        self._head_shape = (heads, units // heads)
        policy = self.dtype_policy  # otherwise sublayers would use the global one
        self.query = Dense(units, use_bias=False, dtype=policy, name="query")
        self.key = Dense(units, use_bias=False, dtype=policy, name="key")
        self.value = Dense(units, use_bias=False, dtype=policy, name="value")
        self.attention_dropout = Dropout(dropout, dtype=policy, name="attention_dropout")
        if block in PROJECTED:
            self.attention_output = Dense(
                units, use_bias=False, dtype=policy, name="attention_output"
            )
            self.attention_norm = LayerNormalization(
                epsilon=1e-5, dtype=policy, name="attention_norm"
            )
        if block == "full":
            self.feedforward = Dense(
                FEEDFORWARD_RATIO * units, activation="relu", dtype=policy, name="feedforward"
            )
            self.feedforward_output = Dense(units, dtype=policy, name="feedforward_output")
            self.feedforward_dropout = Dropout(dropout, dtype=policy, name="feedforward_dropout")
            self.feedforward_norm = LayerNormalization(
                epsilon=1e-5, dtype=policy, name="feedforward_norm"
            )

    def build(self, local_features_shape, event_relevance_shape):
        width = local_features_shape[-1]
        if self.block in PROJECTED and width != self.units:
            raise ValueError(
                f'`units` must equal the width of `local_features` when block="{self.block}", '
                f"because of its residual. Received: units={self.units}, local_features of width "
                f"{width}."
            )
        for projection in (self.query, self.key, self.value):
            projection.build(local_features_shape)
        shape = (*local_features_shape[:-1], self.units)
        if self.block in PROJECTED:
            self.attention_output.build(shape)
            self.attention_norm.build(shape)
        if self.block == "full":
            self.feedforward.build(shape)
            self.feedforward_output.build((*shape[:-1], FEEDFORWARD_RATIO * self.units))
            self.feedforward_norm.build(shape)

    def compute_output_shape(self, local_features_shape, event_relevance_shape):
        return (local_features_shape[0], self.units)

    def call(self, local_features, event_relevance, training=None):
        relevance = ops.cast(event_relevance, "float32")
        # A non-finite absent segment would survive a weight of zero: 0 * nan is nan.
        local_features = ops.where(relevance[..., None] > 0, local_features, 0)
        x = self._attend(local_features, relevance)  # (B, T, units)
        if self.block in PROJECTED:
            x = self.attention_output(x)
        x = self.attention_dropout(x, training=training)
        if self.block in PROJECTED:
            x = self.attention_norm(local_features + x)
        if self.block == "full":
            hidden = self.feedforward_output(self.feedforward(x))
            x = self.feedforward_norm(x + self.feedforward_dropout(hidden, training=training))
        return self._mean(x, relevance)

    def _attend(self, local_features, relevance):
        """Eqs. 1 and 2 for every head: (B, T, units)."""
        # Scaled before the product, so that half precision does not overflow.
        query = self._split_heads(self.query(local_features)) / math.sqrt(self._head_shape[1])
        key = self._split_heads(self.key(local_features))
        value = self._split_heads(self.value(local_features))
        # The `where` keeps log(0), whose gradient is infinite, out of the graph. In a record
        # without an event the softmax is uniform; `_mean` then returns zeros for it.
        is_present = relevance[:, None, None, :] > 0  # (B, heads, queries, keys), broadcast
        log_relevance = ops.log(ops.where(is_present, relevance[:, None, None, :], 1.0))
        attended = ops.dot_product_attention(
            query, key, value, bias=log_relevance, mask=is_present, scale=1.0
        )
        return ops.reshape(attended, (-1, ops.shape(local_features)[1], self.units))

    def _split_heads(self, x):
        return ops.reshape(x, (-1, ops.shape(x)[1], *self._head_shape))

    def _mean(self, x, relevance):
        """Eqs. 3 and 4: the mean over the event; zeros for a record without one."""
        total = ops.sum(relevance, axis=1, keepdims=True)
        weights = relevance / ops.where(total > 0, total, 1.0)
        # In this order: LiteRT cannot convert the other one for relevance that is computed.
        mean = ops.einsum("btd,bt->bd", ops.cast(x, "float32"), weights)
        return ops.cast(mean, self.compute_dtype)

    def get_config(self):
        return {
            **super().get_config(),
            "units": self.units,
            "num_heads": self.num_heads,
            "block": self.block,
            "dropout": self.dropout,
        }
