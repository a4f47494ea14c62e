import h5py
import keras
import numpy as np
import pytest

from avel_tf.choices import PADDING
from avel_tf.localization import segment_labels
from avel_tf.losses import localization_targets
from avel_tf.metrics import (
    CategoryAccuracy,
    RelevanceAccuracy,
    SegmentAccuracy,
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
# Outputs of systems for both tasks, and the Keras logs whose mean is the primary metric.
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
    """Makes batches of 5, 4 and 1 records, with ties, full-length events and one without event."""
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


def keras_values(outputs, batches=None):
    """Computes the metrics of `compile` batch by batch, under Keras's names."""
    metrics = localization_metrics(outputs)
    for labels, predictions in batches or make_batches():
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
    # Two records of three segments. Category: correct, wrong. Any label but background counts as
    # relevant: 5 of 6 are correct; two of the three event segments are found and none besides,
    # F1 = 2 * 2 / (3 + 2). Segment labels: two correct in record 0, and the two background
    # segments in record 1.
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


def test_each_record_weighs_the_same_however_long():
    # Records of two and of four segments: 1 of 2 and 3 of 4 labels are correct, 2 of 2 and 3 of 4
    # relevances. The second has no event and no category. F1 is of all segments together: one of
    # one event segment is found and one besides, 2 * 1 / (1 + 2).
    labels = {
        "event_category": np.array([0, 2]),
        "event_relevance": np.array([[1.0, 0.0, PADDING, PADDING], [0.0, 0.0, 0.0, 0.0]]),
        "segment_label": np.array([[0, 2, PADDING, PADDING], [2, 2, 2, 2]]),
    }
    predictions = {
        "event_category_logits": np.array([[1.0, 0.0], [1.0, 0.0]]),
        "segment_label": np.array([[1, 2, 1, 1], [2, 2, 2, 0]]),
    }
    assert sel_values(sel_counts(labels, predictions)) == {
        "segment_accuracy": (1 / 2 + 3 / 4) / 2,
        "category_accuracy": 1,
        "relevance_accuracy": (1 + 3 / 4) / 2,
        "relevance_f1": 2 / 3,
    }
    np.testing.assert_array_equal(record_accuracies("sel", labels, predictions), [1 / 2, 3 / 4])
    nothing = {name: array[:0] for name, array in labels.items()}
    values = sel_values(sel_counts(nothing, {name: a[:0] for name, a in predictions.items()}))
    assert all(np.isnan(value) for value in values.values())


def test_sums_of_records_do_not_depend_on_their_order():
    # Thirds, sevenths and tenths: floats would add up to one number or another.
    rng = np.random.default_rng(0)
    lengths = rng.choice([3, 7, 10], 60)
    truth = np.where(np.arange(10) < lengths[:, None], 0, PADDING)
    labels = {"event_category": np.zeros(60, int), "segment_label": truth}
    labels["event_relevance"] = np.where(truth == PADDING, PADDING, 1.0)
    predictions = {
        "event_category_logits": rng.normal(size=(60, 2)),
        "segment_label": rng.integers(0, 3, (60, 10)),
    }

    def value(order):
        counts = [
            sel_counts(
                {name: array[[i]] for name, array in labels.items()},
                {name: array[[i]] for name, array in predictions.items()},
            )
            for i in order
        ]
        return sel_values(add_up(counts))

    expected = value(range(60))
    assert all(value(rng.permutation(60)) == expected for _ in range(10))
    assert expected == sel_values(sel_counts(labels, predictions))
    accuracies = record_accuracies("sel", labels, predictions)
    assert expected["segment_accuracy"] == pytest.approx(accuracies.mean(), rel=1e-12)


# Records of four segments with events of two, and one of four that does not count.
EVENTS = np.array([[1.0, 1.0, 0.0, 0.0], [0.0, 1.0, 1.0, 0.0], [1.0, 1.0, 1.0, 1.0]])


def test_cml_known_answer():
    # Audio to visual: correct; a tie of the correct window and the two others, whose overlap with
    # it is one of three segments. Visual to audio: wrong, without overlap; the same tie.
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
    # Audio segments by visual segments. Record 0: the event's audio, segments 0 and 1, scores
    # highest when aligned with visual 2 and 3; its visual segments with audio 0 and 1, which is
    # correct. Record 1: correct in both directions, though not every score is on the diagonal.
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


def padded(batch):
    """Returns a batch with two more segments that are padding, and predicted to be an event."""
    labels, predictions = batch
    labels, predictions = labels.copy(), predictions.copy()
    for arrays, names, value in (
        (labels, ("event_relevance", "segment_label"), PADDING),
        (predictions, (*MATCHING, "aligned_distances"), 1e6),
        (predictions, ("segment_label",), 0),
    ):
        for name in names:
            arrays[name] = np.pad(arrays[name], ((0, 0), (0, 2)), constant_values=value)
    predictions["audio_visual_scores"] = np.pad(
        predictions["audio_visual_scores"], ((0, 0), (0, 2), (0, 2)), constant_values=1e6
    )
    return labels, predictions


@pytest.mark.parametrize("outputs", OUTPUTS)
def test_padding_changes_no_metric(outputs):
    counts, values = (sel_counts, sel_values) if outputs[:3] == "sel" else (cml_counts, cml_values)
    names, batches = OUTPUTS[outputs], make_batches()
    results = []
    for each in (batches, [padded(batch) for batch in batches]):
        each = [
            (labels, {name: array for name, array in predictions.items() if name in names})
            for labels, predictions in each
        ]
        shares = [record_accuracies(outputs[:3], *batch) for batch in each]
        results.append((values(add_up([counts(*batch) for batch in each])), np.concatenate(shares)))
        results[-1] += (keras_values(names, each),)
    (expected, expected_shares, expected_keras), (result, shares, by_keras) = results
    assert result == expected
    np.testing.assert_array_equal(shares, expected_shares)
    assert by_keras == pytest.approx(expected_keras, rel=1e-6)


@pytest.mark.parametrize("outputs", ["cml", "cml_pairs"])
def test_numpy_equals_keras_cml(outputs):
    batches = [
        (labels, {name: predictions[name] for name in OUTPUTS[outputs]})
        for labels, predictions in make_batches()
    ]
    counts = add_up([cml_counts(*batch) for batch in batches])
    assert counts["records"] < 10 and counts["visual_to_audio_hits"] % 1 > 0  # there are ties
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
    # Keras names its logs after the outputs.
    model = keras.Model(inputs, {name: keras.layers.Identity()(inputs[name]) for name in names})
    loss = {names[0]: lambda _, output: keras.ops.mean(output)}  # Keras requires one
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
    # Correct with weight 3, wrong with weight 1; the third does not count, whatever its weight.
    metric.update_state(event_relevance, scores, sample_weight=np.array([3.0, 1.0, 8.0]))
    assert float(metric.result()) == 0.75
    # Of records, 3 of whose 4 are correct, and of segments.
    for metric, targets, predictions in (
        (SegmentAccuracy(), np.array([[2, 2], [2, 1]]), np.array([[2, 2], [1, 2]])),
        (RelevanceAccuracy(), event_relevance[:2], np.array([[1.0, 0.0], [0.0, 1.0]])),
        (CategoryAccuracy(), np.array([0, 1]), np.array([[1.0, 0.0], [1.0, 0.0]])),
    ):
        metric.update_state(targets, predictions, sample_weight=np.array([3.0, 1.0]))
        assert float(metric.result()) == 0.75, metric
    metric = RelevanceAccuracy()
    metric.update_state(
        np.array([[1.0, 0.0]]), np.array([[1.0, 1.0]]), sample_weight=np.array([[3.0, 1.0]])
    )
    assert float(metric.result()) == 0.75


def test_records_without_an_event_have_no_category():
    metric = CategoryAccuracy()
    metric.update_state(np.array([[0], [1], [2]]), np.array([[1.0, 0.0]] * 3))
    assert float(metric.result()) == 0.5


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
