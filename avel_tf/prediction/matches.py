"""Where in one modality of a clip the event is that another clip, or itself, has in the other."""

import dataclasses
from collections.abc import Callable

import numpy as np

from avel_tf.signatures import DIRECTIONS


@dataclasses.dataclass(frozen=True)
class Match:
    """A window of the searched clip.

    Args:
        start_seconds: Integer. Where its first segment begins.
        end_seconds: Integer. Where its last segment ends.
        score: Float. Sum of the scores of its segments; comparable within one search.
    """

    start_seconds: int
    end_seconds: int
    score: float


def find_matches(
    signatures: dict[str, Callable], query: np.ndarray, candidates: np.ndarray, count: int
) -> list[Match]:
    """The best windows of the length of the query, none overlapping another.

    L: segments of the query, N: candidate segments. One modality has features (…, 128), the other
    (…, 7, 7, 512); which is which tells the direction.

    Args:
        signatures: `audio_to_visual` and `visual_to_audio` of a system: arrays in, dict out.
        query: float32 array (L, …).
        candidates: float32 array (N, …).
        count: Integer. How many windows to return at most.
    Returns:
        List of `Match`, the best first.
    Raises:
        ValueError: If the query is longer than what is searched, or scores are not numbers.
    """
    if len(query) > len(candidates):
        raise ValueError(
            f"The query of {len(query)} s is longer than what is searched, {len(candidates)} s."
        )
    direction = "audio_to_visual" if query.ndim == 2 else "visual_to_audio"
    query_modality, candidate_modality = DIRECTIONS[direction]
    answers = signatures[direction](
        **{
            f"query_{query_modality}_features": query[None],
            f"candidate_{candidate_modality}_features": candidates[None],
        }
    )
    scores = answers["window_scores"][0].astype(np.float64)
    if not np.isfinite(scores).all():
        raise ValueError("The model's scores are not numbers: its training diverged.")
    matches, start = [], int(answers["window_start"][0])
    while len(matches) < count and scores[start] > -np.inf:
        matches.append(Match(start, start + len(query), float(scores[start])))
        scores[max(0, start - len(query) + 1) : start + len(query)] = -np.inf
        start = int(scores.argmax())
    return matches
