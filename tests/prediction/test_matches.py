import numpy as np
import pytest

from avel_tf.prediction.matches import Match, find_matches

AUDIO, VISUAL = np.zeros((3, 128), np.float32), np.zeros((9, 7, 7, 512), np.float32)


@pytest.fixture
def signatures():
    def audio_to_visual(query_audio_features, candidate_visual_features):
        length, count = query_audio_features.shape[1], candidate_visual_features.shape[1]
        scores = np.array([1, 5, 6, 7, 2, 3, 3.5])[: count - length + 1]
        return {"window_scores": scores[None], "window_start": np.array([scores.argmax()])}

    def visual_to_audio(query_visual_features, candidate_audio_features):
        return {"window_scores": np.array([[4.0]]), "window_start": np.array([0])}

    return {"audio_to_visual": audio_to_visual, "visual_to_audio": visual_to_audio}


def test_the_best_windows_do_not_overlap(signatures):
    scores, matches = find_matches(signatures, AUDIO, VISUAL, count=5)
    assert matches == [Match(3, 6, 7.0), Match(6, 9, 3.5), Match(0, 3, 1.0)]
    assert scores.tolist() == [1, 5, 6, 7, 2, 3, 3.5]
    assert find_matches(signatures, AUDIO, VISUAL, count=1)[1] == [Match(3, 6, 7.0)]


def test_the_modality_of_the_query_decides_the_direction(signatures):
    assert find_matches(signatures, VISUAL[:3], AUDIO, count=5)[1] == [Match(0, 3, 4.0)]


def test_a_model_that_diverged_is_refused():
    def diverged(**features):
        return {"window_scores": np.array([[1.0, np.nan]]), "window_start": np.array([0])}

    with pytest.raises(ValueError, match="scores are not finite"):
        find_matches({"audio_to_visual": diverged}, AUDIO, VISUAL[:4], count=1)


def test_a_query_longer_than_the_searched_clip_is_refused(signatures):
    with pytest.raises(ValueError, match="query of 3 s is longer than the searched 2 s"):
        find_matches(signatures, AUDIO, VISUAL[:2], count=5)
