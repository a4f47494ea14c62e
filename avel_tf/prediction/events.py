"""A clip of any length -> its events, by overlapping windows of the length a system learned on."""

import dataclasses
import itertools
from collections.abc import Callable, Iterator, Sequence

import numpy as np

from avel_tf.ave import BACKGROUND, BACKGROUND_NAME, CATEGORIES, NUM_SEGMENTS, Annotation

STRIDE = NUM_SEGMENTS // 2  # every segment but those at both ends is judged twice or more
WINDOWS_AT_ONCE = 16  # of 1 MB of visual features each
SOURCES, RELEVANCE = ("event", "audio", "visual"), "_relevance_probabilities"
Answers = dict[str, np.ndarray]


@dataclasses.dataclass(frozen=True)
class Event:
    """What happens from one second to another.

    Args:
        start_seconds: Integer. Where its first segment begins.
        end_seconds: Integer. Where its last segment ends.
        category: String.
        confidence: Float. Mean probability of the category over the event's segments.
    """

    start_seconds: int
    end_seconds: int
    category: str
    confidence: float


@dataclasses.dataclass(frozen=True)
class Localization:
    """What a system says of a clip. N: segments, K: event categories.

    Args:
        labels: Integer array (N,), K for background.
        probabilities: float32 array (N, K + 1).
        relevance: Dict of float32 arrays (N,): probability of each segment to be of the event,
            by the system as a whole (`event`) and, where it tells, by each modality (`audio`,
            `visual`).
    """

    labels: np.ndarray
    probabilities: np.ndarray
    relevance: dict[str, np.ndarray]

    @property
    def events(self) -> list[Event]:
        """Runs of segments with the same label, in order of time."""
        return [
            Event(
                start,
                end,
                CATEGORIES[label],
                float(self.probabilities[start:end, label].mean()),
            )
            for start, end, label in runs(self.labels)
            if label != BACKGROUND
        ]


def localize(
    localize_event: Callable[..., Answers], audio_features: np.ndarray, visual_features: np.ndarray
) -> Localization:
    """Localizes the events of a clip.

    A clip longer than ten seconds is cut into windows of ten that overlap by half. The label of a
    segment is that of most windows over it; where they disagree one to one, the more probable
    one. So a clip of one window has the very labels that the system gives it.

    Args:
        localize_event: The signature of that name: arrays in, dict of arrays out.
        audio_features: float32 array (N, 128).
        visual_features: float32 array (N, 7, 7, 512).
    Returns:
        `Localization`.
    Raises:
        ValueError: If the system's probabilities are not numbers.
    """
    num_segments = len(audio_features)
    starts = window_starts(num_segments)
    covered = np.zeros(num_segments)
    votes = np.zeros((num_segments, BACKGROUND + 1))
    sums = {}
    for some in batched(starts, WINDOWS_AT_ONCE):
        windows = [slice(start, start + NUM_SEGMENTS) for start in some]
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
        raise ValueError("The model's probabilities are not numbers: its training diverged.")
    return Localization(
        # A probability is below one vote.
        labels=np.argmax(votes + probabilities, axis=1),
        probabilities=probabilities,
        relevance={name: means[name + RELEVANCE] for name in SOURCES if name + RELEVANCE in means},
    )


def true_labels(annotations: Sequence[Annotation], num_segments: int) -> list[set[str]]:
    """Names of the true labels of each segment: of each record that a video has in AVE, one."""
    return [
        {
            each.category if each.start_seconds <= segment < each.end_seconds else BACKGROUND_NAME
            for each in annotations
        }
        for segment in range(num_segments)
    ]


def window_starts(num_segments: int) -> list[int]:
    """First segments of the windows over a clip, the last of which ends with it."""
    last = max(0, num_segments - NUM_SEGMENTS)
    return [*range(0, last, STRIDE), last]


def runs(labels: Sequence[int]) -> Iterator[tuple[int, int, int]]:
    """First segment, the one after the last, and label of each run of equal labels."""
    start = 0
    for label, run in itertools.groupby(labels):
        end = start + len(list(run))
        yield start, end, int(label)
        start = end


def batched(items: Sequence, size: int) -> Iterator[Sequence]:
    """Pieces of at most `size` items."""
    for start in range(0, len(items), size):
        yield items[start : start + size]


def label_name(label: int) -> str:
    """Name of a label."""
    return BACKGROUND_NAME if label == BACKGROUND else CATEGORIES[label]
