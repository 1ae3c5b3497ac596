"""Initial factors, and the absolute weights of the penalties."""

from typing import Any

import numpy as np
from scipy.optimize import linear_sum_assignment

from cnmf.objective import Objective, contrast_pairing, unit_activations
from cnmf.solver import solve
from cocktailparty.backend import namespace, to_numpy
from cocktailparty.separation.loudness import power_of_two


def power_sum(x: Any, beta: float) -> Any:
    """Sum ``x**beta`` over frames and frequencies: (..., n_frames, n_freqs) to (...), in float64.

    Computed in blocks of frames, to need little memory.
    """
    xp = namespace(x)
    return sum(
        xp.sum(x[..., i : i + 256, :] ** beta, axis=(-2, -1), dtype=xp.float64)
        for i in range(0, x.shape[-2], 256)
    )


def make_objective(
    x: Any,
    guide: Any,
    n_components: int,
    n_attended: int,
    beta: float,
    contrast: str = "paired",
    contrast_weight: float = 0.0,
    sparsity_activations: float = 0.0,
    sparsity_components: float = 0.0,
    penalty_scale: str = "relative",
    exponent: Any = 0.0,
) -> Objective:
    r"""Translate weights that users choose into those of the cost.

    Relative weights make each penalty a fraction of the sum of ``x**beta`` (for Kullback-Leibler,
    the sum of the spectrogram), whatever loudness, length and number of components: the contrast is
    a mean over attended components, sparsity a mean over components of their norms, which are at
    most :math:`\sqrt{n_{frames}}` for activations and add up to about
    :math:`\sum X / \sqrt{n_{frames}}` for components. Absolute weights are those for the
    spectrogram times 2 to the power of `exponent`, (...).

    `x` is a spectrogram (..., n_frames, n_freqs); `guide` holds the activations of the attended
    sound, (..., n_frames, n_refs), with columns of norm 1 or 0, or is None. The objective has one
    weight for each mixture. Raises ValueError if an absolute weight is so large for this
    spectrogram that its type has no such number.
    """
    xp = namespace(x)
    n_frames, n_freqs = x.shape[-2:]
    total = power_sum(x, 1)
    weights = {
        "contrast": contrast_weight,
        "sparsity_activations": sparsity_activations,
        "sparsity_components": sparsity_components,
    }
    ones = xp.ones_like(total)
    if penalty_scale == "absolute":
        scales = dict.fromkeys(weights, ones * power_of_two(-beta * exponent))
        scales["sparsity_components"] = ones * power_of_two((1 - beta) * exponent)
    else:
        size = power_sum(x, beta)
        scales = {
            "contrast": size / n_attended,
            "sparsity_activations": size / (n_components * n_frames**0.5),
            "sparsity_components": size * n_frames**0.5 / xp.where(total > 0, total, ones),
        }
    if guide is None:
        weights["contrast"] = 0.0
    most = float(xp.finfo(x.dtype).max)
    for name, weight in weights.items():
        if weight > 0 and not bool(xp.all(weight * scales[name] <= most)):
            name = "contrast_weight" if name == "contrast" else name
            raise ValueError(
                f"{name}={weight:g} outweighs this spectrogram, whose values are tiny, beyond what "
                f"{x.dtype} can hold: take penalty_scale='relative'"
            )
    absolute = {
        name: xp.astype(weight * scales[name], x.dtype)[..., None, None] if weight > 0 else None
        for name, weight in weights.items()
    }
    mean = xp.where(total > 0, total, ones) / (n_frames * n_freqs)
    floor = xp.astype(xp.finfo(x.dtype).eps * mean, x.dtype)[..., None, None]
    if weights["contrast"] == 0:
        return Objective(beta, floor, **absolute)
    pairing = contrast_pairing(n_components, n_attended, guide.shape[-1], contrast)
    pairing = xp.asarray(pairing, dtype=x.dtype)
    return Objective(beta, floor, guide=guide, pairing=pairing, **absolute)


def initial_values(
    x: Any,
    guide: Any,
    n_components: int,
    n_attended: int,
    init: str,
    rng: np.random.RandomState,
    objective: Objective,
    max_iter: int,
    tol: float,
    given: tuple[Any, Any] = (None, None),
    extrapolation: bool = True,
) -> tuple[Any, Any]:
    """Make the first activations and components.

    All mixtures of a batch start from the same random numbers, so that each is factorised as it
    would be alone.

    Parameters
    ----------
    x : array of shape (..., n_frames, n_freqs)
        Spectrogram.
    guide : array of shape (..., n_frames, n_refs) or None
        Activations of the attended sound, columns of norm 1 or 0; not needed by "random".
    init : {"guide", "random", "blind"}
        "guide": the attended activations are the columns of the guide, taken in turn, the rest is
        random. "random": everything is. "blind": a factorisation without the guide, whose
        components are then put in the order in which the first resemble the guide most.
    max_iter, tol : int, float
        Length of the blind factorisation.
    extrapolation : bool
        Whether "blind" goes beyond the plain steps.
    given : tuple of two arrays or None
        Activations and components that take the place of those above.

    Returns
    -------
    activations : array of shape (..., n_frames, n_components)
        Positive, columns of norm 1.
    components : array of shape (..., n_components, n_freqs)
        Positive; the product has the sum of the spectrogram.
    """
    xp = namespace(x)
    *batch, n_frames, n_freqs = x.shape
    drawn = (
        rng.uniform(0.1, 1.0, (n_frames, n_components)),
        rng.uniform(0.1, 1.0, (n_components, n_freqs)),
    )
    activations, components = (
        xp.broadcast_to(xp.asarray(part, dtype=x.dtype), (*batch, *part.shape)) for part in drawn
    )
    if init == "guide":
        # A share of the mean keeps entries alive where the guide happens to be 0.
        level = guide + 0.1 * xp.mean(guide, axis=-2, keepdims=True)
        columns = [level[..., r : r + 1] for r in range(guide.shape[-1])]
        guided = xp.concat([columns[k % len(columns)] for k in range(n_attended)], axis=-1)
        # References that are 0 throughout say nothing about their component.
        attended = xp.where(guided > 0, guided, activations[..., :n_attended])
        activations = xp.concat([attended, activations[..., n_attended:]], axis=-1)
    activations, components = _scaled(x, activations, components, objective)
    if init == "blind":
        blind = Objective(objective.beta, objective.floor)
        activations, components, *_ = solve(
            x, activations, components, blind, max_iter, tol, extrapolation=extrapolation
        )
        activations, components = _attended_first(activations, components, guide, n_attended)
    if given[0] is not None or given[1] is not None:
        activations = activations if given[0] is None else given[0]
        components = components if given[1] is None else given[1]
        activations, components = _scaled(x, activations, components, objective)
    return activations, components


def _scaled(x: Any, activations: Any, components: Any, objective: Objective) -> tuple[Any, Any]:
    """Activations of norm 1, components that make up the loudness, no zeros."""
    xp = namespace(x)
    largest = xp.max(activations, axis=-2, keepdims=True)
    largest = xp.where(largest > 0, largest, xp.ones_like(largest))
    smallest = xp.asarray(xp.finfo(x.dtype).eps, dtype=x.dtype)
    activations = xp.maximum(activations / largest, smallest)
    components = components * xp.matrix_transpose(largest)
    activations, components = unit_activations(activations, components)
    masses = xp.sum(activations, axis=-2) * xp.sum(components, axis=-1)
    modelled = xp.sum(masses, axis=-1, dtype=xp.float64)
    loudness = power_sum(x, 1) / xp.where(modelled > 0, modelled, xp.ones_like(modelled))
    components = components * xp.astype(loudness, x.dtype)[..., None, None]
    return activations, xp.maximum(components, objective.floor)


def _attended_first(
    activations: Any, components: Any, guide: Any, n_attended: int
) -> tuple[Any, Any]:
    """Give each reference, taken in turn, the component that resembles it most."""
    xp = namespace(activations)

    def centred(z: Any) -> Any:
        z = z - xp.mean(z, axis=-2, keepdims=True)
        norms = xp.linalg.vector_norm(z, axis=-2, keepdims=True)
        return z / xp.where(norms > 0, norms, xp.ones_like(norms))

    correlation = xp.matrix_transpose(centred(guide)) @ centred(activations)
    shape = correlation.shape[-2:]
    orders = []
    for one in np.reshape(to_numpy(correlation), (-1, *shape)):
        wanted = one[np.arange(n_attended) % shape[0]]
        chosen = linear_sum_assignment(wanted, maximize=True)[1]
        orders.append([*chosen, *np.setdiff1d(np.arange(shape[1]), chosen)])
    order = np.reshape(orders, (*correlation.shape[:-2], 1, shape[1]))
    # Multiplication with a permutation matrix works in every array library.
    permutation = xp.asarray(np.swapaxes(order, -1, -2) == np.arange(shape[1]))
    permutation = xp.astype(permutation, activations.dtype)
    return activations @ xp.matrix_transpose(permutation), permutation @ components
