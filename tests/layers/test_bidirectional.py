import gc
import weakref

import keras
import numpy as np

from avel_tf.layers.bidirectional import bidirectional


def test_the_original_lives_as_long_as_its_copies():
    # Otherwise a later layer could reuse its id() and be mistaken for it while a model loads.
    original = keras.layers.LSTM(2)
    layer, reference = bidirectional(original, name="both"), weakref.ref(original)
    del original
    gc.collect()
    assert reference() is not None
    del layer
    gc.collect()
    assert reference() is None


def test_is_a_bidirectional_layer_of_two_copies():
    original = keras.layers.LSTM(2, return_sequences=True)
    layer = bidirectional(original)
    assert layer(np.ones((1, 3, 4), "float32")).shape == (1, 3, 4)
    assert len(layer.weights) == 2 * 3
    assert not original.built and layer.forward_layer is not original
