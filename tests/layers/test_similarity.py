import keras
import numpy as np
import pytest

from avel_tf.layers.similarity import cosine_similarity, euclidean_distance

AUDIO = np.array([[3.0, 4.0], [0.0, 0.0]], "float32")
VISUAL = np.array([[4.0, 3.0], [-6.0, -8.0], [3.0, 4.0]], "float32")


def test_cosine():
    # (3, 4) with (4, 3): 24 / 25; with its negated double: -1; with itself: 1; with zeros: 0.
    expected = [[0.96, -1.0, 1.0], [0.0, 0.0, 0.0]]
    output = cosine_similarity(AUDIO[:, None], VISUAL[None])
    np.testing.assert_allclose(output, expected, atol=1e-6)


def test_distance():
    # (3, 4) to (4, 3): sqrt(2); to its negated double: 15; to itself: 1e-6, not 0.
    expected = [[np.sqrt(2), 15.0, 1e-6], [5.0, 10.0, 5.0]]
    np.testing.assert_allclose(
        euclidean_distance(AUDIO[:, None], VISUAL[None]), expected, rtol=1e-6
    )


@pytest.mark.parametrize("function", [cosine_similarity, euclidean_distance])
def test_float32_of_half_precision(function):
    output = function(*(keras.ops.cast(x, "bfloat16") for x in (AUDIO, AUDIO)))
    assert keras.backend.standardize_dtype(output.dtype) == "float32"
