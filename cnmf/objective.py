r"""Cost of a contrastive factorisation, as one formula, and its gradient.

A spectrogram X (n_frames, n_freqs) is approximated by activations A (n_frames, n_components) times
components W (n_components, n_freqs). The first `n_attended` components are to hold the attended
sound, whose activations S (n_frames, n_refs) are known approximately:

.. math:: C(A, W) = D_\beta(X \,|\, A W) + \mu \lVert \tilde A \rVert_1
          + \nu \lVert \tilde W \rVert_1 - \delta \sum_{k, r} V_{k r} (\tilde a_k^\top s_r)^2

Every column of :math:`\tilde A` and S has norm 1, and what A loses in norm is moved into the
components: :math:`\tilde a_k = a_k / \lVert a_k \rVert`,
:math:`\tilde w_k = w_k \lVert a_k \rVert`. Without that, the contrast would have no bound. Articles
on the method write the transpose of all these matrices.

All functions take arrays of any library and any number of mixtures at once, as leading axes:
spectrograms (..., n_frames, n_freqs), activations (..., n_frames, n_components) and components
(..., n_components, n_freqs). Sums over them are given in float64, with the shape (...).
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from cocktailparty.backend import namespace

BETA_LOSSES = {"itakura-saito": 0.0, "kullback-leibler": 1.0, "frobenius": 2.0}
CONTRASTS = ("paired", "all-pairs")


@dataclass(frozen=True)
class Objective:
    """The terms of the cost other than the spectrogram itself.

    Parameters
    ----------
    beta : float
        Exponent of the divergence: 0 Itakura-Saito, 1 Kullback-Leibler, 2 half the squared error.
    floor : array of shape (..., 1, 1)
        Smallest value of a component, so that no quotient loses its denominator.
    sparsity_activations, sparsity_components, contrast : array of shape (..., 1, 1) or None
        Absolute weights mu, nu and delta of the penalties; None for no such penalty.
    guide : array of shape (..., n_frames, n_refs) or None
        Activations S of the attended sound, columns of norm 1 (or 0: no guidance); for a contrast.
    pairing : array of shape (n_components, n_refs) or None
        Weights V: whether a component is drawn to a column of S (> 0) or pushed away (< 0). The
        signs within a row agree.
    """

    beta: float
    floor: Any
    sparsity_activations: Any = None
    sparsity_components: Any = None
    contrast: Any = None
    guide: Any = None
    pairing: Any = None


def beta_exponent(beta_loss: str | float) -> float:
    """Translate the name of a divergence, or a number from 0 to 3, into its exponent.

    Raises ValueError if the name is unknown or the number out of range.

    Examples
    --------
    >>> beta_exponent("kullback-leibler"), beta_exponent(0.5)
    (1.0, 0.5)
    """
    if isinstance(beta_loss, str):
        if beta_loss in BETA_LOSSES:
            return BETA_LOSSES[beta_loss]
    elif not isinstance(beta_loss, bool) and 0 <= beta_loss <= 3:
        return float(beta_loss)
    raise ValueError(
        f"beta_loss must be one of {sorted(BETA_LOSSES)} or a number from 0 to 3, got {beta_loss!r}"
    )


def contrast_pairing(
    n_components: int, n_attended: int, n_refs: int, contrast: str = "paired"
) -> np.ndarray:
    """Lay down which component is drawn to which reference, and which is pushed away.

    These weights V (n_components, n_refs) of the contrast are positive for the attended components,
    which come first; negative or 0 for the others. "paired" draws each attended component to one
    reference, taken in turn, and pushes the others away from the mean reference. "all-pairs" draws
    every attended component to all references, as published, which makes the attended components
    alike. Raises ValueError if the name is unknown, or "paired" has more references than attended
    components.

    Examples
    --------
    >>> contrast_pairing(3, 2, 2)
    array([[ 1. ,  0. ],
           [ 0. ,  1. ],
           [-0.5, -0.5]])
    """
    pairing = np.full((n_components, n_refs), -1.0)
    if contrast == "all-pairs":
        pairing[:n_attended] = 1.0
    elif contrast == "paired":
        if n_refs > n_attended:
            raise ValueError(
                f"contrast='paired' gives each attended component one reference, but y has "
                f"{n_refs} columns for n_attended={n_attended}: raise n_attended, merge columns "
                "of y or choose contrast='all-pairs'"
            )
        pairing /= n_refs
        pairing[:n_attended] = np.eye(n_refs)[np.arange(n_attended) % n_refs]
    else:
        raise ValueError(f"contrast must be one of {CONTRASTS}, got {contrast!r}")
    return pairing


def unit_activations(activations: Any, components: Any) -> tuple[Any, Any]:
    """Move the norms of the activations, of any value but 0, into the components: same product."""
    xp = namespace(activations, components)
    norms = xp.linalg.vector_norm(activations, axis=-2)
    return activations / norms[..., None, :], components * norms[..., :, None]


def divergence(x: Any, y: Any, beta: float) -> Any:
    """Beta-divergence, summed over all entries.

    `x` is non-negative, and positive for beta 0; its approximation `y` is positive. The divergence
    is 0 where `y` is `x`.

    References
    ----------
    Févotte, C., & Idier, J. (2011). Algorithms for nonnegative matrix factorization with the
    beta-divergence. Neural Computation, 23(9), 2421-2456. https://doi.org/10.1162/NECO_a_00168

    Examples
    --------
    >>> import numpy as np
    >>> float(divergence(np.array([[1.0, 3.0]]), np.array([[2.0, 2.0]]), 2.0))
    1.0
    """
    xp = namespace(x, y)
    if beta == 0:
        terms = x / y - xp.log(x / y) - 1
    elif beta == 1:
        terms = x * xp.log(xp.where(x > 0, x, y) / y) - x + y
    elif beta == 2:
        terms = (x - y) ** 2 / 2
    else:
        terms = (x**beta - y**beta) / (beta * (beta - 1)) - (x - y) * y ** (beta - 1) / (beta - 1)
    return xp.sum(terms, axis=(-2, -1), dtype=xp.float64)


def penalties(activations: Any, components: Any, objective: Objective) -> Any:
    """Sum all terms of the cost except the divergence, for activations with columns of norm 1."""
    xp = namespace(activations, components)

    def total(weight: Any, x: Any) -> Any:
        return weight[..., 0, 0] * xp.sum(x, axis=(-2, -1), dtype=xp.float64)

    value = xp.zeros(activations.shape[:-2], dtype=xp.float64)
    if objective.sparsity_activations is not None:
        value = value + total(objective.sparsity_activations, activations)
    if objective.sparsity_components is not None:
        value = value + total(objective.sparsity_components, components)
    if objective.contrast is not None:
        similarity = xp.matrix_transpose(activations) @ objective.guide
        value = value - total(objective.contrast, objective.pairing * similarity**2)
    return value


def cost(x: Any, activations: Any, components: Any, objective: Objective) -> Any:
    """Compute what the factorisation minimises; penalties see the activations with norm 1."""
    a, w = unit_activations(activations, components)
    return divergence(x, a @ w, objective.beta) + penalties(a, w, objective)


def gradient(x: Any, activations: Any, components: Any, objective: Objective) -> tuple[Any, Any]:
    """Differentiate `cost` by activations (of any norm but 0) and components.

    By the activations, the penalties do not change along a column, only across it.
    """
    xp = namespace(x, activations, components)
    norms = xp.linalg.vector_norm(activations, axis=-2, keepdims=True)
    a = activations / norms
    y = activations @ components
    slope = y ** (objective.beta - 1) - x * y ** (objective.beta - 2)
    by_activations = slope @ xp.matrix_transpose(components)
    by_components = xp.matrix_transpose(activations) @ slope
    across = xp.zeros_like(a)
    if objective.sparsity_activations is not None:
        across = across + objective.sparsity_activations
    if objective.contrast is not None:
        similarity = xp.matrix_transpose(a) @ objective.guide
        coupling = 2 * objective.contrast * objective.pairing * similarity
        across = across - objective.guide @ xp.matrix_transpose(coupling)
    across = (across - xp.sum(across * a, axis=-2, keepdims=True) * a) / norms
    by_activations = by_activations + across
    if objective.sparsity_components is not None:
        masses = objective.sparsity_components * xp.sum(components, axis=-1)[..., None, :]
        by_activations = by_activations + masses * a
        by_components = by_components + objective.sparsity_components * xp.matrix_transpose(norms)
    return by_activations, by_components


def kkt_residual(
    x: Any, activations: Any, components: Any, objective: Objective
) -> tuple[Any, Any]:
    """Measure how far activations and components are from a stationary point.

    At a stationary point, each entry is 0 or has no slope, so that the products of both vanish. For
    each factor, this is the sum of their absolute values over the sum of ``x**beta``.
    """
    xp = namespace(x, activations, components)
    a, w = unit_activations(activations, components)
    slopes = gradient(x, a, w, objective)
    size = xp.sum(x**objective.beta, axis=(-2, -1))
    by_activations, by_components = (
        xp.sum(xp.abs(entries * slope), axis=(-2, -1)) / size
        for entries, slope in zip((a, w), slopes, strict=True)
    )
    return by_activations, by_components
