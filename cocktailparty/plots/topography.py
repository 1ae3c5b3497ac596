"""Topographies of patterns, correlations and cluster tests over the head."""

from collections.abc import Sequence
from textwrap import wrap
from typing import TYPE_CHECKING, Any

import numpy as np

from cocktailparty.backend import to_numpy
from cocktailparty.electrodes.montages import head_info, locate
from cocktailparty.plots.style import axes_for

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure, SubFigure

    from cocktailparty.evaluation.clusters import ClusterTest


def trf_topomap(
    patterns: Any,
    lags: Any,
    channel_names: Sequence[str] | None = None,
    n_maps: int = 6,
    fig: "Figure | SubFigure | None" = None,
    *,
    positions: Any = None,
    spread: Any = None,
    spread_label: str = "± spread",
    label: str = "pattern\n(unit of EEG / unit of sound)",
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
        Names of the channels, which tell where they are if `positions` are not given, see
        `cocktailparty.electrodes.locate`.
    n_maps : int
        Number of topographies, in the middles of equally long segments of the lags.
    fig : matplotlib.figure.Figure or SubFigure, optional
        Where to draw; None for a new pyplot figure.
    positions : array of shape (n_channels, 3), optional
        Places of the electrodes, as `Trial.channel_positions`. Topographies are drawn if at least
        four channels have one.
    spread : array of shape (n_channels, n_lags), optional
        Drawn as a band on either side of the lines, such as the standard error over listeners.
    spread_label : str
        What the bands are, for the legend.
    label : str
        Name of the values, with their unit.

    Returns
    -------
    fig : matplotlib.figure.Figure or SubFigure
        The figure drawn into: first the lines, then the topographies and their colour bar. What
        has no place on the head is drawn as a dashed grey line, and named.

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
    if positions is not None and np.shape(positions) != (len(patterns), 3):
        raise ValueError(f"positions of shape {np.shape(positions)} for {len(patterns)} channels")
    if fig is None:
        from matplotlib import pyplot as plt

        fig = plt.figure(figsize=(8.0, 4.8), layout="constrained")
    try:
        info, kept = _placed(channel_names, positions)
        title = _unplaced(channel_names, len(patterns), kept)
    except ValueError as reason:
        info, kept = None, np.arange(0)
        title = f"no topographies: {reason}"
    colors = np.full((len(patterns), 3), 0.45 if len(kept) else 0.3)
    if info is None:
        butterfly = fig.subplots()
    else:
        n_maps = min(n_maps, len(lags))
        grid = fig.add_gridspec(2, n_maps, height_ratios=(1.2, 1))
        butterfly = fig.add_subplot(grid[0, :])
        # The middles of equal segments of lags: each map stands below its part of the lines.
        shown = ((np.arange(n_maps) + 0.5) * len(lags) / n_maps).astype(int)
        maps = [fig.add_subplot(grid[1, i]) for i in range(n_maps)]
        _draw_maps(fig, maps, patterns[kept], lags, shown, info, label)
        # Colours follow position, so that neighbours look alike.
        places = np.array([channel["loc"][:3] for channel in info["chs"]])
        extent = np.ptp(places, axis=0)
        colors[kept] = 0.85 * (places - places.min(axis=0)) / np.where(extent > 0, extent, 1)
        limit = np.abs(patterns).max()
        butterfly.vlines(1e3 * lags[shown], -limit, limit, color="0.75", lw=0.8, zorder=0)
    # No title of matplotlib's breaks its lines.
    butterfly.set_title("\n".join(wrap(title, 110)), fontsize="small", color="0.4")
    for i, (line, color) in enumerate(zip(patterns, colors, strict=True)):
        style = "-" if info is None or i in kept else "--"
        butterfly.plot(1e3 * lags, line, color=color, lw=0.8, alpha=0.8, ls=style)
        if spread is not None:
            band = to_numpy(spread)[i]
            drawn = butterfly.fill_between(
                1e3 * lags, line - band, line + band, color=color, alpha=0.12, lw=0
            )
    if spread is not None:
        butterfly.legend([drawn], [f"band: {spread_label}"], fontsize="small", frameon=False)
    butterfly.set(xlabel="lag (ms), brain after sound", ylabel=label)
    butterfly.margins(x=0.02)
    butterfly.spines[["top", "right"]].set_visible(False)
    butterfly.grid(axis="y", color="0.92", zorder=0)
    return fig


def channel_topomap(
    values: Any,
    channel_names: Sequence[str] | None = None,
    ax: "Axes | None" = None,
    *,
    positions: Any = None,
    label: str = "",
    limit: float | None = None,
    marked: Any = None,
) -> "Axes":
    """Draw one value per channel over the head.

    Parameters
    ----------
    values : array of shape (n_channels,)
        Such as the correlations of `linear_aad.prediction_map`.
    channel_names : sequence of str, optional
        Names of the channels, which tell where they are if `positions` are not given, see
        `cocktailparty.electrodes.locate`.
    ax : matplotlib.axes.Axes, optional
        Where to draw; None for a new pyplot figure.
    positions : array of shape (n_channels, 3), optional
        Places of the electrodes, as `Trial.channel_positions`.
    label : str
        Name of the values with their unit, written at the colour bar; without it there is no bar.
    limit : float, optional
        Value of the darkest colours, which are blue below zero and red above; None for the
        largest magnitude.
    marked : array of bool, shape (n_channels,), optional
        Channels that get a dot; None for all, small ones.

    Returns
    -------
    ax : matplotlib.axes.Axes
        The axes drawn into. Channels without a place are left out, and named below the map.

    Raises
    ------
    ValueError
        If the shapes disagree, or fewer than four channels have known places.

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> ax = channel_topomap([0.1, 0.0, 0.0, 0.1], ["Fz", "C3", "C4", "Oz"], Figure().subplots())
    >>> len(ax.images)
    1
    """
    values = to_numpy(values)
    if channel_names is not None and values.shape != (len(channel_names),):
        raise ValueError(f"values have shape {values.shape} for {len(channel_names)} channel_names")
    if positions is not None and np.shape(positions) != (*values.shape, 3):
        raise ValueError(f"values have shape {values.shape} for positions {np.shape(positions)}")
    if not np.isfinite(values).all():
        raise ValueError("values must be finite: leave out the channels that have none")
    import mne

    info, kept = _placed(channel_names, positions)
    ax = axes_for(ax, (4.4, 3.6))
    limit = limit or float(np.abs(values).max()) or 1.0
    with mne.use_log_level("ERROR"):
        image, _ = mne.viz.plot_topomap(
            values[kept],
            info,
            axes=ax,
            show=False,
            cmap="RdBu_r",
            vlim=(-limit, limit),
            contours=limit * np.array([-0.75, -0.5, -0.25, 0.25, 0.5, 0.75]),
            sensors=marked is None,
            mask=None if marked is None else to_numpy(marked)[kept],
            mask_params={"markersize": 3.5, "markerfacecolor": "k"},
        )
    missing = _unplaced(channel_names, len(values), kept)
    if missing:
        ax.set_xlabel("\n".join(wrap(missing, 50)), fontsize="small", color="0.4")
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
        Result of `cocktailparty.evaluation.cluster_test`.
    alpha : float
        Largest p value of the clusters that are shown in full colour; everything else is pale.
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
    >>> from cocktailparty.evaluation import cluster_test
    >>> responses = np.random.default_rng(0).normal(size=(8, 3, 10))
    >>> test = cluster_test(responses, np.arange(10) / 64, n_permutations=9)
    >>> fig = cluster_map(test, fig=Figure())
    >>> print(fig.axes[0].get_title())
    no cluster with p <= 0.05
    """
    if fig is None:
        from matplotlib import pyplot as plt

        fig = plt.figure(figsize=(8.0, 6.0), layout="constrained")
    significant = np.flatnonzero(test.p_values <= alpha)
    shown = significant[: 0 if test.channel_positions is None else 5]
    order = np.arange(len(test.t))
    if test.channel_positions is not None:
        places = test.channel_positions
        order = np.lexsort((places[:, 0], places[:, 1]))
    grid = fig.add_gridspec(2, max(1, len(shown)), height_ratios=(1.4, 1 if len(shown) else 1e-3))
    ax = fig.add_subplot(grid[0, :])
    limit = float(np.abs(test.t).max()) or 1.0
    step = 1e3 * (test.lags[1] - test.lags[0]) if len(test.lags) > 1 else 1.0
    style: dict[str, Any] = {
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
    inside = test.clusters[significant][:, order].any(axis=0)
    ax.imshow(t, alpha=0.3, **style)
    image = ax.imshow(np.ma.masked_array(t, ~inside), **style)
    ax.set(xlabel="lag (ms), brain after sound")
    ax.set_ylabel("channel" if test.channel_positions is None else "channel, back to front")
    count = f"{len(significant)} cluster" + ("s" if len(significant) > 1 else "")
    ax.set_title(
        f"{count if len(significant) else 'no cluster'} with p <= {alpha:g}", fontsize="small"
    )
    fig.colorbar(image, ax=ax, label=f"t ({test.n_subjects} subjects)")
    for i, k in enumerate(shown):
        cluster = test.clusters[k]
        during = cluster.any(axis=0)
        maps = fig.add_subplot(grid[1, i])
        channel_topomap(
            test.t[:, during].mean(axis=1),
            test.channel_names,
            maps,
            positions=test.channel_positions,
            limit=limit,
            marked=cluster.any(axis=1),
        )
        first, last = 1e3 * test.lags[np.flatnonzero(during)[[0, -1]]]
        maps.set_title(
            f"{first:.0f} to {last:.0f} ms\np = {test.p_values[k]:.3g}", fontsize="small"
        )
    return fig


def _placed(names: Sequence[str] | None, positions: Any) -> tuple[Any, np.ndarray]:
    """Give MNE the channels that have places, and say which they are."""
    if positions is None:
        if names is None:
            raise ValueError("neither names nor positions of the channels are known")
        if len(names) < 4:
            raise ValueError(f"a map of the head takes at least 4 channels, got {len(names)}")
        positions = locate(names).positions
    return head_info(np.asarray(positions, dtype=float), names)


def _unplaced(names: Sequence[str] | None, n_channels: int, kept: np.ndarray) -> str:
    left_out = sorted(set(range(n_channels)) - set(kept.tolist()))
    if not left_out:
        return ""
    listed = ", ".join(f"channel {i}" if names is None else names[i] for i in left_out)
    return f"without a place on the head: {listed}"


def _draw_maps(
    fig: "Figure | SubFigure",
    axes: Sequence["Axes"],
    patterns: np.ndarray,
    lags: np.ndarray,
    shown: np.ndarray,
    info: Any,
    label: str,
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
        image,
        ax=list(axes),
        location="bottom",
        shrink=0.35,
        aspect=40,
        pad=0.02,
        label=label.replace("\n", " "),
        format="%.3g",  # a common power of ten would be written over the label
    )
