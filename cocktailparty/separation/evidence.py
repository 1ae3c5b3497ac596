r"""Components of a mixture that follow a guide, and weights for them when that is uncertain.

The model: the guide is some part of the mixture, heard through noise,

.. math:: g(t) = c \sum_{k \in T} a_k(t) + n(t), \qquad c \ge 0

with the loudness a_k of each component and noise of any spectrum. Every set T of components is
weighed, so evidence is gathered over the whole mixture and over components that share a part.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.special import log_ndtr, logsumexp

from cocktailparty.separation.chance import SIGNIFICANT, most_odds, null_shifts
from cocktailparty.separation.weights import bold_weights, bounded_weights, subsets
from cocktailparty.similarity import unit_vectors

MAX_COMPONENTS = 18
# Prior scale of the correlation of guide and part: what EEG gives today.
_EXPECTED = 0.1
# Prior probability that the guide follows any part at all.
_INFORMATIVE = 1 / 3
# Evidence counts from this quantile of what circular shifts of the guide give.
_CHANCE_QUANTILE = 0.8
# Bands count less in which the guide has less than this share of its largest power, or of its
# largest power relative to the loudness: there, as beyond the pass band of EEG, it is only noise.
# That largest power is sought where the loudness has at least this share of its own.
_FLOOR = 1e-3
_RELATIVE_FLOOR = 0.03
_HEARD = 0.05


@dataclass(frozen=True, eq=False)
class Attention:
    """The chosen part of a mixture, with its uncertainty.

    Attributes
    ----------
    weights : ndarray of shape (n_components,)
        Share of each component that went to the attended part. All equal where the guide tells
        nothing: the output is then the mixture.
    probabilities : ndarray of shape (n_components,)
        Probability of each component to belong to the attended part.
    confidence : float
        Probability that the guide follows any part of the mixture at all; 0.5 at most where shifts
        of the guide give as much evidence in 5 % or more.
    p_value : float
        Probability of as much evidence from a guide that is shifted in time, never below 0.001.
    correlation : float
        Correlation of the guide with the loudness of the chosen part; NaN if nothing was chosen.
    lag : int
        Frames that the guide is late, of those that were searched.
    """

    weights: np.ndarray
    probabilities: np.ndarray
    confidence: float
    p_value: float
    correlation: float
    lag: int = 0

    @property
    def chosen(self) -> np.ndarray:
        """Components that belong to the attended part rather than not; none at p of 0.05 or more.

        Where only one of the components can be the part, this is the one.
        """
        significant = self.p_value < SIGNIFICANT
        return np.flatnonzero((self.probabilities > 0.5) & significant)


def attend(
    guide: np.ndarray,
    loudness: np.ndarray,
    gram: np.ndarray,
    *,
    single: bool = False,
    lags: Any = (0,),
) -> Attention:
    r"""Choose the part of a mixture that follows a guide, as boldly as the evidence allows.

    The likelihood of a set T comes from the correlation of the guide with the loudness of T, in
    each frequency band relative to the power of the guide there: the variance that it has under
    circular shifts. A priori, components that sound together belong together, any correlation c is
    half-normal with scale 0.1, and the guide is informative with probability 1/3; evidence for that
    counts from the 80 % quantile of what circular shifts of the guide give. The odds are never
    larger than those shifts allow (`cocktailparty.separation.chance`).

    The boldest weights are those that maximise

    .. math:: -\log \mathrm E \, \frac{\text{SDR of the mixture}}{\text{SDR of the output}}

    over the sets that an informative guide leaves possible. The output goes from the mixture
    towards them, as far as it is 0.5 dB worse than the mixture with a probability of at most 2 %.
    Here all possible sets count, including those that remain if the guide tells nothing: without
    evidence, the output stays at the mixture. The constants were set with other noise, starts and
    shifts of the loops than those of the reported results, but on the same stems.

    Parameters
    ----------
    guide : ndarray of shape (n_frames,)
        Estimate of the attended sound's loudness, with any offset and scale.
    loudness : ndarray of shape (n_frames, n_components)
        Loudness of each component.
    gram : ndarray of shape (n_components, n_components)
        Inner products of the waveforms (or spectrograms) of the components.
    single : bool
        Whether the part is a single one of the components, each as probable as the others.
    lags : sequence of int
        How many frames the guide may be late: the smallest with probability 1/2, the others share
        the rest. Shifts are searched as much.

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
    sets = subsets(n_components)
    prior = log_prior(loudness) if not single else _log_prior_of_one(loudness)
    lags = np.atleast_1d(np.asarray(lags, dtype=int))
    lag = int(lags[np.argmin(np.abs(lags))])
    if not np.any(gram) or not np.any(guide):  # silence, or a guide that tells nothing
        posterior, confidence, p_value = np.exp(prior), 0.0, 1.0
        bold = np.ones(n_components)
    else:
        products, covariance = shift_statistics(guide, loudness)
        joint = log_likelihood(products[lags % n_frames], covariance, n_frames) + prior[:, None]
        joint = joint + _log_prior_of_lags(lags)
        evidence = logsumexp(joint)
        few, many = null_shifts(guide)
        chance = _shifted_evidence(products, covariance, prior, few, lags)
        odds = np.log(_INFORMATIVE / (1 - _INFORMATIVE))
        odds += evidence - np.quantile(chance, _CHANCE_QUANTILE)
        if np.sum(chance >= evidence) < 2 and len(many) > len(few):
            chance = _shifted_evidence(products, covariance, prior, many, lags)
        p_value = float((1 + np.sum(chance >= evidence)) / (1 + len(chance)))
        odds = min(odds, np.log(most_odds(p_value))) if p_value < 1 else -np.inf
        confidence = float(np.exp(-np.logaddexp(0, -odds)))
        informed = np.exp(logsumexp(joint, axis=1) - logsumexp(joint))
        lag = int(lags[np.argmax(logsumexp(joint, axis=0))])
        bold = bold_weights(informed, gram)
        posterior = confidence * informed + (1 - confidence) * np.exp(prior)
    probabilities = np.minimum(posterior @ sets, 1.0)
    weights = bounded_weights(bold, posterior, gram)
    chosen, guide = loudness @ (probabilities > 0.5), np.roll(guide, -lag)
    spread = chosen.std() * guide.std()
    correlation = float(np.mean((chosen - chosen.mean()) * guide) / spread) if spread else np.nan
    return Attention(weights, probabilities, confidence, p_value, correlation, lag)


def better_lag(guide: np.ndarray, loudness: np.ndarray, lags: np.ndarray) -> int | None:
    """Find a lag in frames with far more evidence than lags of 2 frames at most, or None.

    It must have 20 times the evidence, beyond what looking at this many lags costs; `guide` is
    (n_frames,), `loudness` (n_frames, n_components).

    Examples
    --------
    >>> loudness = np.random.default_rng(0).random((500, 4)) ** 4
    >>> better_lag(np.roll(loudness[:, 0], 5), loudness, np.arange(-5, 20))
    5
    """
    if not np.any(loudness) or not np.ptp(guide):
        return None
    products, covariance = shift_statistics(guide, loudness)
    near = np.arange(-2, 3)
    rows = products[np.concatenate([near, lags]) % len(products)]
    joint = log_likelihood(rows, covariance, len(products)) + log_prior(loudness)[:, None]
    evidence = logsumexp(joint, axis=0)
    price = np.log(20 * len(lags))
    best = int(np.argmax(evidence[len(near) :]))
    better = evidence[len(near) + best] > evidence[: len(near)].max() + price
    return int(lags[best]) if better else None


def shift_statistics(guide: np.ndarray, loudness: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Multiply guide (n_frames,) and loudness (n_frames, n_components) at all circular shifts.

    Row s of the products (n_frames, n_components) has the guide moved s frames to the left, each
    band divided by the power of the guide there. The covariance (n_components, n_components) is
    that of a row if the shift is random and the spectrum of the guide smooth.

    Examples
    --------
    >>> import numpy as np
    >>> rng = np.random.default_rng(0)
    >>> products, covariance = shift_statistics(rng.normal(size=5000), rng.random((5000, 1)))
    >>> bool(abs(products.var() / covariance[0, 0] - 1) < 0.1)
    True
    """
    n = len(guide)
    guide_spectrum = np.fft.rfft(guide - guide.mean())
    spectra = np.fft.rfft(loudness - loudness.mean(axis=0), axis=0)
    power = _smooth(np.abs(guide_spectrum) ** 2 / n)
    level = _smooth(np.sum(np.abs(spectra) ** 2, axis=1) / n)
    # Where the loudness has almost no power, the ratio would only show noise of the guide.
    heard = level > _HEARD * level.max()
    ratio = np.divide(power, level, out=np.zeros_like(power), where=heard).max()
    power = n * np.maximum(power, np.maximum(_FLOOR * power.max(), _RELATIVE_FLOOR * ratio * level))
    multiplicity = np.full(len(power), 2.0)  # of a band and its mirror image
    multiplicity[0] = 0.0
    if n % 2 == 0:
        multiplicity[-1] = 1.0
    products = n * np.fft.irfft(spectra.conj() * (guide_spectrum / power)[:, None], n, axis=0)
    covariance = ((spectra.conj().T * (multiplicity / power)) @ spectra).real
    return products, covariance


def log_likelihood(products: np.ndarray, covariance: np.ndarray, n_frames: int) -> np.ndarray:
    """Compute the log likelihood of every set of components, (2**n_components, n_shifts).

    `products` (n_shifts, n_components) and `covariance` come from `shift_statistics`. Set i holds
    the components whose bits are set in i; the unknown gain is averaged over, and a constant left
    out.

    Examples
    --------
    >>> import numpy as np
    >>> log_likelihood(np.array([[9.0, -9.0]]), np.eye(2), 1000)[:, 0].round()
    array([-1., 37., -3., -1.])
    """
    sets = subsets(len(covariance))
    variances = np.einsum("ij,ij->i", sets @ covariance, sets)
    audible = variances > 1e-9 * max(np.trace(covariance), 1e-300)
    scale = np.where(audible, 1 / np.sqrt(np.where(audible, variances, 1.0)), 0.0)
    z = (sets * scale[:, None]) @ products.T
    signal = n_frames * _EXPECTED**2
    shrunk = np.sqrt(signal / (1 + signal)) * z
    likelihood: np.ndarray = shrunk**2 / 2 + log_ndtr(shrunk)
    return likelihood


def log_prior(loudness: np.ndarray) -> np.ndarray:
    """Compute the prior log probability of every set, (2**n_components,), from loudness.

    Components that sound together belong together: an Ising model whose couplings are the positive
    correlations of the loudness (n_frames, n_components). Neither nothing nor everything is a part.

    Examples
    --------
    >>> import numpy as np
    >>> kick, hat = np.eye(2)
    >>> np.exp(log_prior(np.stack([kick, kick, hat], axis=1))).round(2)
    array([0.  , 0.05, 0.05, 0.39, 0.39, 0.05, 0.05, 0.  ])
    """
    unit = unit_vectors(loudness, axis=0)
    coupling = np.maximum(unit.T @ unit, 0.0)
    np.fill_diagonal(coupling, 0.0)
    signs = 2 * subsets(loudness.shape[1]) - 1
    prior = np.einsum("ij,ij->i", signs @ coupling, signs) / 2
    prior[[0, -1]] = -np.inf
    normalised: np.ndarray = prior - logsumexp(prior)
    return normalised


def _smooth(power: np.ndarray) -> np.ndarray:
    """Average over a fortieth of all bands; the constant, which is zero, has no part."""
    width = max(9, len(power) // 40) | 1
    inner = np.pad(power[1:], width // 2, mode="edge")
    total = np.cumsum(np.concatenate([[0.0], inner]))
    smooth: np.ndarray = (total[width:] - total[:-width]) / width
    return np.concatenate([smooth[:1], smooth])


def _log_prior_of_one(loudness: np.ndarray) -> np.ndarray:
    """Prior log probability of every set, if it is one component that is not silent."""
    n_components = loudness.shape[1]
    sounding = np.flatnonzero(loudness.max(axis=0) > 0)
    prior = np.full(2**n_components, -np.inf)
    prior[2**sounding] = -np.log(max(len(sounding), 1))
    return prior


def _log_prior_of_lags(lags: np.ndarray) -> np.ndarray:
    """Prior log probability of lags: most guides are on time."""
    prior = np.full(len(lags), -np.log(2 * max(len(lags) - 1, 1)))
    prior[np.argmin(np.abs(lags))] = -np.log(2) if len(lags) > 1 else 0.0
    return prior


def _shifted_evidence(
    products: Any, covariance: Any, prior: Any, shifts: np.ndarray, lags: np.ndarray
) -> np.ndarray:
    """Evidence from the guide at circular shifts, over the same lags as at its place."""
    n_frames = len(products)
    possible = np.flatnonzero(np.isfinite(prior))
    evidence = [np.zeros(0)]
    n_blocks = min(len(shifts), -(-len(shifts) * len(lags) // 10))
    for block in np.array_split(shifts, max(n_blocks, 1)):  # to save memory
        rows = products[(block[:, None] + lags) % n_frames].reshape(-1, products.shape[1])
        likelihood = log_likelihood(rows, covariance, n_frames)[possible]
        joint = (likelihood + prior[possible, None]).reshape(len(possible), len(block), len(lags))
        joint = (joint + _log_prior_of_lags(lags)).swapaxes(1, 2).reshape(-1, len(block))
        evidence.append(logsumexp(joint, axis=0))
    return np.concatenate(evidence)
