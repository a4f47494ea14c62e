import keras
import numpy as np
import pytest

from avel_tf.choices import BLOCKS
from avel_tf.layers import EventMaskedSelfAttention


def make_layer(block, width=8, num_heads=2, **kwargs):
    layer = EventMaskedSelfAttention(width, num_heads=num_heads, block=block, **kwargs)
    layer.build((None, None, width), (None, None))
    rng = np.random.default_rng(1)
    layer.set_weights([rng.normal(size=weight.shape) for weight in layer.get_weights()])
    return layer


def make_features(batch=3, segments=10, width=8):
    return np.random.default_rng(2).normal(size=(batch, segments, width)).astype("float32")


def normalize(x, scale, offset):
    x = x - x.mean(axis=-1, keepdims=True)
    return x / np.sqrt((x**2).mean(axis=-1, keepdims=True) + 1e-5) * scale + offset


def reference(features, weights, block, num_heads=2):
    """Computes the global feature of one event (segments, width), one head after the other."""
    query, key, value, *rest = weights
    num_heads = 1 if block == "equations" else num_heads
    heads = []
    for columns in np.split(np.arange(query.shape[1]), num_heads):
        q, k, v = (features @ matrix[:, columns] for matrix in (query, key, value))
        scores = np.exp(q @ k.T / np.sqrt(len(columns)))
        heads.append(scores / scores.sum(axis=1, keepdims=True) @ v)
    x = np.concatenate(heads, axis=1)
    if block in ("residual", "full"):
        output, scale, offset, *rest = rest
        x = normalize(features + x @ output, scale, offset)
    if block == "full":
        hidden, hidden_bias, last, last_bias, scale_2, offset_2 = rest
        forward = np.maximum(x @ hidden + hidden_bias, 0) @ last + last_bias
        x = normalize(x + forward, scale_2, offset_2)
    return x.mean(axis=0)


def test_known_answer():
    # W_q = W_k = W_v = 1, one head of width 2, segments (a, 0) and (0, a) with a^2 / sqrt(2) =
    # ln 3: exp(score) is 3 with itself and 1 with the other. With relevances 1 and 1/3, the
    # attention weights are (3, 1/3) / (10/3) = (0.9, 0.1) and (1, 1) / 2 = (0.5, 0.5); the mean
    # weights the two rows by 3/4 and 1/4: a (0.675 + 0.125, 0.075 + 0.125) = a (0.8, 0.2).
    a = np.sqrt(np.sqrt(2) * np.log(3))
    layer = EventMaskedSelfAttention(2, num_heads=1)
    layer.build((None, None, 2), (None, None))
    layer.set_weights([np.eye(2)] * 3)
    output = layer(np.array([[[a, 0.0], [0.0, a]]]), np.array([[1.0, 1 / 3]]))
    np.testing.assert_allclose(output, [[0.8 * a, 0.2 * a]], rtol=1e-6)


@pytest.mark.parametrize("block", BLOCKS)
def test_equals_attention_over_only_the_event(block):
    layer, features = make_layer(block), make_features()
    event_relevance = np.zeros((3, 10), "float32")
    events = [slice(0, 10), slice(2, 7), slice(9, 10)]
    for row, event in enumerate(events):
        event_relevance[row, event] = 1
    expected = [
        reference(features[row, event], layer.get_weights(), block)
        for row, event in enumerate(events)
    ]
    np.testing.assert_allclose(layer(features, event_relevance), expected, rtol=2e-4, atol=1e-5)


def test_is_the_multi_head_attention_of_keras_under_a_mask():
    layer, features = make_layer("residual"), make_features()
    event_relevance = np.zeros((3, 10), "float32")
    event_relevance[:, 2:7] = 1
    query, key, value, output, scale, offset = layer.get_weights()
    theirs = keras.layers.MultiHeadAttention(num_heads=2, key_dim=4, use_bias=False)
    theirs.build(features.shape, features.shape)
    by_head = [matrix.reshape(8, 2, 4) for matrix in (query, key, value)]
    theirs.set_weights([*by_head, output.reshape(2, 4, 8)])
    mask = event_relevance[:, None, :] > 0
    attended = np.asarray(theirs(features, features, attention_mask=mask))
    expected = normalize(features + attended, scale, offset)[:, 2:7].mean(axis=1)
    np.testing.assert_allclose(layer(features, event_relevance), expected, rtol=2e-4, atol=1e-5)


@pytest.mark.parametrize("block", BLOCKS)
def test_segments_of_zero_relevance_change_nothing(block):
    layer, features = make_layer(block), make_features()
    event_relevance = np.zeros((3, 10), "float32")
    event_relevance[:, 3:6] = 0.5
    other = features.copy()
    other[:, :2], other[:, 2], other[:, 6:] = 1e4, np.nan, -1e30  # would win any softmax
    np.testing.assert_array_equal(layer(features, event_relevance), layer(other, event_relevance))


@pytest.mark.parametrize("block", BLOCKS)
def test_order_of_records_and_segments(block):
    layer, features = make_layer(block), make_features()
    event_relevance = np.random.default_rng(3).uniform(size=(3, 10)).astype("float32")
    output = np.asarray(layer(features, event_relevance))
    permuted = layer(features[[2, 0, 1]], event_relevance[[2, 0, 1]])
    np.testing.assert_allclose(permuted, output[[2, 0, 1]], rtol=1e-5, atol=1e-6)
    # No position is encoded: the segments in any order are the same event.
    reversed_in_time = layer(features[:, ::-1], event_relevance[:, ::-1])
    np.testing.assert_allclose(reversed_in_time, output, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("block", BLOCKS)
def test_what_is_absent_is_zero_with_gradients_of_zero(block, gradients):
    layer, features = make_layer(block), make_features()
    event_relevance = np.ones((3, 10), "float32")
    event_relevance[1] = 0
    output = layer(features, event_relevance)
    np.testing.assert_array_equal(output[1], np.zeros(8))
    assert np.abs(output[0]).max() > 0
    event_relevance[2, 4:] = 0
    # Including the gradient of the relevance, which another model may predict.
    of_features, *rest = gradients(layer, features, event_relevance)
    np.testing.assert_array_equal(of_features[event_relevance == 0], 0)
    assert np.abs(of_features[event_relevance > 0]).min() > 0
    for gradient in (of_features, *rest):
        assert np.isfinite(gradient).all()


@pytest.mark.filterwarnings("ignore:You are using a softmax over axis")  # of one segment
@pytest.mark.parametrize("block", BLOCKS)
def test_one_segment_and_one_record(block):
    layer, features = make_layer(block), make_features(batch=1, segments=1)
    expected = reference(features[0], layer.get_weights(), block)
    np.testing.assert_allclose(layer(features, np.ones((1, 1)))[0], expected, rtol=1e-4, atol=1e-5)


def test_large_scores_are_finite():
    layer = make_layer("plain")
    output = layer(1e4 * make_features(), np.ones((3, 10)))
    assert np.isfinite(output).all()


@pytest.mark.parametrize("dtype", ["mixed_float16", "mixed_bfloat16"])
@pytest.mark.parametrize("block", BLOCKS)
def test_half_precision(block, dtype):
    exact, half = make_layer(block), make_layer(block, dtype=dtype)
    features, event_relevance = make_features(), np.ones((3, 10), "float32")
    event_relevance[:, :4] = 0
    event_relevance[2] = 0
    output = half(features, event_relevance)
    assert keras.backend.standardize_dtype(output.dtype) == half.compute_dtype
    np.testing.assert_allclose(
        np.asarray(output, "float32"), exact(features, event_relevance), atol=0.3
    )
    np.testing.assert_array_equal(np.asarray(output[2], "float32"), np.zeros(8))


@pytest.mark.parametrize("block", BLOCKS)
def test_dropout_acts_only_in_training(block):
    layer, plain = make_layer(block, dropout=0.5), make_layer(block)
    features, event_relevance = make_features(), np.ones((3, 10))
    np.testing.assert_array_equal(
        layer(features, event_relevance), plain(features, event_relevance)
    )
    trained = layer(features, event_relevance, training=True)
    assert np.abs(trained - plain(features, event_relevance)).max() > 0.01


@pytest.mark.parametrize("block", BLOCKS)
def test_config_and_symbolic_shape(block):
    layer = make_layer(block, dropout=0.1)
    copy = EventMaskedSelfAttention.from_config(layer.get_config())
    assert copy.get_config() == layer.get_config()
    assert (copy.units, copy.num_heads, copy.block, copy.dropout) == (8, 2, block, 0.1)
    output = copy(keras.KerasTensor((None, None, 8)), keras.KerasTensor((None, None)))
    assert output.shape == (None, 8)
    copy.set_weights(layer.get_weights())
    features, event_relevance = make_features(), np.ones((3, 10))
    np.testing.assert_array_equal(copy(features, event_relevance), layer(features, event_relevance))


def test_sizes_are_those_of_the_equations_and_of_vaswani():
    for block in ("equations", "plain"):
        assert make_layer(block, width=16).count_params() == 3 * 16 * 16
    assert make_layer("residual", width=16).count_params() == 4 * 256 + 32
    # 4 projections, 2 normalizations, and 16 -> 64 -> 16 with biases.
    assert make_layer("full", width=16).count_params() == 4 * 256 + 2 * 32 + 2 * 1024 + 64 + 16


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"units": 0}, "`units` must be a positive integer. Received: units=0."),
        ({"units": 8.0}, "`units` must be a positive integer. Received: units=8.0."),
        ({"units": 8, "num_heads": 3}, "must divide `units`. Received: num_heads=3, units=8."),
        ({"units": 8, "num_heads": True}, "`num_heads` must be a positive integer."),
        ({"units": 8, "block": "half"}, "`block` must be one of .* Received: block='half'."),
        ({"units": 8, "dropout": 1.5}, "`dropout` must be a number from 0 to 1. .*=1.5."),
    ],
)
def test_errors_name_the_argument(arguments, message):
    with pytest.raises(ValueError, match=message):
        EventMaskedSelfAttention(**arguments)


def test_the_equations_have_one_head():
    layer, features = make_layer("equations", num_heads=3), make_features()
    one = make_layer("plain", num_heads=1)
    relevance = np.ones((3, 10))
    np.testing.assert_array_equal(layer(features, relevance), one(features, relevance))


@pytest.mark.parametrize("block", ["residual", "full"])
def test_a_residual_needs_an_input_of_its_own_width(block):
    with pytest.raises(ValueError, match=f'"{block}".*units=8, local_features of width 6'):
        EventMaskedSelfAttention(8, block=block)(np.ones((1, 2, 6)), np.ones((1, 2)))
