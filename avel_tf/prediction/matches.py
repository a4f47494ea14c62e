"""Search in one modality of a clip for an event given in the other modality."""

import dataclasses
import pathlib
from collections.abc import Callable

import numpy as np

from avel_tf.errors import InputError
from avel_tf.prediction.clips import ClipReader, EncodedClip
from avel_tf.serving.signatures import DIRECTIONS


@dataclasses.dataclass(frozen=True)
class Match:
    """A window of the searched clip.

    Args:
        start_seconds: Integer. Start of its first segment.
        end_seconds: Integer. End of its last segment.
        score: Float. Sum of the scores of its segments; comparable within one search.
    """

    start_seconds: int
    end_seconds: int
    score: float


@dataclasses.dataclass(frozen=True)
class Search:
    """A search and what it found. L: segments of the query, N: segments of the searched clip.

    Args:
        query: `EncodedClip` of the query's seconds, in one modality.
        query_seconds: Range of them in their file.
        searched: `EncodedClip` of the other file, in the other modality.
        scores: Float array (N - L + 1,), of each window of L segments.
        matches: List of `Match`, best first.
    """

    query: EncodedClip
    query_seconds: range
    searched: EncodedClip
    scores: np.ndarray
    matches: list[Match]


def match_files(
    signatures: dict[str, Callable],
    reader: ClipReader,
    audio: pathlib.Path,
    video: pathlib.Path,
    query: str,
    start: int,
    end: int,
    count: int,
) -> Search:
    """Finds in the sound of one file what a part of the other's pictures shows, or the reverse.

    Args:
        signatures: As for `find_matches`.
        reader: `ClipReader` with the encoders of the training data.
        audio: File whose sound is compared.
        video: File whose pictures are compared; may be the same file.
        query: String. `"audio"` or `"video"`: the file that `start` and `end` refer to; the
            other one is searched.
        start: Integer. Second at which the event starts.
        end: Integer. Second at which it has ended.
        count: Integer. Maximum number of windows to return.
    Raises:
        MediaError: If a file cannot be read.
        InputError: If a file is too short.
    """
    sources = {"audio": (audio, ["audio"]), "video": (video, ["visual"])}
    asked, searched = sources.pop(query), *sources.values()
    # Encoding takes long, so lengths are checked first.
    asked_length, searched_length = (reader.count_segments(*each) for each in (asked, searched))
    if end > asked_length:
        raise InputError(f"`end` is {end} s, but {asked[0]} lasts {asked_length} s.")
    if end - start > searched_length:
        raise InputError(
            f"The query is longer than {searched[0]}, which lasts {searched_length} s."
        )
    seconds = range(start, end)
    query_clip = reader.read(asked[0], seconds, asked[1])
    searched_clip = reader.read(searched[0], range(searched_length), searched[1])
    (query_features,), (candidates,) = (
        clip.features.values() for clip in (query_clip, searched_clip)
    )
    scores, matches = find_matches(signatures, query_features, candidates, count)
    return Search(query_clip, seconds, searched_clip, scores, matches)


def find_matches(
    signatures: dict[str, Callable], query: np.ndarray, candidates: np.ndarray, count: int
) -> tuple[np.ndarray, list[Match]]:
    """Finds the best windows of the query's length that do not overlap.

    L: segments of the query, N: candidate segments. One modality has features (…, 128), the other
    (…, 7, 7, 512); the modality of the query decides the direction.

    Args:
        signatures: `audio_to_visual` and `visual_to_audio` of a system: arrays in, dict out.
        query: float32 array (L, …).
        candidates: float32 array (N, …).
        count: Integer. Maximum number of windows to return.
    Returns:
        Float array (N - L + 1,), the score of each window, and a list of `Match`, best first.
    Raises:
        ValueError: If the query is longer than the searched clip, or scores are not finite.
    """
    if len(query) > len(candidates):
        raise ValueError(
            f"The query of {len(query)} s is longer than the searched {len(candidates)} s. Use a "
            "shorter query."
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
        raise ValueError(
            "The model's scores are not finite: its training diverged. Use another model."
        )
    found = scores.copy()  # less what overlaps a match
    matches: list[Match] = []
    start = int(answers["window_start"][0])
    while len(matches) < count and found[start] > -np.inf:
        matches.append(Match(start, start + len(query), float(found[start])))
        found[max(0, start - len(query) + 1) : start + len(query)] = -np.inf
        start = int(found.argmax())
    return scores, matches
