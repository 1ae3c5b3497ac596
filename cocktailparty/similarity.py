"""Pearson correlation, and unit vectors whose products are correlations.

Where sums are already at hand, such as those of windows in `cocktailparty.metrics` or of lagged
signals in `linear_aad.lagged`, correlations are computed from them; `deep.losses` has the same
formulas with gradients.
"""

from typing import Any

from cocktailparty.backend import namespace


def unit_vectors(x: Any, axis: int | tuple[int, ...] = -1, mean_axis: int | None = None) -> Any:
    """Take the mean off signals and scale them to length 1, so that products are correlations.

    A signal extends over `axis`, one or several; its mean is taken over the same, or over
    `mean_axis`, such as that of each feature over time. Same shape and floating-point dtype; zero
    where there is nothing except the mean.

    Examples
    --------
    >>> import numpy as np
    >>> unit_vectors(np.array([[1.0, 3.0], [5.0, 5.0]])).round(3)
    array([[-0.707,  0.707],
           [ 0.   ,  0.   ]])
    """
    xp = namespace(x)
    x = x - xp.mean(x, axis=axis if mean_axis is None else mean_axis, keepdims=True)
    norm = xp.sqrt(xp.sum(x * x, axis=axis, keepdims=True))
    return x / xp.where(norm > 0, norm, xp.ones_like(norm))


def pearson(x: Any, y: Any, axis: int = -1) -> Any:
    """Correlate signals, whose shapes broadcast, along `axis`.

    The result, from -1 to 1, has their shape without that axis; 0 where a signal is constant.

    Examples
    --------
    >>> import numpy as np
    >>> x = np.array([1.0, 2.0, 4.0])
    >>> pearson(x, np.stack([x + 1, -x, 0 * x]))
    array([ 1., -1.,  0.])
    """
    xp = namespace(x, y)
    x, y = xp.broadcast_arrays(xp.moveaxis(x, axis, -1), xp.moveaxis(y, axis, -1))
    x, y = (z - xp.mean(z, axis=-1, keepdims=True) for z in (x, y))
    norm = xp.sqrt(xp.vecdot(x, x)) * xp.sqrt(xp.vecdot(y, y))
    varies = norm > 0
    r = xp.vecdot(x, y) / xp.where(varies, norm, xp.ones_like(norm))
    return xp.where(varies, r, xp.zeros_like(r))
