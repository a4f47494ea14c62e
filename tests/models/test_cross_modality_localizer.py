import keras
import numpy as np
import pytest

from avel_tf.models import CrossModalityLocalizer

NAMES = ["audio_relevance_logits", "visual_relevance_logits", "event_relevance_probabilities"]

# Whichever is faster: eager JAX compiles every operation separately.
RUN_EAGERLY = keras.config.backend() == "tensorflow"


@pytest.fixture
def arguments(arguments):
    visual_shape = arguments.pop("visual_shape")
    return {**arguments, "visual_dim": visual_shape[-1]}


@pytest.fixture
def inputs(make_batch):
    features, labels = make_batch()
    return {**features, "event_relevance": labels["event_relevance"]}


def test_published_sizes():
    model = CrossModalityLocalizer()
    assert {name: tensor.shape for name, tensor in model.input.items()} == {
        "audio_features": (None, None, 128),
        "visual_features": (None, None, None, None, 512),
        "event_relevance": (None, None),
    }
    assert model.count_params() == (128 + 1) * 256 + (512 + 1) * 256 + 6 * 256 * 256


def test_matches_the_spatial_mean_with_the_query(arguments, inputs, randomize):
    model = randomize(CrossModalityLocalizer(**arguments))
    mean = inputs["visual_features"].reshape(4, 10, 6, 8).mean(axis=2)
    matches = model.dual_attention_matching({**inputs, "visual_features": mean})
    outputs = model(inputs)
    assert set(outputs) == set(NAMES)
    for name in NAMES:
        np.testing.assert_allclose(outputs[name], matches[name], rtol=1e-5)


def test_a_map_of_any_size_is_the_same_as_its_mean(arguments, inputs, randomize):
    model = randomize(CrossModalityLocalizer(normalization="batch", **arguments))
    mean = inputs["visual_features"].mean(axis=(2, 3), keepdims=True)  # (4, 10, 1, 1, 8)
    outputs, pooled = model(inputs), model({**inputs, "visual_features": mean})
    for name in NAMES:
        np.testing.assert_allclose(pooled[name], outputs[name], rtol=1e-5)


def test_self_matching_trains_by_itself_and_scores_by_the_cosine(arguments, inputs, randomize):
    model = randomize(CrossModalityLocalizer(matching="self", **arguments))
    mean = inputs["visual_features"].mean(axis=(2, 3))
    matches = model.dual_attention_matching({**inputs, "visual_features": mean})
    outputs = model(inputs)
    assert set(outputs) == {*NAMES, "audio_self_relevance_logits", "visual_self_relevance_logits"}
    np.testing.assert_allclose(outputs[NAMES[2]], matches[NAMES[2]], rtol=1e-5)
    for query, candidates in (("audio", "visual"), ("visual", "audio")):
        own, cosine = f"{candidates}_self_relevance_logits", f"{candidates}_relevance_logits"
        np.testing.assert_allclose(outputs[own], matches[cosine], rtol=1e-5)
        whole = np.asarray(matches[f"{query}_global_feature"])
        local = np.asarray(matches[f"{candidates}_local_features"])
        norms = np.linalg.norm(whole, axis=1)[:, None] * np.linalg.norm(local, axis=2)
        # A segment that the ReLU zeroes has cosine 0.
        expected = np.einsum("bd,btd->bt", whole, local) / np.maximum(norms, 1e-9)
        np.testing.assert_allclose(outputs[cosine], expected, rtol=1e-4, atol=1e-6)
        assert 0.5 < np.abs(expected).max() <= 1.0001


@pytest.mark.parametrize(
    ("embedding", "matching", "policy"),
    [("gru", "self", "mixed_bfloat16"), ("max", "cross", "float32")],
)
def test_variants_train_and_reload(arguments, inputs, tmp_path, embedding, matching, policy):
    model = CrossModalityLocalizer(
        embedding=embedding, matching=matching, dtype=policy, **arguments
    )
    trained = "self_relevance_logits" if matching == "self" else "relevance_logits"
    loss = keras.losses.BinaryCrossentropy(from_logits=True)
    model.compile(
        keras.optimizers.Adam(1e-3),
        loss={f"{modality}_{trained}": loss for modality in ("audio", "visual")},
        run_eagerly=RUN_EAGERLY,
    )
    before = model.get_weights()
    model.fit(inputs, dict.fromkeys(model.output, inputs["event_relevance"]), verbose=0)
    for weight, old in zip(model.weights, before, strict=True):
        assert not np.array_equal(weight, old), weight.path
    outputs = model(inputs)
    assert {keras.backend.standardize_dtype(output.dtype) for output in outputs.values()} == {
        "float32"
    }
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    assert (loaded.embedding, loaded.matching) == (embedding, matching)
    for name, output in loaded(inputs).items():
        np.testing.assert_array_equal(output, outputs[name])


@pytest.mark.slow
def test_recurrent_embedding_in_a_graph_of_unknown_size(arguments, make_batch):
    model = CrossModalityLocalizer(embedding="blstm", **arguments)
    for batch, segments in ((4, 10), (3, 5)):
        features, labels = make_batch(batch, segments)
        features["event_relevance"] = labels["event_relevance"]
        outputs = model.predict_on_batch(features)
        for name, expected in model(features).items():
            np.testing.assert_allclose(outputs[name], expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    "variant",
    [
        {"block": "plain"},
        {"block": "full"},
        {"embedding": "max"},
        {"embedding": "blstm"},
        {"matching": "self"},
    ],
)
def test_a_candidate_never_sees_the_querys_modality(arguments, inputs, randomize, variant):
    # With the query fixed, the score of candidate t depends only on the candidates' modality at
    # t, and the query only on its own segments.
    model = randomize(CrossModalityLocalizer(**variant, **arguments))
    outputs = model(inputs)
    is_event = inputs["event_relevance"] > 0
    for changed_features, candidates, query in (
        ("audio_features", NAMES[0], NAMES[1]),
        ("visual_features", NAMES[1], NAMES[0]),
    ):
        features = inputs[changed_features].copy()
        features[~is_event] += 3
        changed = model({**inputs, changed_features: features})
        np.testing.assert_array_equal(changed[query], outputs[query])
        same = np.asarray(changed[candidates] == outputs[candidates])
        np.testing.assert_array_equal(same, is_event)


def test_positions_have_no_effect(arguments, inputs):
    model = CrossModalityLocalizer(normalization="batch", **arguments)
    outputs = model(inputs)
    order = np.random.default_rng(0).permutation(10)
    moved = model({name: tensor[:, order] for name, tensor in inputs.items()})
    for name, output in outputs.items():
        output = np.asarray(output)[:, order]
        np.testing.assert_allclose(moved[name], output, rtol=1e-4, atol=1e-5)


def test_batch_normalization_of_the_audio_and_of_the_mean_of_the_map(arguments, inputs):
    model = CrossModalityLocalizer(normalization="batch", **arguments)
    # Inference normalizes by running statistics, as if the features were already normalized.
    audio = inputs["audio_features"]
    visual = inputs["visual_features"].mean(axis=(2, 3))
    normalized = {"event_relevance": inputs["event_relevance"]}
    for layer, name, feature in (
        (model.audio_normalization, "audio_features", audio),
        (model.visual_normalization, "visual_features", visual),
    ):
        assert (layer.momentum, layer.gamma.shape[0]) == (0.9, feature.shape[-1])
        mean, variance = feature.mean(axis=(0, 1)), feature.var(axis=(0, 1))
        layer.set_weights([np.ones_like(mean), np.zeros_like(mean), mean, variance])
        normalized[name] = (feature - mean) / np.sqrt(variance + layer.epsilon)
    outputs, matches = model(inputs), model.dual_attention_matching(normalized)
    for name, output in outputs.items():
        np.testing.assert_allclose(output, matches[name], rtol=1e-4, atol=1e-5)


@pytest.mark.filterwarnings("ignore:You are using a softmax over axis")  # of one segment
@pytest.mark.parametrize(
    ("batch", "segments", "block"), [(1, 1, "plain"), (1, 1, "full"), (2, 1, "full")]
)
def test_edges(arguments, make_batch, batch, segments, block):
    features, _ = make_batch(batch, segments)
    model = CrossModalityLocalizer(block=block, normalization="batch", **arguments)
    outputs = model({**features, "event_relevance": np.zeros((batch, segments))})
    # Without a query, all candidates are equally likely.
    np.testing.assert_array_equal(outputs[NAMES[0]], np.zeros((batch, segments)))
    np.testing.assert_array_equal(outputs[NAMES[2]], np.full((batch, segments), 0.5))


def test_config_round_trip(arguments):
    model = CrossModalityLocalizer(
        block="full",
        dropout=0.1,
        normalization="batch",
        matching="self",
        name="cml",
        trainable=False,
        **arguments,
    )
    copy = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(model))
    assert isinstance(copy, CrossModalityLocalizer)
    assert copy.get_config() == model.get_config()
    assert (copy.name, copy.trainable, copy.block) == ("cml", False, "full")
    assert (copy.visual_dim, copy.embedding, copy.matching) == (8, "self_attention", "self")
    assert [weight.path for weight in copy.weights] == [weight.path for weight in model.weights]


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"visual_dim": [7, 7, 512]}, r"`visual_dim` must be .* visual_dim=\[7, 7, 512\]."),
        ({"matching": "none"}, r"`matching` must be one of .* matching='none'."),
        ({"embedding": "sum"}, r"`embedding` must be one of .* embedding='sum'."),
        ({"normalization": True}, r"`normalization` must be one of .* normalization=True."),
        ({"units": 10}, r"`num_heads` must divide `units`. Received: num_heads=4, units=10."),
    ],
)
def test_errors_name_the_argument(wrong, message):
    with pytest.raises(ValueError, match=message):
        CrossModalityLocalizer(**wrong)
