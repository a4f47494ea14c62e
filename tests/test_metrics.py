import keras
import numpy as np
import pytest

from avel_tf.localization import segment_labels
from avel_tf.metrics import (
    RelevanceAccuracy,
    WindowAccuracy,
    cml_counts,
    cml_values,
    localization_metrics,
    sel_counts,
    sel_values,
)

NUM_CATEGORIES = 4


def make_batches():
    """Batches of 5, 4 and 1 records, with ties, full-length events and one without event."""
    rng = np.random.default_rng(0)
    batches = []
    for size in (5, 4, 1):
        lengths = rng.integers(1, 11, size)
        lengths[0] = {5: 0, 4: 10, 1: 3}[size]
        starts = rng.integers(0, 11 - lengths)[:, None]
        seconds = np.arange(10)
        is_event = (seconds >= starts) & (seconds < starts + lengths[:, None])
        event_category = rng.integers(0, NUM_CATEGORIES, size)
        labels = {
            "event_relevance": is_event.astype("float32"),
            "event_category": event_category,
            "segment_label": np.where(is_event, event_category[:, None], NUM_CATEGORIES),
        }
        predictions = {
            "event_category_logits": rng.normal(size=(size, NUM_CATEGORIES)).astype("float32"),
            "audio_relevance_logits": (is_event + rng.integers(0, 2, (size, 10))) / 10,
            "visual_relevance_logits": rng.normal(size=(size, 10)) + 2 * is_event,
            "event_relevance_probabilities": rng.integers(0, 5, (size, 10)) / 4,
        }
        predictions["segment_label"] = np.asarray(
            segment_labels(
                predictions["event_category_logits"], predictions["event_relevance_probabilities"]
            )
        )
        batches.append((labels, predictions))
    return batches


def add_up(batch_counts):
    return {name: sum(counts[name] for counts in batch_counts) for name in batch_counts[0]}


def keras_values(metrics, targets):
    """Results of the metrics of `compile`, updated batch by batch."""
    for labels, predictions in make_batches():
        for name, metric in metrics.items():
            metric.update_state(labels[targets[name]], predictions[name])
    return {name: float(metric.result()) for name, metric in metrics.items()}


def test_sel_known_answer():
    # Two records of three segments. Category: right, wrong. Relevance: 5 of 6 right; of the
    # three event segments two are found and nothing else, F1 = 2 * 2 / (3 + 2). Segment labels:
    # record 0 right twice; record 1 right where background is, in two segments.
    labels = {
        "event_category": np.array([1, 0]),
        "event_relevance": np.array([[1.0, 1.0, 0.0], [0.0, 0.0, 1.0]]),
        "segment_label": np.array([[1, 1, 2], [2, 2, 0]]),
    }
    predictions = {
        "event_category_logits": np.array([[0.0, 1.0], [0.0, 1.0]]),
        "event_relevance_probabilities": np.array([[0.5, 0.4, 0.1], [0.2, 0.3, 0.9]]),
        "segment_label": np.array([[1, 2, 2], [2, 2, 1]]),
    }
    assert sel_values(sel_counts(labels, predictions)) == {
        "segment_accuracy": 4 / 6,
        "category_accuracy": 1 / 2,
        "relevance_accuracy": 5 / 6,
        "relevance_f1": 4 / 5,
    }


def test_cml_known_answer():
    # Records of four segments with events of two, and one of four that does not count.
    # Audio to visual: right; a tie of the right and another window. Visual to audio: wrong,
    # a tie of all three.
    event_relevance = np.array([[1.0, 1.0, 0.0, 0.0], [0.0, 1.0, 1.0, 0.0], [1.0, 1.0, 1.0, 1.0]])
    predictions = {
        "visual_relevance_logits": np.array([[9.0, 9, 0, 0], [5.0, 1, 5, 0], [0.0, 0, 0, 0]]),
        "audio_relevance_logits": np.array([[0.0, 0, 9, 9], [2.0, 2, 2, 2], [0.0, 0, 0, 0]]),
    }
    assert cml_values(cml_counts({"event_relevance": event_relevance}, predictions)) == {
        "audio_to_visual_accuracy": (1 + 1 / 2) / 2,
        "visual_to_audio_accuracy": (0 + 1 / 3) / 2,
        "average_accuracy": (3 / 4 + 1 / 6) / 2,
    }


def test_numpy_equals_keras_sel():
    values = sel_values(add_up([sel_counts(*batch) for batch in make_batches()]))
    targets = {
        "segment_label": "segment_label",
        "event_category_logits": "event_category",
        "event_relevance_probabilities": "event_relevance",
    }
    results = keras_values(localization_metrics("sel"), targets)
    np.testing.assert_allclose(results["segment_label"], values["segment_accuracy"], rtol=1e-6)
    np.testing.assert_allclose(
        results["event_category_logits"], values["category_accuracy"], rtol=1e-6
    )
    np.testing.assert_allclose(
        results["event_relevance_probabilities"], values["relevance_accuracy"], rtol=1e-6
    )


def test_numpy_equals_keras_cml():
    counts = add_up([cml_counts(*batch) for batch in make_batches()])
    assert counts["records"] < 10 and counts["visual_to_audio_hits"] % 1 > 0  # ties there are
    values = cml_values(counts)
    metrics = localization_metrics("cml")
    results = keras_values(metrics, dict.fromkeys(metrics, "event_relevance"))
    np.testing.assert_allclose(
        results["visual_relevance_logits"], values["audio_to_visual_accuracy"], rtol=1e-6
    )
    np.testing.assert_allclose(
        results["audio_relevance_logits"], values["visual_to_audio_accuracy"], rtol=1e-6
    )


def test_swapping_the_modalities_swaps_the_directions():
    labels, predictions = make_batches()[0]
    swapped = {
        "visual_relevance_logits": predictions["audio_relevance_logits"],
        "audio_relevance_logits": predictions["visual_relevance_logits"],
    }
    values = cml_values(cml_counts(labels, predictions))
    others = cml_values(cml_counts(labels, swapped))
    assert others["audio_to_visual_accuracy"] == values["visual_to_audio_accuracy"]
    assert others["visual_to_audio_accuracy"] == values["audio_to_visual_accuracy"]
    assert others["average_accuracy"] == values["average_accuracy"]


def test_relevance_of_one_half_is_event():
    metric = RelevanceAccuracy()
    metric.update_state(np.array([[1.0, 0.0]]), np.array([[0.5, 0.5]]))
    assert float(metric.result()) == 0.5


def test_sample_weights():
    event_relevance = np.array([[1.0, 0.0], [1.0, 0.0], [1.0, 1.0]])
    scores = np.array([[1.0, 0.0], [0.0, 1.0], [1.0, 0.0]])
    metric = WindowAccuracy()
    # Right with weight 3, wrong with weight 1; the third does not count whatever its weight.
    metric.update_state(event_relevance, scores, sample_weight=np.array([3.0, 1.0, 8.0]))
    assert float(metric.result()) == 0.75


def test_nothing_to_count():
    full = {"event_relevance": np.ones((2, 4))}
    logits = {
        name: np.ones((2, 4)) for name in ("audio_relevance_logits", "visual_relevance_logits")
    }
    assert all(np.isnan(value) for value in cml_values(cml_counts(full, logits)).values())
    metric = WindowAccuracy()
    metric.update_state(full["event_relevance"], logits["audio_relevance_logits"])
    assert float(metric.result()) == 0


@pytest.mark.parametrize("task", ["sel", "cml"])
def test_metrics_are_registered(task):
    for metric in localization_metrics(task).values():
        copy = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(metric))
        assert type(copy) is type(metric) and copy.name == "accuracy"


def test_unknown_task():
    with pytest.raises(ValueError, match=r"`task` must be one of .* Received: task='dam'."):
        localization_metrics("dam")
