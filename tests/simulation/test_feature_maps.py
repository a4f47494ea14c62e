import numpy as np
import pytest
from scipy import special

from avel_tf.simulation.feature_maps import LATENT_WIDTH, Marginal, ResponseMap


def test_values_keep_their_distribution_and_their_order():
    # Shares above zero from a beta distribution of mean 1 / (1 + 3).
    marginal = Marginal(64, (1.0, 3.0), 0.0, 1.0)
    normal = np.random.default_rng(0).standard_normal((5000, 64))
    features = marginal(normal)
    assert np.mean(features > 0) == pytest.approx(0.25, abs=0.01)
    order = np.argsort(normal, axis=0)
    assert (np.diff(np.take_along_axis(features, order, axis=0), axis=0) >= 0).all()
    shares = np.mean(features > 0, axis=0)
    assert shares.min() < 0.05 and shares.max() > 0.6
    # The features' properties do not depend on the seed.
    np.testing.assert_array_equal(Marginal(64, (1.0, 3.0), 0.0, 1.0)(normal), features)


def test_known_answer():
    marginal = Marginal(1, (1.0, 1.0), 0.0, 2.0)  # above zero half of the time, with scale e
    exponential = np.array([[-1, 0.5, 1], [2, 0, 3]])[..., None]
    normal = -special.ndtri(0.5 * np.exp(-exponential))
    expected = np.e * np.maximum(exponential, 0) ** 0.88
    np.testing.assert_allclose(marginal(normal), expected, rtol=1e-5, atol=1e-5)


def test_slopes_are_those_of_the_features_scalars():
    marginal = Marginal(8, (1.0, 3.0), 0.0, 1.0)
    normal = np.random.default_rng(0).standard_normal((200_000, 8))
    step = 0.05
    above, below = marginal(normal + step), marginal(normal - step)
    for slope, scalar in zip(
        marginal.scalar_slopes().T, (lambda x: x, np.square, lambda x: x == 0), strict=True
    ):
        differences = np.mean(scalar(above).astype(float) - scalar(below), axis=0) / (2 * step)
        np.testing.assert_allclose(slope, differences, rtol=0.05, atol=0.01)


def test_no_point_stands_out():
    marginal = Marginal(128, (0.68, 1.3), -1.96, 1.5)
    random = np.random.default_rng(0)
    respond = ResponseMap(marginal, random)
    points = random.standard_normal((3000, LATENT_WIDTH), np.float32)
    response = respond(points)
    np.testing.assert_allclose(np.square(response).mean(axis=1), 1, rtol=1e-5)
    np.testing.assert_allclose(response.std(axis=0), 1, atol=0.15)
    slopes = marginal.scalar_slopes()
    along = response @ (slopes / np.linalg.norm(slopes, axis=0))
    assert np.abs(along).max() < 0.15  # a random direction would have 1
