import keras
import numpy as np
import pytest

from avel_tf.models import CrossModalBackgroundSuppression
from avel_tf.models.followers.suppression import Suppression, _mean_of_largest, attend

SMALL = {"num_categories": 4, "audio_dim": 6, "visual_shape": (2, 3, 8), "units": 4}


def dense(inputs, units):
    return (inputs + 1) * units


def lstm(inputs, units):
    """Two directions of four gates: a row for every input, and two biases."""
    return 2 * 4 * units * (inputs + units + 2)


def block(feedforward):
    """Four projections of 256, the two layers of the feed-forward, two normalizations."""
    return 4 * dense(256, 256) + dense(256, feedforward) + dense(feedforward, 256) + 4 * 256


def pool(inputs, guide):
    return dense(inputs, 256) + dense(guide, 256) + dense(256, 1)


def cmbs_size(feedforward):
    """Counts the layers of the published description, in its order."""
    regions = dense(512, 512)
    spatial = 2 * dense(512, 128) + dense(512, 512) + 2 * 512 + pool(512, 512)
    channel = dense(128, 512) + dense(512, 512) + dense(512, 256) + dense(256, 512)
    recurrent = lstm(128, 128) + lstm(512, 256)
    # Of the memory and of the query, from the LSTM's outputs of both modalities.
    projections = 2 * (dense(256, 256) + dense(512, 256))
    attention = 2 * (2 * block(1024) + block(feedforward))
    heads = 2 * dense(256, 1) + 2 * dense(256, 28)
    interaction = 2 * (4 * dense(256, 256) + 2 * 256)
    decision = dense(256, 1) + dense(256, 28)
    parts = (regions, spatial, channel, pool(512, 128), recurrent, projections, attention, heads)
    return sum(parts) + interaction + decision


def zeroed(model):
    """Sets all weights to 0 and returns its layers by name."""
    model.set_weights([np.zeros(weight.shape) for weight in model.weights])
    return {layer.name: layer for layer in model.layers}


def test_size_of_the_description():
    assert CrossModalBackgroundSuppression().count_params() == cmbs_size(1024)


def test_known_answer(make_batch):
    model = CrossModalBackgroundSuppression(**SMALL)
    layers = zeroed(model)
    layers["audio_gate"].bias.assign([np.log(1 / 3)])  # 0.25
    layers["visual_gate"].bias.assign([np.log(3)])  # 0.75
    layers["audio_cross_norm"].beta.assign([1] * 4)  # times 1 + 0.1 * 0.75: 1.075
    layers["visual_cross_norm"].beta.assign([2] * 4)  # times 1 + 0.1 * 0.25: 2.05
    first = np.eye(4)[[0] * 4]
    layers["audio_category"].kernel.assign(first)  # 4 * 1.075 = 4.3
    layers["visual_category"].kernel.assign(first)  # 4 * 2.05 = 8.2
    layers["visual_interaction_norm"].beta.assign([3] * 4)
    layers["audio_interaction_norm"].beta.assign([5] * 4)  # the mean of both is 4
    layers["event_relevance"].kernel.assign([[0.25]] * 4)
    layers["event_category"].kernel.assign(0.5 * np.eye(4)[[1] * 4])
    outputs = model.predict_on_batch(make_batch(batch=1, segments=5)[0])
    expected = {
        "modality_category_logits": [[6.25, 0, 0, 0]],  # the mean of 4.3 and 8.2
        "event_category_logits": [[0.3 * 6.25, 8, 0, 0]],
        "event_relevance_logits": [[4.0] * 5],
        "event_relevance_probabilities": [[1 / (1 + np.exp(-4))] * 5],
        "joint_gate_probabilities": [[0.25 * 0.75] * 5],
        "segment_label": [[1] * 5],
    }
    assert outputs.keys() == expected.keys()
    for name, values in expected.items():
        np.testing.assert_allclose(outputs[name], values, rtol=1e-5, err_msg=name)


def test_regions_are_pooled_with_the_gate_of_the_sound():
    policy = keras.dtype_policies.get("float32")
    parts = Suppression(4, units=4, feedforward=16, threshold=0.5, dtype=policy)
    audio, regions = keras.Input((None, 6)), keras.Input((None, 3, 8))
    model = keras.Model([audio, regions], parts.pooled(audio, regions, parts.norm("spatial")))
    layers = zeroed(model)
    layers["spatial_norm"].beta.assign([np.log(3)] * 8)  # σ(s̄) = 0.75
    values = np.arange(24.0).reshape(1, 1, 3, 8)
    pooled = model([np.ones((1, 1, 6)), values])
    # Uniform weights; the gate is σ(0) = 0.5.
    expected = values.mean(axis=2) * 1.5 * (1 + 0.4 * 0.75)
    np.testing.assert_allclose(pooled, expected, rtol=1e-5)


def test_attention_is_unscaled_and_leaves_out_padding():
    query, value = np.array([[[np.log(3), 0.0]]]), np.array([[[1.0], [9.0], [50.0]]])
    key = np.array([[[1.0, 0.0], [0.0, 1.0], [5.0, 5.0]]])
    result = attend(query, key, value, np.array([[1.0, 1.0, 0.0]]))
    np.testing.assert_allclose(result, [[[3 / 4 * 1 + 1 / 4 * 9]]], rtol=1e-5)


def test_a_modality_decides_by_its_four_largest_segments():
    logits = np.array([[[1.0], [6.0], [-3.0], [5.0], [4.0], [100.0]]], "float32")
    mean = _mean_of_largest(logits, np.array([[1, 1, 1, 1, 1, 0]], "float32"))
    np.testing.assert_allclose(mean, [[(6 + 5 + 4 + 1) / 4]])
    mean = _mean_of_largest(logits, np.array([[1, 1, 1, 0, 0, 0]], "float32"))
    np.testing.assert_allclose(mean, [[(1 + 6 - 3) / 3]], rtol=1e-6)


def test_its_threshold_decides_and_is_kept(make_batch):
    features, _ = make_batch(batch=1, segments=2)
    for threshold, label in ((0.98, 0), (0.99, 4)):
        model = CrossModalBackgroundSuppression(**SMALL, threshold=threshold)
        zeroed(model)["event_relevance"].bias.assign([4.0])  # a relevance of 0.982
        copy = CrossModalBackgroundSuppression.from_config(model.get_config())
        copy.set_weights(model.get_weights())
        np.testing.assert_array_equal(copy(features)["segment_label"], [[label] * 2])
    with pytest.raises(ValueError, match="`threshold` must be a number from 0 to 1."):
        CrossModalBackgroundSuppression(threshold=60)


def test_width_is_divided_among_heads():
    with pytest.raises(ValueError, match="`units` must be a multiple of 4. Received: units=6."):
        CrossModalBackgroundSuppression(units=6)
