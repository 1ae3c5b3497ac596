r"""Groups of components that belong to one source, by what they share.

A factorisation splits an instrument or a voice into several components. Two components k and l are
alike by the mean of three similarities from 0 to 1,

.. math:: S_{kl} = \frac{1}{3} \big( [\operatorname{corr}(a_k, a_l)]_+ +
          [\operatorname{corr}(o_k, o_l)]_+ + [\operatorname{corr}(b_k, b_l)]_+ \big) \, p_{kl}

with the compressed loudness a over time, its rises o (onsets), and the compressed spectrum b in
bands of equal ratio less its mean over all components (timbre). In mixtures with several channels p
is the overlap of their positions, :math:`p_{kl} = (\sum_c \sqrt{q_{kc} q_{lc}})^8` with the share
q of channel c in the power, and 1 otherwise. The groups are a normalised cut of S. Nothing here was
set on recordings: all similarities count alike.
"""

from typing import Any

import numpy as np
from scipy.linalg import eigh, qr
from scipy.ndimage import uniform_filter1d

from cocktailparty.separation.evidence import Attention, attend
from cocktailparty.similarity import unit_vectors

# Compression of loudness, bands of a spectrum, and sharpness of positions: channels that share
# a component by 3 to 1 overlap by .97 with those that share it alike, which is a p of .76.
_POWER, _N_BANDS, _SHARPNESS = 0.6, 32, 8
# Two components are never unlike altogether: otherwise the cut would have no order.
_LEAST = 1e-3


def similarities(
    loudness: np.ndarray, components: np.ndarray, positions: np.ndarray | None = None
) -> np.ndarray:
    """Compute how much pairs of components share, (n_components, n_components), from 0 to 1.

    `loudness` is (n_frames, n_components), `components` (n_components, n_freqs), and `positions`
    (n_components, n_audio_channels) the share of each channel in the power of a component. The
    diagonal is 1.

    Examples
    --------
    >>> kick, hat = np.eye(2).repeat(4, axis=0).T
    >>> alike = similarities(np.stack([kick, kick, hat], axis=1), np.eye(3, 64))
    >>> bool(alike[0, 1] > alike[0, 2])
    True
    """
    compressed = np.asarray(loudness, dtype=np.float64) ** _POWER
    rises = np.maximum(np.diff(compressed, axis=0, prepend=compressed[:1]), 0.0)
    # Onsets of one sound differ by a frame from component to component.
    rises = uniform_filter1d(rises, 3, axis=0, mode="constant")
    bands = _bands(components)
    found = np.zeros((len(bands), len(bands)))
    for columns in (compressed, rises, bands.T):
        unit = unit_vectors(columns, axis=0)
        found += np.maximum(unit.T @ unit, 0.0) / 3
    if positions is not None and positions.shape[1] > 1:
        overlap = np.sqrt(positions) @ np.sqrt(positions).T
        found *= np.minimum(overlap, 1.0) ** _SHARPNESS
    np.fill_diagonal(found, 1.0)
    return found


def group_components(
    loudness: np.ndarray,
    components: np.ndarray,
    positions: np.ndarray | None,
    n_groups: int,
) -> np.ndarray:
    """Group components into sources, by `similarities`, whose arguments come first.

    Returns the group of each component, (n_components,), from 0 in the order of their first
    component; each of the `n_groups` has at least one, unless there are fewer components.

    References
    ----------
    Damle, A., Minden, V., & Ying, L. (2019). Simple, direct and efficient multi-way spectral
    clustering. Information and Inference, 8(1), 181-203. https://doi.org/10.1093/imaiai/iay008

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> two = rng.random((500, 2)) ** 4
    >>> flat = np.ones((4, 64))
    >>> group_components(two[:, [0, 1, 1, 0]], flat, None, 2)
    array([0, 1, 1, 0])
    """
    alike = np.maximum(similarities(loudness, components, positions), _LEAST)
    n_groups = min(n_groups, len(alike))
    degree = alike.sum(axis=1)
    normalised = alike / np.sqrt(np.outer(degree, degree))
    _, vectors = eigh(normalised, subset_by_index=[len(alike) - n_groups, len(alike) - 1])
    # The rows that are most independent stand for a group each; the others join the nearest.
    _, _, order = qr(vectors.T, mode="economic", pivoting=True)
    left, _, right = np.linalg.svd(vectors[order[:n_groups]].T)
    nearest = np.abs(vectors @ (left @ right))
    nearest[order[:n_groups]] = np.eye(n_groups) * 2  # each keeps its own
    labels = np.argmax(nearest, axis=1)
    _, first, inverse = np.unique(labels, return_index=True, return_inverse=True)
    ordered: np.ndarray = np.argsort(np.argsort(first))[inverse]
    return ordered


def attend_to_groups(
    guide: np.ndarray,
    loudness: np.ndarray,
    gram: np.ndarray,
    groups: np.ndarray,
    *,
    lags: Any = (0,),
) -> Attention:
    """Choose the one of several groups of components that follows a guide.

    Arguments, errors and result are those of `cocktailparty.separation.attend`, for components;
    `groups` (n_components,) has the group of each, from 0. All components of a group get its weight
    and its probability.

    Examples
    --------
    >>> loudness = np.random.default_rng(0).random((500, 4)) ** 4
    >>> guide, groups = loudness[:, 0] + loudness[:, 2], np.array([0, 1, 0, 1])
    >>> found = attend_to_groups(guide, loudness, np.eye(4), groups)
    >>> found.chosen, found.weights.round(2)
    (array([0, 2]), array([1., 0., 1., 0.]))
    """
    members = np.eye(groups.max() + 1)[groups]
    found = attend(guide, loudness @ members, members.T @ gram @ members, single=True, lags=lags)
    return Attention(
        found.weights[groups],
        found.probabilities[groups],
        found.confidence,
        found.p_value,
        found.correlation,
        found.lag,
    )


def _bands(components: np.ndarray) -> np.ndarray:
    """Compute timbres, (n_components, n_bands): compressed spectra, less their mean."""
    n_freqs = components.shape[1]
    edges = np.unique(np.geomspace(1, n_freqs, _N_BANDS + 1).round().astype(int)) - 1
    amplitudes = np.add.reduceat(np.asarray(components, dtype=np.float64), edges[:-1], axis=1)
    totals = np.maximum(amplitudes.sum(axis=1, keepdims=True), 1e-300)
    compressed = (amplitudes / totals) ** _POWER
    centred: np.ndarray = compressed - compressed.mean(axis=0)
    return centred
