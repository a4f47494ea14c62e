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
    # Audio (1, 0) and (0, 2) against the visual global (ln 3, 0): ln 3 and 0, that is 3/4 and
    # 1/2. Visual (1, 1) and (3, 0) against the audio global (0, -ln 3): -ln 3 and 0, that is
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


def test_swapping_the_modalities_swaps_the_directions():
    audio, visual, audio_global, visual_global = make_inputs()
    outputs = CrossMatching()(audio, visual, audio_global, visual_global)
    swapped = CrossMatching()(visual, audio, visual_global, audio_global)
    for name, other in zip(NAMES, [NAMES[1], NAMES[0], NAMES[2]], strict=True):
        np.testing.assert_array_equal(swapped[name], outputs[other])


def test_each_direction_asks_with_the_other_modality():
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
    with pytest.raises(ValueError, match=r"one width. Received: .*'visual_global_feature': 3"):
        CrossMatching()(audio, visual, audio_global, visual_global[:, :3])
