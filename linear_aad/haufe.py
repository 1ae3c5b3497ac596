"""Patterns of linear models: how the sources that they estimate show in the data."""

from typing import Any

from cocktailparty.backend import namespace

# Sources whose correlations leave less than this fraction of a direction count as dependent.
_DEPENDENT = 1e-10


def patterns(products: Any, weights: Any) -> Any:
    r"""Turn the weights of a backward model into the patterns of a forward model.

    .. math:: A = \Sigma_x W \Sigma_{\hat s}^{-1}, \qquad \Sigma_{\hat s} = W^T \Sigma_x W

    The inverse is that of the whole covariance of the estimated sources. With their variances
    alone, a source would leak into the patterns of all that it correlates with.

    `weights` W, `products` :math:`\Sigma_x W` and the patterns have the shape
    (n_regressors, n_sources); sums of products serve as well as covariances, because their number
    cancels. ``weights.T @ patterns`` is the identity, except that constant sources have no pattern,
    and sources that are sums of others share theirs (pseudo-inverse).

    References
    ----------
    Haufe, S., et al. (2014). On the interpretation of weight vectors of linear models in
    multivariate neuroimaging. NeuroImage, 87, 96-110.
    https://doi.org/10.1016/j.neuroimage.2013.10.067

    Examples
    --------
    >>> import numpy as np
    >>> covariance = np.array([[2.0, 0.5], [0.5, 1.0]])
    >>> weights = np.array([[1.0, 0.2], [0.0, 1.0]])
    >>> np.allclose(weights.T @ patterns(covariance @ weights, weights), np.eye(2))
    True
    """
    xp = namespace(products, weights)
    covariance = xp.matrix_transpose(weights) @ products
    covariance = (covariance + xp.matrix_transpose(covariance)) / 2
    power = xp.sum(weights * products, axis=0)
    varies = power > 0
    # Sources in units of their own, so that what counts as dependent does not depend on theirs.
    scale = xp.where(varies, 1 / xp.sqrt(xp.where(varies, power, xp.ones_like(power))), 0.0)
    if weights.shape[1] == 1:
        return products * scale[None, :] ** 2
    correlations = covariance * scale[:, None] * scale[None, :]
    values, vectors = xp.linalg.eigh(correlations)
    kept = values > _DEPENDENT
    inverse = xp.where(kept, 1 / xp.where(kept, values, xp.ones_like(values)), 0.0)
    columns = (products * scale[None, :]) @ vectors
    return (columns * inverse[None, :]) @ xp.matrix_transpose(vectors) * scale[None, :]
