"""Metrics of separated sources: BSS Eval, SI-SDR and the gain over the mixture."""

from typing import Any
from warnings import warn

import numpy as np
from scipy.fft import irfft, next_fast_len, rfft
from scipy.linalg import LinAlgError, cho_factor, cho_solve, eigh, toeplitz

from cocktailparty.backend import to_numpy

_TAPS = 512
# The normal equations of this many sources take 3.4 GB; nobody separates more.
_MOST_SOURCES = 40
# Power of what one reference leaves of another, above which the two are different sounds.
_COPY = 1e-10


def bss_eval(references: Any, estimates: Any) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    r"""Measure separated sources by BSS Eval, version 3, with known pairing.

    Estimate j is split into :math:`s_\text{target}`, its projection on all delays of reference j
    from 0 to 511 samples, :math:`e_\text{interf}`, what the delays of the other references explain
    beyond that, and the rest :math:`e_\text{artif}`:

    .. math::
        \text{SDR} = \frac{\|s_\text{target}\|^2}{\|e_\text{interf} + e_\text{artif}\|^2} \quad
        \text{SIR} = \frac{\|s_\text{target}\|^2}{\|e_\text{interf}\|^2} \quad
        \text{SAR} = \frac{\|s_\text{target} + e_\text{interf}\|^2}{\|e_\text{artif}\|^2}

    Estimate j is compared with reference j: no permutation is sought, since a system that follows
    one listener has to know which source it returns.

    Parameters
    ----------
    references : array of shape (n_sources, n_samples)
        True sources. A silent one explains nothing and does not disturb the others.
    estimates : array of shape (..., n_sources, n_samples)
        Separated sources. Many sets of estimates of the same sources cost little more than one.

    Returns
    -------
    sdr, sir, sar : ndarrays of shape (..., n_sources)
        Ratios in decibels, all three NaN where the reference or the estimate is silent; SIR is
        infinite where no other source is audible, and NaN where all others are copies of the
        source.

    Raises
    ------
    ValueError
        If the shapes do not belong together or are transposed, or a value is not finite.

    Warns
    -----
    UserWarning
        If references are copies of each other except for gain and filter: one cannot interfere with
        the other.

    See Also
    --------
    nsdr : The gain over the mixture.
    si_sdr : A measure that allows no filter.

    Notes
    -----
    The values are those of ``mir_eval.separation.bss_eval_sources(..., compute_permutation=False)``
    wherever that is defined. Values above some 100 dB are rounding errors.

    References
    ----------
    Vincent, E., Gribonval, R., Févotte, C. (2006). Performance measurement in blind audio source
    separation. IEEE Transactions on Audio, Speech, and Language Processing, 14(4), 1462-1469.
    https://doi.org/10.1109/TSA.2005.858005

    Examples
    --------
    >>> import numpy as np
    >>> voice, piano = np.random.default_rng(0).normal(size=(2, 8000))
    >>> sdr, sir, sar = bss_eval([voice, piano], [voice + 0.1 * piano, piano + voice])
    >>> sdr.round()
    array([20., 0.])
    """
    references = _checked(references, "references")
    estimates = _checked(estimates, "estimates")
    if references.ndim != 2:
        raise ValueError(
            f"references must have shape (n_sources, n_samples), got {references.shape}"
        )
    _check_order(references)
    if estimates.ndim < 2 or estimates.shape[-2:] != references.shape:
        raise ValueError(
            f"estimates must have shape (..., {references.shape[0]}, {references.shape[1]}) as the "
            f"references have, got {estimates.shape}"
            + (
                ", which is transposed: pass estimates.T"
                if estimates.shape[::-1] == references.shape
                else ""
            )
        )
    n_sources, n_samples = references.shape
    length = next_fast_len(n_samples + _TAPS - 1, real=True)
    audible = np.flatnonzero(np.any(references, axis=1))
    spectra = rfft(references[audible], length, axis=-1)
    project_on_one = [_projector(spectra[[i]], length) for i in range(len(audible))]
    project_on_all = _projector(spectra, length) if len(audible) > 1 else None
    alike = _copies(references[audible], spectra, project_on_one)
    _warn_of_copies(alike, audible)

    batch = estimates.reshape(-1, n_sources, n_samples)
    ratios = np.full((3, len(batch), n_sources), np.nan)
    for i, j in np.ndindex(len(batch), len(audible)):
        source = audible[j]
        estimate = batch[i, source]
        if not np.any(estimate):
            continue
        spectrum = rfft(estimate, length)
        target = project_on_one[j](spectrum)
        explained = target if project_on_all is None else project_on_all(spectrum)
        heard = np.pad(estimate, (0, length - n_samples))
        ratios[:, i, source] = (
            _decibels(target, heard - target),
            _decibels(target, explained - target),
            _decibels(explained, heard - explained),
        )
        if len(audible) > 1 and alike[j].all():
            ratios[1, i, source] = np.nan
    sdr, sir, sar = ratios.reshape(3, *estimates.shape[:-1])
    return sdr, sir, sar


def nsdr(references: Any, estimates: Any, mixture: Any) -> np.ndarray:
    """Measure by how much separation raised the SDR above that of the mixture.

    Parameters
    ----------
    references : array of shape (n_sources, n_samples)
        True sources.
    estimates : array of shape (..., n_sources, n_samples)
        Separated sources.
    mixture : array of shape (n_samples,)
        Mixture that was separated.

    Returns
    -------
    ndarray of shape (..., n_sources)
        Normalised SDR in decibels; 0 for an estimate that is the mixture, NaN as for `bss_eval`.

    Raises
    ------
    ValueError
        If the shapes do not belong together or a value is not finite.

    References
    ----------
    Ozerov, A., Philippe, P., Bimbot, F., Gribonval, R. (2007). Adaptation of Bayesian models for
    single-channel source separation and its application to voice/music separation in popular
    songs. IEEE Transactions on Audio, Speech, and Language Processing, 15(5), 1564-1578.
    https://doi.org/10.1109/TASL.2007.899291

    Examples
    --------
    >>> import numpy as np
    >>> sources = np.random.default_rng(0).normal(size=(2, 8000))
    >>> nsdr(sources, sources + 0.1 * sources[::-1], sources.sum(axis=0)).round()
    array([20., 20.])
    """
    references = _checked(references, "references")
    estimates = _checked(estimates, "estimates")
    mixture = _checked(mixture, "mixture")
    if references.ndim == 2:
        _check_order(references)
    if mixture.shape != references.shape[-1:]:
        raise ValueError(
            f"mixture must have shape ({references.shape[-1]},) as the references, got "
            f"{mixture.shape}"
        )
    before = bss_eval(references, np.broadcast_to(mixture, references.shape))[0]
    gain: np.ndarray = bss_eval(references, estimates)[0] - before
    return gain


def si_sdr(reference: Any, estimate: Any) -> Any:
    r"""Measure distortion of any kind except a gain.

    .. math::
        \text{SI-SDR} = \frac{\|a s\|^2}{\|a s - \hat s\|^2}, \quad
        a = \frac{\langle \hat s, s \rangle}{\|s\|^2}

    Parameters
    ----------
    reference : array of shape (..., n_samples)
        True source; its mean is not subtracted.
    estimate : array of shape (..., n_samples)
        Separated source.

    Returns
    -------
    float or ndarray of shape (...)
        Scale-invariant signal-to-distortion ratio in decibels; NaN where one of the two is silent,
        infinite for a perfect estimate, minus infinity for an orthogonal one.

    Raises
    ------
    ValueError
        If the shapes differ or a value is not finite.

    References
    ----------
    Le Roux, J., Wisdom, S., Erdogan, H., Hershey, J. R. (2019). SDR - half-baked or well done?
    ICASSP 2019, 626-630. https://doi.org/10.1109/ICASSP.2019.8683855

    Examples
    --------
    >>> round(si_sdr([1.0, 1.0, 1.0, 1.0], [2.2, 1.8, 2.2, 1.8]), 6)
    20.0
    """
    reference = _checked(reference, "reference")
    estimate = _checked(estimate, "estimate")
    if reference.shape != estimate.shape:
        raise ValueError(
            f"reference and estimate must have one shape, got {reference.shape} and "
            f"{estimate.shape}"
        )
    power = np.sum(reference**2, axis=-1, keepdims=True)
    silent = (power[..., 0] == 0) | ~np.any(estimate, axis=-1)
    gain = np.sum(reference * estimate, axis=-1, keepdims=True) / np.where(power > 0, power, 1.0)
    target = gain * reference
    ratio = np.where(silent, np.nan, _decibels(target, target - estimate))
    return ratio if ratio.ndim else float(ratio)


def _checked(x: Any, what: str) -> np.ndarray:
    x = to_numpy(x, what)
    if x.dtype.kind not in "fiu":
        raise ValueError(f"{what} must hold real numbers, got dtype {x.dtype}")
    if x.ndim == 0 or x.size == 0:
        raise ValueError(f"{what} must hold at least one sample, got shape {x.shape}")
    x = x.astype(np.float64, copy=False)
    if not np.all(np.isfinite(x)):
        raise ValueError(f"{what} has {int(np.sum(~np.isfinite(x)))} NaN or infinite sample(s)")
    return x


def _check_order(references: np.ndarray) -> None:
    """Refuse what can only be (n_samples, n_sources), before the matrices of the sources."""
    n_sources, n_samples = references.shape
    if n_sources > n_samples or n_sources > _MOST_SOURCES:
        raise ValueError(
            f"references must have shape (n_sources, n_samples), got {references.shape}: that is "
            f"{n_sources} sources of {n_samples} samples each. Pass references.T and estimates.T "
            "if samples come first, as soundfile reads them; at most "
            f"{_MOST_SOURCES} sources can be compared"
        )


def _copies(references: np.ndarray, spectra: np.ndarray, projectors: list) -> np.ndarray:
    """Tell which references are filtered copies of each other, (n_sources, n_sources)."""
    n, length = len(references), next_fast_len(references.shape[-1] + _TAPS - 1, real=True)
    remaining = np.zeros((n, n))
    for i, j in np.ndindex(n, n):
        if i != j:
            rest = irfft(spectra[i], length) - projectors[j](spectra[i])
            remaining[i, j] = np.sum(rest**2) / np.sum(references[i] ** 2)
    alike = remaining < _COPY
    copies: np.ndarray = alike | alike.T
    return copies


def _warn_of_copies(alike: np.ndarray, audible: np.ndarray) -> None:
    for j in range(len(alike)):
        others = [int(audible[i]) for i in np.flatnonzero(alike[j]) if i > j]
        if others:
            warn(
                f"references {int(audible[j])} and {', '.join(map(str, others))} are the same "
                "sound but for a gain or a filter: their interference with each other cannot be "
                "measured; pass each source once",
                stacklevel=3,
            )


def _decibels(signal: np.ndarray, error: np.ndarray) -> np.ndarray:
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = np.sum(signal**2, axis=-1) / np.sum(error**2, axis=-1)
        decibels: np.ndarray = 10 * np.log10(ratio)
    return decibels


def _projector(spectra: np.ndarray, length: int) -> Any:
    """Projection of a signal, given as its spectrum, on all delays of some sources.

    The normal equations of the delays form a matrix of Toeplitz blocks: block (i, j) holds the
    correlation of sources i and j at the difference of the two delays.
    """
    blocks = [
        [
            toeplitz(correlation[:_TAPS], np.r_[correlation[:1], correlation[:-_TAPS:-1]])
            for correlation in irfft(left.conj() * spectra, length, axis=-1)
        ]
        for left in spectra
    ]
    gram: np.ndarray = np.block(blocks)
    try:
        factor = cho_factor(gram)
    except LinAlgError:  # sources that are filtered copies of each other, or bands without power
        factor = None
        values, vectors = eigh(gram)
        kept = values > len(gram) * np.finfo(float).eps * values[-1]
        inverse = (vectors[:, kept] / values[kept]) @ vectors[:, kept].T

    def project(spectrum: np.ndarray) -> np.ndarray:
        products = irfft(spectrum * spectra.conj(), length, axis=-1)[:, :_TAPS].ravel()
        filters = inverse @ products if factor is None else cho_solve(factor, products)
        filters = rfft(filters.reshape(len(spectra), _TAPS), length, axis=-1)
        return irfft(np.sum(filters * spectra, axis=0), length)

    return project
