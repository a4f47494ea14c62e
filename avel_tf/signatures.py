"""What an exported model answers beside serialized examples: tensors with names, any batch size."""

from collections.abc import Callable

import keras
import tensorflow as tf

from avel_tf.localization import TIE_TOLERANCE, segment_probabilities

Signature = tuple[Callable[..., dict[str, tf.Tensor]], list[tf.TensorSpec]]
PAIRS = "audio_visual_scores"
DIRECTIONS = {"audio_to_visual": ("audio", "visual"), "visual_to_audio": ("visual", "audio")}


def signatures(model: keras.Model, label_names: tf.lookup.StaticHashTable) -> dict[str, Signature]:
    """The signatures of a system's task; decisions are those of `avel_tf.localization`.

    B: batch, T: segments, L: query segments, N: candidate segments, W = N - L + 1: windows, K:
    event categories.

    `localize_event` takes `audio_features` (B, T, 128) and `visual_features` (B, T, 7, 7, 512)
    and returns
        `segment_label` (B, T), K for background, and `segment_label_name` (B, T);
        `segment_probabilities` (B, T, K + 1), the last one of background;
        `event_relevance_probabilities` (B, T), and of systems that match the modalities
        `audio_relevance_probabilities` and `visual_relevance_probabilities` (B, T);
        `event_category` (B,) and `event_category_probabilities` (B, K).

    `audio_to_visual` takes `query_audio_features` (B, L, 128) and `candidate_visual_features`
    (B, N, H, W, 512), `visual_to_audio` takes `query_visual_features` and
    `candidate_audio_features`; both return
        `window_scores` (B, W), of the window that starts at each candidate;
        `window_start` and `window_end` (B,), the best window's first segment, and the one after
        its last.

    Args:
        model: A system of either task.
        label_names: Table from label to the category's name, background included.
    Returns:
        Dict from the signature's name to a function and the specs of its arguments.
    """
    specs = {
        name: tf.TensorSpec(tensor.shape, tf.float32, name=name)
        for name, tensor in model.input.items()
    }
    if "event_relevance" not in specs:
        names = ("audio_features", "visual_features")
        localize = _localize_event(model, label_names)
        return {"localize_event": (localize, [specs[name] for name in names])}
    found = {}
    for direction, (query, candidates) in DIRECTIONS.items():
        found[direction] = (
            _find(model, query, candidates),
            [
                tf.TensorSpec(specs[f"{query}_features"].shape, name=f"query_{query}_features"),
                tf.TensorSpec(
                    specs[f"{candidates}_features"].shape, name=f"candidate_{candidates}_features"
                ),
            ],
        )
    return found


def _localize_event(model: keras.Model, label_names: tf.lookup.StaticHashTable) -> Callable:
    def localize_event(audio_features: tf.Tensor, visual_features: tf.Tensor) -> dict:
        outputs = model(
            {"audio_features": audio_features, "visual_features": visual_features}, training=False
        )
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


def _find(model: keras.Model, query_modality: str, candidate_modality: str) -> Callable:
    def find(query: tf.Tensor, candidates: tf.Tensor) -> dict[str, tf.Tensor]:
        length, count = tf.shape(query)[1], tf.shape(candidates)[1]
        fits = tf.debugging.Assert(
            (length > 0) & (length <= count),
            ["The query must have at least one segment, and no more than the candidates."],
        )
        with tf.control_dependencies([fits]):
            missing = count - length
        # The model takes both modalities at one length; what pads the query is not asked for.
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
            # A single one comes without an axis of its own, several in falling order.
            windows = tf.reverse(tf.reshape(windows, (-1, missing + 1, length)), axis=[1])
        else:
            scores = outputs[f"{candidate_modality}_relevance_logits"]  # (B, N)
            windows = tf.signal.frame(scores, length, 1)  # (B, W, L)
        sums = tf.reduce_sum(windows, axis=-1)
        scale = tf.reduce_sum(tf.abs(scores), axis=tf.range(1, tf.rank(scores)))
        start = _middle_of_the_best(sums, scale)
        return {"window_scores": sums, "window_start": start, "window_end": start + length}

    return find


def _middle_of_the_best(sums: tf.Tensor, scale: tf.Tensor) -> tf.Tensor:
    """Start (B,) of the best window, of tied ones the middle, as `best_window` says."""
    best = tf.reduce_max(sums, axis=1, keepdims=True)
    is_best = tf.cast(sums >= best - TIE_TOLERANCE * scale[:, None], tf.int32)
    middle = (tf.reduce_sum(is_best, axis=1, keepdims=True) + 1) // 2
    return tf.argmax(tf.cumsum(is_best, axis=1) >= middle, axis=1, output_type=tf.int32)
