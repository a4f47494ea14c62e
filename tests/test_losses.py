import keras
import numpy as np
import pytest

from avel_tf.losses import localization_losses, localization_targets

LN_2, LN_4 = np.log(2), np.log(4)


def total(task, outputs, targets, **kwargs):
    losses, loss_weights = localization_losses(task, **kwargs)
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
        "audio_relevance_logits": np.array([[np.log(3), 0.0]]),
        "visual_relevance_logits": np.array([[-np.log(3), 0.0]]),
        "event_relevance_probabilities": np.array([[0.5, 0.5]]),
    }


@pytest.fixture
def targets():
    labels = {
        "event_category": np.array([2]),
        "event_relevance": np.array([[1.0, 0.0]]),
        "segment_label": np.array([[2, 4]]),
    }
    return localization_targets("sel", labels)


def test_equation_8(outputs, targets):
    # Category -log(1/4); relevance the mean of -log(1/2) and -log(1 - 1/2).
    for weight in (0.0, 0.3, 1.0):
        loss = total("sel", outputs, targets, event_category_weight=weight)
        np.testing.assert_allclose(loss, weight * LN_4 + (1 - weight) * LN_2, rtol=1e-5)
    np.testing.assert_allclose(total("sel", outputs, targets), (LN_4 + LN_2) / 2, rtol=1e-5)


def test_each_direction_by_itself(outputs, targets):
    # Audio: mean of -log(3/4) and -log(1/2); visual: mean of -log(1/4) and -log(1/2); together
    # half of each, (log(16/3) + 2 log 2) / 4. The mean of both hides what visual gets wrong.
    each = (np.log(16 / 3) + 2 * LN_2) / 4
    np.testing.assert_allclose(
        total("cml", outputs, targets, relevance_loss="each"), each, rtol=1e-5
    )
    np.testing.assert_allclose(total("cml", outputs, targets), LN_2, rtol=1e-5)
    np.testing.assert_allclose(
        total("sel", outputs, targets, relevance_loss="each", event_category_weight=0.2),
        0.2 * LN_4 + 0.8 * each,
        rtol=1e-5,
    )


def test_category_weight_has_no_effect_on_cml(outputs, targets):
    assert total("cml", outputs, targets, event_category_weight=0.9) == total(
        "cml", outputs, targets
    )


def test_confident_and_wrong_costs_its_logit(targets):
    losses, _ = localization_losses("cml", "each")
    logits = keras.ops.convert_to_tensor([[-200.0, 200.0]])
    loss = losses["audio_relevance_logits"](targets["audio_relevance_logits"], logits)
    np.testing.assert_allclose(loss, 200, rtol=1e-5)


def test_targets_by_output():
    labels = {"event_relevance": 0, "event_category": 1, "segment_label": 2, "video_id": 3}
    relevance = dict.fromkeys(
        ["audio_relevance_logits", "visual_relevance_logits", "event_relevance_probabilities"], 0
    )
    assert localization_targets("cml", labels) == relevance
    assert localization_targets("sel", labels) == {
        **relevance,
        "event_category_logits": 1,
        "segment_label": 2,
    }


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"task": "both"}, r"`task` must be one of \('sel', 'cml'\). Received: task='both'."),
        ({"task": "sel", "relevance_loss": "sum"}, r"`relevance_loss` must be .*'sum'."),
        ({"task": "sel", "event_category_weight": 2}, r"`event_category_weight` must be .*=2."),
        ({"task": "cml", "event_category_weight": "a"}, r"`event_category_weight` .*='a'."),
    ],
)
def test_errors_name_the_argument(arguments, message):
    with pytest.raises(ValueError, match=message):
        localization_losses(**arguments)
