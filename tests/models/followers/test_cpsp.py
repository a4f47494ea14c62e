import keras
import numpy as np
import pytest

from avel_tf.choices import PADDING
from avel_tf.losses import (
    RecordTripletLoss,
    SegmentContrastLoss,
    localization_losses,
    localization_targets,
)
from avel_tf.models import ContrastivePositiveSamplePropagation, PositiveSamplePropagation

SMALL = {"num_categories": 4, "audio_dim": 6, "visual_shape": (2, 3, 8), "units": 4}


def test_the_network_is_that_of_psp(make_batch):
    model, psp = (
        kind(**SMALL) for kind in (ContrastivePositiveSamplePropagation, PositiveSamplePropagation)
    )
    psp.set_weights(model.get_weights())
    features, labels = make_batch()
    outputs, expected = (each.predict_on_batch(features) for each in (model, psp))
    assert outputs.keys() - expected.keys() == {"segment_embeddings", "record_embedding"}
    for name, value in expected.items():
        np.testing.assert_array_equal(outputs[name], value, err_msg=name)
    targets = localization_targets(outputs, labels)
    assert targets["record_embedding"] is labels["event_category"]
    assert targets["segment_embeddings"] is labels["event_relevance"]


def test_embeddings_are_of_unit_length_and_leave_out_padding():
    features = np.array([[[3, 0], [0, 1], [5, 5]]], "float32")
    outputs = ContrastivePositiveSamplePropagation._contrasted(
        features, np.array([[1, 1, 0]], "float32")
    )
    np.testing.assert_allclose(outputs["segment_embeddings"], [[[1, 0], [0, 1], [0, 0]]], rtol=1e-6)
    # Of the mean of the features, not of their directions.
    np.testing.assert_allclose(outputs["record_embedding"], [np.array([3, 1]) / 10**0.5], rtol=1e-6)


def test_each_loss_trains_the_features(make_batch):
    keras.utils.set_random_seed(0)
    features, labels = make_batch()
    labels["event_category"] = np.array([0, 0, 1, 2])
    for name in ("segment_embeddings", "record_embedding"):
        model = ContrastivePositiveSamplePropagation(**SMALL)
        losses, _ = localization_losses(model.output)
        eagerly = keras.config.backend() == "tensorflow"
        model.compile(keras.optimizers.SGD(0.1), {name: losses[name]}, run_eagerly=eagerly)
        before = keras.ops.convert_to_numpy(model.get_layer("audio_output").kernel)
        targets = localization_targets(model.output, labels)
        assert model.train_on_batch(features, targets) > 1e-3, name
        after = keras.ops.convert_to_numpy(model.get_layer("audio_output").kernel)
        assert np.abs(after - before).max() > 1e-6, name


@pytest.mark.parametrize("supervision", ["full", "weak"])
def test_losses_as_published(supervision):
    outputs = ContrastivePositiveSamplePropagation(**SMALL).output
    losses, weights = localization_losses(outputs, supervision=supervision)
    assert (losses["record_embedding"].margin, weights["record_embedding"]) == (0.2, 1)
    if supervision == "weak":  # no labels of segments
        assert losses.keys() == {"segment_label_logits", "record_embedding"}
    else:
        assert losses["segment_embeddings"].temperature == 0.6
        assert weights["segment_embeddings"] == 0.01


def test_segments_of_the_event_are_alike_and_unlike_background():
    loss = SegmentContrastLoss(temperature=0.5)
    one, other = [1, 0], [0, 1]
    embeddings = np.array([[one, one, other, one]], "float32")
    for relevance, expected in (
        ([[1, 1, 0, PADDING]], np.log(1 + np.exp(-2))),  # alike, product 1 / 0.5; background 0
        ([[1, 0, 1, PADDING]], np.log(1 + np.exp(2)) / 2 + np.log(2) / 2),
        ([[1, 0, 0, 0]], 0),  # no pair
        ([[1, 1, 1, PADDING]], 0),  # no background
    ):
        result = float(loss(np.array(relevance), embeddings))
        assert result == pytest.approx(expected, rel=1e-5), relevance


def test_records_of_a_category_are_alike_by_a_margin():
    loss = RecordTripletLoss(margin=0.2)
    angles = np.arccos([1, 0.8, 0.6, 0.9, -1])
    embeddings = np.stack([np.cos(angles), np.sin(angles)], axis=1).astype("float32")
    category = np.array([0, 0, 0, 1, 2])
    products = embeddings @ embeddings.T
    expected = 0
    for anchor, hardest in ((0, 2), (1, 0), (2, 0)):  # the others are alone in their category
        for negative in (3, 4):  # of three, one is missing
            violation = 0.2 + products[anchor, negative] - products[anchor, hardest]
            expected += max(0, violation) / 3
    assert expected > 0.1
    assert float(loss(category, embeddings)) == pytest.approx(expected / 5, rel=1e-5)
    assert float(loss(category[:, None], embeddings)) == pytest.approx(expected / 5, rel=1e-5)
    assert float(loss(np.array([3]), embeddings[:1])) == 0


def test_only_the_three_hardest_negatives_count():
    embeddings = np.array([[1, 0]] * 2 + [[0.8, 0.6]] * 3 + [[-1, 0]] * 5, "float32")
    loss = RecordTripletLoss(margin=0.5)
    category = np.array([0, 0, *range(1, 9)])
    # For two of ten records the mean of three violations of 0.5 + 0.8 - 1.
    assert float(loss(category, embeddings)) == pytest.approx(0.3 * 2 / 10, rel=1e-5)
