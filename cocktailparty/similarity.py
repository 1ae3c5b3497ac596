"""Pearson correlation, and vectors whose products are correlations: the formulas of the library.

Where sums are there already, such as those of windows in `cocktailparty.metrics` or of lagged
signals in `linear_aad.lagged`, correlations are computed from them; `deep.losses` has the same
formulas with gradients.
"""

from typing import Any

from cocktailparty.backend import namespace


def unit_vectors(x: Any, axis: int | tuple[int, ...] = -1, mean_axis: int | None = None) -> Any:
    """Take the mean off signals and scale them to length 1.

    Parameters
    ----------
    x : array of floating-point numbers
        Signals.
    axis : int or tuple of int
        Axes over which a signal extends.
    mean_axis : int, optional
        Axis of means that are taken off, such as those of each feature over time; None for the
        mean over `axis`.

    Returns
    -------
    unit : array
        Same shape and dtype. The sum of products of two is a correlation. Zero where there is
        nothing but the mean.

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
    """Correlate signals along an axis.

    Parameters
    ----------
    x, y : array of floating-point numbers
        Signals, of shapes that broadcast.
    axis : int
        Axis of time.

    Returns
    -------
    r : array
        Of the shape of the signals without that axis, from -1 to 1; 0 where one is constant.

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
