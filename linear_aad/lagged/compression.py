"""Least squares on few rows instead of many, since only sums of products matter."""

import numpy as np
from scipy.linalg import eigh

from linear_aad.lagged.moments import Moments


def compressed(moments: Moments, fit_intercept: bool = True) -> tuple[np.ndarray, np.ndarray]:
    r"""Make a small regression problem with the same sums of squares as a large one.

    .. math:: \|\tilde y - \tilde X w\|^2 = \|y - X w\|^2 \quad \text{for all } w

    So whatever minimises squared error plus a penalty on the weights gives the same weights on
    both, and stops at the same step if it goes by the error. Gives X of shape
    (n_rows, n_regressors), with at most one row more than regressors, and y of shape
    (n_rows, n_targets). With `fit_intercept` the large problem has a free constant, and both are
    taken about their means; the small problem has none.

    Examples
    --------
    >>> import numpy as np
    >>> rng = np.random.default_rng(0)
    >>> x, y, w = rng.normal(size=(100, 2)), rng.normal(size=(100, 1)), np.array([[1.0], [2.0]])
    >>> x_small, y_small = compressed(Moments.of(x, y), fit_intercept=False)
    >>> x_small.shape
    (3, 2)
    >>> bool(np.isclose(np.sum((y - x @ w) ** 2), np.sum((y_small - x_small @ w) ** 2)))
    True
    """
    xx, xy, yy = moments.centred() if fit_intercept else (moments.xx, moments.xy, moments.yy)
    power, directions = eigh(xx)
    # Along other directions only rounding errors are left, of the targets as well.
    kept = power > len(power) * np.finfo(power.dtype).eps * power[-1]
    root, directions = np.sqrt(power[kept]), directions[:, kept]
    explained = directions.T @ xy / root[:, None]
    # What no weights explain keeps its power in a row that no weight reaches.
    rest = np.sqrt(np.maximum(yy - np.sum(explained**2, axis=0), 0.0))
    x = np.vstack([root[:, None] * directions.T, np.zeros(len(power))])
    return x, np.vstack([explained, rest])
