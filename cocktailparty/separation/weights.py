"""Weights of components when it is uncertain which of them belong to the attended part."""

from functools import lru_cache

import numpy as np
from scipy.optimize import minimize
from scipy.special import logsumexp

# Distortion that even the right components leave, relative to the power of the part, when a gain is
# hoped for; and when a loss is feared: little, since a part may be all but free of distortion.
_DISTORTION = 0.05
_LITTLE = 2e-3
# The output may lose this much against the mixture, in decibels, with this probability.
_LOSS = 0.5
_ALLOWED = 0.02
_N_STEPS = 40
_N_DRAWS = 200


def bold_weights(posterior: np.ndarray, gram: np.ndarray) -> np.ndarray:
    """Weigh components, from 0.001 to 1, so that the expected gain over the mixture is largest.

    `posterior` (2**n_components,) is the probability of every set, `gram`
    (n_components, n_components) has the inner products of the waveforms, not all silent.

    Examples
    --------
    >>> bold_weights(np.array([0, 0.9, 0.1, 0]), np.eye(2)).round(1)
    array([1. , 0.5])
    """
    n_components = len(gram)
    sets = subsets(n_components)
    edges = np.cumsum(posterior)
    drawn = np.searchsorted(edges, edges[-1] * (np.arange(_N_DRAWS) + 0.5) / _N_DRAWS)
    parts = sets[drawn] @ gram
    powers = np.einsum("ij,ij->i", parts, sets[drawn])
    parts, powers = parts[powers > 0], powers[powers > 0]
    cosine = parts.sum(axis=1) ** 2 / (gram.sum() * powers)
    before = np.log((cosine + _DISTORTION) / (1 - cosine + _DISTORTION))

    def loss(weights: np.ndarray) -> tuple[float, np.ndarray]:
        mixed = gram @ weights
        power, overlap = weights @ mixed, parts @ weights
        cosine = overlap**2 / (power * powers)
        gain = np.log((cosine + _DISTORTION) / (1 - cosine + _DISTORTION)) - before
        total = logsumexp(-gain)
        slopes = 1 / (cosine + _DISTORTION) + 1 / (1 - cosine + _DISTORTION)
        by_part = 2 * np.exp(-gain - total) * slopes
        gradient = (by_part * cosine).sum() / power * mixed
        gradient -= (by_part * overlap / (power * powers)) @ parts
        return total - np.log(len(powers)), gradient

    mean = posterior @ sets
    starts = (np.maximum(mean / mean.max(), 1e-3), np.ones(n_components))
    bounds = [(1e-3, 1.0)] * n_components
    optima = [minimize(loss, x, jac=True, bounds=bounds, method="L-BFGS-B") for x in starts]
    best: np.ndarray = min(optima, key=lambda result: float(result.fun)).x
    return best / best.max()


def bounded_weights(bold: np.ndarray, posterior: np.ndarray, gram: np.ndarray) -> np.ndarray:
    """Go from the mixture towards bold weights, as far as a loss stays improbable.

    `bold` (n_components,) has a largest weight of 1; `posterior` and `gram` are as for
    `bold_weights`. The weights (n_components,), from 0 to 1, have the loudness expected of the
    part.

    Examples
    --------
    >>> first = np.array([1, 0.001])
    >>> bounded_weights(first, np.array([0, 0.99, 0.01, 0]), np.eye(2)).round(1)
    array([1., 0.])
    >>> bounded_weights(first, np.array([0, 0.9, 0.1, 0]), np.eye(2)).round(2)
    array([0.52, 0.5 ])
    """
    if not np.any(gram):
        return np.full(len(gram), 0.5)
    parts = subsets(len(gram)) @ gram
    powers = np.einsum("ij,ij->i", parts, subsets(len(gram)))
    audible = powers > 0
    parts, powers, posterior = parts[audible], powers[audible], posterior[audible]

    def decibels(weights: np.ndarray) -> np.ndarray:
        cosine = (parts @ weights) ** 2 / ((weights @ gram @ weights) * powers)
        ratio: np.ndarray = 10 * np.log10((cosine + 1e-6) / (1 - cosine + _LITTLE))
        return ratio

    mixture = decibels(np.ones(len(gram)))
    weights = np.ones(len(gram))
    for step in np.arange(1, _N_STEPS + 1) / _N_STEPS:
        bolder = 1 - step + step * bold
        if posterior @ (decibels(bolder) < mixture - _LOSS) > _ALLOWED:
            break
        weights = bolder
    loudness = (posterior @ (parts @ weights)) / posterior.sum() / (weights @ gram @ weights)
    scaled: np.ndarray = weights * min(loudness, 1 / weights.max())
    return scaled


@lru_cache(maxsize=4)
def subsets(n: int) -> np.ndarray:
    """List all sets of n components, (2**n, n): row i is 1 where a bit is set in i; read-only.

    Examples
    --------
    >>> subsets(2)
    array([[0., 0.],
           [1., 0.],
           [0., 1.],
           [1., 1.]])
    """
    sets = ((np.arange(2**n)[:, None] >> np.arange(n)) & 1).astype(float)
    sets.flags.writeable = False
    return sets
