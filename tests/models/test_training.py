"""Both localizers under `fit`, mixed precision, and saving."""

import keras
import numpy as np
import pytest

from avel_tf import models
from avel_tf.losses import localization_losses, localization_targets
from avel_tf.metrics import localization_metrics
from avel_tf.models import SYSTEMS
from tests import programs
from tests.eager import eagerly

TASKS = {task: systems["dam"] for task, systems in SYSTEMS.items()}
RELEVANCE = ("audio_relevance_logits", "visual_relevance_logits", "event_relevance_probabilities")
OUTPUTS = {"sel": (*RELEVANCE, "event_category_logits", "segment_label"), "cml": RELEVANCE}

# Whichever is faster: tracing takes TensorFlow longer than these tests, and eager JAX compiles
# every operation separately.
RUN_EAGERLY = keras.config.backend() == "tensorflow"

RELOAD = """
import sys
import keras
import numpy as np
if keras.config.backend() == "tensorflow":
    import tensorflow as tf
    tf.config.run_functions_eagerly(True)
import avel_tf.losses
import avel_tf.metrics
import avel_tf.models

for path in sys.argv[1:]:
    model = keras.models.load_model(path)
    inputs = dict(np.load(path + ".inputs.npz"))
    expected = np.load(path + ".outputs.npz")
    for name, output in model.predict_on_batch(inputs).items():
        np.testing.assert_allclose(output, expected[name], rtol=1e-5, atol=1e-5)
    assert type(model).__module__.startswith("avel_tf.models"), type(model)
    # Training can resume: the model is compiled and has the optimizer's state.
    if path.endswith(("sel.keras", "cml.keras")):
        assert model.compiled and model.optimizer.iterations == 1
"""


@pytest.mark.parametrize("name", sorted(set(models.__all__) - {"SYSTEMS", "Localizer"}))
def test_unknown_arguments_are_refused(name):
    with pytest.raises(TypeError, match="'unit'"):
        getattr(models, name)(unit=8)


def make_data(task, make_batch, **kwargs):
    features, labels = make_batch(**kwargs)
    if task == "cml":
        features["event_relevance"] = labels["event_relevance"]
    return features, localization_targets(OUTPUTS[task], labels)


def make_model(task, arguments, **kwargs):
    """Returns a model of the task; for CML the map may have any size."""
    arguments = arguments | kwargs
    if task == "cml":
        arguments["visual_dim"] = arguments.pop("visual_shape")[-1]
    return TASKS[task](**arguments)


def make_compiled(task, arguments, relevance_loss="mean", **kwargs):
    model = make_model(task, arguments, **kwargs)
    losses, loss_weights = localization_losses(model.output, relevance_loss)
    model.compile(
        keras.optimizers.Adam(1e-3),
        loss=losses,
        loss_weights=loss_weights,
        metrics=localization_metrics(model.output),
        run_eagerly=RUN_EAGERLY,
    )
    return model


@pytest.fixture
def policy(request):
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(request.param)
    yield request.param
    keras.config.set_dtype_policy(before)


@pytest.mark.parametrize(
    ("task", "relevance_loss", "policy"),
    [
        ("sel", "mean", "mixed_bfloat16"),
        ("cml", "each", "float32"),
    ],
    indirect=["policy"],
)
def test_one_step_moves_every_weight(task, relevance_loss, policy, arguments, make_batch):
    model = make_compiled(
        task, arguments, relevance_loss, block="full", dropout=0.1, normalization="batch"
    )
    before = model.get_weights()
    features, targets = make_data(task, make_batch)
    history = model.fit(features, targets, verbose=0).history
    assert np.isfinite(history["loss"]).all()
    for weight, old, new in zip(model.weights, before, model.get_weights(), strict=True):
        assert not np.array_equal(old, new), weight.path
        assert np.isfinite(new).all(), weight.path
    for name, output in model(features).items():
        expected = "int32" if name == "segment_label" else "float32"
        assert keras.backend.standardize_dtype(output.dtype) == expected, name


@pytest.mark.parametrize("task", TASKS)
def test_graph_of_unknown_batch_and_length(task, arguments, make_batch):
    model = make_model(task, arguments)
    for batch, segments in ((4, 10), (3, 5)):  # sizes are unknown the second time
        features, _ = make_data(task, make_batch, batch=batch, segments=segments)
        outputs = model.predict_on_batch(features)
        for name, expected in model(features).items():
            np.testing.assert_allclose(outputs[name], expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("task", TASKS)
def test_all_background_has_finite_gradients(task, arguments, make_batch):
    features, targets = make_data(task, make_batch)
    for arrays in (features, targets):
        for name in arrays:
            if "relevance" in name:
                arrays[name] = np.zeros_like(arrays[name])
    model = make_compiled(task, arguments)
    model.fit(features, targets, verbose=0)
    assert all(np.isfinite(weight).all() for weight in model.get_weights())


@pytest.mark.parametrize("task", TASKS)
def test_dtype_policy_is_saved(task, arguments, tmp_path):
    assert keras.config.dtype_policy().name == "float32"
    arguments |= {"block": "full", "dropout": 0.1, "normalization": "batch"}
    model = make_model(task, arguments, dtype="mixed_bfloat16")
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    assert loaded.dtype_policy.name == "mixed_bfloat16"
    policies = {
        layer.name: layer.dtype_policy.name
        for layer in loaded._flatten_layers()  # at all depths; Keras has no public equivalent
        if not isinstance(layer, keras.layers.InputLayer)
    }
    # The softmax's logits stay float32.
    expected = {"event_category"} if task == "sel" else set()
    assert {name for name, policy in policies.items() if policy != "mixed_bfloat16"} == expected
    assert {"visual_normalization", "matching", "audio_attention", "query"} <= policies.keys()


@pytest.mark.slow
@pytest.mark.parametrize("task", TASKS)
def test_learns_a_separable_event(task, arguments, make_batch):
    keras.utils.set_random_seed(0)
    features, targets = make_data(task, make_batch, batch=32)
    # The event adds a category-specific direction to both modalities.
    is_event = targets["event_relevance_probabilities"] > 0
    category = np.arange(32) % 4
    features["audio_features"] += 4 * (is_event[..., None] * np.eye(6)[category][:, None])
    features["visual_features"] += 4 * np.einsum(
        "bt,bc->btc", is_event, np.eye(8)[category]
    ).reshape(32, 10, 1, 1, 8)
    if task == "sel":
        arguments["num_categories"] = 4
    # Compiled, as users train.
    model = make_model(task, arguments)
    losses, loss_weights = localization_losses(model.output, "each")
    model.compile(
        keras.optimizers.Adam(0.01),
        losses,
        loss_weights,
        metrics=localization_metrics(model.output),
    )
    model.fit(features, targets, batch_size=8, epochs=60, verbose=0)
    results = model.evaluate(features, targets, verbose=0, return_dict=True)
    accuracies = {name: value for name, value in results.items() if not name.endswith("loss")}
    assert len(accuracies) == len(localization_metrics(model.output))
    assert min(accuracies.values()) > 0.9, accuracies


@pytest.mark.slow
@eagerly()
def test_reload_in_a_fresh_process(arguments, make_batch, tmp_path):
    models = {
        "sel": make_compiled("sel", arguments, block="full", normalization="batch"),
        "cml": make_compiled("cml", arguments),
    }
    for task, model in models.items():
        features, targets = make_data(task, make_batch)
        model.fit(features, targets, verbose=0)
    small = {"audio_dim": 6, "units": 4}
    models |= {
        "sel_psp": SYSTEMS["sel"]["psp"](visual_shape=arguments["visual_shape"], **small),
        "sel_cpsp": SYSTEMS["sel"]["cpsp"](visual_shape=arguments["visual_shape"], **small),
        "sel_cmbs": SYSTEMS["sel"]["cmbs"](visual_shape=arguments["visual_shape"], **small),
        "sel_cace": SYSTEMS["sel"]["cace"](visual_shape=arguments["visual_shape"], **small),
        "sel_per_segment": SYSTEMS["sel"]["per_segment"](
            visual_shape=arguments["visual_shape"], **small
        ),
        "sel_avsdn": SYSTEMS["sel"]["avsdn"](visual_dim=8, **small),
        "sel_ed_tcn": SYSTEMS["sel"]["ed_tcn"](audio_dim=6, visual_dim=8),
        "sel_attention": SYSTEMS["sel"]["audio_visual_attention"](
            visual_shape=arguments["visual_shape"], **small
        ),
        "cml_dcca": SYSTEMS["cml"]["dcca"](visual_dim=8, hidden_units=8, **small),
        "cml_avdln": SYSTEMS["cml"]["avdln"](audio_dim=6, visual_dim=8),
    }
    paths = []
    for name, model in models.items():
        path = str(tmp_path / f"{name}.keras")
        model.save(path)
        features, _ = make_data(name[:3], make_batch)
        np.savez(path + ".inputs.npz", **features)
        np.savez(path + ".outputs.npz", **model.predict_on_batch(features))
        paths.append(path)
    reloaded = programs.run(RELOAD, *paths)
    assert reloaded.returncode == 0, reloaded.stderr
