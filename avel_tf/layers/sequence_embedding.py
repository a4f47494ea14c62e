"""Alternatives to self-attention for the global feature of one modality."""

from typing import Any

import keras
import numpy as np
from keras import ops
from keras.layers import GRU, LSTM, SimpleRNN

from avel_tf.choices import SEQUENCE_EMBEDDINGS
from avel_tf.layers.bidirectional import bidirectional
from avel_tf.utils.arguments import check_choice, check_positive_integer

ABSENT = float(np.finfo("float32").min)  # never the maximum where a segment is present


@keras.saving.register_keras_serializable(package="avel_tf")
class SequenceEmbedding(keras.layers.Layer):
    """Computes the global feature of an event with a recurrent network or by pooling.

    Replaces `EventMaskedSelfAttention` in the ablations of Table 3. A segment of zero relevance
    has no effect: recurrent networks carry their state past it, pooling leaves it out. A record
    without an event yields zeros. Recurrent networks see the order of the event's segments, but
    not its position in the record.

    B: batch, T: segments, D: feature width.

    Args:
        units: Integer. Width of the global feature.
        kind: `"rnn"`, `"lstm"` or `"gru"`: last state of that network, of width `units`.
            `"blstm"`: last states of an LSTM in each direction, each half that width.
            `"average"`: mean weighted by relevance. `"max"`: maximum. All but the mean treat
            all segments of non-zero relevance alike.
    Call arguments:
        local_features: Float tensor (B, T, D), one row per second; for `"average"` and `"max"`,
            which have no weights, D must equal `units`.
        event_relevance: Tensor (B, T) in [0, 1].
        training: Boolean. Passed to the recurrent network.
    Returns:
        Float tensor (B, units).
    Raises:
        ValueError: If an argument is out of range, or `units` does not suit `kind`.
    Example:

    ```python
    layer = SequenceEmbedding(units=256, kind="gru")
    event_relevance = np.array([[0, 0, 1, 1, 1, 1, 0, 0, 0, 0]])
    global_feature = layer(np.ones((1, 10, 128)), event_relevance)
    assert global_feature.shape == (1, 256)
    ```

    Reference: Wu et al., ICCV 2019, section 4.3, Table 3.
    """

    def __init__(self, units: int, kind: str, **kwargs: Any):
        check_positive_integer("units", units)
        check_choice("kind", kind, SEQUENCE_EMBEDDINGS)
        if kind == "blstm" and units % 2:
            raise ValueError(f'`units` must be even when kind="blstm". Received: units={units}.')
        super().__init__(**kwargs)
        self.units = units
        self.kind = kind
        self.is_recurrent = kind not in ("average", "max")
        if self.is_recurrent:
            self.recurrence = self._make_recurrence()

    def _make_recurrence(self):
        policy = self.dtype_policy  # otherwise sublayers would use the global one
        if self.kind == "rnn":
            return SimpleRNN(self.units, dtype=policy, name="recurrence")
        # cuDNN supports only right-padded masks, but an event may begin late.
        if self.kind == "gru":
            return GRU(self.units, use_cudnn=False, dtype=policy, name="recurrence")
        if self.kind == "lstm":
            return LSTM(self.units, use_cudnn=False, dtype=policy, name="recurrence")
        one_direction = LSTM(self.units // 2, use_cudnn=False, dtype=policy, name="lstm")
        return bidirectional(one_direction, dtype=policy, name="recurrence")

    def build(self, local_features_shape, event_relevance_shape):
        width = local_features_shape[-1]
        if self.is_recurrent:
            self.recurrence.build(local_features_shape)
        elif width != self.units:
            raise ValueError(
                f'`units` must equal the width of `local_features` when kind="{self.kind}", as it '
                f"has no weights. Received: units={self.units}, local_features of width {width}."
            )

    def call(self, local_features, event_relevance, training=None):
        relevance = ops.cast(event_relevance, "float32")
        present = relevance > 0
        # Zeroed, because an absent segment's values must reach neither output nor gradient.
        x = ops.where(present[..., None], local_features, 0)
        if self.is_recurrent:
            return self.recurrence(x, mask=present, training=training)
        x = ops.cast(x, "float32")
        pooled = self._average(x, relevance) if self.kind == "average" else self._max(x, present)
        return ops.cast(pooled, self.compute_dtype)

    def _average(self, x, relevance):
        total = ops.sum(relevance, axis=1, keepdims=True)
        weights = relevance / ops.where(total > 0, total, 1.0)
        # In this order: LiteRT cannot convert the other one for relevance that is computed.
        return ops.einsum("btd,bt->bd", x, weights)

    def _max(self, x, present):
        maximum = ops.max(ops.where(present[..., None], x, ABSENT), axis=1)
        return ops.where(ops.any(present, axis=1)[:, None], maximum, 0.0)

    def get_config(self):
        return {**super().get_config(), "units": self.units, "kind": self.kind}
