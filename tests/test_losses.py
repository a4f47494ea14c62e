import keras
import numpy as np
import pytest
from keras import ops

from avel_tf.canonical_correlation import CanonicalCorrelationLoss
from avel_tf.choices import PADDING
from avel_tf.losses import (
    ContrastiveLoss,
    EventCategoryLoss,
    RecordTripletLoss,
    RelevanceLoss,
    SegmentContrastLoss,
    SegmentLabelLoss,
    SoftMarginLoss,
    WeakRelevanceLoss,
    WeakSegmentLoss,
    localization_losses,
    localization_targets,
)

LN_2, LN_3, LN_4 = np.log(2), np.log(3), np.log(4)
CML = ("audio_relevance_logits", "visual_relevance_logits", "event_relevance_probabilities")
SEL = ("event_category_logits", *CML, "segment_label")
SELF_MATCHING = (*CML, "audio_self_relevance_logits", "visual_self_relevance_logits")
WITHOUT_MATCHING = ("event_category_logits", "event_relevance_probabilities", "segment_label")
BASELINE = ("segment_label_logits", "segment_label", "event_category_logits")
DISTANCES = ("aligned_distances", "audio_visual_scores")
PROJECTIONS = ("projections", "audio_visual_scores")


def total(names, outputs, targets, *args, **kwargs):
    losses, loss_weights = localization_losses(names, *args, **kwargs)
    assert list(losses) == list(loss_weights)
    return sum(
        loss_weights[name] * float(loss(targets[name], outputs[name]))
        for name, loss in losses.items()
    )


@pytest.fixture
def outputs():
    # Category: softmax 1/4 for each of four. Relevance: p^A = (3/4, 1/2), p^V = (1/4, 1/2).
    return {
        "event_category_logits": np.zeros((1, 4)),
        "audio_relevance_logits": np.array([[LN_3, 0.0]]),
        "visual_relevance_logits": np.array([[-LN_3, 0.0]]),
        "event_relevance_probabilities": np.array([[0.5, 0.5]]),
    }


@pytest.fixture
def targets():
    labels = {
        "event_category": np.array([2]),
        "event_relevance": np.array([[1.0, 0.0]]),
        "segment_label": np.array([[2, 4]]),
    }
    return localization_targets(SEL, labels)


def test_equation_8(outputs, targets):
    # Category -log(1/4); relevance the mean of -log(1/2) and -log(1 - 1/2).
    for weight in (0.0, 0.3, 1.0):
        loss = total(SEL, outputs, targets, "mean", event_category_weight=weight)
        np.testing.assert_allclose(loss, weight * LN_4 + (1 - weight) * LN_2, rtol=1e-5)
    np.testing.assert_allclose(total(SEL, outputs, targets, "mean"), (LN_4 + LN_2) / 2, rtol=1e-5)


def test_each_direction_separately(outputs, targets):
    # Audio: mean of -log(3/4) and -log(1/2); visual: mean of -log(1/4) and -log(1/2); together
    # half of each, (log(16/3) + 2 log 2) / 4. The mean of both hides what visual gets wrong.
    each = (np.log(16 / 3) + 2 * LN_2) / 4
    np.testing.assert_allclose(total(CML, outputs, targets), each, rtol=1e-5)
    np.testing.assert_allclose(total(CML, outputs, targets, "mean"), LN_2, rtol=1e-5)
    np.testing.assert_allclose(
        total(SEL, outputs, targets, event_category_weight=0.2),
        0.2 * LN_4 + 0.8 * each,
        rtol=1e-5,
    )


def test_category_weight_has_no_effect_without_a_second_loss(outputs, targets):
    for weight in (0.0, 0.9):
        for names, expected in ((CML, LN_2), (WITHOUT_MATCHING, LN_4)):
            loss = total(names, outputs, targets, "mean", event_category_weight=weight)
            np.testing.assert_allclose(loss, expected, rtol=1e-5)


@pytest.mark.parametrize(
    ("names", "settings", "expected"),
    [
        (SELF_MATCHING, {"relevance_loss": "mean"}, {"event_relevance_probabilities": 1.0}),
        (
            SELF_MATCHING,
            {},
            {"audio_self_relevance_logits": 0.5, "visual_self_relevance_logits": 0.5},
        ),
        (WITHOUT_MATCHING, {}, {"event_category_logits": 1.0}),
        (BASELINE, {"event_category_weight": 0.0}, {"segment_label_logits": 1.0}),
        (DISTANCES, {}, {"aligned_distances": 1.0}),
        (PROJECTIONS, {}, {"projections": 1.0}),
    ],
)
def test_what_other_systems_are_trained_on(names, settings, expected):
    losses, loss_weights = localization_losses(names, **settings)
    assert loss_weights == expected
    assert losses.keys() == expected.keys()


@pytest.mark.parametrize(
    ("names", "settings", "expected"),
    [
        (SEL, {}, ["EventCategoryLoss", *["RelevanceLoss"] * 2]),
        (SEL, {"relevance_loss": "mean"}, ["EventCategoryLoss", "RelevanceLoss"]),
        (SEL, {"supervision": "weak"}, ["EventCategoryLoss", *["WeakRelevanceLoss"] * 2]),
        (BASELINE, {}, ["SegmentLabelLoss"]),
        (BASELINE, {"segment_loss": "soft_margin"}, ["SoftMarginLoss"]),
        (BASELINE, {"supervision": "weak"}, ["WeakSegmentLoss"]),
        (BASELINE, {"supervision": "weak", "segment_loss": "soft_margin"}, ["WeakSegmentLoss"]),
        (DISTANCES, {}, ["ContrastiveLoss"]),
        (PROJECTIONS, {}, ["CanonicalCorrelationLoss"]),
    ],
)
def test_losses_of_systems(names, settings, expected):
    losses, _ = localization_losses(names, **settings)
    assert [type(loss).__name__ for loss in losses.values()] == expected


def test_confident_and_wrong_costs_its_logit(targets):
    logits = ops.convert_to_tensor([[-200.0, 200.0]])
    for supervision, event_relevance in (
        ("full", targets["audio_relevance_logits"]),
        ("weak", [[0.0, 0.0]]),
    ):
        losses, _ = localization_losses(CML, "each", supervision=supervision)
        loss = losses["audio_relevance_logits"](event_relevance, logits)
        np.testing.assert_allclose(loss, 200, rtol=1e-5)


def test_cross_entropy_of_segments():
    # Softmax (1/4, 1/4, 1/2) and (1/3, 1/3, 1/3): the mean of -log(1/2) and -log(1/3).
    losses, _ = localization_losses(BASELINE)
    logits = np.array([[[0.0, 0.0, LN_2], [5.0, 5.0, 5.0]]])
    loss = losses["segment_label_logits"](np.array([[2, 0]]), logits)
    np.testing.assert_allclose(loss, (LN_2 + LN_3) / 2, rtol=1e-5)


def test_event_category_ignores_background_records():
    # Two categories: -log(3/4) for the first record, nothing for the second, which has no
    # event whatever its logits are; the mean over both.
    logits = np.array([[LN_3, 0.0], [-90.0, 90.0]])
    loss = EventCategoryLoss()
    np.testing.assert_allclose(loss(np.array([0, 2]), logits), np.log(4 / 3) / 2, rtol=1e-5)
    np.testing.assert_allclose(loss(np.array([[0], [2]]), logits), np.log(4 / 3) / 2, rtol=1e-5)
    assert float(loss(np.array([2, 2]), logits)) == 0


def test_soft_margin():
    # Softmax (1/2, 1/2), label 1: the mean of -log(1 - sigmoid(1/2)) and -log(sigmoid(1/2)).
    # Softmax (1, 0), label 0: that of -log(sigmoid(1)) and -log(1 - sigmoid(0)).
    def sigmoid(x):
        return 1 / (1 + np.exp(-x))

    even = -(np.log(1 - sigmoid(0.5)) + np.log(sigmoid(0.5))) / 2
    sure = -(np.log(sigmoid(1)) + np.log(0.5)) / 2
    loss = SoftMarginLoss()
    labels, logits = np.array([[1, 0]]), np.array([[[7.0, 7.0], [200.0, 0.0]]])
    np.testing.assert_allclose(loss(labels, logits), (even + sure) / 2, rtol=1e-5)
    # With 29 labels it is 0.71 at worst and 0.68 at best.
    logits = np.zeros((1, 1, 29))
    logits[..., 3] = 200
    assert [round(float(loss(np.array([[label]]), logits)), 2) for label in (0, 3)] == [0.71, 0.68]


def test_weak_segment_loss():
    # Maxima over segments (log 2, 0, 0) for both records: softmax (1/2, 1/4, 1/4). The first
    # has event 0, -log(1/2), though not where its logit is largest; the second none, -log(1/4).
    logits = np.array([[[LN_2, -9.0, 0.0], [-9.0, 0.0, -9.0]]] * 2)
    labels = np.array([[2, 0], [2, 2]])
    loss = WeakSegmentLoss()(labels, logits)
    np.testing.assert_allclose(loss, (LN_2 + LN_4) / 2, rtol=1e-5)
    # As published: the soft margin of the same maxima, of one segment each.
    loss = WeakSegmentLoss("soft_margin")(labels, logits)
    expected = SoftMarginLoss()(np.array([[0], [2]]), logits.max(axis=1, keepdims=True))
    np.testing.assert_allclose(loss, expected, rtol=1e-6)


def test_weak_relevance_loss():
    # The largest probabilities are 3/4, in a record with an event elsewhere, and 1/2 without.
    event_relevance = np.array([[0.0, 1.0, 0.0], [0.0, 0.0, 0.0]])
    probabilities = np.array([[0.75, 0.1, 0.5], [0.1, 0.2, 0.5]])
    expected = (np.log(4 / 3) + LN_2) / 2
    np.testing.assert_allclose(
        WeakRelevanceLoss()(event_relevance, probabilities), expected, rtol=1e-5
    )
    logits = np.log(probabilities / (1 - probabilities))
    np.testing.assert_allclose(
        WeakRelevanceLoss(from_logits=True)(event_relevance, logits), expected, rtol=1e-5
    )


def test_contrastive_loss():
    # Event: 3² = 9. Background nearer than 2: (2 - 1/2)² = 9/4; farther: nothing.
    loss = ContrastiveLoss()(np.array([[1, 0, 0]]), np.array([[3.0, 0.5, 2.5]]))
    np.testing.assert_allclose(loss, (9 + 9 / 4) / 3, rtol=1e-6)
    loss = ContrastiveLoss(margin=1.0)(np.array([[0]]), np.array([[0.5]]))
    np.testing.assert_allclose(loss, 1 / 4, rtol=1e-6)


@pytest.mark.parametrize(
    "loss",
    [
        EventCategoryLoss(),
        RelevanceLoss(from_logits=True),
        SegmentLabelLoss(),
        SoftMarginLoss(),
        WeakSegmentLoss("soft_margin"),
        WeakRelevanceLoss(from_logits=True),
        ContrastiveLoss(margin=3.0),
        RecordTripletLoss(margin=0.3),
        SegmentContrastLoss(temperature=0.3),
    ],
    ids=lambda loss: type(loss).__name__,
)
def test_losses_are_registered(loss):
    config = keras.saving.serialize_keras_object(loss)
    assert config["registered_name"] == f"avel_tf>{type(loss).__name__}"
    copy = keras.saving.deserialize_keras_object(config)
    assert type(copy) is type(loss) and copy.get_config() == loss.get_config()
    numbers = {name: x for name, x in vars(loss).items() if isinstance(x, int | float | str)}
    assert numbers.items() <= vars(copy).items()


RELEVANCE, LABELS = np.array([[0.0, 1.0, 1.0, 0.0]]), np.array([[4, 2, 2, 4]])
# Losses by segment with the targets and the shape of the predictions of a record.
OF_SEGMENTS = {
    "relevance": (RelevanceLoss(), RELEVANCE, (1, 4)),
    "relevance_logits": (RelevanceLoss(from_logits=True), RELEVANCE, (1, 4)),
    "segment_label": (SegmentLabelLoss(), LABELS, (1, 4, 5)),
    "soft_margin": (SoftMarginLoss(), LABELS, (1, 4, 5)),
    "weak_segment": (WeakSegmentLoss(), LABELS, (1, 4, 5)),
    "weak_soft_margin": (WeakSegmentLoss("soft_margin"), LABELS, (1, 4, 5)),
    "weak_relevance": (WeakRelevanceLoss(), RELEVANCE, (1, 4)),
    "weak_relevance_logits": (WeakRelevanceLoss(from_logits=True), RELEVANCE, (1, 4)),
    "contrastive": (ContrastiveLoss(), RELEVANCE, (1, 4)),
    "segment_contrast": (SegmentContrastLoss(), RELEVANCE, (1, 4, 3)),
    "canonical_correlation": (CanonicalCorrelationLoss(), RELEVANCE, (1, 4, 4)),
}


def padded(array, value, segments=10):
    """Returns (B, T, …) with more segments of one value at the end."""
    shape = (len(array), segments - array.shape[1], *array.shape[2:])
    return np.concatenate([array, np.full(shape, value, array.dtype)], axis=1)


@pytest.mark.parametrize("padding", [0.01, 0.99])  # the least and the largest prediction
@pytest.mark.parametrize("name", OF_SEGMENTS)
def test_padding_does_not_change_the_loss(name, padding):
    loss, targets, shape = OF_SEGMENTS[name]
    predictions = np.random.default_rng(0).uniform(0.1, 0.9, shape).astype("float32")
    expected = loss(targets, predictions)
    assert abs(float(expected)) > 1e-3
    result = loss(padded(targets, PADDING), padded(predictions, padding))
    np.testing.assert_allclose(result, expected, rtol=1e-6)


@pytest.mark.parametrize("name", [name for name in OF_SEGMENTS if name != "canonical_correlation"])
def test_each_record_weighs_the_same_however_long(name):
    loss, targets, shape = OF_SEGMENTS[name]
    rng = np.random.default_rng(1)
    predictions = [rng.uniform(0.1, 0.9, shape).astype("float32")[:, :n] for n in (2, 4)]
    targets = [targets[:, :n] for n in (2, 4)]
    expected = np.mean([float(loss(*pair)) for pair in zip(targets, predictions, strict=True)])
    batch = (
        np.concatenate([padded(array, value, 4) for array in arrays])
        for arrays, value in ((targets, PADDING), (predictions, 0.7))
    )
    np.testing.assert_allclose(loss(*batch), expected, rtol=1e-6)


@pytest.mark.parametrize("name", OF_SEGMENTS)
def test_a_record_without_segments_costs_a_finite_number(name):
    loss, targets, shape = OF_SEGMENTS[name]
    assert np.isfinite(loss(np.full_like(targets, PADDING), np.full(shape, 0.5, "float32")))


def test_without_padding_losses_are_those_of_keras_to_the_bit():
    rng = np.random.default_rng(2)
    relevance = rng.integers(0, 2, (7, 10)).astype("float32")
    logits = rng.normal(size=(7, 10, 29)).astype("float32")
    for ours, theirs, targets, predictions in (
        (
            RelevanceLoss(),
            keras.losses.BinaryCrossentropy(),
            relevance,
            rng.random((7, 10), np.float32),
        ),
        (
            RelevanceLoss(from_logits=True),
            keras.losses.BinaryCrossentropy(from_logits=True),
            relevance,
            logits[..., 0],
        ),
        (
            SegmentLabelLoss(),
            keras.losses.SparseCategoricalCrossentropy(from_logits=True),
            rng.integers(0, 29, (7, 10)),
            logits,
        ),
    ):
        assert float(ours(targets, predictions)) == float(theirs(targets, predictions))


def test_targets_by_output():
    labels = {"event_relevance": 0, "event_category": 1, "segment_label": 2, "video_id": 3}
    assert localization_targets(SELF_MATCHING, labels) == dict.fromkeys(SELF_MATCHING, 0)
    assert localization_targets(SEL, labels) == {
        **dict.fromkeys(CML, 0),
        "event_category_logits": 1,
        "segment_label": 2,
    }
    assert localization_targets(BASELINE, labels) == {
        "segment_label_logits": 2,
        "segment_label": 2,
        "event_category_logits": 1,
    }
    for names in (DISTANCES, PROJECTIONS):
        # Labels of other tasks need not be there.
        assert localization_targets(names, {"event_relevance": 0}) == dict.fromkeys(names, 0)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"relevance_loss": "sum"}, r"`relevance_loss` must be .*'sum'."),
        ({"event_category_weight": 2}, r"`event_category_weight` must be .*=2."),
        ({"event_category_weight": "a"}, r"`event_category_weight` .*='a'."),
        ({"segment_loss": "hinge"}, r"`segment_loss` must be one of .*'soft_margin'.*'hinge'."),
        ({"supervision": "none"}, r"`supervision` must be one of .*'weak'.*'none'."),
    ],
)
def test_errors_name_the_argument(arguments, message):
    for names in (SEL, BASELINE):
        with pytest.raises(ValueError, match=message):
            localization_losses(names, **arguments)
