"""Requirements on every baseline of supervised localization."""

import functools

import keras
import numpy as np
import pytest

from avel_tf.models.baselines import (
    AudioVisualDualNetwork,
    AudioVisualLocalizer,
    EncoderDecoderTCN,
)

SIZES = {"num_categories": 4, "audio_dim": 6}
LSTM = functools.partial(AudioVisualLocalizer, visual_shape=(2, 3, 8), units=4, **SIZES)
SYSTEMS = {
    "audio": functools.partial(LSTM, modalities="audio"),
    "visual": functools.partial(LSTM, modalities="visual"),
    "audio_visual": LSTM,
    "audio_visual_attention": functools.partial(LSTM, attention=True),
    "avsdn": functools.partial(AudioVisualDualNetwork, visual_dim=8, units=4, **SIZES),
    "ed_tcn": functools.partial(EncoderDecoderTCN, visual_dim=8, **SIZES),
}
FAMILIES = ["audio_visual_attention", "avsdn", "ed_tcn"]
POOLING = ["visual", "avsdn", "ed_tcn"]
NAMES = {"segment_label_logits", "segment_label", "event_category_logits"}


@functools.cache
def shared(system, dtype="float32"):
    """Returns a model that all tests without training share."""
    return SYSTEMS[system](dtype=dtype)


def compiled(model):
    model.compile(
        keras.optimizers.Adam(1e-3),
        loss={"segment_label_logits": keras.losses.SparseCategoricalCrossentropy(from_logits=True)},
        # Whichever is faster: eager JAX compiles every operation separately.
        run_eagerly=keras.config.backend() == "tensorflow",
    )
    return model


@pytest.mark.parametrize(
    ("system", "dtype"),
    [*((system, "float32") for system in SYSTEMS), *((s, "mixed_bfloat16") for s in FAMILIES)],
)
def test_outputs(system, dtype, make_batch):
    model = shared(system, dtype)
    shapes = {name: tensor.shape for name, tensor in model.output.items()}
    assert shapes == {
        "segment_label_logits": (None, None, 5),
        "segment_label": (None, None),
        "event_category_logits": (None, 4),
    }
    outputs = model.predict_on_batch(make_batch()[0])
    for name, output in outputs.items():
        expected = "int32" if name == "segment_label" else "float32"
        assert keras.backend.standardize_dtype(output.dtype) == expected, name
    logits = np.asarray(outputs["segment_label_logits"])
    assert len(np.unique(logits[:, :, 0])) > 20  # not a constant
    np.testing.assert_array_equal(outputs["segment_label"], logits.argmax(axis=-1))
    if dtype != "float32":
        exact = SYSTEMS[system]()
        exact.set_weights(model.get_weights())
        expected = exact.predict_on_batch(make_batch()[0])["segment_label_logits"]
        np.testing.assert_allclose(logits, expected, atol=0.05)


@pytest.mark.parametrize("system", FAMILIES)
def test_one_step_moves_every_weight(system, make_batch):
    model = compiled(SYSTEMS[system](dtype="mixed_bfloat16"))
    before = model.get_weights()
    features, labels = make_batch()
    history = model.fit(
        features, {"segment_label_logits": labels["segment_label"]}, verbose=0
    ).history
    assert np.isfinite(history["loss"]).all()
    for weight, old, new in zip(model.weights, before, model.get_weights(), strict=True):
        assert not np.array_equal(old, new), weight.path
        assert np.isfinite(new).all(), weight.path


@pytest.mark.parametrize("system", FAMILIES)
def test_order_of_records(system, make_batch):
    model, features = shared(system), make_batch()[0]
    other_order = [2, 0, 3, 1]
    outputs = model.predict_on_batch(features)
    permuted = model.predict_on_batch(
        {name: feature[other_order] for name, feature in features.items()}
    )
    for name, output in outputs.items():
        expected = np.asarray(output)[other_order]
        np.testing.assert_allclose(permuted[name], expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("system", POOLING)
def test_map_and_its_mean_are_the_same(system, make_batch):
    model, features = shared(system), make_batch()[0]
    pooled = features["visual_features"].mean(axis=(2, 3), keepdims=True)
    outputs = model.predict_on_batch(features)
    for name, output in model.predict_on_batch(features | {"visual_features": pooled}).items():
        np.testing.assert_allclose(output, outputs[name], rtol=1e-4, atol=1e-5)
    features["visual_features"][:] = 0
    other = model.predict_on_batch(features)["segment_label_logits"]
    assert np.abs(other - outputs["segment_label_logits"]).max() > 1e-3


@pytest.mark.filterwarnings("ignore:You are using a softmax over axis")  # of one segment
@pytest.mark.parametrize("system", FAMILIES)
def test_edges_and_graphs_of_unknown_batch_and_length(system, make_batch):
    model = shared(system)
    for batch, segments in ((4, 10), (1, 1), (2, 3)):  # sizes are unknown after the first
        features, _ = make_batch(batch, segments)
        outputs = model.predict_on_batch(features)
        assert set(outputs) == NAMES
        assert outputs["segment_label"].shape == (batch, segments)
        for name, expected in model(features).items():
            assert np.isfinite(outputs[name]).all()
            np.testing.assert_allclose(outputs[name], expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("system", SYSTEMS)
def test_config_round_trip(system):
    model = SYSTEMS[system](name="baseline", trainable=False, dtype="mixed_bfloat16")
    copy = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(model))
    assert type(copy) is type(model)
    assert copy.get_config() == model.get_config()
    assert (copy.name, copy.trainable, copy.num_categories) == ("baseline", False, 4)
    # The layers' own names, not those that Keras numbers.
    assert [weight.path for weight in copy.weights] == [weight.path for weight in model.weights]
    assert [weight.shape for weight in copy.weights] == [weight.shape for weight in model.weights]


@pytest.mark.parametrize("system", FAMILIES)
def test_dtype_policy_is_saved(system, tmp_path):
    model = shared(system, "mixed_bfloat16")
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    assert loaded.dtype_policy.name == "mixed_bfloat16"
    policies = {
        layer.name: layer.dtype_policy.name
        for layer in loaded._flatten_layers()  # at all depths; Keras has no public equivalent
        # The graph's inputs and functions have no policy of their own.
        if layer.variables
    }
    # The softmax's logits stay float32.
    others = {name for name, policy in policies.items() if policy != "mixed_bfloat16"}
    assert others == {"segment_label"}


@pytest.mark.parametrize("wrong", ["num_categories", "audio_dim"])
@pytest.mark.parametrize("system", FAMILIES)
def test_errors_name_the_argument(system, wrong):
    with pytest.raises(ValueError, match=f"`{wrong}` must be a positive integer.*{wrong}=0."):
        SYSTEMS[system](**{wrong: 0})
