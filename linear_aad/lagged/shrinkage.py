"""Ridge penalty equivalent to Ledoit and Wolf's shrinkage of a lagged covariance."""

from collections.abc import Iterable
from typing import Any

import numpy as np

from cocktailparty.backend import namespace
from linear_aad.lagged.lag_choice import at_columns
from linear_aad.lagged.linalg import diagonal
from linear_aad.lagged.moments import Moments, filter_lagged


def ledoit_wolf_penalty(
    total: Moments, trials: Iterable[Any], lags: np.ndarray, columns: np.ndarray | None = None
) -> float:
    r"""Compute the ridge penalty of Ledoit-Wolf shrinkage, without the lagged signals.

    The covariance S of p lagged channels over n samples is shrunk towards
    :math:`\mu I, \mu = \mathrm{tr} S / p`, by the share :math:`\rho` that minimises the expected
    error; :math:`(1 - \rho) S + \rho \mu I` gives the weights, up to a factor, of ridge regression
    with :math:`\alpha = n \mu \rho / (1 - \rho)`.

    `total` sums over the `trials` (n_times, n_channels), `lags` are successive, in samples, and
    `columns` (p,) tells which of all channels and lags are looked at (None: all). The penalty is
    absolute. Where the best share is 1, it is 1e9 times the mean diagonal of the products: beyond,
    only the scale of the weights would change.

    References
    ----------
    Ledoit, O., & Wolf, M. (2004). A well-conditioned estimator for large-dimensional covariance
    matrices. Journal of Multivariate Analysis, 88(2), 365-411.
    https://doi.org/10.1016/S0047-259X(03)00096-4
    """
    products, _, _ = total.centred()
    xp = namespace(products)
    n, p = total.n, products.shape[0]
    mu = float(xp.sum(diagonal(products))) / n / p
    size = float(xp.sum(products**2)) / n**2  # squared Frobenius norm of the covariance
    # Fourth moments need the squared length of every lagged, centred sample: the length of the
    # sample by a moving sum of channel powers, the inner product with the mean by filtering.
    mean = total.x / n
    fourth = 0.0
    for x in trials:
        x = xp.astype(x, xp.float64, copy=False)
        ones = xp.ones((1, len(lags), 1), dtype=xp.float64)
        shape = (x.shape[1], len(lags), 1)
        power, seen, centre = x * x, ones, mean
        if columns is None:
            power = xp.sum(power, axis=1, keepdims=True)
        else:
            n_all = x.shape[1] * len(lags)
            seen = xp.reshape(at_columns(xp.ones_like(mean)[:, None], columns, n_all), shape)
            centre = at_columns(mean[:, None], columns, n_all)
        length = filter_lagged(power, seen, lags)[:, 0]
        inner = filter_lagged(x, xp.reshape(centre, shape), lags)[:, 0]
        fourth += float(xp.sum((length - 2 * inner + mean @ mean) ** 2))
    noise = (fourth / n - size) / n
    spread = size - p * mu**2
    rho = 1.0 if spread <= 0 else min(max(noise, 0.0), spread) / spread
    return float(n * mu * min(rho / (1 - rho) if rho < 1 else np.inf, 1e9))
