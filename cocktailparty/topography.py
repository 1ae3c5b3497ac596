"""Topographies: how a pattern, a correlation or a test lies over the head."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from cocktailparty.backend import to_numpy
from cocktailparty.drawing import axes_for

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure, SubFigure

    from cocktailparty.clusters import ClusterTest

#: Where channel positions are looked up: the first montage that has all names. A montage is
#: given by its names in the versions of MNE, newest first. The BioSemi caps of 128, 160 and 256
#: electrodes share the names A1, A2, ...
MONTAGES = (
    ("biosemi32",),
    ("biosemi64",),
    ("biosemi128",),
    ("biosemi160",),
    ("biosemi256",),
    ("colin27_1005", "standard_1005"),
)


def trf_topomap(
    patterns: Any,
    lags: Any,
    channel_names: Sequence[str] | None = None,
    n_maps: int = 6,
    fig: "Figure | SubFigure | None" = None,
) -> "Figure | SubFigure":
    """Draw a pattern over lags, as lines of all channels and as topographies.

    Weights of a backward model cannot be read as sources; its patterns
    (`linear_aad.BackwardTRF.patterns_`) and the weights of a forward model can.

    Parameters
    ----------
    patterns : array of shape (n_channels, n_lags)
        Pattern, or weights of a forward model, in units of the EEG per unit of the sound's feature.
    lags : array of shape (n_lags,)
        Lags in seconds; positive where the brain answers after the sound.
    channel_names : sequence of str, optional
        Names of the channels. Topographies are drawn if one of MNE's standard montages
        (`MONTAGES`) has all of them, upper and lower case alike, and there are at least four.
    n_maps : int
        Number of topographies, in the middles of equally long stretches of the lags.
    fig : matplotlib.figure.Figure or SubFigure, optional
        Where to draw; None for a new pyplot figure.

    Returns
    -------
    fig : matplotlib.figure.Figure or SubFigure
        The figure drawn into: first the lines, then the topographies and their colour bar.

    Raises
    ------
    ValueError
        If the shapes disagree.

    References
    ----------
    Haufe, S., et al. (2014). On the interpretation of weight vectors of linear models in
    multivariate neuroimaging. NeuroImage, 87, 96-110.
    https://doi.org/10.1016/j.neuroimage.2013.10.067

    Examples
    --------
    >>> import numpy as np
    >>> from matplotlib.figure import Figure
    >>> patterns = np.random.default_rng(0).normal(size=(3, 17))
    >>> fig = trf_topomap(patterns, np.arange(17) / 64, fig=Figure())
    >>> len(fig.axes), len(fig.axes[0].lines)
    (1, 3)
    """
    patterns, lags = to_numpy(patterns), to_numpy(lags)
    if patterns.ndim != 2 or lags.shape != patterns.shape[1:]:
        raise ValueError(
            f"patterns have shape {patterns.shape} and lags {lags.shape}, expected "
            "(n_channels, n_lags) and (n_lags,)"
        )
    if channel_names is not None and len(channel_names) != len(patterns):
        raise ValueError(f"{len(channel_names)} channel_names for {len(patterns)} channels")
    if fig is None:
        from matplotlib import pyplot as plt

        fig = plt.figure(figsize=(8.0, 4.8), layout="constrained")
    try:
        info = positioned(channel_names or ())
    except ValueError:
        info = None
    if info is None:
        butterfly = fig.subplots()
        colors = np.full((len(patterns), 3), 0.3)
        butterfly.set_title(
            "no topographies: fewer than 4 channels, all on a line, or in no standard montage",
            fontsize="small",
            color="0.4",
        )
    else:
        n_maps = min(n_maps, len(lags))
        grid = fig.add_gridspec(2, n_maps, height_ratios=(1.2, 1))
        butterfly = fig.add_subplot(grid[0, :])
        # The middles of equal stretches of lags: each map stands below its part of the lines.
        shown = ((np.arange(n_maps) + 0.5) * len(lags) / n_maps).astype(int)
        maps = [fig.add_subplot(grid[1, i]) for i in range(n_maps)]
        _draw_maps(fig, maps, patterns, lags, shown, info)
        # Colours follow position, so that neighbours look alike.
        places = np.array([channel["loc"][:3] for channel in info["chs"]])
        spread = np.ptp(places, axis=0)
        colors = 0.85 * (places - places.min(axis=0)) / np.where(spread > 0, spread, 1)
        limit = np.abs(patterns).max()
        butterfly.vlines(1e3 * lags[shown], -limit, limit, color="0.75", lw=0.8, zorder=0)
    for line, color in zip(patterns, colors, strict=True):
        butterfly.plot(1e3 * lags, line, color=color, lw=0.8, alpha=0.8)
    butterfly.set(
        xlabel="lag (ms), brain after sound", ylabel="pattern\n(unit of EEG / unit of sound)"
    )
    butterfly.margins(x=0.02)
    butterfly.spines[["top", "right"]].set_visible(False)
    butterfly.grid(axis="y", color="0.92", zorder=0)
    return fig


def channel_topomap(
    values: Any,
    channel_names: Sequence[str],
    ax: "Axes | None" = None,
    *,
    label: str = "",
    limit: float | None = None,
    marked: Any = None,
) -> "Axes":
    """Draw one value a channel over the head.

    Parameters
    ----------
    values : array of shape (n_channels,)
        Such as the correlations of `linear_aad.prediction_map`.
    channel_names : sequence of str
        Names of the channels, all in one of MNE's standard montages (`MONTAGES`).
    ax : matplotlib.axes.Axes, optional
        Where to draw; None for a new pyplot figure.
    label : str
        What the values are, with their unit; written at the colour bar, which is left off without.
    limit : float, optional
        Value of the darkest colours, which are blue below zero and red above; None for the
        largest magnitude.
    marked : array of bool, shape (n_channels,), optional
        Channels that get a dot; None for all, small ones.

    Returns
    -------
    ax : matplotlib.axes.Axes
        The axes drawn into.

    Raises
    ------
    ValueError
        If the shapes disagree, or no standard montage has all the channels.

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> ax = channel_topomap([0.1, 0.0, 0.0, 0.1], ["Fz", "C3", "C4", "Oz"], Figure().subplots())
    >>> len(ax.images)
    1
    """
    values = to_numpy(values)
    if values.shape != (len(channel_names),):
        raise ValueError(f"values have shape {values.shape} for {len(channel_names)} channel_names")
    if not np.isfinite(values).all():
        raise ValueError("values must be finite: leave out the channels that have none")
    import mne

    info = positioned(channel_names)
    ax = axes_for(ax, (4.4, 3.6))
    limit = limit or float(np.abs(values).max()) or 1.0
    with mne.use_log_level("ERROR"):
        image, _ = mne.viz.plot_topomap(
            values,
            info,
            axes=ax,
            show=False,
            cmap="RdBu_r",
            vlim=(-limit, limit),
            contours=limit * np.array([-0.75, -0.5, -0.25, 0.25, 0.5, 0.75]),
            sensors=marked is None,
            mask=None if marked is None else to_numpy(marked),
            mask_params={"markersize": 3.5, "markerfacecolor": "k"},
        )
    if label:
        ax.figure.colorbar(image, ax=ax, label=label, shrink=0.8)
    return ax


def cluster_map(
    test: "ClusterTest", alpha: float = 0.05, fig: "Figure | SubFigure | None" = None
) -> "Figure | SubFigure":
    """Draw t values over channels and lags, and over the head where clusters are significant.

    Parameters
    ----------
    test : ClusterTest
        Result of `cocktailparty.clusters.cluster_test`.
    alpha : float
        Largest p value of the clusters that are shown in full colour; all else is pale.
    fig : matplotlib.figure.Figure or SubFigure, optional
        Where to draw; None for a new pyplot figure.

    Returns
    -------
    fig : matplotlib.figure.Figure or SubFigure
        The figure drawn into: t values of all channels, sorted from front to back if their
        positions are known; below, for up to five significant clusters, the mean t value over the
        lags of the cluster, with dots at its channels.

    Examples
    --------
    >>> import numpy as np
    >>> from matplotlib.figure import Figure
    >>> from cocktailparty.clusters import cluster_test
    >>> responses = np.random.default_rng(0).normal(size=(8, 3, 10))
    >>> test = cluster_test(responses, np.arange(10) / 64, n_permutations=9)
    >>> fig = cluster_map(test, fig=Figure())
    >>> print(fig.axes[0].get_title())
    no cluster with p <= 0.05
    """
    if fig is None:
        from matplotlib import pyplot as plt

        fig = plt.figure(figsize=(8.0, 6.0), layout="constrained")
    found = np.flatnonzero(test.p_values <= alpha)
    shown = found[: 0 if test.channel_names is None else 5]
    order = np.arange(len(test.t))
    if test.channel_names is not None:
        places = np.array([c["loc"][:2] for c in positioned(test.channel_names)["chs"]])
        order = np.lexsort((places[:, 0], places[:, 1]))
    grid = fig.add_gridspec(2, max(1, len(shown)), height_ratios=(1.4, 1 if len(shown) else 1e-3))
    ax = fig.add_subplot(grid[0, :])
    limit = float(np.abs(test.t).max()) or 1.0
    step = 1e3 * (test.lags[1] - test.lags[0]) if len(test.lags) > 1 else 1.0
    look: dict[str, Any] = {
        "cmap": "RdBu_r",
        "vmin": -limit,
        "vmax": limit,
        "aspect": "auto",
        "origin": "lower",
        "interpolation": "nearest",
        "extent": (
            1e3 * test.lags[0] - step / 2,
            1e3 * test.lags[-1] + step / 2,
            -0.5,
            len(order) - 0.5,
        ),
    }
    t = test.t[order]
    inside = test.clusters[found][:, order].any(axis=0)
    ax.imshow(t, alpha=0.3, **look)
    image = ax.imshow(np.ma.masked_array(t, ~inside), **look)
    ax.set(xlabel="lag (ms), brain after sound")
    ax.set_ylabel("channel" if test.channel_names is None else "channel, back to front")
    count = f"{len(found)} cluster" + ("s" if len(found) > 1 else "")
    ax.set_title(f"{count if len(found) else 'no cluster'} with p <= {alpha:g}", fontsize="small")
    fig.colorbar(image, ax=ax, label=f"t ({test.n_subjects} subjects)")
    for i, k in enumerate(shown):
        cluster = test.clusters[k]
        during = cluster.any(axis=0)
        maps = fig.add_subplot(grid[1, i])
        channel_topomap(
            test.t[:, during].mean(axis=1),
            test.channel_names or (),
            maps,
            limit=limit,
            marked=cluster.any(axis=1),
        )
        first, last = 1e3 * test.lags[np.flatnonzero(during)[[0, -1]]]
        maps.set_title(
            f"{first:.0f} to {last:.0f} ms\np = {test.p_values[k]:.3g}", fontsize="small"
        )
    return fig


def positioned(names: Sequence[str]) -> Any:
    """Look channels up in the standard montages of MNE.

    Parameters
    ----------
    names : sequence of str
        At least four channel names, upper and lower case alike.

    Returns
    -------
    info : mne.Info
        Channels with positions, in the order of the names.

    Raises
    ------
    ValueError
        If there are fewer than four channels, all lie on a line, or no montage of `MONTAGES` has
        them all; names those that the most similar montage lacks.

    Examples
    --------
    >>> positioned(["Fz", "Cz", "Pz", "EXG1"])
    Traceback (most recent call last):
    ...
    ValueError: no standard montage has all 4 channels, ... lacks ['EXG1']: ...
    """
    if len(names) < 4:
        raise ValueError(f"a map of the head takes at least 4 channels, got {len(names)}")
    import mne

    built_in = mne.channels.get_builtin_montages()
    lacks: dict[str, list[str]] = {}
    for versions in MONTAGES:
        version = next(version for version in versions if version in built_in)
        montage = mne.channels.make_standard_montage(version)
        known = {name.lower() for name in montage.ch_names}
        lacks[version] = [name for name in names if name.lower() not in known]
        if not lacks[version]:
            info = mne.create_info(list(names), 1.0, "eeg", verbose="ERROR")
            info.set_montage(montage, match_case=False, verbose="ERROR")
            places = np.array([channel["loc"][:2] for channel in info["chs"]])
            if np.linalg.matrix_rank(places - places.mean(axis=0), tol=1e-3) < 2:
                raise ValueError("a map of the head takes channels that are not all on a line")
            return info
    nearest = min(lacks, key=lambda version: len(lacks[version]))
    raise ValueError(
        f"no standard montage has all {len(names)} channels, {nearest!r} lacks "
        f"{lacks[nearest][:5]}: rename channels to standard names, or leave out those without a "
        "position"
    )


def _draw_maps(
    fig: "Figure | SubFigure",
    axes: Sequence["Axes"],
    patterns: np.ndarray,
    lags: np.ndarray,
    shown: np.ndarray,
    info: Any,
) -> None:
    import mne

    limit = float(np.abs(patterns).max()) or 1.0
    image: Any = None
    for ax, i in zip(axes, shown, strict=True):
        with mne.use_log_level("ERROR"):
            image, _ = mne.viz.plot_topomap(
                patterns[:, i],
                info,
                axes=ax,
                show=False,
                cmap="RdBu_r",
                vlim=(-limit, limit),
                contours=limit * np.array([-0.75, -0.5, -0.25, 0.25, 0.5, 0.75]),
            )
        ax.set_title(f"{1e3 * lags[i]:.0f} ms", fontsize="small")
    fig.colorbar(
        image, ax=list(axes), location="bottom", shrink=0.35, aspect=40, pad=0.02, label="pattern"
    )
