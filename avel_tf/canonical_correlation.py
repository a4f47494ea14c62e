"""Canonical correlation of two views: the loss, and the projection to canonical space."""

from typing import Any

import keras
from keras import ops

from avel_tf.utils.arguments import check_fraction, check_positive, check_positive_integer

SMALLEST_VARIANCE = 1e-6  # for a view that does not vary, or a batch without pairs


@keras.saving.register_keras_serializable(package="avel_tf")
class CanonicalCorrelationLoss(keras.losses.Loss):
    """Negative total canonical correlation between two views of the pairs in a batch.

    The total is the sum of the singular values of S11^-1/2 S12 S22^-1/2. A batch without pairs
    has loss 0. Use large batches: estimating covariances takes many more pairs than a view has
    dimensions.

    B: batch, T: segments, K: width of a view.

    Args:
        ridge: Positive float. Added to the variances, in units of the mean variance of their
            view, so that the loss does not depend on the scale of the views.
        name: String. Name of the loss.
    Call arguments:
        y_true: Float tensor (B, T), weight of each pair; the event's segments are the pairs.
            Padded segments, whose weight is negative, are none.
        y_pred: Float tensor (B, T, 2K), both views concatenated.
    Returns:
        Float scalar, from -K to 0.
    Raises:
        ValueError: If `ridge` is not positive.
    Example:

    ```python
    view = np.random.default_rng(0).normal(size=(8, 10, 2))
    loss = CanonicalCorrelationLoss()(np.ones((8, 10)), np.concatenate([view, -view], axis=-1))
    np.testing.assert_allclose(loss, -2, atol=0.01)
    ```

    Reference: Andrew et al., ICML 2013, section 3, Eq. 10.
    """

    def __init__(self, ridge: float = 1e-3, name: str = "canonical_correlation", **kwargs: Any):
        check_positive("ridge", ridge)
        super().__init__(name=name, **kwargs)
        self.ridge = ridge

    def call(self, y_true, y_pred):
        total, _, scatter = _moments(y_pred, y_true)
        _, _, correlation = _whiten(scatter / _or_one(total), self.ridge)
        # The gradient of the sum of singular values is U V^T. Holding both constant gives it
        # without differentiating the decomposition, which divides by gaps of singular values.
        u, _, vt = ops.svd(ops.stop_gradient(correlation), full_matrices=False)
        rotation = ops.stop_gradient(ops.matmul(u, vt))
        return -ops.sum(rotation * correlation)

    def get_config(self):
        return {**super().get_config(), "ridge": self.ridge}


@keras.saving.register_keras_serializable(package="avel_tf")
class CanonicalProjection(keras.layers.Layer):
    """Linear canonical correlation analysis of two views, from running statistics.

    A network that maximizes correlation determines its views only up to a linear map. This layer
    decorrelates each view and rotates both so that their dimensions correspond, the most
    correlated first. Mean and covariance are those of the pairs seen in training; each further
    batch multiplies the weight of the earlier ones by `momentum`. Batches without pairs change
    neither. No gradient passes through.

    B: batch, T: segments, K: width of a view.

    Args:
        units: Integer. K.
        momentum: Float in [0, 1]. Factor on the weight of all earlier pairs at each batch.
        ridge: Positive float, see `CanonicalCorrelationLoss`.
    Call arguments:
        projections: Float tensor (B, T, 2K), both views concatenated.
        pair_weights: Tensor (B, T), weight of each pair in the statistics; none if negative.
        training: Boolean. Whether to update the statistics with this batch.
    Returns:
        Two float32 tensors (B, T, K).
    Raises:
        ValueError: If an argument is out of range, or `projections` are not 2K wide.
    Example:

    ```python
    layer = CanonicalProjection(units=4)
    audio, visual = layer(np.ones((2, 10, 8)), np.ones((2, 10)))
    assert audio.shape == visual.shape == (2, 10, 4)
    ```

    Reference: Andrew et al., ICML 2013, section 2.
    """

    def __init__(self, units: int, momentum: float = 0.9, ridge: float = 1e-3, **kwargs: Any):
        check_positive_integer("units", units)
        check_fraction("momentum", momentum)
        check_positive("ridge", ridge)
        super().__init__(**kwargs)
        self.units = units
        self.momentum = momentum
        self.ridge = ridge

    def build(self, projections_shape, pair_weights_shape):
        width = 2 * self.units
        if projections_shape[-1] != width:
            raise ValueError(
                "`projections` must be twice as wide as `units`. "
                f"Received: units={self.units}, projections of width {projections_shape[-1]}."
            )
        self.total = self._add_statistic("total", ())
        self.mean = self._add_statistic("mean", (width,))
        self.scatter = self._add_statistic("scatter", (width, width))

    def _add_statistic(self, name, shape):
        return self.add_weight(
            shape=shape,
            initializer="zeros",
            dtype="float32",
            trainable=False,
            autocast=False,
            name=name,
        )

    def call(self, projections, pair_weights, training=None):
        projections = ops.stop_gradient(ops.cast(projections, "float32"))
        if training:
            self._update(projections, ops.cast(pair_weights, "float32"))
        covariance = self.scatter / _or_one(ops.convert_to_tensor(self.total))
        factor_1, factor_2, correlation = _whiten(covariance, self.ridge)
        u, _, vt = ops.svd(correlation, full_matrices=False)
        centered = projections - self.mean
        return (
            ops.matmul(_whitened(factor_1, centered[..., : self.units]), u),
            ops.matmul(_whitened(factor_2, centered[..., self.units :]), ops.transpose(vt)),
        )

    def _update(self, projections, pair_weights):
        # Combined mean and scatter of two samples (Chan et al., 1979): exact from the first
        # batch on, and without the cancellation in mean square minus squared mean.
        total, mean, scatter = _moments(projections, pair_weights)
        before = self.momentum * self.total
        together = _or_one(before + total)
        shift = mean - self.mean
        between = before * total / together * ops.outer(shift, shift)
        self.scatter.assign(self.momentum * self.scatter + scatter + between)
        self.mean.assign_add(shift * total / together)
        self.total.assign(before + total)

    def get_config(self):
        return {
            **super().get_config(),
            "units": self.units,
            "momentum": self.momentum,
            "ridge": self.ridge,
        }


def _or_one(total):
    """Makes a safe divisor: sums over no pairs are zero and stay so."""
    return ops.where(total > 0, total, 1.0)


def _moments(projections, weights):
    """Computes total weight, mean (2K,) and weighted scatter around it (2K, 2K)."""
    x = ops.reshape(projections, (-1, projections.shape[-1]))
    weights = ops.maximum(ops.reshape(weights, (-1, 1)), 0.0)
    total = ops.sum(weights)
    mean = ops.sum(weights * x, axis=0) / _or_one(total)
    centered = x - mean
    return total, mean, ops.matmul(ops.transpose(weights * centered), centered)


def _whiten(covariance, ridge):
    """Computes the Cholesky factors L1, L2 of both views, and L1^-1 S12 L2^-T, all (K, K)."""
    units = covariance.shape[-1] // 2
    factor_1 = _factor(covariance[:units, :units], ridge)
    factor_2 = _factor(covariance[units:, units:], ridge)
    half = ops.solve_triangular(factor_1, covariance[:units, units:], lower=True)
    whole = ops.solve_triangular(factor_2, ops.transpose(half), lower=True)
    return factor_1, factor_2, ops.transpose(whole)


def _factor(covariance, ridge):
    units = covariance.shape[-1]
    mean_variance = ops.trace(covariance) / units + SMALLEST_VARIANCE
    return ops.cholesky(covariance + ridge * mean_variance * ops.eye(units))


def _whitened(factor, centered):
    """Computes L^-1 x for every row x of (B, T, K)."""
    inverse = ops.solve_triangular(factor, ops.eye(factor.shape[-1]), lower=True)
    return ops.matmul(centered, ops.transpose(inverse))
