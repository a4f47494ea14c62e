"""Records that are shorter than their batch: padding changes nothing, in any system.

A padded segment has features of 0 in both modalities, and `PADDING` as label and relevance.
"""

import keras
import numpy as np
import pytest

from avel_tf.choices import PADDING
from avel_tf.losses import localization_losses, localization_targets
from avel_tf.metrics import localization_metrics
from avel_tf.models import SYSTEMS
from avel_tf.models.inputs import present_segments

DAM = {"units": 8, "num_heads": 2}
VARIANTS = {
    "sel": {
        "dam": ("dam", DAM, {"relevance_loss": "each"}),
        "dam_full": ("dam", DAM | {"block": "full", "normalization": "batch"}, {}),
        "dam_blstm": ("dam", DAM | {"embedding": "blstm", "matching": "self"}, {}),
        "dam_category": ("dam", DAM | {"matching": "none"}, {}),
        "dam_weak": ("dam", DAM, {"supervision": "weak"}),
        "audio": ("audio", {"units": 4}, {"supervision": "weak"}),
        "visual": ("visual", {"units": 4}, {"segment_loss": "soft_margin"}),
        "audio_visual": ("audio_visual", {"units": 4}, {}),
        "audio_visual_attention": ("audio_visual_attention", {"units": 4}, {}),
        "avsdn": ("avsdn", {"units": 4}, {}),
        "ed_tcn": ("ed_tcn", {}, {}),
        "cpsp": ("cpsp", {"units": 4}, {}),
        "psp_weak": ("psp", {"units": 4}, {"supervision": "weak"}),
        "cace": ("cace", {"units": 4}, {}),  # also trains all that CMBS trains with labels
        "per_segment": ("per_segment", {"units": 4}, {"supervision": "weak"}),
        "cmbs_weak": ("cmbs", {"units": 4}, {"supervision": "weak"}),
    },
    "cml": {
        "dam": ("dam", DAM | {"normalization": "batch"}, {"relevance_loss": "each"}),
        "dam_average": ("dam", DAM | {"embedding": "average"}, {}),
        "avdln": ("avdln", {}, {}),
        "dcca": ("dcca", {"hidden_units": 8, "units": 2}, {}),
    },
}
CASES = [(task, name) for task, variants in VARIANTS.items() for name in variants]
# Of "dam_weak" as of "dam", and of "psp_weak" as of "cpsp".
OUTPUT_CASES = [case for case in CASES if case[1] not in ("dam_weak", "psp_weak")]
OF_RECORDS = ("event_category_logits", "record_embedding")  # outputs that have no segments
LENGTHS = (6, 7)  # even and odd at both levels of ED-TCN
# Whichever is faster: eager JAX compiles every operation separately.
RUN_EAGERLY = keras.config.backend() == "tensorflow"
# JAX compiles each case for half a minute, and the same code runs there: one of a kind is enough.
OF_EACH_KIND = [("sel", "dam_full"), ("sel", "audio_visual"), ("sel", "ed_tcn"), ("cml", "dam")]


def test_every_system_is_tested():
    for task, systems in SYSTEMS.items():
        assert {system for system, _, _ in VARIANTS[task].values()} == set(systems)


def make_model(task, name):
    """Returns a compiled model with distinct weights, biases included, and its loss's settings."""
    system, arguments, settings = VARIANTS[task][name]
    is_mean = task == "cml" or system in ("avsdn", "ed_tcn")
    arguments = arguments | ({"visual_dim": 8} if is_mean else {"visual_shape": (2, 3, 8)})
    if task == "sel":
        arguments["num_categories"] = 4
    model = SYSTEMS[task][system](audio_dim=6, **arguments)
    for layer in model._flatten_layers():  # at all depths; Keras has no public equivalent
        if isinstance(layer, keras.layers.Dropout):
            layer.rate = 0  # what it drops would differ with the length
        elif isinstance(layer, keras.layers.GaussianNoise):
            layer.stddev = 0
    rng = np.random.default_rng(1)
    for weight in model.trainable_weights:
        weight.assign(0.4 * rng.normal(size=weight.shape))
    losses, loss_weights = localization_losses(model.output, **settings)
    # Plain gradients, so that what a step changes is their size.
    model.compile(
        keras.optimizers.SGD(0.1),
        losses,
        loss_weights,
        metrics=localization_metrics(model.output),
        run_eagerly=RUN_EAGERLY,
    )
    return model


def pad(arrays, segments):
    """Adds segments of padding to features and labels."""
    padded = {}
    for name, array in arrays.items():
        if array.ndim > 1:
            value = 0 if name.endswith("features") else PADDING
            widths = [(0, 0), (0, segments - array.shape[1])] + [(0, 0)] * (array.ndim - 2)
            array = np.pad(array, widths, constant_values=value)
        padded[name] = array
    return padded


def make_records(task, model, make_batch, lengths, segments):
    """Returns inputs and targets of one record of each length, padded to `segments`."""
    records = []
    for length in lengths:
        features, labels = make_batch(batch=4, segments=length)
        records.append(pad(features | labels, segments))
    arrays = {
        name: np.concatenate([record[name][[i]] for i, record in enumerate(records)])
        for name in records[0]
    }
    # Two of a category, for what compares records.
    arrays["event_category"] = np.minimum(arrays["event_category"], 1)
    inputs = {name: arrays[name] for name in model.input}
    return inputs, localization_targets(model.output, arrays)


@pytest.mark.parametrize(("task", "name"), OUTPUT_CASES)
def test_padding_changes_no_output(task, name, make_batch):
    model = make_model(task, name)
    inputs, targets = make_records(task, model, make_batch, LENGTHS, 10)
    outputs = {key: np.asarray(value) for key, value in model.predict_on_batch(inputs).items()}
    for record, length in enumerate(LENGTHS):
        alone = model.predict_on_batch(
            {key: array[[record], :length] for key, array in inputs.items()}
        )
        for key, expected in alone.items():
            result = outputs[key][[record]]
            if key not in OF_RECORDS:
                result = result[:, :length]
            if key == "audio_visual_scores":
                result = result[:, :, :length]
            np.testing.assert_allclose(result, expected, rtol=1e-4, atol=1e-5, err_msg=key)
    if task == "sel":
        is_padding = targets["segment_label"] == PADDING
        assert is_padding.any() and (outputs["segment_label"][is_padding] == 4).all()
        if "event_relevance_probabilities" in outputs:
            assert not outputs["event_relevance_probabilities"][is_padding].any()


@pytest.mark.slow
@pytest.mark.parametrize(("task", "name"), CASES if RUN_EAGERLY else OF_EACH_KIND)
def test_padding_changes_no_loss_gradient_or_metric(task, name, make_batch):
    results = []
    for segments in (7, 10):
        model = make_model(task, name)
        before = model.get_weights()
        data = make_records(task, model, make_batch, (7, 7, 7), segments)
        logs = model.train_on_batch(*data, return_dict=True)
        changes = [new - old for old, new in zip(before, model.get_weights(), strict=True)]
        results.append((logs, changes))
    (expected_logs, expected), (logs, changes) = results
    assert logs == pytest.approx(expected_logs, rel=1e-4)
    assert sum(np.abs(change).max() > 1e-5 for change in expected) > len(expected) / 3
    for weight, change, correct in zip(model.weights, changes, expected, strict=True):
        np.testing.assert_allclose(change, correct, rtol=1e-3, atol=1e-5, err_msg=weight.path)


@pytest.mark.parametrize(
    ("task", "name"), [("sel", "dam_full"), ("sel", "audio"), ("sel", "ed_tcn"), ("cml", "dcca")]
)
def test_records_of_padding_alone_stay_finite(task, name, make_batch):
    model = make_model(task, name)
    inputs, targets = make_records(task, model, make_batch, (7, 7), 7)
    for arrays, value in ((inputs, 0), (targets, PADDING)):
        for key, array in arrays.items():
            if array.ndim > 1:
                array[0] = PADDING if key == "event_relevance" else value
    model.train_on_batch(inputs, targets)
    assert all(np.isfinite(weight).all() for weight in model.get_weights())
    outputs = model.predict_on_batch(inputs)
    assert all(np.isfinite(output).all() for output in outputs.values())


def test_a_second_is_padding_only_without_any_sound_and_picture():
    audio, visual = np.zeros((1, 6, 2)), np.zeros((1, 6, 2, 2, 3))
    audio[0, 1, 1] = -1e-30
    visual[0, 2, 0, 0, 2] = 0.5
    visual[0, 3, 1, 1] = 1  # not the first region
    audio[0, 4, 0] = np.nan  # to be seen, not hidden
    present = present_segments(audio.astype("float32"), visual.astype("float32"))
    np.testing.assert_array_equal(present, [[0, 1, 1, 0, 1, 0]])
    assert keras.backend.standardize_dtype(present.dtype) == "float32"
