import keras
import numpy as np
import pytest
from keras import ops

from avel_tf.canonical_correlation import CanonicalCorrelationLoss, CanonicalProjection


def make_views(batch=16, segments=10, units=3, shared=1.0, seed=0):
    """Makes two views (B, T, 2K) that share a signal, of unequal scale and mean."""
    rng = np.random.default_rng(seed)
    common, first, second = rng.normal(size=(3, batch, segments, units))
    scales = np.arange(1, units + 1)
    first, second = 5 + scales * (first + shared * common), second[..., ::-1] - shared * common
    return np.concatenate([first, second @ rng.normal(size=(units, units))], axis=-1)


def covariances(views, weights, ridge):
    """Computes S11, S12, S22 in float64, with the ridge."""
    units = views.shape[-1] // 2
    x, weights = views.reshape(-1, 2 * units), weights.reshape(-1)
    covariance = np.cov(x.T, aweights=weights, ddof=0)
    s11, s12, s22 = (
        covariance[:units, :units],
        covariance[:units, units:],
        covariance[units:, units:],
    )
    s11, s22 = (s + ridge * np.trace(s) / units * np.eye(units) for s in (s11, s22))
    return s11, s12, s22


def correlations(views, weights=None, ridge=0.0):
    """Computes canonical correlations by the inverse square roots of the definition."""
    weights = np.ones(views.shape[:2]) if weights is None else weights
    s11, s12, s22 = covariances(views, weights, ridge)
    roots = []
    for matrix in (s11, s22):
        values, vectors = np.linalg.eigh(matrix)
        roots.append(vectors / np.sqrt(values) @ vectors.T)
    return np.linalg.svd(roots[0] @ s12 @ roots[1], compute_uv=False)


def loss_of(views, weights=None, **kwargs):
    weights = np.ones(views.shape[:2]) if weights is None else weights
    return float(CanonicalCorrelationLoss(**kwargs)(weights.astype("float32"), views))


def gradient_of(views, weights):
    """Computes the loss's gradient from a step of gradient descent, as on every backend."""
    layer = keras.layers.Embedding(1, views.size)
    inputs = keras.Input((1,))
    outputs = ops.reshape(layer(inputs), (-1, *views.shape[1:]))
    model = keras.Model(inputs, outputs)
    layer.set_weights([views.reshape(1, -1)])
    loss = CanonicalCorrelationLoss()
    target = weights.astype("float32")
    model.compile(keras.optimizers.SGD(1.0), loss=lambda _, y: loss(target, y), run_eagerly=True)
    before = model.get_weights()[0]
    model.train_on_batch(np.zeros((1, 1)), np.zeros((1, 1)))
    return (before - model.get_weights()[0]).reshape(views.shape)


def test_identical_views_are_correlated_in_every_dimension():
    view = make_views(units=2)[..., :2]
    mapped = view @ np.array([[2.0, 1.0], [0.0, -3.0]]) + 7  # the same view, mapped linearly
    for other in (view, mapped):
        loss = loss_of(np.concatenate([view, other], axis=-1), ridge=1e-6)
        np.testing.assert_allclose(loss, -2, atol=1e-3)


def test_independent_views_are_not():
    # With 20,000 pairs, the 9 sample correlations are about 0.007 in size.
    assert -0.1 < loss_of(np.random.default_rng(0).normal(size=(200, 100, 6))) <= 0


@pytest.mark.parametrize("ridge", [1e-6, 1e-3, 0.1])
@pytest.mark.parametrize("units", [1, 3, 8])
def test_equals_the_definition(units, ridge):
    views = make_views(units=units)
    expected = -correlations(views, ridge=ridge).sum()
    assert -units < expected < -0.3 * units
    np.testing.assert_allclose(loss_of(views, ridge=ridge), expected, rtol=1e-3)


def test_scale_and_mean_of_the_views_change_nothing():
    views = make_views()
    moved = np.concatenate([100 * views[..., :3] + 50, 0.1 * views[..., 3:]], axis=-1)
    np.testing.assert_allclose(loss_of(moved), loss_of(views), rtol=1e-3)


def test_pairs_are_weighted():
    views, weights = make_views(), np.random.default_rng(1).uniform(size=(16, 10))
    weights[:, 3:6] = 0
    other = views.copy()
    other[:, 3:6] = 1e4  # background
    expected = -correlations(views, weights, ridge=1e-3).sum()
    np.testing.assert_allclose(loss_of(views, weights), expected, rtol=1e-3)
    assert loss_of(other, weights) == loss_of(views, weights)
    assert abs(expected + correlations(views, ridge=1e-3).sum()) > 1e-2


def test_gradient_equals_finite_differences():
    views, weights = make_views(batch=1, segments=12, units=2), np.ones((1, 12))
    weights[:, :2] = 0
    gradient, step = gradient_of(views, weights), 1e-4
    expected = np.zeros_like(views)
    for index in np.ndindex(views.shape):
        for sign in (1, -1):
            moved = views.copy()
            moved[index] += sign * step
            loss = -correlations(moved, weights, ridge=1e-3).sum()
            expected[index] += sign * loss / (2 * step)
    np.testing.assert_allclose(gradient, expected, rtol=0.02, atol=1e-3 * np.abs(expected).max())
    np.testing.assert_array_equal(gradient[:, :2], 0.0)


@pytest.mark.parametrize("case", ["equal correlations", "few pairs", "constant views", "no pair"])
def test_gradient_is_finite(case):
    views, weights = make_views(batch=1, units=3), np.ones((1, 10))
    if case == "equal correlations":  # where the decomposition itself has no derivative
        views[..., 3:] = views[..., :3]
    elif case == "few pairs":
        weights[:, 2:] = 0
    elif case == "constant views":
        views[:] = 1
    else:
        weights[:] = 0
        assert loss_of(views, weights) == 0
    assert np.isfinite(loss_of(views, weights))
    assert np.isfinite(gradient_of(views, weights)).all()


def make_layer(units=3, **kwargs):
    layer = CanonicalProjection(units, **kwargs)
    layer.build((None, None, 2 * units), (None, None))
    return layer


def test_canonical_variables_of_the_first_batch():
    # Whitened views whose dimensions are correlated only with their counterpart, by the
    # canonical correlations, largest first. Statistics biased towards their zero start would
    # fail this.
    layer, views = make_layer(ridge=1e-6), make_views()
    pair_weights = (np.random.default_rng(1).random((16, 10)) > 0.4).astype("float32")
    first, second = layer(views, pair_weights, training=True)
    pairs = [np.asarray(view)[pair_weights > 0] for view in (first, second)]
    for view in pairs:
        np.testing.assert_allclose(view.mean(axis=0), 0, atol=1e-4)
        np.testing.assert_allclose(np.cov(view.T, ddof=0), np.eye(3), atol=1e-3)
    expected = np.diag(correlations(views, pair_weights))
    np.testing.assert_allclose(pairs[0].T @ pairs[1] / len(pairs[0]), expected, atol=1e-3)


def test_statistics_are_running_averages():
    layer, batches = make_layer(momentum=0.8), [make_views(seed=seed) for seed in range(3)]
    pair_weights = np.random.default_rng(1).uniform(size=(3, 16, 10))
    for views, weights in zip(batches, pair_weights, strict=True):
        layer(views, weights, training=True)
    # As for one sample in which each batch is weighted by 0.8 for every later batch.
    weights = pair_weights * np.array([0.64, 0.8, 1.0])[:, None, None]
    x, weights = np.reshape(batches, (-1, 6)), weights.reshape(-1)
    np.testing.assert_allclose(layer.total, weights.sum(), rtol=1e-5)
    np.testing.assert_allclose(layer.mean, np.average(x, axis=0, weights=weights), rtol=1e-4)
    covariance = np.asarray(layer.scatter) / np.asarray(layer.total)
    expected = np.cov(x.T, aweights=weights, ddof=0)
    np.testing.assert_allclose(covariance, expected, rtol=1e-4, atol=1e-4)


def test_inference_and_batches_without_pairs_change_no_statistics():
    layer, views, ones = make_layer(), make_views(), np.ones((16, 10))
    before = layer(views, ones, training=True)
    weights = layer.get_weights()
    other = make_views(seed=1)
    layer(other, ones)
    for old, new in zip(weights, layer.get_weights(), strict=True):
        np.testing.assert_array_equal(new, old)
    layer(other, 0 * ones, training=True)
    for old, new in zip(before, layer(views, ones), strict=True):
        np.testing.assert_allclose(new, old, rtol=1e-4, atol=1e-5)


def test_without_any_pair_seen_the_projection_is_finite():
    layer, views = make_layer(), make_views()
    for training in (False, True):
        for output in layer(views, np.zeros((16, 10)), training=training):
            assert np.isfinite(output).all() and np.abs(output).max() > 0


def test_config_and_symbolic_shape():
    layer = CanonicalProjection(3, momentum=0.5, ridge=0.01, name="projection")
    copy = CanonicalProjection.from_config(layer.get_config())
    assert (copy.name, copy.units, copy.momentum, copy.ridge) == ("projection", 3, 0.5, 0.01)
    outputs = copy(keras.KerasTensor((None, None, 6)), keras.KerasTensor((None, None)))
    assert [output.shape for output in outputs] == [(None, None, 3)] * 2
    assert not copy.trainable_weights
    loss = CanonicalCorrelationLoss(ridge=0.01, name="total")
    copy = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(loss))
    assert isinstance(copy, CanonicalCorrelationLoss)
    assert (copy.ridge, copy.name) == (0.01, "total")


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: CanonicalCorrelationLoss(ridge=0), "`ridge` must be .* Received: ridge=0."),
        (lambda: CanonicalProjection(0), "`units` must be .* Received: units=0."),
        (lambda: CanonicalProjection(3, momentum=2), "`momentum` must be .* momentum=2."),
        (lambda: CanonicalProjection(3, ridge=-1), "`ridge` must be .* ridge=-1."),
        (lambda: CanonicalProjection(3)(np.ones((1, 2, 5)), np.ones((1, 2))), "of width 5."),
    ],
)
def test_errors_name_the_argument(make, message):
    with pytest.raises(ValueError, match=message):
        make()
