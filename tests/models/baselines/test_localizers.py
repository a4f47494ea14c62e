"""What every baseline of supervised localization must do."""

import functools
import subprocess
import sys

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

RELOAD = """
import sys
import keras
import numpy as np
import avel_tf.models.baselines

for path in sys.argv[1:]:
    model = keras.models.load_model(path)
    inputs = dict(np.load(path + ".inputs.npz"))
    expected = np.load(path + ".outputs.npz")
    for name, output in model(inputs).items():
        np.testing.assert_allclose(output, expected[name], rtol=1e-4, atol=1e-5)
    assert type(model).__module__.startswith("avel_tf.models.baselines"), type(model)
"""


def compiled(model):
    model.compile(
        keras.optimizers.Adam(1e-3),
        loss={"segment_label_logits": keras.losses.SparseCategoricalCrossentropy(from_logits=True)},
        # Whichever takes less than these tests: JAX compiles every operation apart if eager.
        run_eagerly=keras.config.backend() == "tensorflow",
    )
    return model


@pytest.mark.parametrize("dtype", ["float32", "mixed_bfloat16"])
@pytest.mark.parametrize("system", SYSTEMS)
def test_outputs(system, dtype, make_batch):
    model = SYSTEMS[system](dtype=dtype)
    shapes = {name: tensor.shape for name, tensor in model.output.items()}
    assert shapes == {
        "segment_label_logits": (None, None, 5),
        "segment_label": (None, None),
        "event_category_logits": (None, 4),
    }
    outputs = model(make_batch()[0])
    for name, output in outputs.items():
        expected = "int32" if name == "segment_label" else "float32"
        assert keras.backend.standardize_dtype(output.dtype) == expected, name
    logits = np.asarray(outputs["segment_label_logits"])
    assert len(np.unique(logits[:, :, 0])) > 20  # not a constant
    np.testing.assert_array_equal(outputs["segment_label"], logits.argmax(axis=-1))
    if dtype != "float32":
        exact = SYSTEMS[system]()
        exact.set_weights(model.get_weights())
        expected = exact(make_batch()[0])["segment_label_logits"]
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
    model, features = SYSTEMS[system](), make_batch()[0]
    other_order = [2, 0, 3, 1]
    outputs = model(features)
    permuted = model({name: feature[other_order] for name, feature in features.items()})
    for name, output in outputs.items():
        expected = np.asarray(output)[other_order]
        np.testing.assert_allclose(permuted[name], expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("system", POOLING)
def test_map_and_its_mean_are_the_same(system, make_batch):
    model, features = SYSTEMS[system](), make_batch()[0]
    maps = np.random.default_rng(3).normal(size=(4, 10, 7, 7, 8)).astype("float32")
    pooled = maps.mean(axis=(2, 3), keepdims=True)
    outputs = model(features | {"visual_features": maps})
    for name, output in model(features | {"visual_features": pooled}).items():
        np.testing.assert_allclose(output, outputs[name], rtol=1e-4, atol=1e-5)
    other = model(features)["segment_label_logits"]
    assert np.abs(other - outputs["segment_label_logits"]).max() > 1e-3


@pytest.mark.filterwarnings("ignore:You are using a softmax over axis")  # of one segment
@pytest.mark.parametrize(("batch", "segments"), [(1, 1), (1, 10), (2, 3)])
@pytest.mark.parametrize("system", FAMILIES)
def test_edges(system, batch, segments, make_batch):
    features, _ = make_batch(batch, segments)
    outputs = SYSTEMS[system]()(features)
    assert set(outputs) == NAMES
    assert outputs["segment_label"].shape == (batch, segments)
    assert all(np.isfinite(output).all() for output in outputs.values())


@pytest.mark.parametrize("system", FAMILIES)
def test_graph_of_unknown_batch_and_length(system, make_batch):
    model = SYSTEMS[system]()
    for batch, segments in ((4, 10), (2, 11), (3, 5)):  # unknown sizes after the first
        features, _ = make_batch(batch, segments)
        outputs = model.predict_on_batch(features)
        for name, expected in model(features).items():
            np.testing.assert_allclose(outputs[name], expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("system", SYSTEMS)
def test_config_round_trip(system):
    model = SYSTEMS[system](name="baseline", trainable=False, dtype="mixed_bfloat16")
    copy = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(model))
    assert type(copy) is type(model)
    assert copy.get_config() == model.get_config()
    assert (copy.name, copy.trainable, copy.num_categories) == ("baseline", False, 4)
    # Names of layers, not those that Keras counts up.
    assert [weight.path for weight in copy.weights] == [weight.path for weight in model.weights]
    assert [weight.shape for weight in copy.weights] == [weight.shape for weight in model.weights]


@pytest.mark.parametrize("system", FAMILIES)
def test_dtype_policy_is_saved(system, make_batch, tmp_path):
    model = SYSTEMS[system](dtype="mixed_bfloat16")
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    assert loaded.dtype_policy.name == "mixed_bfloat16"
    policies = {
        layer.name: layer.dtype_policy.name
        for layer in loaded._flatten_layers()  # of all depths, for which Keras has no public name
        # The inputs and functions of the graph have none of their own.
        if layer.variables
    }
    # The logits of the softmax stay exact.
    others = {name for name, policy in policies.items() if policy != "mixed_bfloat16"}
    assert others == {"segment_label"}
    features, _ = make_batch()
    expected = model(features)["segment_label_logits"]
    np.testing.assert_allclose(loaded(features)["segment_label_logits"], expected, atol=0.01)


@pytest.mark.slow
def test_reload_in_a_fresh_process(make_batch, tmp_path):
    features, labels = make_batch()
    paths = []
    for system, make in SYSTEMS.items():
        model = compiled(make())
        model.fit(features, {"segment_label_logits": labels["segment_label"]}, verbose=0)
        path = str(tmp_path / f"{system}.keras")
        model.save(path)
        np.savez(path + ".inputs.npz", **features)
        np.savez(path + ".outputs.npz", **{k: np.asarray(v) for k, v in model(features).items()})
        paths.append(path)
    subprocess.run([sys.executable, "-c", RELOAD, *paths], check=True)


@pytest.mark.parametrize("wrong", ["num_categories", "audio_dim"])
@pytest.mark.parametrize("system", FAMILIES)
def test_errors_name_the_argument(system, wrong):
    with pytest.raises(ValueError, match=f"`{wrong}` must be a positive integer.*{wrong}=0."):
        SYSTEMS[system](**{wrong: 0})
