import numpy as np
import pytest

from avel_tf.models.baselines import AudioVisualLocalizer

SMALL = {"num_categories": 4, "audio_dim": 6, "visual_shape": (2, 3, 8), "units": 5}


def bidirectional_lstm_size(width):
    """Counts two directions of four gates of 128: a row for every input, and two biases."""
    return 2 * 4 * 128 * (width + 128 + 2)


def dense_size(width):
    return (width + 1) * 64 + (64 + 1) * 29


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ({"modalities": "audio"}, bidirectional_lstm_size(128) + dense_size(256)),
        ({"modalities": "visual"}, bidirectional_lstm_size(512) + dense_size(256)),
        ({}, bidirectional_lstm_size(128) + bidirectional_lstm_size(512) + dense_size(512)),
        ({"attention": True}, 1_335_246),  # as published
    ],
)
def test_published_sizes(arguments, expected):
    model = AudioVisualLocalizer(**arguments)
    assert model.count_params() == expected
    map_shape = (7, 7) if "attention" in arguments else (None, None)
    assert {name: tensor.shape for name, tensor in model.input.items()} == {
        "audio_features": (None, None, 128),
        "visual_features": (None, None, *map_shape, 512),
    }


@pytest.mark.parametrize(
    "arguments",
    [{"modalities": "audio"}, {"modalities": "visual"}, {}, {"attention": True}],
    ids=["audio", "visual", "audio_visual", "attention"],
)
def test_parts_are_wired_as_published(arguments, make_batch):
    model, features = AudioVisualLocalizer(**arguments, **SMALL), make_batch()[0]
    rng = np.random.default_rng(1)
    model.set_weights([rng.normal(size=w.shape) for w in model.get_weights()])
    encoded = []
    if arguments.get("modalities") != "visual":
        encoded.append(model.audio_encoder(features["audio_features"]))
    if arguments.get("modalities") != "audio":
        visual = features["visual_features"].mean(axis=(2, 3))
        if "attention" in arguments:
            visual = np.asarray(model.audio_guided_attention(**features))
        encoded.append(model.visual_encoder(visual))
    x = np.concatenate([np.asarray(modality) for modality in encoded], axis=-1)
    assert x.shape == (4, 10, 2 * 5 * len(encoded))
    assert (x < 0).any()  # so that a missing ReLU before the dense layers would show
    kernel, bias = model.hidden.get_weights()
    x = np.maximum(np.maximum(x, 0) @ kernel + bias, 0)
    kernel, bias = model.segment_label.get_weights()
    logits = model(features)["segment_label_logits"]
    np.testing.assert_allclose(logits, x @ kernel + bias, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize(
    ("modalities", "unused"), [("audio", "visual_features"), ("visual", "audio_features")]
)
def test_one_modality_ignores_the_other(modalities, unused, make_batch):
    model, features = AudioVisualLocalizer(modalities, **SMALL), make_batch()[0]
    other = features | {unused: np.full_like(features[unused], np.nan)}
    outputs = model.predict_on_batch(features)
    for name, output in model.predict_on_batch(other).items():
        np.testing.assert_array_equal(output, outputs[name])


@pytest.mark.parametrize("attention", [False, True])
def test_both_modalities_matter(attention, make_batch):
    model, features = AudioVisualLocalizer(attention=attention, **SMALL), make_batch()[0]
    logits = model.predict_on_batch(features)["segment_label_logits"]
    for name in features:
        other = model.predict_on_batch(features | {name: 0 * features[name]})
        other = other["segment_label_logits"]
        assert np.abs(other - logits).max() > 1e-3, name


@pytest.mark.parametrize("modalities", ["audio", "visual"])
def test_every_segment_sees_those_before_and_after(modalities, make_batch):
    model, features = AudioVisualLocalizer(modalities, **SMALL), make_batch()[0]
    logits = model.predict_on_batch(features)["segment_label_logits"]
    for changed, seen in ((0, 1), (9, 8)):
        other = {name: feature.copy() for name, feature in features.items()}
        for feature in other.values():
            feature[:, changed] += 3
        difference = model.predict_on_batch(other)["segment_label_logits"] - logits
        assert np.abs(difference[:, seen]).max() > 1e-4


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"modalities": "both"}, r"`modalities` must be one of .* modalities='both'."),
        ({"attention": 2}, r"`attention` must be one of .* attention=2."),
        (
            {"attention": True, "modalities": "audio"},
            r"`attention` needs both modalities. .* attention=True, modalities='audio'.",
        ),
        ({"visual_shape": (7, 512)}, r"`visual_shape` must be .* visual_shape=\(7, 512\)."),
        ({"units": 0}, r"`units` must be a positive integer. .* units=0."),
    ],
)
def test_errors_name_the_argument(wrong, message):
    with pytest.raises(ValueError, match=message):
        AudioVisualLocalizer(**wrong)
