import keras
import numpy as np
import pytest

from avel_tf.canonical_correlation import CanonicalCorrelationLoss
from avel_tf.models.baselines.dcca import DeepCanonicalCorrelation

NAMES = ["projections", "audio_visual_scores"]
SMALL = {"audio_dim": 6, "visual_dim": 8, "hidden_units": 16, "units": 3}

# Whichever is faster: eager JAX compiles every operation separately.
RUN_EAGERLY = keras.config.backend() == "tensorflow"


def make_inputs(batch=8, segments=10, seed=0):
    """Returns inputs whose modalities have something in common in the event's segments."""
    rng = np.random.default_rng(seed)
    event_relevance = (rng.random((batch, segments)) > 0.4).astype("float32")
    common = rng.normal(size=(batch, segments, 3)) * event_relevance[..., None]
    ways = np.random.default_rng(9)
    audio = common @ ways.normal(size=(3, 6)) + 0.2 * rng.normal(size=(batch, segments, 6))
    visual = (common @ ways.normal(size=(3, 8)))[:, :, None, None]
    visual = visual + 0.2 * rng.normal(size=(batch, segments, 2, 3, 8))
    return {
        "audio_features": audio.astype("float32"),
        "visual_features": visual.astype("float32"),
        "event_relevance": event_relevance,
    }


def make_compiled(run_eagerly=RUN_EAGERLY, **kwargs):
    model = DeepCanonicalCorrelation(**SMALL, **kwargs)
    model.compile(
        keras.optimizers.Adam(3e-3),
        loss={NAMES[0]: CanonicalCorrelationLoss()},
        run_eagerly=run_eagerly,
    )
    return model


def fit(model, inputs, **kwargs):
    targets = dict.fromkeys(NAMES, inputs["event_relevance"])
    return model.fit(inputs, targets, verbose=0, **kwargs).history["loss"]


def test_published_sizes():
    model = DeepCanonicalCorrelation()
    assert {name: tensor.shape for name, tensor in model.input.items()} == {
        "audio_features": (None, None, 128),
        "visual_features": (None, None, None, None, 512),
        "event_relevance": (None, None),
    }
    assert {name: tensor.shape for name, tensor in model.output.items()} == {
        NAMES[0]: (None, None, 64),
        NAMES[1]: (None, None, None),
    }
    statistics = 1 + 64 + 64 * 64
    networks = (128 + 1) * 256 + (512 + 1) * 256 + 2 * (256 + 1) * 32
    assert model.count_params() == networks + statistics


def test_scores_are_cosines_in_the_canonical_space():
    model, inputs = make_compiled(), make_inputs()
    fit(model, inputs, epochs=2)
    outputs = {name: np.asarray(output) for name, output in model(inputs).items()}
    views = []
    for modality, features in (
        ("audio", inputs["audio_features"]),
        ("visual", inputs["visual_features"].mean(axis=(2, 3))),
    ):
        layers = (model.get_layer(f"{modality}_{name}") for name in ("hidden", "projection"))
        for layer in layers:
            features = layer(features)
        views.append(np.asarray(features))
    np.testing.assert_allclose(outputs[NAMES[0]], np.concatenate(views, axis=-1), atol=1e-5)
    audio, visual = model.canonical_projection(outputs[NAMES[0]], inputs["event_relevance"])
    audio, visual = (x / np.linalg.norm(x, axis=-1, keepdims=True) for x in (audio, visual))
    # [i, j] is audio segment i with visual segment j.
    expected = np.einsum("bik,bjk->bij", audio, visual)
    np.testing.assert_allclose(outputs[NAMES[1]], expected, rtol=1e-3, atol=1e-4)
    assert np.abs(expected - expected.swapaxes(1, 2)).max() > 0.1


def test_a_map_of_any_size_is_the_same_as_its_mean():
    model, inputs = DeepCanonicalCorrelation(**SMALL), make_inputs()
    mean = inputs["visual_features"].mean(axis=(2, 3), keepdims=True)
    outputs, pooled = model(inputs), model({**inputs, "visual_features": mean})
    for name in NAMES:
        np.testing.assert_allclose(pooled[name], outputs[name], rtol=1e-4, atol=1e-5)


def test_event_relevance_has_no_effect_in_inference():
    model, inputs = make_compiled(), make_inputs()
    fit(model, inputs)
    outputs, others = model(inputs), model({**inputs, "event_relevance": np.zeros((8, 10))})
    for name in NAMES:
        np.testing.assert_array_equal(others[name], outputs[name])


@pytest.mark.parametrize("policy", ["float32", "mixed_bfloat16"])
def test_one_step_moves_every_weight_and_the_model_reloads(policy, tmp_path):
    model, inputs = make_compiled(dtype=policy), make_inputs()
    before = model.get_weights()
    assert np.isfinite(fit(model, inputs)).all()
    for weight, old in zip(model.weights, before, strict=True):
        assert weight.dtype == "float32"
        # A correlation does not change when a view is shifted as a whole.
        if not weight.path.endswith("projection/bias"):
            assert not np.array_equal(weight, old), weight.path
    outputs = model(inputs)
    assert {keras.backend.standardize_dtype(output.dtype) for output in outputs.values()} == {
        "float32"
    }
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    assert isinstance(loaded, DeepCanonicalCorrelation)
    for name, output in loaded(inputs).items():
        np.testing.assert_array_equal(output, outputs[name])


def test_a_batch_without_events_has_no_loss_and_is_finite():
    model, inputs = make_compiled(), make_inputs()
    fit(model, inputs)
    inputs["event_relevance"] = np.zeros_like(inputs["event_relevance"])
    assert fit(model, inputs) == [0.0]
    assert all(np.isfinite(weight).all() for weight in model.get_weights())
    assert all(np.isfinite(output).all() for output in model(inputs).values())


@pytest.mark.slow
def test_learns_what_the_modalities_have_in_common():
    # Compiled, as users train.
    model = make_compiled(run_eagerly=False)
    losses = fit(model, make_inputs(batch=64), batch_size=32, epochs=30)
    assert losses[-1] < -2.5
    # On new records: a sound is closer to its own image than to another event segment.
    inputs = make_inputs(batch=64, seed=1)
    scores = np.asarray(model(inputs)[NAMES[1]])
    is_event = inputs["event_relevance"] > 0
    is_pair = is_event[:, :, None] & is_event[:, None]
    is_same = np.eye(10, dtype=bool)[None]
    assert scores[is_pair & is_same].mean() > 0.8
    assert abs(scores[is_pair & ~is_same].mean()) < 0.2


def test_config_round_trip():
    model = DeepCanonicalCorrelation(**SMALL, name="dcca", trainable=False)
    copy = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(model))
    assert isinstance(copy, DeepCanonicalCorrelation)
    assert copy.get_config() == model.get_config()
    assert (copy.name, copy.trainable, copy.hidden_units, copy.units) == ("dcca", False, 16, 3)
    assert [weight.path for weight in copy.weights] == [weight.path for weight in model.weights]


@pytest.mark.parametrize("name", ["audio_dim", "visual_dim", "hidden_units", "units"])
def test_errors_name_the_argument(name):
    with pytest.raises(ValueError, match=f"`{name}` must be .* Received: {name}=0."):
        DeepCanonicalCorrelation(**{name: 0})
