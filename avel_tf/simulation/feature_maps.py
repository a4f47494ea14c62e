"""Maps from a latent space to features, as an encoder's last ReLU would put them out.

No category and no event may be told by a scalar of a second, such as its mean, norm or share of
zeros: see docs/simulation.md.
"""

import numpy as np
from scipy import special

LATENT_WIDTH = 24
HIDDEN_WIDTH = 40
SCALE_SPREAD = 0.25  # of the scale's logarithm, among equally active features
WEIBULL_POWER = 0.88
ROUNDS = 30  # until features have unit variance and are orthogonal to the slopes


class Marginal:
    """Turns standard normal variables into features after a ReLU: zeros, and Weibull values above.

    Features differ widely in how often and how strongly they respond. These properties of each
    feature are the same for every seed.

    Args:
        width: Integer. Number of features.
        activity: Tuple of floats. Beta distribution of a feature's share of values above zero.
        offset: Float. Logarithm of the scale of those values for a feature that is never active.
        slope: Float. Increase of this logarithm with the activity.
    """

    def __init__(self, width: int, activity: tuple[float, float], offset: float, slope: float):
        random = np.random.default_rng(0)
        quantiles = (np.arange(width) + 0.5) / width
        shares = random.permutation(special.betaincinv(*activity, quantiles)).clip(1e-3, 1 - 1e-3)
        spread = SCALE_SPREAD * random.permutation(special.ndtri(quantiles))
        self._log_activity = np.log(shares).astype(np.float32)
        self._threshold = -special.ndtri(shares).astype(np.float32)  # of being above zero
        self._scale = np.exp(offset + slope * shares + spread).astype(np.float32)

    def __call__(self, normal: np.ndarray) -> np.ndarray:
        normal = normal.astype(np.float32, copy=False)
        features = np.zeros(normal.shape, np.float32)
        # Most are zero, and normal's tail takes most of the time.
        place = np.flatnonzero(normal > self._threshold)
        feature = place % len(self._threshold)
        share_above = special.ndtr(-normal.ravel()[place])  # uniform; the smaller, the stronger
        exponential = np.maximum(self._log_activity[feature] - np.log(share_above), 0)
        features.ravel()[place] = self._scale[feature] * exponential**WEIBULL_POWER
        return features

    def scalar_slopes(self) -> np.ndarray:
        """Computes how fast mean, squared norm and share of zeros change with each variable.

        Returns:
            Float array (width, 3).
        """
        normal = special.ndtri((np.arange(2000) + 0.5) / 2000)[:, None]
        features = self(np.broadcast_to(normal, (2000, len(self._scale))))
        scalars = (features, np.square(features), features == 0)
        # Stein's lemma: the mean of f' is that of z f(z).
        return np.stack([np.mean(normal * each, axis=0) for each in scalars], axis=1)


class ResponseMap:
    """Fixed random map from a standard normal latent point to variables of unit variance.

    Every point has the same total response, and none moves mean, norm or share of zeros of the
    features, to first order.

    Args:
        marginal: `Marginal` of the features.
        random: NumPy generator.
    """

    def __init__(self, marginal: Marginal, random: np.random.Generator):
        first = random.standard_normal((LATENT_WIDTH, HIDDEN_WIDTH), np.float32)
        self._first = 1.5 * first / np.linalg.norm(first, axis=0)
        basis, _ = np.linalg.qr(marginal.scalar_slopes())
        last = random.standard_normal((HIDDEN_WIDTH, len(basis)), np.float32)
        hidden = np.tanh(random.standard_normal((4096, LATENT_WIDTH), np.float32) @ self._first)
        covariance = np.cov(hidden, rowvar=False, bias=True).astype(np.float32)
        for _ in range(ROUNDS):
            last -= last @ basis @ basis.T
            last /= np.sqrt(np.sum(last * (covariance @ last), axis=0))
        self._last = last

    def __call__(self, latent: np.ndarray) -> np.ndarray:
        response = np.tanh(latent @ self._first) @ self._last
        return response / np.sqrt(np.mean(np.square(response), axis=-1, keepdims=True))
