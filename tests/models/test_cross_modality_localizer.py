import keras
import numpy as np
import pytest

from avel_tf.models import CrossModalityLocalizer

NAMES = ["audio_relevance_logits", "visual_relevance_logits", "event_relevance_probabilities"]


@pytest.fixture
def inputs(make_batch):
    features, labels = make_batch()
    return {**features, "event_relevance": labels["event_relevance"]}


def test_published_sizes():
    model = CrossModalityLocalizer()
    assert {name: tensor.shape for name, tensor in model.input.items()} == {
        "audio_features": (None, None, 128),
        "visual_features": (None, None, 7, 7, 512),
        "event_relevance": (None, None),
    }
    assert model.count_params() == (128 + 1) * 256 + (512 + 1) * 256 + 6 * 256 * 256


def test_matches_the_spatial_mean_with_the_query(arguments, inputs, randomize):
    model = randomize(CrossModalityLocalizer(**arguments))
    mean = inputs["visual_features"].reshape(4, 10, 6, 8).mean(axis=2)
    matches = model.matching({**inputs, "visual_features": mean})
    outputs = model(inputs)
    assert set(outputs) == set(NAMES)
    for name in NAMES:
        np.testing.assert_allclose(outputs[name], matches[name], rtol=1e-5)


@pytest.mark.parametrize("block", ["plain", "full"])
def test_a_candidate_never_sees_the_querys_modality(arguments, inputs, randomize, block):
    # Cosine-free check: with the query fixed, the score of candidate t depends on the features
    # of the candidates' modality at t alone, and the query on its own segments alone.
    model = randomize(CrossModalityLocalizer(block=block, **arguments))
    outputs = model(inputs)
    is_event = inputs["event_relevance"] > 0
    for changed_features, candidates, query in (
        ("audio_features", NAMES[0], NAMES[1]),
        ("visual_features", NAMES[1], NAMES[0]),
    ):
        features = inputs[changed_features].copy()
        features[~is_event] += 3
        changed = model({**inputs, changed_features: features})
        np.testing.assert_array_equal(changed[query], outputs[query])
        same = np.asarray(changed[candidates] == outputs[candidates])
        np.testing.assert_array_equal(same, is_event)


def test_position_stays_out(arguments, inputs):
    model = CrossModalityLocalizer(normalization="batch", **arguments)
    outputs = model(inputs)
    order = np.random.default_rng(0).permutation(10)
    moved = model({name: tensor[:, order] for name, tensor in inputs.items()})
    for name, output in outputs.items():
        output = np.asarray(output)[:, order]
        np.testing.assert_allclose(moved[name], output, rtol=1e-4, atol=1e-5)


def test_batch_normalization_of_the_audio_and_of_the_mean_of_the_map(arguments, inputs):
    model = CrossModalityLocalizer(normalization="batch", **arguments)
    # Inference normalizes by running statistics: the same as features normalized beforehand.
    audio = inputs["audio_features"]
    visual = inputs["visual_features"].mean(axis=(2, 3))
    normalized = {"event_relevance": inputs["event_relevance"]}
    for layer, name, feature in (
        (model.audio_normalization, "audio_features", audio),
        (model.visual_normalization, "visual_features", visual),
    ):
        assert (layer.momentum, layer.input.shape[-1]) == (0.9, feature.shape[-1])
        mean, variance = feature.mean(axis=(0, 1)), feature.var(axis=(0, 1))
        layer.set_weights([np.ones_like(mean), np.zeros_like(mean), mean, variance])
        normalized[name] = (feature - mean) / np.sqrt(variance + layer.epsilon)
    outputs, matches = model(inputs), model.matching(normalized)
    for name, output in outputs.items():
        np.testing.assert_allclose(output, matches[name], rtol=1e-4, atol=1e-5)


@pytest.mark.filterwarnings("ignore:You are using a softmax over axis")  # of one segment
@pytest.mark.parametrize(("batch", "segments"), [(1, 1), (1, 10), (2, 1)])
@pytest.mark.parametrize("block", ["plain", "full"])
def test_edges(arguments, make_batch, batch, segments, block):
    features, _ = make_batch(batch, segments)
    model = CrossModalityLocalizer(block=block, normalization="batch", **arguments)
    outputs = model({**features, "event_relevance": np.zeros((batch, segments))})
    # Without a query no candidate is more likely than another.
    np.testing.assert_array_equal(outputs[NAMES[0]], np.zeros((batch, segments)))
    np.testing.assert_array_equal(outputs[NAMES[2]], np.full((batch, segments), 0.5))


def test_config_round_trip(arguments):
    model = CrossModalityLocalizer(
        block="full", dropout=0.1, normalization="batch", name="cml", trainable=False, **arguments
    )
    copy = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(model))
    assert isinstance(copy, CrossModalityLocalizer)
    assert copy.get_config() == model.get_config()
    assert (copy.name, copy.trainable, copy.block) == ("cml", False, "full")
    assert [weight.path for weight in copy.weights] == [weight.path for weight in model.weights]


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"visual_shape": [7, 7]}, r"`visual_shape` must be .* visual_shape=\[7, 7\]."),
        ({"normalization": True}, r"`normalization` must be one of .* normalization=True."),
        ({"units": 10}, r"`num_heads` must divide `units`. Received: num_heads=4, units=10."),
    ],
)
def test_errors_name_the_argument(wrong, message):
    with pytest.raises(ValueError, match=message):
        CrossModalityLocalizer(**wrong)
