import h5py
import keras
import numpy as np
import pytest

from avel_tf.localization import segment_labels
from avel_tf.losses import localization_targets
from avel_tf.metrics import (
    RelevanceAccuracy,
    WindowAccuracy,
    cml_counts,
    cml_values,
    localization_metrics,
    monitored_logs,
    record_accuracies,
    sel_counts,
    sel_values,
)

NUM_CATEGORIES = 4
MATCHING = ("audio_relevance_logits", "visual_relevance_logits", "event_relevance_probabilities")
# Outputs of systems of both tasks, and where Keras logs what the primary metric is the mean of.
OUTPUTS = {
    "sel": ("event_category_logits", *MATCHING, "segment_label"),
    "sel_baseline": ("segment_label_logits", "segment_label", "event_category_logits"),
    "cml": MATCHING,
    "cml_pairs": ("aligned_distances", "audio_visual_scores"),
}
MONITORED = {
    "sel": ["segment_label_accuracy"],
    "sel_baseline": ["segment_label_accuracy"],
    "cml": [
        "visual_relevance_logits_audio_to_visual",
        "audio_relevance_logits_visual_to_audio",
    ],
    "cml_pairs": ["audio_visual_scores_audio_to_visual", "audio_visual_scores_visual_to_audio"],
}


def make_batches():
    """Batches of 5, 4 and 1 records, with ties, full-length events and one without event."""
    rng, others = np.random.default_rng(0), np.random.default_rng(1)
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
        pairs = is_event[:, :, None] & is_event[:, None]
        predictions = {
            "event_category_logits": rng.normal(size=(size, NUM_CATEGORIES)).astype("float32"),
            "audio_relevance_logits": (is_event + rng.integers(0, 2, (size, 10))) / 10,
            "visual_relevance_logits": rng.normal(size=(size, 10)) + 2 * is_event,
            "event_relevance_probabilities": rng.integers(0, 5, (size, 10)) / 4,
            "audio_visual_scores": (pairs + others.integers(0, 3, (size, 10, 1))) / 10,
            "segment_label_logits": others.normal(size=(size, 10, NUM_CATEGORIES + 1)),
            "aligned_distances": others.random((size, 10)),
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


def keras_values(outputs):
    """Results of the metrics of `compile` under Keras's names, updated batch by batch."""
    metrics = localization_metrics(outputs)
    for labels, predictions in make_batches():
        targets = localization_targets(outputs, labels)
        for output, attached in metrics.items():
            for metric in attached:
                metric.update_state(targets[output], predictions[output])
    return {
        f"{output}_{metric.name}": float(metric.result())
        for output, attached in metrics.items()
        for metric in attached
    }


def test_sel_known_answer():
    # Two records of three segments. Category: right, wrong. Relevant is what is not labelled
    # background, of whatever event: 5 of 6 right; of the three event segments two are found and
    # nothing else, F1 = 2 * 2 / (3 + 2). Segment labels: record 0 right twice; record 1 right
    # where background is, in two segments.
    labels = {
        "event_category": np.array([1, 0]),
        "event_relevance": np.array([[1.0, 1.0, 0.0], [0.0, 0.0, 1.0]]),
        "segment_label": np.array([[1, 1, 2], [2, 2, 0]]),
    }
    predictions = {
        "event_category_logits": np.array([[0.0, 1.0], [0.0, 1.0]]),
        "segment_label": np.array([[1, 2, 2], [2, 2, 1]]),
    }
    assert sel_values(sel_counts(labels, predictions)) == {
        "segment_accuracy": 4 / 6,
        "category_accuracy": 1 / 2,
        "relevance_accuracy": 5 / 6,
        "relevance_f1": 4 / 5,
    }
    np.testing.assert_array_equal(record_accuracies("sel", labels, predictions), [2 / 3, 2 / 3])


# Records of four segments with events of two, and one of four that does not count.
EVENTS = np.array([[1.0, 1.0, 0.0, 0.0], [0.0, 1.0, 1.0, 0.0], [1.0, 1.0, 1.0, 1.0]])


def test_cml_known_answer():
    # Audio to visual: right; a tie of the right window and the two others, which overlap it in
    # one of three segments. Visual to audio: wrong and without overlap; the same tie.
    predictions = {
        "visual_relevance_logits": np.array([[9.0, 9, 0, 0], [5.0, 1, 5, 1], [0.0, 0, 0, 0]]),
        "audio_relevance_logits": np.array([[0.0, 0, 9, 9], [2.0, 2, 2, 2], [0.0, 0, 0, 0]]),
    }
    overlap = (1 + 2 / 3) / 3
    expected = {
        "audio_to_visual_accuracy": (1 + 1 / 3) / 2,
        "visual_to_audio_accuracy": (0 + 1 / 3) / 2,
        "average_accuracy": (4 / 6 + 1 / 6) / 2,
        "audio_to_visual_overlap": (1 + overlap) / 2,
        "visual_to_audio_overlap": (0 + overlap) / 2,
        "average_overlap": (1 + 2 * overlap) / 4,
    }
    values = cml_values(cml_counts({"event_relevance": EVENTS}, predictions))
    assert values == pytest.approx(expected)
    accuracies = record_accuracies("cml", {"event_relevance": EVENTS}, predictions)
    np.testing.assert_allclose(accuracies, [1 / 2, 1 / 3, np.nan])


def test_cml_known_answer_for_pairs():
    # Audio segments by visual segments. Record 0: the audio of the event, segments 0 and 1,
    # scores most laid on visual 2 and 3; its picture most on audio 0 and 1, which is right.
    # Record 1: right in both directions, though not on the diagonal of the scores alone.
    scores = np.zeros((3, 4, 4))
    scores[0, 0, 2], scores[0, 1, 3], scores[0, 0, 0] = 4, 4, 1
    scores[1, 1, 1], scores[1, 2, 2], scores[1, 3, 0] = 2, 2, 90
    values = cml_values(cml_counts({"event_relevance": EVENTS}, {"audio_visual_scores": scores}))
    assert values == {
        "audio_to_visual_accuracy": 1 / 2,
        "visual_to_audio_accuracy": 1,
        "average_accuracy": 3 / 4,
        "audio_to_visual_overlap": 1 / 2,
        "visual_to_audio_overlap": 1,
        "average_overlap": 3 / 4,
    }


@pytest.mark.parametrize("outputs", ["sel", "sel_baseline"])
def test_numpy_equals_keras_sel(outputs):
    values = sel_values(add_up([sel_counts(*batch) for batch in make_batches()]))
    expected = {
        "segment_label_accuracy": values["segment_accuracy"],
        "event_category_logits_accuracy": values["category_accuracy"],
    }
    if outputs == "sel":
        expected["event_relevance_probabilities_accuracy"] = values["relevance_accuracy"]
    assert keras_values(OUTPUTS[outputs]) == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("outputs", ["cml", "cml_pairs"])
def test_numpy_equals_keras_cml(outputs):
    batches = [
        (labels, {name: predictions[name] for name in OUTPUTS[outputs]})
        for labels, predictions in make_batches()
    ]
    counts = add_up([cml_counts(*batch) for batch in batches])
    assert counts["records"] < 10 and counts["visual_to_audio_hits"] % 1 > 0  # ties there are
    values = cml_values(counts)
    directions = [f"{name}_accuracy" for name in ("audio_to_visual", "visual_to_audio")]
    assert values[directions[0]] != values[directions[1]]
    results = keras_values(OUTPUTS[outputs])
    for name, direction in zip(MONITORED[outputs], directions, strict=True):
        assert results[name] == pytest.approx(values[direction], rel=1e-6)


@pytest.mark.parametrize("outputs", OUTPUTS)
def test_records_average_to_the_primary_metric(outputs):
    task = outputs[:3]
    batches = [
        (labels, {name: predictions[name] for name in OUTPUTS[outputs]})
        for labels, predictions in make_batches()
    ]
    accuracies = np.concatenate([record_accuracies(task, *batch) for batch in batches])
    assert accuracies.shape == (10,)
    if task == "sel":
        expected = sel_values(add_up([sel_counts(*batch) for batch in batches]))
        expected = expected["segment_accuracy"]
    else:
        counts = add_up([cml_counts(*batch) for batch in batches])
        assert np.isnan(accuracies).sum() == 10 - counts["records"] >= 2
        expected = cml_values(counts)["average_accuracy"]
    assert np.nanmean(accuracies) == pytest.approx(expected)


@pytest.mark.parametrize("outputs", OUTPUTS)
def test_keras_logs_what_is_monitored(outputs):
    names = OUTPUTS[outputs]
    assert monitored_logs(names) == MONITORED[outputs]
    labels, predictions = make_batches()[0]
    inputs = {name: keras.Input(predictions[name].shape[1:], name=name) for name in names}
    # Keras takes names of logs from those of the outputs.
    model = keras.Model(inputs, {name: keras.layers.Identity()(inputs[name]) for name in names})
    loss = {names[0]: lambda _, output: keras.ops.mean(output)}  # Keras wants one
    model.compile(loss=loss, metrics=localization_metrics(model.output), run_eagerly=True)
    logs = model.test_on_batch(
        {name: predictions[name] for name in names},
        localization_targets(names, labels),
        return_dict=True,
    )
    assert set(MONITORED[outputs]) <= logs.keys()


@pytest.mark.parametrize("constant", [0.3, 0.0, -1e6])
def test_constant_scores_are_a_random_window_of_ave(real_data, constant):
    with h5py.File(real_data / "ave/labels_closs.h5") as file:
        event_relevance = file["avadataset"][:]
    with h5py.File(real_data / "ave/test_order_match.h5") as file:
        event_relevance = event_relevance[file["order"][:]]
    assert event_relevance.shape == (402, 10)
    scores = np.full((402, 10), constant, "float32")
    for predictions in (
        {"visual_relevance_logits": scores, "audio_relevance_logits": scores},
        {"audio_visual_scores": np.repeat(scores[:, :, None], 10, axis=2)},
    ):
        values = cml_values(cml_counts({"event_relevance": event_relevance}, predictions))
        for direction in ("audio_to_visual", "visual_to_audio", "average"):
            assert round(100 * values[f"{direction}_accuracy"], 2) == 20.77


def test_swapping_the_modalities_swaps_the_directions():
    labels, predictions = make_batches()[0]
    matching = {name: predictions[name] for name in MATCHING[:2]}
    pairs = predictions["audio_visual_scores"]
    for ours, theirs in (
        (matching, dict(zip(MATCHING[1::-1], matching.values(), strict=True))),
        ({"audio_visual_scores": pairs}, {"audio_visual_scores": pairs.swapaxes(1, 2)}),
    ):
        values = cml_values(cml_counts(labels, ours))
        others = cml_values(cml_counts(labels, theirs))
        assert values["audio_to_visual_accuracy"] != values["visual_to_audio_accuracy"]
        for kind in ("accuracy", "overlap"):
            assert others[f"audio_to_visual_{kind}"] == values[f"visual_to_audio_{kind}"]
            assert others[f"visual_to_audio_{kind}"] == values[f"audio_to_visual_{kind}"]
            assert others[f"average_{kind}"] == values[f"average_{kind}"]


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
    assert np.isnan(record_accuracies("cml", full, logits)).all()
    metric = WindowAccuracy()
    metric.update_state(full["event_relevance"], logits["audio_relevance_logits"])
    assert float(metric.result()) == 0


@pytest.mark.parametrize("outputs", OUTPUTS)
def test_metrics_are_registered(outputs):
    for attached in localization_metrics(OUTPUTS[outputs]).values():
        for metric in attached:
            config = keras.saving.serialize_keras_object(metric)
            copy = keras.saving.deserialize_keras_object(config)
            assert type(copy) is type(metric) and copy.get_config() == metric.get_config()
            assert copy.name == metric.name
            assert vars(copy).get("transpose") == vars(metric).get("transpose")


def test_unknown_task():
    with pytest.raises(ValueError, match=r"`task` must be one of .* Received: task='dam'."):
        record_accuracies("dam", {}, {})
