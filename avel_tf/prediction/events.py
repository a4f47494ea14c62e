"""Clip of any length -> its events, by overlapping windows of the length used in training."""

import dataclasses
import itertools
from collections.abc import Callable, Iterable, Iterator, Sequence

import numpy as np

from avel_tf.ave import BACKGROUND_NAME, NUM_SEGMENTS, Annotation
from avel_tf.records import Description
from avel_tf.records.description import AVE

WINDOWS_AT_ONCE = 16  # of 1 MB of visual features each
SOURCES, RELEVANCE = ("event", "audio", "visual"), "_relevance_probabilities"
Answers = dict[str, np.ndarray]


@dataclasses.dataclass(frozen=True)
class Event:
    """A run of segments with the same category.

    Args:
        start_seconds: Integer. Start of its first segment.
        end_seconds: Integer. End of its last segment.
        category: String.
        confidence: Float. Mean probability of the category over the event's segments.
        audio_relevance: Float. Mean probability that these segments belong to the event by their
            sound; None if the system does not tell.
        visual_relevance: The same by their picture.
    """

    start_seconds: int
    end_seconds: int
    category: str
    confidence: float
    audio_relevance: float | None = None
    visual_relevance: float | None = None


@dataclasses.dataclass(frozen=True)
class Localization:
    """A system's prediction for a clip. N: segments, K: event categories.

    Args:
        labels: Integer array (N,), K for background.
        probabilities: float32 array (N, K + 1).
        relevance: Dict of float32 arrays (N,): probability that each segment belongs to the
            event, from the system as a whole (`event`) and, if the system gives them, from each
            modality (`audio`, `visual`).
        label_names: Tuple of K + 1 strings, background last.
    """

    labels: np.ndarray
    probabilities: np.ndarray
    relevance: dict[str, np.ndarray]
    label_names: tuple[str, ...] = AVE.label_names

    @property
    def named_labels(self) -> list[str]:
        """Name of each segment's label."""
        return [self.label_names[label] for label in self.labels]

    @property
    def events(self) -> list[Event]:
        """Runs of segments with the same label, in temporal order."""
        return [
            Event(
                start,
                end,
                self.label_names[label],
                float(self.probabilities[start:end, label].mean()),
                *(
                    float(self.relevance[name][start:end].mean())
                    if name in self.relevance
                    else None
                    for name in ("audio", "visual")
                ),
            )
            for start, end, label in runs(self.labels)
            if label != len(self.label_names) - 1
        ]


def localize(
    localize_event: Callable[..., Answers],
    audio_features: np.ndarray,
    visual_features: np.ndarray,
    threshold: float | None = None,
    description: Description = AVE,
    own_threshold: float | None = None,
) -> Localization:
    """Localizes the events of a clip.

    A clip longer than the records of the training is cut into windows of their length, by default
    ten seconds, that overlap by half. Each
    segment gets the label that most windows over it give it; if they tie, the system's own rule is
    applied to the mean of their probabilities. A clip of one window thus gets exactly the labels of
    the system.

    Args:
        localize_event: The system's signature of that name: arrays in, dict of arrays out.
        audio_features: float32 array (N, D).
        visual_features: float32 array (N, H, W, C).
        threshold: Float. Lowest relevance, a mean of both modalities, at which a segment belongs to
            an event; by default the system's own rule decides.
        description: What the records of its training were.
        own_threshold: Float. That of the system's own rule; None if it decides by probability.
    Returns:
        `Localization`.
    Reference: Wu et al., ICCV 2019, section 3.4, for the rule.
    Raises:
        ValueError: If the system's probabilities are not finite.
    """
    num_segments = len(audio_features)
    length, background = description.num_segments, description.background
    starts = window_starts(num_segments, length)
    covered = np.zeros(num_segments)
    votes = np.zeros((num_segments, background + 1))
    sums: dict[str, np.ndarray] = {}
    for some in batched(starts, WINDOWS_AT_ONCE):
        windows = [slice(start, start + length) for start in some]
        answers = localize_event(
            audio_features=np.stack([audio_features[window] for window in windows]),
            visual_features=np.stack([visual_features[window] for window in windows]),
        )
        per_segment = {
            name: answers[name]
            for name in answers
            if name == "segment_probabilities" or name.endswith(RELEVANCE)
        }
        for index, window in enumerate(windows):
            covered[window] += 1
            labels = answers["segment_label"][index]
            votes[np.arange(window.start, window.start + len(labels)), labels] += 1
            for name, values in per_segment.items():
                shape = (num_segments, *values.shape[2:])
                sums.setdefault(name, np.zeros(shape))[window] += values[index]
    means = {name: (total.T / covered).T.astype(np.float32) for name, total in sums.items()}
    probabilities = means.pop("segment_probabilities")
    if not np.isfinite(probabilities).all():
        raise ValueError(
            "The model's probabilities are not finite: its training diverged. Use another model."
        )
    relevance = means[f"event{RELEVANCE}"]
    if threshold is not None:
        category = probabilities[:, :background].argmax(axis=1)
        labels = np.where(relevance >= threshold, category, background)
    else:
        is_event = None if own_threshold is None else relevance >= own_threshold
        labels = _count(votes, probabilities, is_event)
    return Localization(
        labels=labels,
        probabilities=probabilities,
        relevance={name: means[name + RELEVANCE] for name in SOURCES if name + RELEVANCE in means},
        label_names=description.label_names,
    )


def _count(votes: np.ndarray, probabilities: np.ndarray, is_event: np.ndarray | None) -> np.ndarray:
    """Labels (N,) with the most votes; among tied ones, `is_event` or probability decides."""
    wins = votes == votes.max(axis=1, keepdims=True)
    if is_event is not None:
        tied = wins[:, -1] & wins[:, :-1].any(axis=1)
        wins[tied & is_event, -1] = False
        wins[tied & ~is_event, :-1] = False
    return np.where(wins, probabilities, -1).argmax(axis=1)


def true_labels(annotations: Sequence[Annotation], num_segments: int) -> list[set[str]]:
    """Returns the true labels of each segment by name: one from each AVE record of the video."""
    return [
        {
            each.category if each.start_seconds <= segment < each.end_seconds else BACKGROUND_NAME
            for each in annotations
        }
        for segment in range(num_segments)
    ]


def window_starts(num_segments: int, length: int = NUM_SEGMENTS) -> list[int]:
    """Returns the first segments of the windows over a clip; the last window ends with it.

    All segments but those at the ends are in two windows or more.
    """
    last = max(0, num_segments - length)
    return [*range(0, last, max(1, length // 2)), last]


def runs(labels: Iterable[int]) -> Iterator[tuple[int, int, int]]:
    """Yields first segment, segment after the last, and label of each run of equal labels."""
    start = 0
    for label, run in itertools.groupby(labels):
        end = start + len(list(run))
        yield start, end, int(label)
        start = end


def batched(items: Sequence, size: int) -> Iterator[Sequence]:
    """Yields pieces of at most `size` items."""
    for start in range(0, len(items), size):
        yield items[start : start + size]
