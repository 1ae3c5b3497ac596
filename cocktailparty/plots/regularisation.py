"""Figure of a cross-validated score over the penalty of a model."""

from typing import TYPE_CHECKING, Any

import numpy as np

from cocktailparty.backend import to_numpy
from cocktailparty.plots.style import COLORS, axes_for, sober

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def regularisation_path(cv_scores: Any, alphas: Any, ax: "Axes | None" = None) -> "Axes":
    """Draw how well left-out trials are predicted against the penalty.

    Thin lines are single trials, the bold one is their mean. The penalty with the best mean is
    marked; it is the one that a model chooses.

    Parameters
    ----------
    cv_scores : array of shape (n_alphas, n_trials)
        Correlation of each left-out trial, such as `linear_aad.BackwardTRF.cv_scores_`.
    alphas : array-like of shape (n_alphas,)
        The penalties, positive, in any order.
    ax : matplotlib.axes.Axes, optional
        Where to draw; None for a new pyplot figure.

    Returns
    -------
    ax : matplotlib.axes.Axes
        The axes drawn into; penalty on a logarithmic axis.

    Raises
    ------
    ValueError
        If shapes disagree, or a penalty is not positive.

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> scores = [[0.05, 0.08], [0.10, 0.14], [0.09, 0.11]]
    >>> ax = regularisation_path(scores, [0.01, 1, 100], ax=Figure().subplots())
    >>> [text.get_text() for text in ax.get_legend().get_texts()]
    ['mean of 2 trials', 'single trials', 'best mean: r = 0.12 at alpha = 1']
    """
    scores, penalties = to_numpy(cv_scores), np.asarray(alphas, dtype=float)
    if scores.ndim != 2 or penalties.shape != scores.shape[:1]:
        raise ValueError(
            f"cv_scores have shape {scores.shape} and alphas {penalties.shape}: expected "
            "(n_alphas, n_trials) and (n_alphas,)"
        )
    if not (penalties > 0).all():
        raise ValueError(f"alphas must be positive for a logarithmic axis, got {alphas!r}")
    best = int(scores.mean(axis=1).argmax())
    label = f"best mean: r = {scores[best].mean():.2g} at alpha = {penalties[best]:.3g}"
    order = np.argsort(penalties)
    x, y = penalties[order], scores[order]
    ax = axes_for(ax, (6.4, 4.0))
    thin = ax.plot(x, y, color=COLORS[0], lw=0.8, alpha=0.6)[0]
    bold = ax.plot(x, y.mean(axis=1), color=COLORS[0], marker="o", lw=2.4, zorder=3)[0]
    mark = ax.plot(penalties[best], scores[best].mean(), "o", ms=13, mfc="none", mec=COLORS[1])[0]
    mark.set(mew=2, zorder=4)
    ax.legend(
        [bold, thin, mark],
        [f"mean of {scores.shape[1]} trials", "single trials", label],
        fontsize="small",
        frameon=False,
        loc="lower right",
        bbox_to_anchor=(1, 1),
        ncols=3,
    )
    ax.set_xscale("log")
    ax.set(xlabel="alpha", ylabel="correlation of left-out trials (r)")
    sober(ax)
    return ax
