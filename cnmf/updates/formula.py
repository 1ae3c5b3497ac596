"""Readable multiplicative updates of a contrastive factorisation: the reference of this package.

`cnmf.updates.fused_numba` and `cnmf.updates.fused_cupy` hold the same functions, fused. Each takes
any number of mixtures as leading axes of its arrays, and returns new arrays: activations
(..., n_frames, n_components) that are positive with columns of norm 1, and positive components
(..., n_components, n_freqs).
"""

from contextlib import AbstractContextManager, nullcontext
from typing import Any

from cnmf.objective import Objective, divergence
from cocktailparty.backend import namespace


def workspace() -> AbstractContextManager[Any]:
    """Context manager around all steps of a factorisation, whose value is handed to the updates.

    In this implementation it holds nothing but the way to compare.
    """
    return nullcontext(compare)


def compare(x: Any, y: Any, beta: float) -> tuple[Any, Any, Any]:
    """Compare spectrograms (..., n_frames, n_freqs) with their positive models, of the same shape.

    Gives the falling and the rising part of the derivative of the divergence by the model, which is
    the second minus the first (None where the second is 1 throughout), and the divergence (...) in
    float64. Implementations may overwrite the model.
    """
    rising = None if beta == 1 else y ** (beta - 1)
    return x * y ** (beta - 2), rising, divergence(x, y, beta)


def step_exponent(beta: float) -> float:
    """Exponent of the quotient with which the divergence cannot rise.

    It is 1 for beta from 1 to 2, and less elsewhere.

    References
    ----------
    Févotte, C., & Idier, J. (2011). Algorithms for nonnegative matrix factorization with the
    beta-divergence. Neural Computation, 23(9), 2421-2456. https://doi.org/10.1162/NECO_a_00168
    """
    if beta < 1:
        return 1 / (2 - beta)
    return 1.0 if beta <= 2 else 1 / (beta - 1)


def update_activations(
    x: Any,
    activations: Any,
    components: Any,
    objective: Objective,
    damping: Any,
    fixed: Any = None,
    comparison: Any = compare,
) -> tuple[Any, Any, Any]:
    """Take one step with the activations.

    The step descends along the gradient of the cost as a function of activations of any norm, on
    which only the divergence and the sparsity of the components depend; the other penalties see
    their direction alone (`cnmf.objective`). Terms that fall go into the numerator, terms that rise
    into the denominator. Without penalties it is the plain multiplicative update.

    Parameters
    ----------
    x : array of shape (..., n_frames, n_freqs)
        Spectrogram.
    activations : array of shape (..., n_frames, n_components)
        Positive, columns of norm 1.
    components : array of shape (..., n_components, n_freqs)
        Positive.
    objective : Objective
        Divergence and weights.
    damping : array of shape (...)
        Length of the step: 1, or less where the full step has raised the cost.
    fixed : array of bool, shape (..., n_frames, n_components), optional
        Entries that keep their value, up to the norm of their column.
    comparison : callable
        Value of `workspace`: the function that compares the spectrogram with its model.

    Returns
    -------
    activations : array of shape (..., n_frames, n_components)
        Updated, columns of norm 1.
    norms : array of shape (..., n_components)
        Factors by which the components have to be multiplied to make up for it.
    value : array of shape (...)
        Divergence before the step, in float64.
    """
    xp = namespace(x, activations, components)
    falling, rising, value = comparison(x, activations @ components, objective.beta)
    transposed = xp.matrix_transpose(components)
    masses = xp.sum(components, axis=-1)[..., None, :]
    falling = falling @ transposed
    rising = masses if rising is None else rising @ transposed
    if objective.sparsity_activations is not None:
        sums = xp.sum(activations, axis=-2, keepdims=True)
        falling = falling + objective.sparsity_activations * sums * activations
        rising = rising + objective.sparsity_activations
    if objective.sparsity_components is not None:
        rising = rising + objective.sparsity_components * masses * activations
    if objective.contrast is not None:
        similarity = xp.matrix_transpose(activations) @ objective.guide
        coupling = 2 * objective.contrast * objective.pairing * similarity
        slope = objective.guide @ xp.matrix_transpose(coupling)
        radial = xp.sum(slope * activations, axis=-2, keepdims=True)
        falling = falling + _positive(slope) + _positive(-radial) * activations
        rising = rising + _positive(-slope) + _positive(radial) * activations
    exponent = step_exponent(objective.beta) * damping[..., None, None]
    eps = xp.finfo(x.dtype).eps
    # No entry may vanish: it could never come back.
    quotient = xp.maximum(falling / rising, xp.asarray(eps, dtype=x.dtype))
    stepped = activations * quotient**exponent
    if fixed is not None:
        stepped = xp.where(fixed, activations, stepped)
    norms = xp.linalg.vector_norm(stepped, axis=-2)
    stepped = stepped / norms[..., None, :]
    floor = xp.asarray(eps / x.shape[-2] ** 0.5, dtype=x.dtype)
    return xp.maximum(stepped, floor), norms, value


def update_components(
    x: Any,
    activations: Any,
    components: Any,
    objective: Objective,
    fixed: Any = None,
    comparison: Any = compare,
) -> Any:
    """Take one step with the components; `fixed` entries, of their shape, keep their value."""
    xp = namespace(x, activations, components)
    falling, rising, _ = comparison(x, activations @ components, objective.beta)
    transposed = xp.matrix_transpose(activations)
    falling = transposed @ falling
    rising = xp.sum(transposed, axis=-1, keepdims=True) if rising is None else transposed @ rising
    if objective.sparsity_components is not None:
        rising = rising + objective.sparsity_components
    stepped = components * (falling / rising) ** step_exponent(objective.beta)
    if fixed is not None:
        stepped = xp.where(fixed, components, stepped)
    return xp.maximum(stepped, objective.floor)


def extrapolate(
    plain: tuple[Any, Any],
    start: tuple[Any, Any],
    before: tuple[Any, Any],
    stride: Any,
    momentum: Any,
    objective: Objective,
) -> tuple[Any, Any]:
    r"""Go beyond a plain iteration, in its own direction and in that of the one before.

    Each entry p of both factors becomes

    .. math:: p \, \varphi_s(p / z) \, \varphi_m(p / q), \qquad
              \varphi_e(r) = \frac{(1 + e) r + 1 - e}{(1 - e) r + 1 + e},

    with z from where the iteration started, q the outcome of the one before, the stride s and the
    momentum m, (...) each, from 0 to 1, exclusively; 1 would be the same step once more. For ratios
    near 1, :math:`\varphi_e(r)` is the power :math:`r^e`, so that logarithms are extrapolated along
    a straight line; for others it remains between :math:`(1 - e) / (1 + e)` and its inverse, so
    that no entry vanishes or bursts. Entries that are fixed up to a gain remain so, as ratios are
    the same for all of them.

    Takes and gives pairs of activations and components; the norms of the extrapolated activations
    are moved into the components.
    """
    xp = namespace(*plain)
    s, m = stride[..., None, None], momentum[..., None, None]
    activations, components = (
        p * _near_power(p / z, s) * _near_power(p / q, m)
        for p, z, q in zip(plain, start, before, strict=True)
    )
    norms = xp.linalg.vector_norm(activations, axis=-2)
    activations = activations / norms[..., None, :]
    least = xp.finfo(activations.dtype).eps / activations.shape[-2] ** 0.5
    activations = xp.maximum(activations, xp.asarray(least, dtype=activations.dtype))
    components = components * norms[..., :, None]
    return activations, xp.maximum(components, objective.floor)


def _near_power(ratio: Any, exponent: Any) -> Any:
    """Power of a ratio near 1 by the quotient of two straight lines."""
    above = (1 + exponent) * ratio + (1 - exponent)
    return above / ((1 - exponent) * ratio + (1 + exponent))


def _positive(x: Any) -> Any:
    xp = namespace(x)
    return xp.maximum(x, xp.zeros_like(x))
