"""Signatures of an exported model that take named tensors of any batch size."""

from collections.abc import Callable

import keras
import tensorflow as tf

from avel_tf.localization import segment_probabilities, tie_tolerance
from avel_tf.serving.request_checks import checked

Signature = tuple[Callable[..., dict[str, tf.Tensor]], list[tf.TensorSpec]]
PAIRS = "audio_visual_scores"
DIRECTIONS = {"audio_to_visual": ("audio", "visual"), "visual_to_audio": ("visual", "audio")}


def signatures(model: keras.Model, label_names: tf.lookup.StaticHashTable) -> dict[str, Signature]:
    """Makes the signatures for a system's task; decisions are those of `avel_tf.localization`.

    B: batch, T: segments, L: query segments, N: candidate segments, W = N - L + 1: windows, K:
    event categories. Features that do not fit each other or these shapes, or are not finite, are
    refused by name; see `checked`.

    `localize_event` takes `audio_features` (B, T, 128) and `visual_features` (B, T, 7, 7, 512)
    and returns
        `segment_label` (B, T), K for background, and `segment_label_name` (B, T);
        `segment_probabilities` (B, T, K + 1), background last; their largest need not be the
            label where the relevance decides (section 3.4): the label is the decision;
        `event_relevance_probabilities` (B, T), and for systems that match the modalities
        `audio_relevance_probabilities` and `visual_relevance_probabilities` (B, T);
        `event_category` (B,) and `event_category_probabilities` (B, K).

    `audio_to_visual` takes `query_audio_features` (B, L, 128) and `candidate_visual_features`
    (B, N, H, W, 512), `visual_to_audio` takes `query_visual_features` and
    `candidate_audio_features`; both return
        `window_scores` (B, W), for the window that starts at each candidate;
        `window_start` and `window_end` (B,), the best window's first segment, and the segment
        after its last.

    Args:
        model: A system for either task.
        label_names: Table from label to the category's name, background included.
    Returns:
        Dict from the signature's name to a function and the specs of its arguments.
    """
    if "event_relevance" not in model.input:
        names = ("audio_features", "visual_features")
        specs = [_spec(model, name, name) for name in names]
        return {"localize_event": (_localize_event(model, label_names), specs)}
    found = {}
    for direction, (query, candidates) in DIRECTIONS.items():
        specs = [
            _spec(model, f"{query}_features", f"query_{query}_features"),
            _spec(model, f"{candidates}_features", f"candidate_{candidates}_features"),
        ]
        found[direction] = _find(model, query, candidates, specs), specs
    return found


def _spec(model: keras.Model, model_input: str, name: str) -> tf.TensorSpec:
    return tf.TensorSpec(model.input[model_input].shape, tf.float32, name=name)


def _localize_event(model: keras.Model, label_names: tf.lookup.StaticHashTable) -> Callable:
    def localize_event(audio_features: tf.Tensor, visual_features: tf.Tensor) -> dict:
        features = {"audio_features": audio_features, "visual_features": visual_features}
        shapes = {name: model.input[name].shape for name in features}
        features = checked(features, shapes, num_shared=2)
        features = {name: _with_a_record(each) for name, each in features.items()}
        num_records = tf.shape(audio_features)[0]
        outputs = model(features, training=False)
        outputs = {name: each[:num_records] for name, each in outputs.items()}
        logits, label = outputs["event_category_logits"], outputs["segment_label"]
        probabilities = segment_probabilities(outputs)
        by_modality = {
            f"{modality}_relevance_probabilities": tf.sigmoid(outputs[name])
            for modality in ("audio", "visual")
            if (name := f"{modality}_relevance_logits") in outputs
        }
        return {
            "segment_label": label,
            "segment_label_name": label_names.lookup(tf.cast(label, tf.int64)),
            "segment_probabilities": probabilities,
            "event_relevance_probabilities": 1 - probabilities[..., -1],
            **by_modality,
            "event_category": tf.argmax(logits, axis=-1, output_type=tf.int32),
            "event_category_probabilities": tf.nn.softmax(logits),
        }

    return localize_event


def _with_a_record(features: tf.Tensor) -> tf.Tensor:
    """Adds a record of zeros if there is none: convolutions of none have wrong widths on CPUs."""
    num_missing = tf.cast(tf.shape(features)[0] == 0, tf.int32)
    return tf.pad(features, [[0, num_missing]] + [[0, 0]] * (len(features.shape) - 1))


def _find(
    model: keras.Model, query_modality: str, candidate_modality: str, specs: list[tf.TensorSpec]
) -> Callable:
    names, shapes = [spec.name for spec in specs], {spec.name: spec.shape for spec in specs}

    def find(*features: tf.Tensor) -> dict[str, tf.Tensor]:
        sound = checked(dict(zip(names, features, strict=True)), shapes, num_shared=1)
        query, candidates = (sound[name] for name in names)
        length, count = tf.shape(query)[1], tf.shape(candidates)[1]
        fits = tf.debugging.Assert(
            length <= count,
            [
                f"`{names[0]}` must have at most as many segments as `{names[1]}`. Received:",
                *(length, count),
            ],
        )
        with tf.control_dependencies([fits]):
            missing = count - length
        # The model takes both modalities at one length; padding is not part of the query.
        padding = [[0, 0], [0, missing]] + [[0, 0]] * (len(query.shape) - 2)
        is_query = tf.sequence_mask(tf.repeat(length, tf.shape(query)[0]), count, tf.float32)
        inputs = {
            f"{query_modality}_features": tf.pad(query, padding),
            f"{candidate_modality}_features": candidates,
            "event_relevance": is_query,
        }
        outputs = model({name: inputs[name] for name in model.input}, training=False)
        if PAIRS in outputs:
            pairs = outputs[PAIRS]  # (B, audio, visual)
            pairs = pairs if query_modality == "audio" else tf.transpose(pairs, (0, 2, 1))
            scores = pairs[:, :length]  # (B, L, N)
            # Window s sums the scores of query segment q with candidate s + q: a diagonal.
            windows = tf.linalg.diag_part(scores, k=tf.stack([0, missing]))
            # A single diagonal has no axis of its own; several are in descending order.
            windows = tf.reverse(tf.reshape(windows, (-1, missing + 1, length)), axis=[1])
        else:
            scores = outputs[f"{candidate_modality}_relevance_logits"]  # (B, N)
            windows = tf.signal.frame(scores, length, 1)  # (B, W, L)
        sums = tf.reduce_sum(windows, axis=-1)
        sizes = tf.reduce_sum(tf.abs(windows), axis=-1)
        largest = tf.reduce_max(sizes, axis=1, keepdims=True)
        tolerance = tie_tolerance(tf.cast(length, tf.float32), largest)
        start = _middle_of_the_best(sums, tolerance)
        return {"window_scores": sums, "window_start": start, "window_end": start + length}

    return find


def _middle_of_the_best(sums: tf.Tensor, tolerance: tf.Tensor) -> tf.Tensor:
    """Finds the start (B,) of the best window, among tied ones the middle, as `best_window`."""
    best = tf.reduce_max(sums, axis=1, keepdims=True)
    is_best = tf.cast(sums >= best - tolerance, tf.int32)
    middle = (tf.reduce_sum(is_best, axis=1, keepdims=True) + 1) // 2
    return tf.argmax(tf.cumsum(is_best, axis=1) >= middle, axis=1, output_type=tf.int32)
