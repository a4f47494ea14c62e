import keras
import numpy as np
import pytest

from avel_tf.choices import SEQUENCE_EMBEDDINGS
from avel_tf.models import DualAttentionMatching

NAMES = [
    "audio_global_feature",
    "visual_global_feature",
    "audio_relevance_logits",
    "visual_relevance_logits",
    "event_relevance_probabilities",
]
LOCAL_NAMES = ["audio_local_features", "visual_local_features"]


BACKGROUND = 5 * (np.arange(10) < 3).astype("float32")[:, None]


def make_inputs(batch=3, segments=10, width=6):
    rng = np.random.default_rng(0)
    event_relevance = np.zeros((batch, segments), "float32")
    event_relevance[:, segments // 3 :] = 1
    return {
        "audio_features": rng.normal(size=(batch, segments, width)).astype("float32"),
        "visual_features": rng.normal(size=(batch, segments, width)).astype("float32"),
        "event_relevance": event_relevance,
    }


def make_model(**kwargs):
    return DualAttentionMatching(audio_dim=6, visual_dim=6, units=8, num_heads=2, **kwargs)


def test_known_answer():
    # Width 1 throughout, all weights 1: the embedding is relu. Attention among equal segments
    # returns their value, so the audio event (2, 2) has global feature 2, the visual one (3, 3)
    # has 3. Segment 0 is background but still scored: audio 3 * (1, 2, 2), visual
    # 2 * (relu(-5), 3, 3).
    model = DualAttentionMatching(audio_dim=1, visual_dim=1, units=1, num_heads=1)
    model.set_weights([np.ones(weight.shape) for weight in model.get_weights()])
    for embedding in (model.audio_embedding, model.visual_embedding):
        embedding.set_weights([np.ones((1, 1)), np.zeros(1)])
    outputs = model(
        {
            "audio_features": np.array([[[1.0], [2.0], [2.0]]]),
            "visual_features": np.array([[[-5.0], [3.0], [3.0]]]),
            "event_relevance": np.array([[0.0, 1.0, 1.0]]),
        }
    )
    np.testing.assert_allclose(outputs["audio_global_feature"], [[2.0]], rtol=1e-6)
    np.testing.assert_allclose(outputs["visual_global_feature"], [[3.0]], rtol=1e-6)
    np.testing.assert_allclose(outputs["audio_relevance_logits"], [[3.0, 6.0, 6.0]], rtol=1e-6)
    np.testing.assert_allclose(outputs["visual_relevance_logits"], [[0.0, 6.0, 6.0]], rtol=1e-6)
    sigmoid_3, sigmoid_6 = 1 / (1 + np.exp(-3)), 1 / (1 + np.exp(-6))
    expected = [[(sigmoid_3 + 0.5) / 2, sigmoid_6, sigmoid_6]]
    np.testing.assert_allclose(outputs["event_relevance_probabilities"], expected, rtol=1e-6)


@pytest.mark.parametrize("block", ["plain", "full"])
def test_swapping_the_modalities_swaps_the_directions(block, randomize):
    model, swapped_model = randomize(make_model(block=block)), make_model(block=block)
    for ours, theirs in (("audio", "visual"), ("visual", "audio")):
        for layer in ("embedding", "attention"):
            weights = model.get_layer(f"{ours}_{layer}").get_weights()
            swapped_model.get_layer(f"{theirs}_{layer}").set_weights(weights)
    inputs = make_inputs()
    swapped_inputs = {
        "audio_features": inputs["visual_features"],
        "visual_features": inputs["audio_features"],
        "event_relevance": inputs["event_relevance"],
    }
    outputs, swapped = model(inputs), swapped_model(swapped_inputs)
    for ours, theirs in ((0, 1), (1, 0), (2, 3), (3, 2), (4, 4)):
        np.testing.assert_allclose(swapped[NAMES[theirs]], outputs[NAMES[ours]], rtol=1e-5)


@pytest.mark.parametrize("block", ["plain", "full"])
def test_background_is_scored_but_not_part_of_the_query(block, randomize):
    model, inputs = randomize(make_model(block=block)), make_inputs()
    outputs = model(inputs)
    changed_audio = inputs["audio_features"].copy()
    changed_audio[:, :3] += 5  # background in every record
    changed = model({**inputs, "audio_features": changed_audio})
    np.testing.assert_array_equal(changed[NAMES[0]], outputs[NAMES[0]])
    np.testing.assert_array_equal(changed[NAMES[3]], outputs[NAMES[3]])
    np.testing.assert_array_equal(changed[NAMES[2]][:, 3:], outputs[NAMES[2]][:, 3:])
    assert np.abs(changed[NAMES[2]][:, :3] - outputs[NAMES[2]][:, :3]).min() > 0


def test_self_matching_queries_with_the_modality_itself(randomize):
    model, crossed = randomize(make_model(matching="self")), randomize(make_model())
    inputs = make_inputs()
    outputs, others = model(inputs), crossed(inputs)
    # Only Eqs. 5 and 6 change: local and global features are as in cross-matching.
    for name in (*LOCAL_NAMES, *NAMES[:2]):
        np.testing.assert_array_equal(outputs[name], others[name])
    probabilities = []
    for modality in ("audio", "visual"):
        whole, local = outputs[f"{modality}_global_feature"], outputs[f"{modality}_local_features"]
        expected = np.einsum("bd,btd->bt", whole, local)
        logits = outputs[f"{modality}_relevance_logits"]
        np.testing.assert_allclose(logits, expected, rtol=1e-5)
        assert np.abs(logits - others[f"{modality}_relevance_logits"]).max() > 0.1
        probabilities.append(1 / (1 + np.exp(-expected)))
    np.testing.assert_allclose(outputs[NAMES[4]], np.mean(probabilities, axis=0), rtol=1e-5)


@pytest.mark.parametrize("embedding", SEQUENCE_EMBEDDINGS)
def test_embeddings_of_table_3(embedding, randomize):
    model, inputs = randomize(make_model(embedding=embedding)), make_inputs()
    outputs = model(inputs)
    audio = model.get_layer("audio_sequence_embedding")
    visual = model.get_layer("visual_sequence_embedding")
    assert (audio.kind, audio.units) == (visual.kind, visual.units) == (embedding, 8)
    for modality, layer in (("audio", audio), ("visual", visual)):
        expected = layer(outputs[f"{modality}_local_features"], inputs["event_relevance"])
        np.testing.assert_array_equal(outputs[f"{modality}_global_feature"], expected)
    # The first three segments are background: scored, but part of no query.
    changed = model({**inputs, "audio_features": inputs["audio_features"] + BACKGROUND})
    np.testing.assert_array_equal(changed[NAMES[3]], outputs[NAMES[3]])
    np.testing.assert_array_equal(changed[NAMES[2]][:, 3:], outputs[NAMES[2]][:, 3:])
    copy = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(model))
    assert (copy.embedding, copy.get_config()) == (embedding, model.get_config())
    assert [weight.path for weight in copy.weights] == [weight.path for weight in model.weights]


def test_local_features_may_be_negative_and_matched_by_cosine(randomize):
    inputs = make_inputs()
    rectified = randomize(make_model(similarity="cosine"))
    linear = make_model(similarity="cosine", projection="linear")
    linear.set_weights(rectified.get_weights())
    local, rectified_local = (model(inputs)[LOCAL_NAMES[0]] for model in (linear, rectified))
    np.testing.assert_array_equal(np.maximum(local, 0), rectified_local)
    assert np.asarray(local).min() < 0
    copy = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(linear))
    assert (copy.projection, copy.cross_matching.similarity) == ("linear", "cosine")


def test_weights_keep_the_names_that_saved_models_have():
    assert [weight.path for weight in make_model().weights] == [
        *(
            f"{modality}_attention/{projection}/kernel"
            for modality in ("audio", "visual")
            for projection in ("query", "key", "value")
        ),
        "audio_embedding/kernel",
        "audio_embedding/bias",
        "visual_embedding/kernel",
        "visual_embedding/bias",
    ]


def test_config_and_symbolic_shapes():
    model = make_model(block="full", dropout=0.1, matching="self", name="dam", trainable=False)
    config = keras.saving.serialize_keras_object(model)
    copy = keras.saving.deserialize_keras_object(config)
    assert isinstance(copy, DualAttentionMatching)
    assert copy.get_config() == model.get_config()
    assert (copy.name, copy.trainable, copy.block, copy.dropout) == ("dam", False, "full", 0.1)
    assert (copy.embedding, copy.matching) == ("self_attention", "self")
    assert [weight.path for weight in copy.weights] == [weight.path for weight in model.weights]
    assert {name: tensor.shape for name, tensor in model.output.items()} == {
        NAMES[0]: (None, 8),
        NAMES[1]: (None, 8),
        NAMES[2]: (None, None),
        NAMES[3]: (None, None),
        NAMES[4]: (None, None),
        LOCAL_NAMES[0]: (None, None, 8),
        LOCAL_NAMES[1]: (None, None, 8),
    }


@pytest.mark.filterwarnings("ignore:You are using a softmax over axis")  # of one segment
@pytest.mark.parametrize(
    ("batch", "segments", "block"), [(1, 1, "plain"), (1, 1, "full"), (2, 1, "full")]
)
def test_edges(batch, segments, block):
    inputs = make_inputs(batch, segments)
    inputs["event_relevance"][-1] = 0  # all background
    outputs = make_model(block=block)(inputs)
    assert set(outputs) == {*NAMES, *LOCAL_NAMES}
    assert all(np.isfinite(output).all() for output in outputs.values())
    np.testing.assert_array_equal(outputs["audio_relevance_logits"][-1], np.zeros(segments))


def test_errors_name_the_argument():
    with pytest.raises(ValueError, match=r"`audio_dim` must be .* Received: audio_dim=0."):
        DualAttentionMatching(audio_dim=0)
    with pytest.raises(ValueError, match=r"`visual_dim` must be .* Received: visual_dim=1.5."):
        DualAttentionMatching(visual_dim=1.5)
    with pytest.raises(ValueError, match=r"`embedding` must be one of .* embedding='mean'."):
        DualAttentionMatching(embedding="mean")
    with pytest.raises(ValueError, match=r"`matching` must be one of .* matching='none'."):
        DualAttentionMatching(matching="none")
    with pytest.raises(ValueError, match=r"`num_heads` must divide `units`."):
        DualAttentionMatching(units=8, num_heads=3)
