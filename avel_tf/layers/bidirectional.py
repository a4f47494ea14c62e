"""Bidirectional recurrent layers that survive saving and loading."""

from typing import Any

import keras

from avel_tf.layers.two_bias_lstm import TwoBiasLSTMCell


def bidirectional(recurrence: keras.layers.RNN, **kwargs: Any) -> keras.layers.Bidirectional:
    """Returns `keras.layers.Bidirectional(recurrence)`, which keeps `recurrence` alive.

    `Bidirectional` copies the layer and drops the original. Keras identifies shared objects by
    `id()` while it loads a model, and Python reuses an `id()` after garbage collection. If the
    original were collected, a layer created later could be mistaken for it: two encoders would
    then share their weights, or the model would fail to load.

    Args:
        recurrence: The layer to copy.
        **kwargs: Passed to `keras.layers.Bidirectional`.
    """
    layer = keras.layers.Bidirectional(recurrence, **kwargs)
    # Wrapped in a function, so that Keras does not track the original as a sublayer.
    layer.keep_original = lambda: recurrence
    return layer


def bidirectional_lstm(units: int, dtype: Any, name: str) -> keras.layers.Bidirectional:
    """Returns an LSTM in both directions as published: two biases, an output for every segment.

    Args:
        units: Integer. Width of each direction.
        dtype: Dtype policy of the layers.
        name: String. Name of the layer.
    """
    cell = TwoBiasLSTMCell(units, dtype=dtype, name="cell")
    recurrence = keras.layers.RNN(cell, return_sequences=True, dtype=dtype, name="lstm")
    return bidirectional(recurrence, dtype=dtype, name=name)
