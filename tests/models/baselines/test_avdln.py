import keras
import numpy as np
import pytest

from avel_tf.models.baselines.avdln import AudioVisualDistanceLearning

NAMES = ["aligned_distances", "audio_visual_scores"]
SMALL = {"audio_dim": 6, "visual_dim": 8}

# Whichever is faster: eager JAX compiles every operation separately.
RUN_EAGERLY = keras.config.backend() == "tensorflow"


def make_inputs(batch=3, segments=10):
    rng = np.random.default_rng(0)
    return {
        "audio_features": rng.normal(size=(batch, segments, 6)).astype("float32"),
        "visual_features": rng.normal(size=(batch, segments, 2, 3, 8)).astype("float32"),
        "event_relevance": (rng.random((batch, segments)) > 0.5).astype("float32"),
    }


def reference(features, weights):
    """Computes one network in NumPy."""
    kernel_1, bias_1, kernel_2, bias_2 = weights
    hidden = features @ kernel_1 + bias_1
    return np.where(hidden > 0, hidden, 0.3 * hidden) @ kernel_2 + bias_2


def embeddings(model, inputs):
    """Computes the audio and visual embeddings of a model's inputs in NumPy."""
    return [
        reference(
            features,
            [
                np.asarray(weight)
                for layer in ("hidden", "embedding")
                for weight in model.get_layer(f"{modality}_{layer}").weights
            ],
        )
        for modality, features in (
            ("audio", inputs["audio_features"]),
            ("visual", inputs["visual_features"].mean(axis=(2, 3))),
        )
    ]


def test_published_sizes():
    model = AudioVisualDistanceLearning()
    assert {name: tensor.shape for name, tensor in model.input.items()} == {
        "audio_features": (None, None, 128),
        "visual_features": (None, None, None, None, 512),
        "event_relevance": (None, None),
    }
    assert {name: tensor.shape for name, tensor in model.output.items()} == {
        NAMES[0]: (None, None),
        NAMES[1]: (None, None, None),
    }
    assert model.count_params() == 98688


def test_distances_of_the_embeddings(randomize):
    model, inputs = randomize(AudioVisualDistanceLearning(**SMALL)), make_inputs()
    audio, visual = embeddings(model, inputs)
    outputs = model(inputs)
    expected = np.linalg.norm(audio - visual, axis=-1)
    np.testing.assert_allclose(outputs[NAMES[0]], expected, rtol=1e-5)
    # [i, j] is from audio segment i to visual segment j, not the other way round.
    for record in range(3):
        for i in range(10):
            expected = -np.linalg.norm(audio[record, i] - visual[record], axis=-1)
            np.testing.assert_allclose(outputs[NAMES[1]][record, i], expected, rtol=1e-5)


def test_a_map_of_any_size_is_the_same_as_its_mean(randomize):
    model, inputs = randomize(AudioVisualDistanceLearning(**SMALL)), make_inputs()
    mean = inputs["visual_features"].mean(axis=(2, 3), keepdims=True)
    outputs, pooled = model(inputs), model({**inputs, "visual_features": mean})
    for name in NAMES:
        np.testing.assert_allclose(pooled[name], outputs[name], rtol=1e-5)


def test_event_relevance_has_no_effect():
    model, inputs = AudioVisualDistanceLearning(**SMALL), make_inputs()
    outputs, others = model(inputs), model({**inputs, "event_relevance": np.zeros((3, 10))})
    for name in NAMES:
        np.testing.assert_array_equal(others[name], outputs[name])


@pytest.mark.parametrize("policy", ["float32", "mixed_bfloat16"])
def test_one_step_moves_every_weight_and_the_model_reloads(policy, tmp_path):
    model, inputs = AudioVisualDistanceLearning(**SMALL, dtype=policy), make_inputs()
    model.compile(keras.optimizers.Adam(1e-3), loss={NAMES[0]: "mse"}, run_eagerly=RUN_EAGERLY)
    before = model.get_weights()
    model.fit(inputs, dict.fromkeys(NAMES, inputs["event_relevance"]), verbose=0)
    for weight, old in zip(model.weights, before, strict=True):
        assert weight.dtype == "float32"
        assert not np.array_equal(weight, old), weight.path
    outputs = model(inputs)
    assert {keras.backend.standardize_dtype(output.dtype) for output in outputs.values()} == {
        "float32"
    }
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    assert isinstance(loaded, AudioVisualDistanceLearning)
    for name, output in loaded(inputs).items():
        np.testing.assert_array_equal(output, outputs[name])


def test_gradients_are_finite_at_distance_zero():
    # All biases are equal and both inputs are zero, so sound and image share an embedding.
    model = AudioVisualDistanceLearning(**SMALL)
    inputs = {name: np.zeros_like(array) for name, array in make_inputs().items()}
    np.testing.assert_allclose(model(inputs)[NAMES[0]], np.full((3, 10), 1e-6), rtol=1e-5)
    model.compile(
        keras.optimizers.SGD(1.0),
        loss={NAMES[0]: lambda _, y: keras.ops.mean(y)},
        run_eagerly=RUN_EAGERLY,
    )
    model.fit(inputs, dict.fromkeys(NAMES, inputs["event_relevance"]), verbose=0)
    assert all(np.isfinite(weight).all() for weight in model.get_weights())


def test_config_round_trip():
    model = AudioVisualDistanceLearning(**SMALL, name="avdln", trainable=False)
    copy = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(model))
    assert isinstance(copy, AudioVisualDistanceLearning)
    assert copy.get_config() == model.get_config()
    assert (copy.name, copy.trainable, copy.audio_dim, copy.visual_dim) == ("avdln", False, 6, 8)
    assert [weight.path for weight in copy.weights] == [weight.path for weight in model.weights]


@pytest.mark.parametrize("name", ["audio_dim", "visual_dim"])
def test_errors_name_the_argument(name):
    with pytest.raises(ValueError, match=f"`{name}` must be .* Received: {name}=0."):
        AudioVisualDistanceLearning(**{name: 0})
