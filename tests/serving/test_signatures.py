"""Outputs of the signatures, compared with the decisions of `avel_tf.localization`."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from avel_tf.ave import BACKGROUND_NAME, CATEGORIES
from avel_tf.localization import best_window, segment_labels, window_scores
from avel_tf.models import SYSTEMS
from avel_tf.serving.signatures import signatures

NAMES = [*CATEGORIES, BACKGROUND_NAME]
RANDOM = np.random.default_rng(0)
AUDIO = RANDOM.random((3, 12, 128), np.float32)
VISUAL = RANDOM.random((3, 12, 7, 7, 512), np.float32)


@pytest.fixture(scope="module")
def label_names():
    keys = tf.range(len(NAMES), dtype=tf.int64)
    return tf.lookup.StaticHashTable(tf.lookup.KeyValueTensorInitializer(keys, NAMES), "")


def make(task, system, **arguments):
    keras.utils.set_random_seed(3)
    return SYSTEMS[task][system](**arguments)


@pytest.fixture
def answer(label_names):
    """Function that returns a signature's outputs as arrays."""

    def call(model, name, *arguments):
        function, specs = signatures(model, label_names)[name]
        served = tf.function(function, input_signature=specs)
        outputs = served(*map(tf.constant, arguments))
        return {key: value.numpy() for key, value in outputs.items()}

    return call


@pytest.mark.parametrize(
    ("system", "arguments"),
    [("dam", {"units": 16}), ("dam", {"units": 16, "matching": "none"}), ("audio_visual", {})],
)
def test_event(answer, system, arguments):
    model = make("sel", system, **arguments)
    expected = model({"audio_features": AUDIO, "visual_features": VISUAL})
    found = answer(model, "localize_event", AUDIO, VISUAL)
    np.testing.assert_array_equal(found["segment_label"], expected["segment_label"])
    for label, name in zip(
        found["segment_label"].flat, found["segment_label_name"].flat, strict=True
    ):
        assert name.decode() == NAMES[label]
    logits = expected["event_category_logits"].numpy()
    np.testing.assert_array_equal(found["event_category"], logits.argmax(axis=1))
    np.testing.assert_allclose(
        found["event_category_probabilities"], tf.nn.softmax(logits), rtol=1e-5
    )
    probabilities = found["segment_probabilities"]
    assert probabilities.shape == (3, 12, 29)
    np.testing.assert_allclose(probabilities.sum(axis=-1), 1, rtol=1e-5)
    relevance = found["event_relevance_probabilities"]
    np.testing.assert_allclose(relevance, 1 - probabilities[..., -1], atol=1e-6)
    by_modality = [f"{modality}_relevance_probabilities" for modality in ("audio", "visual")]
    matches = system == "dam" and "matching" not in arguments
    assert [name in found for name in by_modality] == [matches] * 2
    if matches:
        mean = np.mean([found[name] for name in by_modality], axis=0)
        np.testing.assert_allclose(mean, relevance, rtol=1e-5)
    if system == "dam":
        assert (segment_labels(logits, relevance) == found["segment_label"]).numpy().all()
        np.testing.assert_allclose(
            probabilities[..., :-1].sum(axis=1) / relevance.sum(axis=1)[:, None],
            found["event_category_probabilities"],
            rtol=1e-4,
        )
    else:
        np.testing.assert_array_equal(probabilities.argmax(axis=-1), found["segment_label"])


@pytest.mark.parametrize("length", [1, 4, 12])
@pytest.mark.parametrize(("query", "candidates"), [("audio", "visual"), ("visual", "audio")])
def test_best_window(answer, query, candidates, length):
    model = make("cml", "dam", units=16)
    features = {"audio": AUDIO, "visual": VISUAL}
    moved = np.roll(features[query], -2, axis=1)
    found = answer(model, f"{query}_to_{candidates}", moved[:, :length], features[candidates])
    # The same in a clip whose event is the query, whatever follows it.
    relevance = np.zeros((3, 12), np.float32)
    relevance[:, :length] = 1
    inputs = {f"{candidates}_features": features[candidates], "event_relevance": relevance}
    inputs[f"{query}_features"] = moved
    scores = model(inputs)[f"{candidates}_relevance_logits"].numpy()
    np.testing.assert_allclose(found["window_scores"], window_scores(scores, length), atol=1e-4)
    for start, end, each in zip(found["window_start"], found["window_end"], scores, strict=True):
        assert (start, end) == best_window(each, length)


@pytest.mark.parametrize("system", ["avdln", "dcca"])
def test_windows_of_pairs(answer, system):
    model = make("cml", system)
    found = answer(model, "visual_to_audio", VISUAL[:, 5:8], AUDIO)
    pairs = model(
        {
            "audio_features": AUDIO,
            "visual_features": VISUAL,
            "event_relevance": np.ones((3, 12), np.float32),
        }
    )["audio_visual_scores"].numpy()
    expected = [
        sum(pairs[:, start + place, 5 + place] for place in range(3)) for start in range(10)
    ]
    np.testing.assert_allclose(found["window_scores"], np.stack(expected, axis=1), atol=1e-4)
    np.testing.assert_array_equal(found["window_start"], np.argmax(expected, axis=0))
    np.testing.assert_array_equal(found["window_end"], found["window_start"] + 3)


def test_the_middle_of_tied_windows_is_taken(answer):
    model = make("cml", "dam", units=16)
    constant = np.ones_like(AUDIO)
    found = answer(model, "visual_to_audio", VISUAL[:, :4], constant)
    assert (found["window_start"] == best_window(np.ones(12), 4)[0]).all()


def test_a_real_difference_is_no_tie_however_large_the_other_scores_are(answer):
    inputs = {
        "audio_features": keras.Input((None, 1), name="audio_features"),
        "visual_features": keras.Input((None, 1, 1, 1), name="visual_features"),
        "event_relevance": keras.Input((None,), name="event_relevance"),
    }
    scores = {"audio_relevance_logits": inputs["audio_features"][..., 0]}
    candidates = np.full((1, 12, 1), -100, np.float32)
    candidates[0, 1], candidates[0, 3], candidates[0, 7] = 1.0001, 1, 1
    query = np.ones((1, 1, 1, 1, 1), np.float32)
    found = answer(keras.Model(inputs, scores), "visual_to_audio", query, candidates)
    assert found["window_start"] == best_window(candidates[0, :, 0], 1)[0] == 1


@pytest.mark.parametrize(
    ("length", "message"),
    [
        (0, r"`query_audio_features` must have the shape \(any, any, 128\)"),
        (13, "must have at most"),
    ],
)
def test_a_query_that_does_not_fit_is_refused(answer, length, message):
    model = make("cml", "dam", units=16)
    query = np.zeros((1, length, 128), np.float32)
    with pytest.raises(tf.errors.InvalidArgumentError, match=message):
        answer(model, "audio_to_visual", query, VISUAL[:1])


@pytest.mark.parametrize(("task", "system"), [("sel", "dam"), ("sel", "ed_tcn"), ("cml", "avdln")])
def test_requests_without_records_get_answers_and_those_without_seconds_none(answer, task, system):
    model = make(task, system)
    name = {"sel": "localize_event", "cml": "audio_to_visual"}[task]
    assert all(len(each) == 0 for each in answer(model, name, AUDIO[:0], VISUAL[:0]).values())
    with pytest.raises(tf.errors.InvalidArgumentError, match="only its first axis may be empty"):
        answer(model, name, AUDIO[:, :0], VISUAL[:, :0])


@pytest.mark.parametrize(
    ("name", "first", "second"),
    [
        ("localize_event", "audio_features", "visual_features"),
        ("audio_to_visual", "query_audio_features", "candidate_visual_features"),
        ("visual_to_audio", "query_visual_features", "candidate_audio_features"),
    ],
)
def test_requests_are_checked(answer, name, first, second):
    model = make("sel" if name == "localize_event" else "cml", "dam", units=16)
    features = {"audio": AUDIO, "visual": VISUAL}
    one, other = (features["audio" if "audio" in each else "visual"] for each in (first, second))
    with pytest.raises(tf.errors.InvalidArgumentError, match=f"`{first}` and `{second}` must agr"):
        answer(model, name, one, other[:1])
    with pytest.raises(tf.errors.InvalidArgumentError, match=f"`{second}` must hold finite"):
        answer(model, name, one, np.where(other > 0.9999, np.nan, other))
