r"""Which components of a mixture follow a guide, and what to make of it when that is uncertain.

The model: the guide is some part of the mixture, heard through noise,

.. math:: g(t) = c \sum_{k \in T} a_k(t) + n(t), \qquad c \ge 0

with the loudness a_k of each component and noise of any spectrum. Every set T of components is
weighed, so evidence is gathered over the whole mixture and over components that share a part.
"""

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from scipy.optimize import minimize
from scipy.special import log_ndtr, logsumexp

MAX_COMPONENTS = 18
# Correlation of guide and part that is expected beforehand: what EEG gives today.
_EXPECTED = 0.1
# Probability, beforehand, that the guide follows any part at all.
_INFORMATIVE = 1 / 3
# Evidence counts from this quantile of what circular shifts of the guide give.
_CHANCE_QUANTILE = 0.8
# Bands count less in which the guide has less than this share of its largest power, or of its
# largest power relative to the loudness: there, as beyond the pass band of EEG, it is only noise.
_FLOOR = 1e-3
_RELATIVE_FLOOR = 0.03
# Distortion that even the right components leave, relative to the power of the part, when a gain is
# hoped for; and when a loss is feared: little, since a part may be all but free of distortion.
_DISTORTION = 0.05
_LITTLE = 2e-3
# The output may lose this much against the mixture, in decibels, with this probability.
_LOSS = 0.5
_ALLOWED = 0.02
_N_STEPS = 40
_N_DRAWS = 200
_N_SHIFTS = 199


@dataclass(frozen=True, eq=False)
class Attention:
    """Which part of a mixture was chosen, and how surely.

    Attributes
    ----------
    weights : ndarray of shape (n_components,)
        Share of each component that went to the attended part. All alike where the guide tells
        nothing: the output is then the mixture.
    probabilities : ndarray of shape (n_components,)
        Probability of each component to belong to the attended part.
    confidence : float
        Probability that the guide follows any part of the mixture at all.
    p_value : float
        Probability of as much evidence from a guide that is shifted in time, never below 0.005.
    correlation : float
        Correlation of the guide with the loudness of the chosen part; NaN if nothing was chosen.
    """

    weights: np.ndarray
    probabilities: np.ndarray
    confidence: float
    p_value: float
    correlation: float

    @property
    def chosen(self) -> np.ndarray:
        """Components that belong to the attended part rather than not."""
        return np.flatnonzero(self.probabilities > 0.5)


def attend(guide: np.ndarray, loudness: np.ndarray, gram: np.ndarray) -> Attention:
    r"""Choose the part of a mixture that follows a guide, as boldly as the evidence allows.

    The likelihood of a set T comes from the correlation of the guide with the loudness of T, in
    each frequency band relative to the power of the guide there: the variance that it has under
    circular shifts. Beforehand, components that sound together belong together, any correlation c
    is half-normal with scale 0.1, and the guide is informative with probability 1/3; evidence for
    that counts from the 80 % quantile of what circular shifts of the guide give.

    The boldest weights are those that maximise

    .. math:: -\log \mathrm E \, \frac{\text{SDR of the mixture}}{\text{SDR of the output}}

    over the sets that an informative guide leaves possible. The output goes from the mixture
    towards them, as far as it is 0.5 dB worse than the mixture with a probability of at most 2 %.
    Now all sets count that are possible, also those that remain if the guide tells nothing: without
    evidence, the output stays at the mixture. The constants were set with other noise, starts and
    shifts of the loops than those of the reported results, but on the same stems.

    Parameters
    ----------
    guide : ndarray of shape (n_frames,)
        What is known of the attended sound's loudness, with any offset and scale.
    loudness : ndarray of shape (n_frames, n_components)
        Loudness of each component.
    gram : ndarray of shape (n_components, n_components)
        Inner products of the waveforms (or spectrograms) of the components.

    Returns
    -------
    Attention
        Weights of the components, and how sure they are.

    Raises
    ------
    ValueError
        If there are more than 18 components: all sets of them are weighed.

    References
    ----------
    Kass, R. E., & Raftery, A. E. (1995). Bayes factors. Journal of the American Statistical
    Association, 90(430), 773-795. https://doi.org/10.1080/01621459.1995.10476572

    Examples
    --------
    >>> import numpy as np
    >>> loudness = np.random.default_rng(0).random((500, 4)) ** 4
    >>> found = attend(loudness[:, 0] + loudness[:, 2], loudness, np.eye(4))
    >>> found.chosen, found.weights.round(2)
    (array([0, 2]), array([1., 0., 1., 0.]))
    """
    n_frames, n_components = loudness.shape
    if n_components > MAX_COMPONENTS:
        raise ValueError(
            f"n_components={n_components} must be at most {MAX_COMPONENTS}: every set of them is "
            "weighed"
        )
    guide = guide - guide[0]  # a constant one becomes exactly zero
    guide = guide - guide.mean()
    sets = _sets(n_components)
    prior = log_prior(loudness)
    if not np.any(gram) or not np.any(guide):  # silence, or a guide that tells nothing
        posterior, confidence, p_value = np.exp(prior), 0.0, 1.0
        bold = np.ones(n_components)
    else:
        products, covariance = shift_statistics(guide, loudness)
        likelihood = log_likelihood(products[:1], covariance, n_frames)[:, 0]
        evidence = logsumexp(prior + likelihood)
        chance = _shifted_evidence(products, covariance, prior)
        p_value = float((1 + np.sum(chance >= evidence)) / (1 + len(chance)))
        odds = np.log(_INFORMATIVE / (1 - _INFORMATIVE))
        odds += evidence - np.quantile(chance, _CHANCE_QUANTILE)
        confidence = float(np.exp(-np.logaddexp(0, -odds)))
        informed = np.exp(prior + likelihood - evidence)
        bold = bold_weights(informed, gram)
        posterior = confidence * informed + (1 - confidence) * np.exp(prior)
    probabilities = np.minimum(posterior @ sets, 1.0)
    weights = bounded_weights(bold, posterior, gram)
    chosen = loudness @ (probabilities > 0.5)
    spread = chosen.std() * guide.std()
    correlation = float(np.mean((chosen - chosen.mean()) * guide) / spread) if spread else np.nan
    return Attention(weights, probabilities, confidence, p_value, correlation)


def shift_statistics(guide: np.ndarray, loudness: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Multiply guide and loudness at all circular shifts.

    Parameters
    ----------
    guide : ndarray of shape (n_frames,)
        Guide, not constant.
    loudness : ndarray of shape (n_frames, n_components)
        Loudness of each component.

    Returns
    -------
    products : ndarray of shape (n_frames, n_components)
        Row s has the products with the guide moved s frames to the left, each band divided by the
        power of the guide there.
    covariance : ndarray of shape (n_components, n_components)
        Covariance of a row if the shift is random and the spectrum of the guide smooth.

    Examples
    --------
    >>> import numpy as np
    >>> rng = np.random.default_rng(0)
    >>> products, covariance = shift_statistics(rng.normal(size=5000), rng.random((5000, 1)))
    >>> bool(abs(products.var() / covariance[0, 0] - 1) < 0.1)
    True
    """
    n = len(guide)
    spectrum = np.fft.rfft(guide - guide.mean())
    parts = np.fft.rfft(loudness - loudness.mean(axis=0), axis=0)
    power = _smooth(np.abs(spectrum) ** 2 / n)
    level = _smooth(np.sum(np.abs(parts) ** 2, axis=1) / n)
    ratio = np.divide(power, level, out=np.zeros_like(power), where=level > 0).max()
    power = n * np.maximum(power, np.maximum(_FLOOR * power.max(), _RELATIVE_FLOOR * ratio * level))
    multiplicity = np.full(len(power), 2.0)  # of a band and its mirror image
    multiplicity[0] = 0.0
    if n % 2 == 0:
        multiplicity[-1] = 1.0
    products = n * np.fft.irfft(parts.conj() * (spectrum / power)[:, None], n, axis=0)
    covariance = ((parts.conj().T * (multiplicity / power)) @ parts).real
    return products, covariance


def log_likelihood(products: np.ndarray, covariance: np.ndarray, n_frames: int) -> np.ndarray:
    """Compute the log likelihood of every set of components, up to a constant.

    Parameters
    ----------
    products : ndarray of shape (n_shifts, n_components)
        As from `shift_statistics`.
    covariance : ndarray of shape (n_components, n_components)
        As from `shift_statistics`.
    n_frames : int
        Length of the mixture.

    Returns
    -------
    ndarray of shape (2**n_components, n_shifts)
        Set i holds the components whose bits are set in i; the unknown gain is averaged over.

    Examples
    --------
    >>> import numpy as np
    >>> log_likelihood(np.array([[9.0, -9.0]]), np.eye(2), 1000)[:, 0].round()
    array([-1., 37., -3., -1.])
    """
    sets = _sets(len(covariance))
    variances = np.einsum("ij,ij->i", sets @ covariance, sets)
    audible = variances > 1e-9 * max(np.trace(covariance), 1e-300)
    scale = np.where(audible, 1 / np.sqrt(np.where(audible, variances, 1.0)), 0.0)
    z = (sets * scale[:, None]) @ products.T
    signal = n_frames * _EXPECTED**2
    shrunk = np.sqrt(signal / (1 + signal)) * z
    found: np.ndarray = shrunk**2 / 2 + log_ndtr(shrunk)
    return found


def log_prior(loudness: np.ndarray) -> np.ndarray:
    """Compute the log probability of every set beforehand.

    Components that sound together belong together.

    Parameters
    ----------
    loudness : ndarray of shape (n_frames, n_components)
        Loudness of each component.

    Returns
    -------
    ndarray of shape (2**n_components,)
        Ising model whose couplings are the positive correlations of the components. Neither
        nothing nor everything is a part.

    Examples
    --------
    >>> import numpy as np
    >>> kick, hat = np.eye(2)
    >>> np.exp(log_prior(np.stack([kick, kick, hat], axis=1))).round(2)
    array([0.  , 0.05, 0.05, 0.39, 0.39, 0.05, 0.05, 0.  ])
    """
    centred = loudness - loudness.mean(axis=0)
    norms = np.linalg.norm(centred, axis=0)
    unit = np.divide(centred, norms, out=np.zeros_like(centred), where=norms > 0)
    coupling = np.maximum(unit.T @ unit, 0.0)
    np.fill_diagonal(coupling, 0.0)
    signs = 2 * _sets(loudness.shape[1]) - 1
    found = np.einsum("ij,ij->i", signs @ coupling, signs) / 2
    found[[0, -1]] = -np.inf
    normalised: np.ndarray = found - logsumexp(found)
    return normalised


def bold_weights(posterior: np.ndarray, gram: np.ndarray) -> np.ndarray:
    """Weigh components so that the expected gain over the mixture is largest.

    Parameters
    ----------
    posterior : ndarray of shape (2**n_components,)
        Probability of every set.
    gram : ndarray of shape (n_components, n_components)
        Inner products of the waveforms of the components, not all silent.

    Returns
    -------
    ndarray of shape (n_components,)
        Weights from 0.001 to 1.

    Examples
    --------
    >>> bold_weights(np.array([0, 0.9, 0.1, 0]), np.eye(2)).round(1)
    array([1. , 0.5])
    """
    n_components = len(gram)
    sets = _sets(n_components)
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
    found = [minimize(loss, x, jac=True, bounds=bounds, method="L-BFGS-B") for x in starts]
    best: np.ndarray = min(found, key=lambda result: float(result.fun)).x
    return best / best.max()


def bounded_weights(bold: np.ndarray, posterior: np.ndarray, gram: np.ndarray) -> np.ndarray:
    """Go from the mixture towards bold weights, as far as a loss stays improbable.

    Parameters
    ----------
    bold : ndarray of shape (n_components,)
        Weights to go to, the largest of which is 1.
    posterior : ndarray of shape (2**n_components,)
        Probability of every set.
    gram : ndarray of shape (n_components, n_components)
        Inner products of the waveforms of the components.

    Returns
    -------
    ndarray of shape (n_components,)
        Weights from 0 to 1, scaled to the loudness that is expected of the part.

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
    parts = _sets(len(gram)) @ gram
    powers = np.einsum("ij,ij->i", parts, _sets(len(gram)))
    audible = powers > 0
    parts, powers, posterior = parts[audible], powers[audible], posterior[audible]

    def decibels(weights: np.ndarray) -> np.ndarray:
        cosine = (parts @ weights) ** 2 / ((weights @ gram @ weights) * powers)
        found: np.ndarray = 10 * np.log10((cosine + 1e-6) / (1 - cosine + _LITTLE))
        return found

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
def _sets(n: int) -> np.ndarray:
    found = ((np.arange(2**n)[:, None] >> np.arange(n)) & 1).astype(float)
    found.flags.writeable = False
    return found


def _smooth(power: np.ndarray) -> np.ndarray:
    """Average over a fortieth of all bands; the constant, which is zero, has no part."""
    width = max(9, len(power) // 40) | 1
    inner = np.pad(power[1:], width // 2, mode="edge")
    total = np.cumsum(np.concatenate([[0.0], inner]))
    found: np.ndarray = (total[width:] - total[:-width]) / width
    return np.concatenate([found[:1], found])


def _shifted_evidence(products: Any, covariance: Any, prior: Any) -> np.ndarray:
    """Evidence from the guide at circular shifts, away from its place."""
    n_frames = len(products)
    nearest = max(1, n_frames // 20)
    shifts = np.linspace(nearest, n_frames - nearest, _N_SHIFTS).astype(int)
    return np.concatenate(
        [
            logsumexp(log_likelihood(products[some], covariance, n_frames) + prior[:, None], axis=0)
            for some in np.array_split(shifts, 20)  # so that the memory stays small
        ]
    )
