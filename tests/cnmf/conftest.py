"""Small factorisations that the tests of this package share."""

from typing import NamedTuple

import numpy as np
import pytest

from cnmf.initial import make_objective
from cnmf.objective import Objective, unit_activations


class Problem(NamedTuple):
    x: np.ndarray
    activations: np.ndarray
    components: np.ndarray
    objective: Objective


def make_problem(
    rng,
    n_frames=40,
    n_freqs=13,
    n_components=5,
    n_refs=2,
    beta=1.0,
    contrast="paired",
    weights=(0.7, 0.3, 0.2),
    scale="relative",
    dtype=np.float64,
    positive=False,
):
    """Spectrogram of low rank with noise, start and weights (contrast, activations, components)."""
    x = rng.gamma(0.5, size=(n_frames, n_components)) @ rng.gamma(0.5, size=(n_components, n_freqs))
    x = (x * rng.gamma(2, 0.5, size=x.shape) + 0.1 * positive).astype(dtype)
    a = rng.uniform(0.1, 1, (n_frames, n_components)).astype(dtype)
    w = rng.uniform(0.1, 1, (n_components, n_freqs)).astype(dtype)
    guide = rng.uniform(size=(n_frames, n_refs)).astype(dtype) ** 3
    guide /= np.linalg.norm(guide, axis=0)
    n_attended = max(n_refs, n_components // 2)
    objective = make_objective(
        x, guide, n_components, n_attended, beta, contrast, *weights, penalty_scale=scale
    )
    return Problem(x, *unit_activations(a, w), objective)


@pytest.fixture
def problem(rng):
    return lambda **options: make_problem(rng, **options)
