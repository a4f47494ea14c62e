import keras
import numpy as np
import pytest

from avel_tf.layers import AudioGuidedAttention


def make_inputs(batch=2, segments=3, map_shape=(2, 3, 5), audio_width=4):
    rng = np.random.default_rng(0)
    audio = rng.normal(size=(batch, segments, audio_width)).astype("float32")
    return audio, rng.normal(size=(batch, segments, *map_shape)).astype("float32")


def make_layer(audio, visual, units=6, **kwargs):
    layer = AudioGuidedAttention(units, **kwargs)
    layer.build(audio.shape, visual.shape)
    rng = np.random.default_rng(1)
    layer.set_weights([rng.normal(size=weight.shape) for weight in layer.get_weights()])
    return layer


def kernels(layer):
    """Returns the matrices and biases by their names in the formulas."""
    return {
        "P": layer.visual_projection.get_weights(),
        "q": layer.audio_projection.get_weights(),
        "W_v": layer.visual_regions.get_weights()[0],
        "W_g": layer.audio_regions.get_weights()[0],
        "w_h": layer.region_score.get_weights()[0],
    }


def reference(layer, audio, visual):
    """Computes one segment region by region: its features (channels,) and weights (regions,)."""
    weights = kernels(layer)
    regions = visual.reshape(-1, visual.shape[-1])
    q = np.maximum(audio @ weights["q"][0] + weights["q"][1], 0)
    g = q @ weights["W_g"]
    scores = []
    for i, region in enumerate(regions):
        projected = np.maximum(region @ weights["P"][0] + weights["P"][1], 0)
        scores.append((np.tanh(projected @ weights["W_v"] + g[i]) @ weights["w_h"]).item())
    attention = np.exp(scores) / np.exp(scores).sum()
    return attention @ regions, attention


def test_equals_the_formula_segment_by_segment():
    audio, visual = make_inputs()
    layer = make_layer(audio, visual)
    output, weights = layer(audio, visual, return_attention_weights=True)
    assert tuple(weights.shape) == (2, 3, 2, 3)
    for index in np.ndindex(2, 3):
        features, attention = reference(layer, audio[index], visual[index])
        np.testing.assert_allclose(output[index], features, rtol=1e-4, atol=1e-5)
        np.testing.assert_allclose(weights[index], attention.reshape(2, 3), rtol=1e-4)
    np.testing.assert_array_equal(layer(audio, visual), output)


def test_known_answer():
    # No visual score (W_v = 0), audio a = 1 through q = 1: region i gets g = (0, 100), so each
    # row of tanh is all 0 or all 1, and w_h = (ln 3, 0) makes the scores 0 and ln 3: weights
    # 1/4 and 3/4 of the regions 8 and 4 are 5.
    audio, visual = np.ones((1, 1, 1)), np.array([8.0, 4.0]).reshape(1, 1, 1, 2, 1)
    layer = AudioGuidedAttention(units=1)
    layer.build(audio.shape, visual.shape)
    layer.visual_projection.set_weights([np.ones((1, 1)), np.zeros(1)])
    layer.audio_projection.set_weights([np.ones((1, 1)), np.zeros(1)])
    layer.visual_regions.set_weights([np.zeros((1, 2))])
    layer.audio_regions.set_weights([np.array([[0.0, 100.0]])])
    layer.region_score.set_weights([np.array([[np.log(3)], [0.0]])])
    output, weights = layer(audio, visual, return_attention_weights=True)
    np.testing.assert_allclose(weights, [[[[0.25, 0.75]]]], rtol=1e-6)
    np.testing.assert_allclose(output, [[[5.0]]], rtol=1e-6)


def test_segments_are_independent():
    audio, visual = make_inputs()
    layer = make_layer(audio, visual)
    output = np.asarray(layer(audio, visual))
    changed_audio, changed_visual = audio.copy(), visual.copy()
    changed_audio[0, 1], changed_visual[0, 1] = 3, -3
    changed = np.asarray(layer(changed_audio, changed_visual))
    same = np.ones((2, 3), bool)
    same[0, 1] = False
    np.testing.assert_allclose(changed[same], output[same], rtol=1e-5)
    assert np.abs(changed[0, 1] - output[0, 1]).max() > 0.1


def test_parameters_of_the_published_size():
    layer = AudioGuidedAttention()
    layer.build((None, None, 128), (None, None, 7, 7, 512))
    # Two projections with bias, two matrices to the 49 regions and the score of a row of 49.
    assert layer.count_params() == 512 * 512 + 512 + 128 * 512 + 512 + 2 * 512 * 49 + 49
    # Glorot-uniform: at most sqrt(6 / (fan in + fan out)), with a variance of a third of that.
    kernel, bias = layer.visual_projection.get_weights()
    assert 0.99 < np.abs(kernel).max() / np.sqrt(6 / 1024) <= 1
    assert np.all(bias == 0)


def test_mixed_precision_and_gradients(gradients):
    audio, visual = make_inputs()
    exact, half = make_layer(audio, visual), make_layer(audio, visual, dtype="mixed_bfloat16")
    output = half(audio, visual)
    assert keras.backend.standardize_dtype(output.dtype) == "bfloat16"
    np.testing.assert_allclose(np.asarray(output, "float32"), exact(audio, visual), atol=0.2)
    for gradient in gradients(exact, audio, visual):
        assert np.abs(gradient).max() > 0


@pytest.mark.parametrize(("batch", "segments"), [(1, 1), (1, 10), (3, 1)])
def test_edges(batch, segments):
    audio, visual = make_inputs(batch, segments)
    output = make_layer(audio, visual)(audio, visual)
    assert tuple(output.shape) == (batch, segments, 5)
    assert np.isfinite(output).all()


def test_config_and_symbolic_shape():
    layer = AudioGuidedAttention.from_config(AudioGuidedAttention(7, name="look").get_config())
    assert (layer.units, layer.name) == (7, "look")
    audio, visual = keras.KerasTensor((None, None, 4)), keras.KerasTensor((None, None, 2, 3, 5))
    output, weights = layer(audio, visual, return_attention_weights=True)
    assert (output.shape, weights.shape) == ((None, None, 5), (None, None, 2, 3))


def test_errors():
    with pytest.raises(ValueError, match=r"`units` must be a positive integer. Received: units=-1"):
        AudioGuidedAttention(-1)
    with pytest.raises(ValueError, match=r"last three fixed. Received: shape=\(2, 3, 5\)"):
        AudioGuidedAttention()(np.ones((2, 3, 4)), np.ones((2, 3, 5)))
