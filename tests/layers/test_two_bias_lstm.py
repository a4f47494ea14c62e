import keras
import numpy as np
import pytest

from avel_tf.layers import TwoBiasLSTMCell

UNITS, WIDTH = 4, 3


def make_cell(**kwargs):
    cell = TwoBiasLSTMCell(UNITS, **kwargs)
    cell.build((None, WIDTH))
    rng = np.random.default_rng(1)
    cell.set_weights([rng.normal(size=weight.shape) for weight in cell.get_weights()])
    return cell


def make_features(batch=2, segments=5):
    rng = np.random.default_rng(2)
    return rng.normal(size=(batch, segments, WIDTH)).astype("float32")


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def reference_step(x, h, c, weights):
    kernel, recurrent_kernel, bias, recurrent_bias = weights
    z = x @ kernel + bias + h @ recurrent_kernel + recurrent_bias
    i, f, g, o = (z[:, gate * UNITS : (gate + 1) * UNITS] for gate in range(4))
    c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
    return sigmoid(o) * np.tanh(c), c


def test_one_step():
    cell, rng = make_cell(), np.random.default_rng(3)
    x, h, c = make_features()[:, 0], *rng.normal(size=(2, 2, UNITS)).astype("float32")
    output, states = cell(x, [h, c])
    expected_output, expected_carry = reference_step(x, h, c, cell.get_weights())
    np.testing.assert_allclose(output, expected_output, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(states[0], expected_output, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(states[1], expected_carry, rtol=1e-5, atol=1e-6)


def test_known_answer():
    # With kernels 0, z = b + r = (0, 0, ln 3, 0) for gates i, f, g, o of one unit: a carry of 1
    # becomes 0.5 * 1 + 0.5 tanh(ln 3) = 0.5 + 0.5 * 0.8 = 0.9, and the output is 0.5 tanh(0.9).
    cell = TwoBiasLSTMCell(1)
    cell.build((None, 1))
    bias, recurrent_bias = np.array([[2, -1, np.log(3), 0], [-2, 1, 0, 0]])
    cell.set_weights([np.zeros((1, 4)), np.zeros((1, 4)), bias, recurrent_bias])
    output, states = cell(np.ones((1, 1)), [np.ones((1, 1)), np.ones((1, 1))])
    np.testing.assert_allclose(states[1], [[0.9]], rtol=1e-6)
    np.testing.assert_allclose(output, [[0.5 * np.tanh(0.9)]], rtol=1e-6)


@pytest.mark.parametrize(("batch", "segments"), [(2, 5), (1, 1)])
def test_equals_the_lstm_of_keras_with_the_sum_of_biases(batch, segments):
    cell, features = make_cell(), make_features(batch, segments)
    kernel, recurrent_kernel, bias, recurrent_bias = cell.get_weights()
    single = keras.layers.LSTM(UNITS, return_sequences=True)
    single.build((None, None, WIDTH))
    single.set_weights([kernel, recurrent_kernel, bias + recurrent_bias])
    layer = keras.layers.RNN(cell, return_sequences=True)
    np.testing.assert_allclose(layer(features), single(features), rtol=1e-4, atol=1e-6)


def test_weights_start_as_published():
    cell = TwoBiasLSTMCell(100)
    cell.build((None, 50))
    shapes = [weight.shape for weight in cell.get_weights()]
    assert shapes == [(50, 400), (100, 400), (400,), (400,)]
    for weight in cell.get_weights():  # uniform in +-1/sqrt(100)
        assert 0.09 < np.abs(weight).max() <= 0.1
        assert weight.min() < 0 < weight.max()
    assert not np.array_equal(cell.get_weights()[2], cell.get_weights()[3])


def test_every_weight_has_a_gradient(gradients):
    layer = keras.layers.RNN(make_cell(), return_sequences=True)
    for gradient in gradients(layer, make_features()):
        assert np.isfinite(gradient).all() and np.abs(gradient).max() > 0


@pytest.mark.parametrize("dtype", ["mixed_float16", "mixed_bfloat16"])
def test_half_precision(dtype):
    exact = keras.layers.RNN(make_cell())(make_features())
    half = keras.layers.RNN(make_cell(dtype=dtype), dtype=dtype)(make_features())
    assert keras.backend.standardize_dtype(half.dtype) == dtype.removeprefix("mixed_")
    np.testing.assert_allclose(np.asarray(half, "float32"), exact, atol=0.05)


def test_config_and_symbolic_shape():
    layer = keras.layers.Bidirectional(
        keras.layers.RNN(make_cell(name="cell"), return_sequences=True)
    )
    copy = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(layer))
    cell = copy.forward_layer.cell
    assert isinstance(cell, TwoBiasLSTMCell) and (cell.units, cell.name) == (UNITS, "cell")
    assert copy(keras.KerasTensor((None, None, WIDTH))).shape == (None, None, 2 * UNITS)


def test_errors_name_the_argument():
    with pytest.raises(ValueError, match="`units` must be a positive integer. .* units=0."):
        TwoBiasLSTMCell(0)
