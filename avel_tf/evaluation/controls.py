"""Controls beside a result: the same model with another record's query, sound or pictures.

A good score shows that a model finds events; it does not show that the model needs what the task
gives it. Each control takes something away and is scored on the same records, so that what it was
worth can be told: a model whose score stays within the interval of a control does without it.

N: records, T: segments.
"""

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from avel_tf.evaluation.bootstrap import bootstrap_interval
from avel_tf.evaluation.results import Control
from avel_tf.localization import count_present, expected_hits
from avel_tf.metrics import record_shares, window_scores_by_direction
from avel_tf.query_blind import best_query_blind

Arrays = Mapping[str, np.ndarray]
Predict = Callable[[Mapping[str, np.ndarray]], Arrays]
OTHER_QUERIES = "queries of other records"
QUERY_BLIND = "best query-blind score"
OTHER_SOUND, OTHER_PICTURES = "sound of other records", "pictures of other records"
TRUE_CATEGORY = "true category, model's relevance"
TRUE_RELEVANCE = "model's category, true relevance"
ORACLES = (TRUE_CATEGORY, TRUE_RELEVANCE)
DIRECTIONS = {"audio_to_visual": ("audio", "visual"), "visual_to_audio": ("visual", "audio")}
POOLED_FEATURES = ("audio_features", "visual_features", "event_relevance", "record_id")


def control_accuracies(
    task: str, labels: Arrays, predictions: Arrays, predict: Predict
) -> dict[str, np.ndarray]:
    """Scores a model without parts of its input, or with parts of its answer set right.

    Args:
        task: `"sel"` or `"cml"`.
        labels: As for `metrics.record_accuracies`, and `record_id` (N,).
        predictions: The model's outputs for the records.
        predict: Function that returns the model's outputs for the same records with some of
            their features from others: it takes a mapping from the feature's name to the positions
            (N,) of the records that it is taken from.
    Returns:
        Dict from a control's name to the primary metric of each record, float array (N,); NaN
        where a record does not count or has no partner.
    """
    if task == "cml":
        return {OTHER_QUERIES: _with_other_queries(labels, predict)}
    return _with_other_modalities(labels, predict) | _half_oracles(labels, predictions)


def query_blind_accuracies(val: Arrays, test: Arrays) -> tuple[str, np.ndarray]:
    """Finds the events of cross-modality localization without looking at queries.

    Args:
        val: `audio_features`, `visual_features` (maps or their means) and `event_relevance` of the
            split that the score of each direction is chosen on.
        test: The same of the records that are scored.
    Returns:
        Which scores were chosen, in words; and the mean hits of both directions, float array (N,).
    """
    chosen, hits = [], []
    for modality, name in (("visual", "pictures"), ("audio", "sound")):
        splits = [(each[f"{modality}_features"], each["event_relevance"]) for each in (val, test)]
        score, found = best_query_blind(*splits)
        chosen.append(f"{name} by {score}")
        hits.append(found)
    return f"{', '.join(chosen)}; chosen on val", np.mean(hits, axis=0)


def find_partners(record_id: np.ndarray, kinds: np.ndarray, seed: int = 0) -> np.ndarray:
    """Gives each record another one of its kind, every record to exactly one.

    The same records have the same partners in whatever order they come.

    Args:
        record_id: Integer array (N,), all different.
        kinds: Integer array (N, K): records whose rows are equal are of a kind.
        seed: Integer.
    Returns:
        Integer array (N,): the position of each record's partner, its own if it is alone.
    """
    random = np.random.default_rng(seed)
    partners = np.arange(len(record_id))
    order = np.argsort(record_id)
    for kind in np.unique(kinds, axis=0):
        members = random.permutation(order[(kinds[order] == kind).all(axis=1)])
        partners[members] = np.roll(members, 1)
    return partners


def compare_with_control(
    accuracies: Sequence[np.ndarray],
    controls: Sequence[np.ndarray],
    *,
    is_oracle: bool = False,
    note: str = "",
) -> Control:
    """Compares a model with its control, on the records that have both.

    Args:
        accuracies: Arrays (N,), one per run: the model's primary metric of each record.
        controls: The same of the control.
        is_oracle: Boolean. As in `Control`.
        note: String. As in `Control`; records that had no partner are added to it.
    """
    model, control = np.mean(accuracies, axis=0), np.mean(controls, axis=0)
    is_compared = ~np.isnan(control)
    if alone := int(np.sum(~np.isnan(model) & ~is_compared)):
        records = "record is" if alone == 1 else "records are"
        note = "; ".join(filter(None, [note, f"{alone} {records} left out, without a partner"]))
    if not is_compared.any():
        return Control(None, None, 0, is_oracle, note)
    model = np.where(is_compared, model, np.nan)
    difference = bootstrap_interval([model], [control])
    num_records = int(is_compared.sum())
    return Control(float(np.nanmean(control)), difference, num_records, is_oracle, note)


def compare_with_controls(
    accuracies: np.ndarray, controls: Arrays, notes: Mapping[str, str]
) -> dict[str, Control]:
    """Compares a model with all of its controls.

    Args:
        accuracies: Float array (N,).
        controls: Mapping from name to float array (N,).
        notes: Mapping from the names of some controls to their notes.
    """
    return {
        name: compare_with_control(
            [accuracies], [each], is_oracle=name in ORACLES, note=notes.get(name, "")
        )
        for name, each in controls.items()
    }


def _with_other_queries(labels: Arrays, predict: Predict) -> np.ndarray:
    """Searches each record for the event of another one, of the same length."""
    relevance = labels["event_relevance"]
    is_event = relevance > 0.5
    kinds = np.stack([is_event.sum(axis=1), count_present(relevance)], axis=1)
    partners = find_partners(labels["record_id"], kinds)
    starts = is_event.argmax(axis=1)
    hits = []
    for direction, (query, _) in DIRECTIONS.items():
        found = predict({f"{query}_features": partners, "event_relevance": partners})
        scores = np.asarray(window_scores_by_direction(found)[direction])
        if scores.ndim == 3:  # the query's rows go where the record's own would be
            rows = np.arange(scores.shape[1]) + (starts[partners] - starts)[:, None]
            rows = rows % scores.shape[1]
            scores = np.take_along_axis(scores, rows[:, :, None], axis=1)
        values, counts = expected_hits(scores, relevance)
        hits.append(np.where(counts, values, np.nan))
    return _of_pairs(np.mean(hits, axis=0), partners)


def _with_other_modalities(labels: Arrays, predict: Predict) -> dict[str, np.ndarray]:
    truth = labels["segment_label"]
    partners = find_partners(labels["record_id"], count_present(truth)[:, None])
    accuracies = {}
    for name, modality in ((OTHER_SOUND, "audio"), (OTHER_PICTURES, "visual")):
        predicted = predict({f"{modality}_features": partners})["segment_label"]
        accuracies[name] = _of_pairs(record_shares(predicted == truth, truth), partners)
    return accuracies


def _half_oracles(labels: Arrays, predictions: Arrays) -> dict[str, np.ndarray]:
    truth, logits = labels["segment_label"], predictions["event_category_logits"]
    background = logits.shape[-1]
    relevant = {
        TRUE_CATEGORY: predictions["segment_label"] < background,
        TRUE_RELEVANCE: labels["event_relevance"] > 0.5,
    }
    category = {TRUE_CATEGORY: labels["event_category"], TRUE_RELEVANCE: logits.argmax(axis=-1)}
    return {
        name: record_shares(
            np.where(relevant[name], category[name][:, None], background) == truth, truth
        )
        for name in ORACLES
    }


def _of_pairs(accuracies: np.ndarray, partners: np.ndarray) -> np.ndarray:
    return np.where(partners == np.arange(len(partners)), np.nan, accuracies)
