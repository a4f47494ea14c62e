import numpy as np
import pytest

from avel_tf.layers.late_start import LateStart


def test_it_passes_zeros_while_it_is_closed():
    inputs = np.array([[1.0, -2.0]], "float32")
    layer = LateStart(25)
    np.testing.assert_array_equal(layer(inputs), inputs)
    layer.is_open.assign(0.0)
    np.testing.assert_array_equal(layer(inputs), np.zeros((1, 2)))
    assert not layer.trainable_weights and layer.get_config()["epoch"] == 25


def test_epochs_are_counted_from_one():
    with pytest.raises(ValueError, match="`epoch` must be a positive integer. Received: epoch=0."):
        LateStart(0)
