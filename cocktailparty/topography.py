"""Topographies: how a pattern lies over the head, lag by lag."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from cocktailparty.backend import to_numpy

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure, SubFigure

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
        Pattern, or weights of a forward model.
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
    info = _positioned(channel_names or ())
    if info is None:
        butterfly = fig.subplots()
        colors = np.full((len(patterns), 3), 0.3)
        butterfly.set_title(
            "no topographies: fewer than 4 channels, or names in no standard montage",
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
    butterfly.set(xlabel="lag (ms), brain after sound", ylabel="pattern")
    butterfly.margins(x=0.02)
    butterfly.spines[["top", "right"]].set_visible(False)
    butterfly.grid(axis="y", color="0.92", zorder=0)
    return fig


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


def _positioned(names: Sequence[str]) -> Any:
    """MNE info with positions of all channels, or None where they are unknown."""
    if len(names) < 4:
        return None
    import mne

    built_in = mne.channels.get_builtin_montages()
    for versions in MONTAGES:
        name = next(version for version in versions if version in built_in)
        montage = mne.channels.make_standard_montage(name)
        if {name.lower() for name in names} <= {name.lower() for name in montage.ch_names}:
            info = mne.create_info(list(names), 1.0, "eeg", verbose="ERROR")
            info.set_montage(montage, match_case=False, verbose="ERROR")
            return info
    return None
