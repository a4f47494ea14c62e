import keras
import numpy as np
import pytest

from avel_tf.layers import CrossMatching

NAMES = ["audio_relevance_logits", "visual_relevance_logits", "event_relevance_probabilities"]


def make_inputs(batch=2, segments=5, width=4):
    rng = np.random.default_rng(0)
    local_shape, global_shape = (batch, segments, width), (batch, width)
    shapes = [local_shape, local_shape, global_shape, global_shape]
    return [rng.normal(size=shape).astype("float32") for shape in shapes]


def test_known_answer():
    # Audio (1, 0) and (0, 2) against the visual global (ln 3, 0): logits ln 3 and 0, so 3/4 and
    # 1/2. Visual (1, 1) and (3, 0) against the audio global (0, -ln 3): logits -ln 3 and 0, so
    # 1/4 and 1/2. The means are 1/2 and 1/2.
    log_3 = np.log(3)
    outputs = CrossMatching()(
        np.array([[[1.0, 0.0], [0.0, 2.0]]]),
        np.array([[[1.0, 1.0], [3.0, 0.0]]]),
        np.array([[0.0, -log_3]]),
        np.array([[log_3, 0.0]]),
    )
    np.testing.assert_allclose(outputs["audio_relevance_logits"], [[log_3, 0]], rtol=1e-6)
    np.testing.assert_allclose(outputs["visual_relevance_logits"], [[-log_3, 0]], rtol=1e-6)
    np.testing.assert_allclose(outputs["event_relevance_probabilities"], [[0.5, 0.5]], rtol=1e-6)


def test_cosines_have_a_temperature_and_a_bias_for_each_direction():
    layer, inputs = CrossMatching("cosine"), make_inputs()
    layer.build(*(array.shape for array in inputs))
    layer.set_weights([np.log([2.0, 5.0]), np.array([1.0, -3.0])])
    audio, visual, audio_global, visual_global = inputs
    outputs = layer(*inputs)
    for name, local, whole, temperature, bias in (
        (NAMES[0], audio, visual_global, 2, 1),
        (NAMES[1], visual, audio_global, 5, -3),
    ):
        lengths = np.linalg.norm(local, axis=2) * np.linalg.norm(whole, axis=1)[:, None]
        cosines = np.einsum("btd,bd->bt", local, whole) / lengths
        np.testing.assert_allclose(outputs[name], temperature * cosines + bias, rtol=1e-5)
    copy = CrossMatching.from_config(layer.get_config())
    assert copy.similarity == "cosine" and copy.get_config() == layer.get_config()
    with pytest.raises(ValueError, match="`similarity` must be one of .*similarity='l2'"):
        CrossMatching("l2")


def test_the_more_certain_modality_decides_also_where_probabilities_round_to_0_and_1():
    # Eq. 7 is at least 1/2 exactly if the logits' sum is at least 0.
    audio = np.random.default_rng(0).uniform(-40, 40, 2000).astype("float32")
    nearby = np.nextafter(-audio, np.float32(-np.inf))
    for visual, is_event in [
        (-audio, True),
        (nearby, False),
        (-audio - 1, False),
        (1 - audio, True),
    ]:
        one = np.ones((1, 1))
        matches = CrossMatching()(audio[None, :, None], visual[None, :, None], one, one)
        found = np.asarray(matches["event_relevance_probabilities"])
        assert ((found >= 0.5) == is_event).all()
        # Also after a conversion to the probability of background, and back.
        assert ((1 - (1 - found) >= 0.5) == is_event).all()
        exact = (
            1 / (1 + np.exp(-audio.astype(float))) + 1 / (1 + np.exp(-visual.astype(float)))
        ) / 2
        np.testing.assert_allclose(found[0], exact, rtol=0, atol=1.5e-7)


def test_swapping_the_modalities_swaps_the_directions():
    audio, visual, audio_global, visual_global = make_inputs()
    outputs = CrossMatching()(audio, visual, audio_global, visual_global)
    swapped = CrossMatching()(visual, audio, visual_global, audio_global)
    for name, other in zip(NAMES, [NAMES[1], NAMES[0], NAMES[2]], strict=True):
        np.testing.assert_array_equal(swapped[name], outputs[other])


def test_each_direction_queries_with_the_other_modality():
    audio, visual, audio_global, visual_global = make_inputs()
    outputs = CrossMatching()(audio, visual, audio_global, visual_global)
    changed = CrossMatching()(audio, visual, audio_global + 1, visual_global)
    np.testing.assert_array_equal(changed[NAMES[0]], outputs[NAMES[0]])
    assert np.abs(changed[NAMES[1]] - outputs[NAMES[1]]).min() > 0


@pytest.mark.parametrize(("batch", "segments"), [(1, 1), (1, 10), (3, 1)])
def test_edges(batch, segments):
    outputs = CrossMatching()(*make_inputs(batch, segments))
    assert set(outputs) == set(NAMES)
    for output in outputs.values():
        assert tuple(output.shape) == (batch, segments)
        assert np.isfinite(output).all()


def test_float32_under_mixed_precision():
    outputs = CrossMatching(dtype="mixed_bfloat16")(*make_inputs())
    assert {keras.backend.standardize_dtype(output.dtype) for output in outputs.values()} == {
        "float32"
    }


def test_config_and_symbolic_shape():
    layer = CrossMatching.from_config(CrossMatching(name="matching").get_config())
    assert layer.name == "matching"
    local, whole = keras.KerasTensor((None, None, 4)), keras.KerasTensor((None, 4))
    outputs = layer(local, local, whole, whole)
    assert set(outputs) == set(NAMES)
    assert all(output.shape == (None, None) for output in outputs.values())


def test_inputs_of_different_width():
    audio, visual, audio_global, visual_global = make_inputs()
    with pytest.raises(ValueError, match=r"same width. Received: .*'visual_global_feature': 3"):
        CrossMatching()(audio, visual, audio_global, visual_global[:, :3])
