"""Spectrograms at a loudness whose powers neither vanish nor overflow.

Powers in SI units are tiny (1e-15 is usual), their squares are below the smallest number of single
precision. A factorisation is the same at any loudness, so that it can be computed at another one.
All factors are powers of two: nothing is rounded.
"""

from typing import Any

import numpy as np

from cocktailparty.backend import namespace

# Spectrograms whose mean is a power of two up to this one stay as they are, without a copy.
_ORDINARY = 16
# Components that are louder or quieter than a spectrogram by more get a factor of their own.
_FAR = 8


def exponents(x: Any) -> Any:
    """Choose powers of two that bring matrices (..., n_rows, n_columns) >= 0 to means near one.

    Whole numbers in float64, of shape (...); 0 for a mean from 2**-16 to 2**16 and for zeros.
    """
    xp = namespace(x)
    exponent = _of_means(x)
    return xp.where(xp.abs(exponent) <= _ORDINARY, xp.zeros_like(exponent), exponent)


def exponents_near(components: Any, exponent: Any) -> Any:
    """Choose powers of two for the components (..., n_components, n_freqs) of a spectrogram.

    They equal the spectrogram's `exponent`, of shape (...), so that both keep their proportion,
    wherever that is within 2**8 of one; otherwise they are those of the components.
    """
    xp = namespace(components)
    own_exponent = _of_means(components)
    return xp.where(xp.abs(own_exponent - exponent) <= _FAR, exponent, own_exponent)


def scaled(x: Any, exponent: Any) -> Any:
    """Multiply matrices (..., n_rows, n_columns) by powers of two with exponents of shape (...).

    The type of `x` is kept; `x` itself is returned where all exponents are 0.
    """
    xp = namespace(x)
    if not bool(xp.any(exponent != 0)):
        return x
    # In two steps: the factor of a very quiet spectrogram is itself too large for single precision.
    half = xp.round(exponent / 2)
    for power in (half, exponent - half):
        x = x * xp.astype(2.0**power, x.dtype)[..., None, None]
    return x


def power_of_two(exponent: Any) -> Any:
    """Compute powers of two in double precision; infinite where there is no such number."""
    with np.errstate(over="ignore"):
        return 2.0**exponent


def _of_means(x: Any) -> Any:
    xp = namespace(x)
    largest = xp.max(x, axis=(-2, -1))
    divisor = xp.where(largest > 0, largest, xp.ones_like(largest))
    # Divided first, in blocks of rows, so that the sum is finite and needs little memory.
    total = sum(
        xp.sum(x[..., i : i + 256, :] / divisor[..., None, None], axis=(-2, -1), dtype=xp.float64)
        for i in range(0, x.shape[-2], 256)
    )
    mean = total / (x.shape[-2] * x.shape[-1])
    positive = xp.where(largest > 0, mean, xp.ones_like(mean))
    return xp.round(xp.log2(positive) + xp.log2(xp.astype(divisor, xp.float64)))
