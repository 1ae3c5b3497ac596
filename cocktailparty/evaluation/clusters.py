"""Cluster permutation tests: lags and channels where a response differs from zero over subjects."""

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import sparse, stats
from sklearn.utils import check_random_state

from cocktailparty.backend import to_numpy
from cocktailparty.electrodes.montages import head_info, locate
from cocktailparty.validation import check_finite, float_array


@dataclass(frozen=True, eq=False)
class ClusterTest:
    """Clusters of channels and lags with their p values.

    Attributes
    ----------
    t : ndarray of shape (n_channels, n_lags)
        t value of each channel and lag over subjects.
    clusters : ndarray of bool, shape (n_clusters, n_channels, n_lags)
        Which channels and lags each cluster is made of, the smallest p value first.
    p_values : ndarray of shape (n_clusters,)
        Share of sign flips whose largest cluster is as large, for each cluster. The p value of
        the whole test is the smallest; it speaks for a response somewhere, not for the outline
        of the cluster.
    threshold : float
        Magnitude of t from which channels and lags belong to a cluster.
    lags : ndarray of shape (n_lags,)
        Lags in seconds.
    channel_names : tuple of str or None
        Names of the channels, if they were given.
    channel_positions : ndarray of shape (n_channels, 3) or None
        Places of the electrodes, if neighbours were clustered.
    n_subjects : int
        Number of subjects.
    """

    t: np.ndarray
    clusters: np.ndarray
    p_values: np.ndarray
    threshold: float
    lags: np.ndarray
    channel_names: tuple[str, ...] | None
    channel_positions: np.ndarray | None
    n_subjects: int


def cluster_test(
    responses: Any,
    lags: Any,
    channel_names: Sequence[str] | None = None,
    *,
    channel_positions: Any = None,
    versus: Any = None,
    threshold: float | None = None,
    n_permutations: int = 1024,
    random_state: Any = None,
) -> ClusterTest:
    """Test whether responses of a group of subjects differ from zero, or from others.

    Neighbouring channels and lags with large t values of one sign form a cluster, as large as the
    sum of its t values. Under the null hypothesis the sign of each subject's response (or
    difference) is arbitrary, so the largest cluster is compared with those after random flips of
    the subjects' signs. That keeps the probability of any false finding at the level of the test,
    over all channels and lags. The test is two-sided.

    Parameters
    ----------
    responses : array of shape (n_subjects, n_channels, n_lags)
        One response per subject, such as the weights of a `linear_aad.ForwardTRF`. The same scale
        and sign in all subjects: z-scored signals and one penalty.
    lags : array of shape (n_lags,)
        Lags in seconds.
    channel_names : sequence of str, optional
        Names of the channels, which tell where they are if the positions are not given, see
        `cocktailparty.electrodes.locate`.
    channel_positions : array of shape (n_channels, 3), optional
        Places of the electrodes, as `Trial.channel_positions`. They tell what channels are
        neighbours, by Delaunay triangulation: of a few channels even distant ones. With neither
        names nor positions, clusters stay within single channels.
    versus : array of shape (n_subjects, n_channels, n_lags), optional
        Responses of the same subjects in another condition, such as those to the unattended
        sound, to subtract; None to test against zero.
    threshold : float, optional
        Magnitude of t from which a channel and lag belongs to a cluster; None for that of p = 0.05.
    n_permutations : int
        Number of sign flips, the unflipped signs among them. All ``2 ** (n_subjects - 1)`` are
        taken if there are no more than that.
    random_state : int, RandomState or None
        Seed of the flips.

    Returns
    -------
    test : ClusterTest
        Clusters with their p values, and t values.

    Raises
    ------
    ValueError
        If shapes disagree, values are missing or the same in all subjects, or the positions of
        the channels are unknown.

    Warns
    -----
    UserWarning
        If there are too few subjects for any p value to reach 0.05.

    References
    ----------
    Maris, E., & Oostenveld, R. (2007). Nonparametric statistical testing of EEG- and MEG-data.
    Journal of Neuroscience Methods, 164(1), 177-190.
    https://doi.org/10.1016/j.jneumeth.2007.03.024

    Examples
    --------
    >>> import numpy as np
    >>> responses = np.random.default_rng(0).normal(size=(12, 4, 20))
    >>> responses[:, :3, 5:9] += 2
    >>> test = cluster_test(responses, np.arange(20) / 64, ["Fz", "FC1", "FC2", "Oz"],
    ...                     n_permutations=200, random_state=0)
    >>> print(test.p_values[0])
    0.005
    >>> test.clusters[0].any(axis=1)
    array([ True,  True,  True, False])
    """
    responses, lags = _checked(responses, "responses"), to_numpy(lags, "lags")
    n_subjects, n_channels, n_lags = responses.shape
    if lags.shape != (n_lags,):
        raise ValueError(f"lags have shape {lags.shape} for {n_lags} lags of the responses")
    if channel_names is not None and len(channel_names) != n_channels:
        raise ValueError(f"{len(channel_names)} channel_names for {n_channels} channels")
    positions = _positions(channel_names, channel_positions, n_channels)
    if versus is not None:
        versus = _checked(versus, "versus")
        if versus.shape != responses.shape:
            raise ValueError(
                f"responses have shape {responses.shape} but versus {versus.shape}: pass the same "
                "subjects, channels and lags"
            )
        responses = responses - versus
    if n_subjects < 2:
        raise ValueError(f"a test over subjects takes at least 2 of them, got {n_subjects}")
    constant = np.argwhere(np.ptp(responses, axis=0) == 0)
    if len(constant):
        raise ValueError(
            f"{len(constant)} value(s) are the same in all subjects, first at channel "
            f"{constant[0, 0]} and lag {constant[0, 1]}: leave out channels without a signal"
        )
    if n_permutations < 1:
        raise ValueError(f"n_permutations must be at least 1, got {n_permutations}")
    if threshold is None:
        threshold = float(stats.t.ppf(1 - 0.05 / 2, n_subjects - 1))
    elif not threshold > 0:
        raise ValueError(f"threshold must be a positive t value, got {threshold}")
    if 0.5 ** (n_subjects - 1) > 0.05:
        warnings.warn(
            f"with {n_subjects} subjects no p value can be smaller than "
            f"{0.5 ** (n_subjects - 1):g}",
            UserWarning,
            stacklevel=2,
        )
    t, clusters, p_values = _clusters(
        responses, _adjacency(positions, n_channels), threshold, n_permutations, random_state
    )
    order = np.argsort(p_values, kind="stable")
    return ClusterTest(
        t,
        clusters[order],
        p_values[order],
        threshold,
        lags,
        None if channel_names is None else tuple(channel_names),
        positions,
        n_subjects,
    )


def _checked(responses: Any, what: str) -> np.ndarray:
    responses = to_numpy(float_array(responses, what))
    if responses.ndim != 3 or 0 in responses.shape:
        raise ValueError(
            f"{what} have shape {responses.shape}, expected (n_subjects, n_channels, n_lags)"
        )
    check_finite(responses, what)
    return responses.astype(np.float64)


def _positions(names: Sequence[str] | None, positions: Any, n_channels: int) -> Any:
    """Where every channel is; None if nothing was said about it."""
    if positions is None and names is None:
        return None
    if positions is None:
        positions = locate(names or ()).positions
    positions = to_numpy(positions, "channel_positions").astype(float)
    if positions.shape != (n_channels, 3):
        raise ValueError(f"channel_positions of shape {positions.shape} for {n_channels} channels")
    unknown = np.flatnonzero(np.isnan(positions).any(axis=1)).tolist()
    if unknown:
        raise ValueError(
            f"channel(s) {[names[i] for i in unknown] if names else unknown} have no place on the "
            "head, so that their neighbours are unknown: leave them out"
        )
    return positions


def _adjacency(positions: Any, n_channels: int) -> Any:
    if positions is None:
        return sparse.csr_array(np.eye(n_channels))
    import mne

    with mne.use_log_level("ERROR"):
        return mne.channels.find_ch_adjacency(head_info(positions)[0], "eeg")[0]


def _clusters(
    responses: np.ndarray, adjacency: Any, threshold: float, n_permutations: int, random_state: Any
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    import mne

    # A generator of the older kind: releases of MNE since 1.9 name that argument alike.
    with mne.use_log_level("ERROR"), warnings.catch_warnings():
        # Without a cluster there is no p value, which is a result like any other.
        warnings.filterwarnings("ignore", "No clusters found", RuntimeWarning)
        t, clusters, p_values, _ = mne.stats.spatio_temporal_cluster_1samp_test(
            responses.transpose(0, 2, 1),
            threshold=threshold,
            n_permutations=n_permutations,
            adjacency=adjacency,
            out_type="mask",
            seed=check_random_state(random_state),
        )
    masks = np.array(clusters, dtype=bool).reshape(-1, *t.shape).transpose(0, 2, 1)
    return np.ascontiguousarray(t.T), np.ascontiguousarray(masks), np.asarray(p_values)
