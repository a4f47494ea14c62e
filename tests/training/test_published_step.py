"""One step of `faithful` settings is one of the published training, written from its description.

Facts: Tian et al., ECCV 2018, section 4, and the public training programs of its authors.
"""

import keras
import numpy as np
import pytest
import tensorflow as tf

from avel_tf import losses
from avel_tf.records import Description, segments_of
from avel_tf.training import train as training
from avel_tf.training.settings import system_training

RATE, MEAN_DECAY, SQUARE_DECAY = 1e-3, 0.9, 0.999
SMALL = Description(categories=("a", "b"), num_segments=3, audio_dim=4, visual_shape=(2, 2, 5))
BACKGROUND = 2
LABELS = {
    "event_category": np.array([1, 0]),
    "event_relevance": np.array([[0, 1, 1], [1, 1, 1]], np.float32),
    "segment_label": np.array([[BACKGROUND, 1, 1], [0, 0, 0]]),
}


def adam(weight, gradient, epsilon):
    """Returns a weight after the first step of Adam, epsilon as in PyTorch."""
    mean, square = (1 - MEAN_DECAY) * gradient, (1 - SQUARE_DECAY) * gradient**2
    mean, square = mean / (1 - MEAN_DECAY), square / (1 - SQUARE_DECAY)
    return weight - RATE * mean / (np.sqrt(square) + epsilon)


def lstm(x, weights, is_backward):
    """Runs an LSTM with the gates input, forget, cell, output, from zero states."""
    kernel, recurrent_kernel, bias, recurrent_bias = weights
    hidden = cell = tf.zeros((x.shape[0], recurrent_kernel.shape[0]))
    outputs = {}
    for t in reversed(range(x.shape[1])) if is_backward else range(x.shape[1]):
        gates = x[:, t] @ kernel + bias + hidden @ recurrent_kernel + recurrent_bias
        i, f, g, o = tf.split(gates, 4, axis=1)
        cell = tf.sigmoid(f) * cell + tf.sigmoid(i) * tf.tanh(g)
        hidden = outputs[t] = tf.sigmoid(o) * tf.tanh(cell)
    return tf.stack([outputs[t] for t in range(x.shape[1])], axis=1)


def segment_scores(audio, maps, attention, of_audio, of_visual, hidden, label):
    """Scores labels by attention over regions, an LSTM per modality and direction, two layers."""
    visual, visual_bias, guide, guide_bias, region, to_regions, guide_to_regions = attention
    regions = tf.reshape(maps, (*maps.shape[:2], 4, 5))
    content = tf.nn.relu(regions @ visual + visual_bias) @ to_regions
    guides = tf.nn.relu(audio @ guide + guide_bias) @ guide_to_regions
    weights = tf.nn.softmax((tf.tanh(content + guides[..., None]) @ region)[..., 0])
    attended = tf.einsum("btr,btrc->btc", weights, regions)
    encoded = [
        lstm(x, weights[4 * is_backward :][:4], is_backward)
        for x, weights in ((audio, of_audio), (attended, of_visual))
        for is_backward in (False, True)
    ]
    x = tf.nn.relu(tf.concat(encoded, axis=-1))
    return tf.nn.relu(x @ hidden[0] + hidden[1]) @ label[0] + label[1]


def multi_label_soft_margin(scores, labels):
    """The mean over labels of -y log sigmoid(x) - (1 - y) log sigmoid(-x)."""
    y = tf.one_hot(labels, scores.shape[-1])
    return -tf.reduce_mean(y * tf.math.log_sigmoid(scores) + (1 - y) * tf.math.log_sigmoid(-scores))


def features(description):
    rng = np.random.default_rng(0)
    shapes = description.feature_shapes.items()
    return {name: rng.normal(size=(2, *shape)).astype("float32") for name, shape in shapes}


def take_step(config, arrays):
    """Returns the model's weights by layer before, and all after, one step."""
    keras.utils.set_random_seed(0)
    model = training.compiled_model(config, 1, SMALL)
    model.run_eagerly = True
    layers = {layer.name: layer.get_weights() for layer in model.layers if layer.weights}
    inputs = {name: arrays[name] for name in model.input}
    model.train_on_batch(inputs, losses.localization_targets(model.output, arrays))
    return layers, {layer.name: layer.get_weights() for layer in model.layers if layer.weights}


@pytest.mark.parametrize("supervision", ["full", "weak"])
def test_audio_visual_attention(supervision):
    config = system_training("sel", "audio_visual_attention", "faithful", supervision)
    arrays = features(SMALL) | LABELS
    before, after = take_step(config, arrays)
    names = ("audio_guided_attention", "audio_encoder", "visual_encoder", "hidden", "segment_label")
    parts = [[tf.Variable(weight) for weight in before[name]] for name in names]
    with tf.GradientTape() as tape:
        scores = segment_scores(arrays["audio_features"], arrays["visual_features"], *parts)
        if supervision == "full":
            loss = multi_label_soft_margin(tf.nn.softmax(scores), LABELS["segment_label"])
        else:  # the record's label, of the largest score over time
            of_record = tf.nn.softmax(tf.reduce_max(scores, axis=1))
            loss = multi_label_soft_margin(of_record, LABELS["event_category"])
    for name, part, gradients in zip(names, parts, tape.gradient(loss, parts), strict=True):
        for ours, weight, gradient in zip(after[name], part, gradients, strict=True):
            expected = adam(weight.numpy(), gradient.numpy(), epsilon=1e-8)
            np.testing.assert_allclose(ours, expected, atol=1e-5, rtol=0, err_msg=name)


def test_distance_learning_on_pairs():
    config = system_training("cml", "avdln", "faithful")
    pairs = segments_of(features(SMALL) | LABELS)
    assert pairs["audio_features"].shape == (6, 1, 4)  # each a record of one pair
    before, after = take_step(config, pairs)
    inputs = {
        "audio": pairs["audio_features"][:, 0],
        "visual": pairs["visual_features"][:, 0].mean(axis=(1, 2)),
    }
    embedded, hidden = {}, {}
    for name, x in inputs.items():
        (kernel, bias), (last, last_bias) = before[f"{name}_hidden"], before[f"{name}_embedding"]
        hidden[name] = x @ kernel + bias
        embedded[name] = np.where(hidden[name] > 0, 1, 0.3) * hidden[name] @ last + last_bias
    difference = embedded["audio"] - embedded["visual"]
    distance = np.sqrt((difference**2).sum(axis=1, keepdims=True))
    y = LABELS["event_relevance"].reshape(6, 1)
    # Of the mean over pairs of y D² + (1 - y) max(0, 2 - D)².
    slope = (2 * y * distance - 2 * (1 - y) * np.maximum(2 - distance, 0)) / 6
    for name, sign in (("audio", 1), ("visual", -1)):
        of_embedding = sign * slope * difference / distance
        leak = np.where(hidden[name] > 0, 1, 0.3)
        of_hidden = of_embedding @ before[f"{name}_embedding"][0].T * leak
        gradients = {
            "embedding": ((leak * hidden[name]).T @ of_embedding, of_embedding.sum(axis=0)),
            "hidden": (inputs[name].T @ of_hidden, of_hidden.sum(axis=0)),
        }
        for layer, by_weight in gradients.items():
            key = f"{name}_{layer}"
            for ours, weight, gradient in zip(after[key], before[key], by_weight, strict=True):
                # Published with Keras: its epsilon of 1e-7 is added before the correction.
                expected = adam(weight, gradient, epsilon=1e-7 / np.sqrt(1 - SQUARE_DECAY))
                np.testing.assert_allclose(ours, expected, atol=1e-5, rtol=0, err_msg=key)
