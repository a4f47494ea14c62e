"""Both directions of a recurrent layer, also in a model that is loaded."""

from typing import Any

import keras


def bidirectional(recurrence: keras.layers.RNN, **kwargs: Any) -> keras.layers.Bidirectional:
    """`keras.layers.Bidirectional` of a layer that it keeps.

    It copies the layer by its configuration. While Keras loads a model it takes objects of one
    address for one object: had the layer ended, the next one made could be taken for it, and two
    encoders would share what they learned, or the model would not load.

    Args:
        recurrence: The layer to copy.
        **kwargs: Of `keras.layers.Bidirectional`.
    """
    layer = keras.layers.Bidirectional(recurrence, **kwargs)
    layer.keep_original = lambda: recurrence  # in a function: it is no layer of the model
    return layer
