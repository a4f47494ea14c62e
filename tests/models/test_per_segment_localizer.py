import numpy as np
import pytest

from avel_tf.losses import localization_losses, localization_targets
from avel_tf.models import PerSegmentLocalizer

SMALL = {"num_categories": 4, "audio_dim": 6, "visual_shape": (2, 3, 8)}


def sigmoid(values):
    return 1 / (1 + np.exp(-np.asarray(values, float)))


def test_size_of_the_description():
    attention = (512 + 1) * 512 + (128 + 1) * 512 + 2 * 512 * 49 + 49  # over regions
    local = (128 + 1) * 256 + (512 + 1) * 256
    assert PerSegmentLocalizer().count_params() == attention + local + (2 * 256 + 1) * 28 + 2


def test_known_answer(make_batch):
    model = PerSegmentLocalizer(**SMALL | {"num_categories": 3}, units=2)
    model.set_weights([np.zeros(weight.shape) for weight in model.weights])
    layers = {layer.name: layer for layer in model.layers}
    layers["audio_embedding"].bias.assign([1, 2])
    layers["visual_embedding"].bias.assign([3, -1])  # rectified to 3, 0
    layers["segment_category"].kernel.assign([[1, 0, 0], [0, -1, 0], [0, 0, -1], [5, 5, 5]])
    layers["segment_category"].bias.assign([-2, 0, 1])
    layers["segment_relevance"].kernel.assign([[2]])
    layers["segment_relevance"].bias.assign([3])
    outputs = model.predict_on_batch(make_batch(batch=1, segments=2)[0])
    logits = [-1, -2, -2]
    np.testing.assert_allclose(outputs["segment_category_logits"], [[logits] * 2], rtol=1e-6)
    expected = np.log(sigmoid(logits))
    np.testing.assert_allclose(outputs["event_category_logits"], [expected], rtol=1e-5)
    expected = sigmoid(2 * -1 + 3)
    np.testing.assert_allclose(outputs["event_relevance_probabilities"], [[expected] * 2], 1e-5)
    np.testing.assert_array_equal(outputs["segment_label"], [[0, 0]])


def test_segments_know_of_others_only_by_the_category(make_batch):
    model = PerSegmentLocalizer(**SMALL, units=8)
    features = make_batch()[0]
    before = model.predict_on_batch(features)
    changed = {name: values.copy() for name, values in features.items()}
    for values in changed.values():
        values[:, 0] *= 2
    after = model.predict_on_batch(changed)
    name = "segment_category_logits"
    assert np.abs(after[name] - before[name])[:, 0].max() > 1e-3
    np.testing.assert_allclose(after[name][:, 1:], before[name][:, 1:], rtol=1e-5)


def test_a_segment_as_likely_as_by_chance_is_on_the_edge(make_batch):
    model = PerSegmentLocalizer(**SMALL | {"num_categories": 5}, units=4)
    layers = {layer.name: layer for layer in model.layers}
    layers["segment_category"].kernel.assign(0 * layers["segment_category"].kernel)
    for p, is_event in ((0.19, False), (0.21, True)):
        layers["segment_category"].bias.assign([np.log(p / (1 - p))] * 5)
        outputs = model.predict_on_batch(make_batch(segments=2)[0])
        assert (outputs["event_relevance_probabilities"] > 0.5).all() == is_event
        assert (outputs["segment_label"] < 5).all() == is_event


def test_local_features_are_dropped(make_batch):
    features = make_batch()[0]
    for rate in (0.0, 0.5):
        model = PerSegmentLocalizer(**SMALL, units=8, dropout=rate)
        first, second = (
            np.asarray(model(features, training=True)["segment_category_logits"]) for _ in range(2)
        )
        assert (np.abs(first - second).max() > 1e-3) == (rate > 0)


@pytest.mark.parametrize("supervision", ["full", "weak"])
def test_every_segment_is_told_its_label_or_that_of_its_record(supervision):
    outputs = PerSegmentLocalizer(**SMALL, units=8).output
    losses, weights = localization_losses(outputs, "each", 0.6, supervision=supervision)
    assert weights == {
        "segment_category_logits": 0.6,
        "segment_relevance_logits": {"full": 0.4, "weak": 0}[supervision],
    }
    # Probabilities 1/2, 1/4 and 1/4; the second record is half padding, the third background.
    logits = np.log(np.full((3, 4, 3), [1, 1 / 3, 1 / 3], "float32"))
    label = np.array([[0, 1, 3, 3], [1, 3, -1, -1], [3, 3, 3, 3]])
    none = np.log(2) + 2 * np.log(4 / 3)
    first, second = none, none - np.log(4 / 3) + np.log(4)  # 0 costs what background does
    expected = {
        "full": [(first + second + 2 * none) / 4, (second + none) / 2, none],
        "weak": [first, second, none],
    }
    loss = losses["segment_category_logits"](label, logits)
    assert float(loss) == pytest.approx(np.mean(expected[supervision]))


def test_weak_supervision_leaves_the_edge_where_it_is(make_batch):
    model = PerSegmentLocalizer(**SMALL, units=8)
    losses, weights = localization_losses(model.output, supervision="weak")
    model.compile("adam", losses, weights)
    before = {weight.path: np.array(weight) for weight in model.weights}
    features, labels = make_batch()
    model.train_on_batch(features, localization_targets(model.output, labels))
    for weight in model.trainable_weights:
        is_same = np.array_equal(weight, before[weight.path])
        assert is_same == ("segment_relevance" in weight.path), weight.path
