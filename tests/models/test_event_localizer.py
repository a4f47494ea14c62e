import keras
import numpy as np
import pytest

from avel_tf.models import SupervisedEventLocalizer

NAMES = [
    "event_category_logits",
    "audio_relevance_logits",
    "visual_relevance_logits",
    "event_relevance_probabilities",
    "segment_label",
]

# Whichever is faster: eager JAX compiles every operation separately.
RUN_EAGERLY = keras.config.backend() == "tensorflow"


def test_published_sizes():
    model = SupervisedEventLocalizer()
    assert {name: tensor.shape for name, tensor in model.input.items()} == {
        "audio_features": (None, None, 128),
        "visual_features": (None, None, 7, 7, 512),
    }
    shapes = {name: tensor.shape for name, tensor in model.output.items()}
    assert shapes == {"event_category_logits": (None, 28)} | dict.fromkeys(NAMES[1:], (None, None))
    # Attention over regions, embeddings, 2 x 3 projections, category from both global features.
    attention = 512 * 512 + 512 + 128 * 512 + 512 + 2 * 512 * 49 + 49
    matching = (128 + 1) * 256 + (512 + 1) * 256 + 6 * 256 * 256
    assert model.count_params() == attention + matching + (512 + 1) * 28


def test_parts_are_wired_as_in_section_3_4(arguments, make_batch, randomize):
    model = randomize(SupervisedEventLocalizer(num_categories=4, **arguments))
    features, _ = make_batch()
    outputs = model(features)
    # Global features see all segments, unmasked: a query cropped to the event leaks the label.
    matches = model.dual_attention_matching(
        {
            "audio_features": features["audio_features"],
            "visual_features": np.asarray(model.audio_guided_attention(**features)),
            "event_relevance": np.ones((4, 10)),
        }
    )
    for name in NAMES[1:4]:
        np.testing.assert_allclose(outputs[name], matches[name], rtol=1e-6)
    kernel, bias = model.event_category.get_weights()
    both = np.hstack([matches["audio_global_feature"], matches["visual_global_feature"]])
    np.testing.assert_allclose(outputs["event_category_logits"], both @ kernel + bias, rtol=1e-5)


def test_segment_label_is_the_decision(arguments, make_batch):
    model = SupervisedEventLocalizer(num_categories=4, **arguments)
    features, _ = make_batch()
    outputs = {name: np.asarray(output) for name, output in model(features).items()}
    category = outputs["event_category_logits"].argmax(axis=1)[:, None]
    is_event = outputs["event_relevance_probabilities"] >= 0.5
    assert 0 < is_event.mean() < 1
    np.testing.assert_array_equal(outputs["segment_label"], np.where(is_event, category, 4))
    assert outputs["segment_label"].dtype == np.int32


def test_self_matching_is_passed_on(arguments, make_batch, randomize):
    features, _ = make_batch()
    models = [
        randomize(SupervisedEventLocalizer(num_categories=4, matching=matching, **arguments))
        for matching in ("cross", "self")
    ]
    crossed, outputs = (model(features) for model in models)
    assert set(outputs) == set(NAMES)
    assert models[1].dual_attention_matching.matching == "self"
    np.testing.assert_array_equal(outputs[NAMES[0]], crossed[NAMES[0]])
    assert np.abs(outputs[NAMES[1]] - crossed[NAMES[1]]).max() > 0.1


def test_without_matching_every_segment_is_the_event(arguments, make_batch, randomize):
    features, _ = make_batch()
    arguments |= {"num_categories": 4, "embedding": "average"}
    model, crossed = (
        randomize(SupervisedEventLocalizer(matching=matching, **arguments))
        for matching in ("none", "cross")
    )
    outputs = model(features)
    assert set(outputs) == {NAMES[0], NAMES[3], NAMES[4]}
    # The category comes from the fused global features, as with matching.
    np.testing.assert_array_equal(outputs[NAMES[0]], crossed(features)[NAMES[0]])
    np.testing.assert_array_equal(outputs[NAMES[3]], np.ones((4, 10)))
    category = np.argmax(outputs[NAMES[0]], axis=1)
    np.testing.assert_array_equal(outputs[NAMES[4]], np.repeat(category[:, None], 10, axis=1))


def test_without_matching_the_category_loss_moves_every_weight(arguments, make_batch):
    features, labels = make_batch()
    model = SupervisedEventLocalizer(
        num_categories=4, matching="none", dtype="mixed_bfloat16", **arguments
    )
    model.compile(
        keras.optimizers.Adam(1e-3),
        loss={NAMES[0]: keras.losses.SparseCategoricalCrossentropy(from_logits=True)},
        run_eagerly=RUN_EAGERLY,
    )
    before = model.get_weights()
    targets = {
        NAMES[0]: labels["event_category"],
        NAMES[3]: labels["event_relevance"],
        NAMES[4]: labels["segment_label"],
    }
    model.fit(features, targets, verbose=0)
    for weight, old in zip(model.weights, before, strict=True):
        assert not np.array_equal(weight, old), weight.path
    outputs = model(features)
    dtypes = [keras.backend.standardize_dtype(outputs[NAMES[i]].dtype) for i in (0, 3, 4)]
    assert dtypes == ["float32", "float32", "int32"]


def test_order_of_records_and_segments(arguments, make_batch):
    model = SupervisedEventLocalizer(num_categories=4, **arguments)
    features, _ = make_batch()
    outputs = model(features)
    other_order = np.random.default_rng(0).permutation(4)
    permuted = model({name: feature[other_order] for name, feature in features.items()})
    backwards = model({name: feature[:, ::-1] for name, feature in features.items()})
    for name, output in outputs.items():
        output = np.asarray(output)
        np.testing.assert_allclose(permuted[name], output[other_order], rtol=1e-4, atol=1e-5)
        if name != "event_category_logits":
            output = output[:, ::-1]
        np.testing.assert_allclose(backwards[name], output, rtol=1e-4, atol=1e-5)


@pytest.mark.filterwarnings("ignore:You are using a softmax over axis")  # of one segment
@pytest.mark.parametrize(
    ("batch", "segments", "block"), [(1, 1, "plain"), (1, 1, "full"), (2, 1, "full")]
)
def test_edges(arguments, make_batch, batch, segments, block):
    features, _ = make_batch(batch, segments)
    model = SupervisedEventLocalizer(block=block, normalization="batch", **arguments)
    outputs = model(features)
    assert set(outputs) == set(NAMES)
    assert all(np.isfinite(output).all() for output in outputs.values())


def test_batch_normalization_acts_before_the_attention_over_regions(arguments, make_batch):
    model = SupervisedEventLocalizer(normalization="batch", **arguments)
    features, _ = make_batch(batch=16)
    # As the features of untrained encoders: little variation around a large mean.
    features = {name: 100 + 0.01 * feature for name, feature in features.items()}
    for layer, name in (
        (model.audio_normalization, "audio_features"),
        (model.visual_normalization, "visual_features"),
    ):
        assert layer.momentum == 0.9
        flat = features[name].reshape(-1, features[name].shape[-1])
        gamma = np.ones(flat.shape[1])
        layer.set_weights([gamma, 0 * gamma, flat.mean(axis=0), flat.var(axis=0)])
    plain = SupervisedEventLocalizer(**arguments)
    plain.audio_guided_attention.set_weights(model.audio_guided_attention.get_weights())
    plain.dual_attention_matching.set_weights(model.dual_attention_matching.get_weights())
    normalized = {
        "audio_features": model.audio_normalization(features["audio_features"]),
        "visual_features": model.visual_normalization(features["visual_features"]),
    }
    np.testing.assert_allclose(
        model(features)["event_relevance_probabilities"],
        plain(normalized)["event_relevance_probabilities"],
        rtol=1e-4,
    )


def test_config_round_trip(arguments):
    model = SupervisedEventLocalizer(
        num_categories=4,
        block="full",
        dropout=0.1,
        normalization="batch",
        embedding="lstm",
        matching="none",
        threshold=0.6,
        name="sel",
        trainable=False,
        **arguments,
    )
    copy = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(model))
    assert isinstance(copy, SupervisedEventLocalizer)
    assert copy.get_config() == model.get_config()
    assert copy.visual_shape == (2, 3, 8)
    assert (copy.num_categories, copy.trainable, copy.normalization) == (4, False, "batch")
    assert (copy.embedding, copy.matching, copy.threshold) == ("lstm", "none", 0.6)
    assert copy.dual_attention_matching.embedding == "lstm"
    assert [weight.path for weight in copy.weights] == [weight.path for weight in model.weights]


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"num_categories": 0}, r"`num_categories` must be a positive .* num_categories=0."),
        ({"visual_shape": (7, 512)}, r"`visual_shape` must be .* visual_shape=\(7, 512\)."),
        ({"visual_shape": (7, 0, 512)}, r"`visual_shape\[1\]` must be a positive integer"),
        ({"visual_shape": "map"}, r"`visual_shape` must be .* visual_shape='map'."),
        ({"normalization": "layer"}, r"`normalization` must be one of .* normalization='layer'."),
        ({"audio_dim": -1}, r"`audio_dim` must be .* audio_dim=-1."),
        ({"matching": "both"}, r"`matching` must be one of .*'none'.* matching='both'."),
        ({"embedding": None}, r"`embedding` must be one of .* embedding=None."),
        ({"block": None}, r"`block` must be one of .* block=None."),
        ({"threshold": 60}, r"`threshold` must be a number from 0 to 1. .* threshold=60."),
    ],
)
def test_errors_name_the_argument(wrong, message):
    with pytest.raises(ValueError, match=message):
        SupervisedEventLocalizer(**wrong)
