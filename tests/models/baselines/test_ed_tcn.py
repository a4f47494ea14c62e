import numpy as np
import pytest

from avel_tf.models.baselines import EncoderDecoderTCN
from avel_tf.models.baselines.ed_tcn import UpSamplingTo, normalized_relu


def make_model():
    model = EncoderDecoderTCN(num_categories=4, audio_dim=6, visual_dim=8)
    rng = np.random.default_rng(1)
    model.set_weights([0.1 * rng.normal(size=w.shape) for w in model.get_weights()])
    return model


def test_sizes():
    convolutions = [(640, 64), (64, 96), (96, 96), (96, 64)]
    expected = sum((5 * width + 1) * filters for width, filters in convolutions)
    model = EncoderDecoderTCN()
    assert model.count_params() == expected + (64 + 1) * 29
    assert model.input["visual_features"].shape == (None, None, None, None, 512)


def convolve(x, layer):
    """Convolves (segments, width), one segment after another, and applies normalized ReLU."""
    kernel, bias = layer.get_weights()
    padded = np.pad(x, ((2, 2), (0, 0)))
    rows = [np.einsum("kc,kcf->f", padded[t : t + 5], kernel) + bias for t in range(len(x))]
    x = np.maximum(rows, 0)
    return x / (x.max(axis=-1, keepdims=True) + 1e-5)


def reference(x, model):
    lengths = []
    for layer in model.encoder:
        x = convolve(x, layer)
        lengths.append(len(x))
        x = np.array([x[t : t + 2].max(axis=0) for t in range(0, len(x), 2)])
    for layer in model.decoder:
        x = convolve(np.repeat(x, 2, axis=0)[: lengths.pop()], layer)
    kernel, bias = model.segment_label.get_weights()
    return x @ kernel + bias


# Lengths to pool: 8 is even at both levels, 10 odd at the inner, 7 and 3 at the outer, 1 at both.
@pytest.mark.parametrize("segments", [8, 10, 7, 3, 1])
def test_equals_convolutions_of_each_record(segments, make_batch):
    model = make_model()
    features, _ = make_batch(segments=segments)
    visual = features["visual_features"].mean(axis=(2, 3))
    x = np.concatenate([features["audio_features"], visual], axis=-1)
    expected = [reference(record, model) for record in x]
    logits = model(features)["segment_label_logits"]
    np.testing.assert_allclose(logits, expected, rtol=1e-3, atol=1e-5)


def test_normalized_relu():
    x = np.array([[[-1.0, 2.0, 4.0], [-1.0, -2.0, 0.0]]], "float32")
    np.testing.assert_allclose(normalized_relu(x), [[[0, 0.5, 1], [0, 0, 0]]], atol=1e-5)


def test_upsampling_repeats_and_crops():
    x, layer = np.array([[[1.0], [2.0]]]), UpSamplingTo()
    np.testing.assert_array_equal(layer(x, np.ones((1, 3, 7))), [[[1], [1], [2]]])
    np.testing.assert_array_equal(layer(x, np.ones((1, 4, 7))), [[[1], [1], [2], [2]]])


def test_silent_filters_have_finite_gradients(make_batch):
    # Biases start at zero, so every filter is silent and the largest activation is 0.
    model = EncoderDecoderTCN(num_categories=4, audio_dim=6, visual_dim=8)
    features, _ = make_batch()
    for convolution in model.encoder:
        convolution.kernel.assign(0 * convolution.kernel)
    model.compile("sgd", {"event_category_logits": "mse"})
    model.fit(features, {"event_category_logits": np.ones((4, 4))}, verbose=0)
    assert all(np.isfinite(weight).all() for weight in model.get_weights())
    # The last bias, which the zeros do not block, is trained nevertheless.
    assert np.abs(model.segment_label.get_weights()[1]).max() > 0


@pytest.mark.parametrize("wrong", ["visual_dim", "audio_dim"])
def test_errors_name_the_argument(wrong):
    with pytest.raises(ValueError, match=f"`{wrong}` must be a positive integer.*{wrong}=-1."):
        EncoderDecoderTCN(**{wrong: -1})
