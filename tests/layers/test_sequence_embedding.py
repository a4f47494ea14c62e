import keras
import numpy as np
import pytest

from avel_tf.choices import SEQUENCE_EMBEDDINGS
from avel_tf.layers import SequenceEmbedding

RECURRENT = ["rnn", "lstm", "gru", "blstm"]
EVENTS = [slice(0, 10), slice(2, 7), slice(9, 10)]


def make_layer(kind, width=6, **kwargs):
    layer = SequenceEmbedding(width, kind, **kwargs)
    layer.build((None, None, width), (None, None))
    rng = np.random.default_rng(1)
    layer.set_weights([rng.normal(size=weight.shape) for weight in layer.get_weights()])
    return layer


def make_features(batch=3, segments=10, width=6):
    return np.random.default_rng(2).normal(size=(batch, segments, width)).astype("float32")


def make_relevance():
    """Returns one event per record: all of it, its middle, its last segment."""
    event_relevance = np.zeros((3, 10), "float32")
    for row, event in enumerate(EVENTS):
        event_relevance[row, event] = 1
    return event_relevance


def test_known_answers_of_pooling():
    # Relevances 1 and 1/3 weight the mean by 3/4 and 1/4; the maximum treats both alike, and is
    # below zero where the whole event is.
    features = np.array([[[4.0, -2.0], [8.0, -6.0], [9.0, 9.0]]])
    event_relevance = np.array([[1, 1 / 3, 0]])
    average = SequenceEmbedding(2, "average")(features, event_relevance)
    np.testing.assert_allclose(average, [[5.0, -3.0]], rtol=1e-6)
    maximum = SequenceEmbedding(2, "max")(features, event_relevance)
    np.testing.assert_array_equal(maximum, [[8.0, -2.0]])


def test_known_answer_of_the_simple_recurrent_network():
    # h = tanh(x + h): the event is (1, 2), on either side of an absent segment.
    layer = SequenceEmbedding(1, "rnn")
    layer.build((None, None, 1), (None, None))
    layer.set_weights([np.ones((1, 1)), np.ones((1, 1)), np.zeros(1)])
    output = layer(np.array([[[7.0], [1.0], [7.0], [2.0], [7.0]]]), np.array([[0, 1, 0, 1, 0]]))
    np.testing.assert_allclose(output, [[np.tanh(2 + np.tanh(1))]], rtol=1e-6)


@pytest.mark.parametrize("kind", SEQUENCE_EMBEDDINGS)
def test_equals_the_embedding_of_the_cropped_event(kind):
    layer, features = make_layer(kind), make_features()
    output = layer(features, make_relevance())
    for row, event in enumerate(EVENTS[1:], start=1):
        cropped = features[row : row + 1, event]
        expected = layer(cropped, np.ones(cropped.shape[:2]))
        np.testing.assert_allclose(output[row : row + 1], expected, rtol=1e-5, atol=1e-6)
    # Outputs differ between records, so none of the above is a constant.
    assert np.abs(output[0] - output[1]).max() > 0.01


@pytest.mark.parametrize("kind", SEQUENCE_EMBEDDINGS)
def test_the_position_of_the_event_changes_nothing(kind):
    layer, event = make_layer(kind), make_features(segments=4)
    outputs = []
    for start in (0, 3, 6):
        features = make_features()
        features[:, start : start + 4] = event
        event_relevance = np.zeros((3, 10))
        event_relevance[:, start : start + 4] = 1
        outputs.append(np.asarray(layer(features, event_relevance)))
    np.testing.assert_allclose(outputs[1], outputs[0], rtol=1e-6)
    np.testing.assert_allclose(outputs[2], outputs[0], rtol=1e-6)


@pytest.mark.parametrize("kind", SEQUENCE_EMBEDDINGS)
def test_segments_of_zero_relevance_change_nothing(kind):
    layer, features, event_relevance = make_layer(kind), make_features(), make_relevance()
    event_relevance[1, 4] = 0  # a gap in the event too
    filling = np.where(np.arange(10) < 8, 1e30, np.nan)[:, None]
    other = np.where(event_relevance[..., None] > 0, features, filling.astype("float32"))
    np.testing.assert_array_equal(layer(features, event_relevance), layer(other, event_relevance))


@pytest.mark.parametrize("kind", [*RECURRENT, "max"])
def test_every_relevance_above_zero_is_present(kind):
    layer, features, event_relevance = make_layer(kind), make_features(), make_relevance()
    np.testing.assert_array_equal(
        layer(features, 0.1 * event_relevance), layer(features, event_relevance)
    )


@pytest.mark.parametrize("kind", SEQUENCE_EMBEDDINGS)
def test_only_recurrent_networks_see_the_order(kind):
    layer, features, event_relevance = make_layer(kind), make_features(), np.ones((3, 10))
    output = np.asarray(layer(features, event_relevance))
    order = [2, 0, 1]
    np.testing.assert_allclose(layer(features[order], event_relevance), output[order], rtol=1e-5)
    backwards = np.asarray(layer(features[:, ::-1].copy(), event_relevance))
    if kind in RECURRENT:
        assert np.abs(backwards - output).min() > 1e-4
    else:
        np.testing.assert_allclose(backwards, output, rtol=1e-5)


@pytest.mark.filterwarnings("ignore:Gradients do not exist")  # of a relevance that only masks
@pytest.mark.parametrize("kind", SEQUENCE_EMBEDDINGS)
def test_all_background_is_zero_with_finite_gradients(kind, gradients):
    layer, features, event_relevance = make_layer(kind), make_features(), make_relevance()
    event_relevance[1] = 0
    output = layer(features, event_relevance)
    np.testing.assert_array_equal(output[1], np.zeros(6))
    assert np.abs(output[0]).max() > 0
    of_features, *others = gradients(layer, features, event_relevance)
    for gradient in (of_features, *others):
        assert np.isfinite(gradient).all()
    np.testing.assert_array_equal(of_features[event_relevance == 0], 0.0)
    assert np.abs(of_features[0]).max() > 0


@pytest.mark.parametrize("kind", SEQUENCE_EMBEDDINGS)
def test_half_precision(kind):
    exact, half = make_layer(kind), make_layer(kind, dtype="mixed_bfloat16")
    features, event_relevance = make_features(), make_relevance()
    event_relevance[2] = 0
    output = half(features, event_relevance)
    assert keras.backend.standardize_dtype(output.dtype) == "bfloat16"
    assert {weight.dtype for weight in half.weights} <= {"float32"}
    output = np.asarray(output, "float32")
    np.testing.assert_allclose(output, exact(features, event_relevance), atol=0.2)
    np.testing.assert_array_equal(output[2], np.zeros(6))


@pytest.mark.parametrize("kind", SEQUENCE_EMBEDDINGS)
def test_config_and_symbolic_shape(kind):
    layer = make_layer(kind, name="embedding")
    copy = SequenceEmbedding.from_config(layer.get_config())
    assert (copy.name, copy.units, copy.kind) == ("embedding", 6, kind)
    assert copy.get_config() == layer.get_config()
    output = copy(keras.KerasTensor((None, None, 6)), keras.KerasTensor((None, None)))
    assert output.shape == (None, 6)
    assert [weight.shape for weight in copy.weights] == [weight.shape for weight in layer.weights]


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("rnn", 6 * 6 + 6 * 6 + 6),
        ("lstm", 4 * (6 * 6 + 6 * 6 + 6)),
        ("gru", 3 * (6 * 6 + 6 * 6 + 2 * 6)),
        ("blstm", 2 * 4 * (6 * 3 + 3 * 3 + 3)),
        ("average", 0),
        ("max", 0),
    ],
)
def test_parameters(kind, expected):
    assert make_layer(kind).count_params() == expected


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((0, "rnn"), "`units` must be a positive integer. Received: units=0."),
        ((8, "mean"), "`kind` must be one of .* Received: kind='mean'."),
        ((7, "blstm"), '`units` must be even when kind="blstm". Received: units=7.'),
    ],
)
def test_errors_name_the_argument(arguments, message):
    with pytest.raises(ValueError, match=message):
        SequenceEmbedding(*arguments)


@pytest.mark.parametrize("kind", ["average", "max"])
def test_pooling_keeps_the_width(kind):
    with pytest.raises(ValueError, match="units=8, local_features of width 6"):
        SequenceEmbedding(8, kind)(np.ones((1, 2, 6)), np.ones((1, 2)))
