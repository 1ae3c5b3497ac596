"""Candidates for banded ridge regression: a penalty for each group of inputs."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np
from sklearn.utils import check_random_state

MOST_CANDIDATES = 10_000


@dataclass(frozen=True)
class Direction:
    r"""Candidates whose penalties differ by a common factor, so that they are solved together.

    Ridge regression with penalty :math:`\alpha` on inputs that were multiplied by :math:`f_b`
    penalises the weights of band b by :math:`\alpha / f_b^2`. `factors` are those of the bands,
    (n_bands,); `alphas` the penalties of the multiplied inputs, and `candidates` the index of each
    of them among all candidates.
    """

    factors: np.ndarray
    alphas: list[float]
    candidates: list[int]


def candidates(
    alphas: Sequence[float], n_bands: int, search: str | int, random_state: object = None
) -> np.ndarray:
    """List combinations of penalties, (n_candidates, n_bands), from positive `alphas`.

    With ``search="grid"``, every penalty for every band. With a number, this many directions whose
    logarithms are drawn evenly over the range of `alphas`, each with every penalty as its geometric
    mean; the first direction has equal penalties. Raises ValueError if a penalty is zero, the
    search is unknown, the grid is too large or the range empty.

    Examples
    --------
    >>> candidates([1.0, 10.0], n_bands=2, search="grid")
    array([[ 1.,  1.],
           [ 1., 10.],
           [10.,  1.],
           [10., 10.]])
    """
    if min(alphas) <= 0:
        raise ValueError(f"penalties of bands must be positive, got alpha={list(alphas)}")
    if search == "grid":
        if len(alphas) ** n_bands > MOST_CANDIDATES:
            raise ValueError(
                f"a grid of {len(alphas)} alphas over {n_bands} bands has {len(alphas)}^{n_bands} "
                f"candidates, more than {MOST_CANDIDATES}: set band_search to a number of random "
                "directions"
            )
        return np.array(list(product(alphas, repeat=n_bands)), dtype=float)
    if isinstance(search, bool) or not isinstance(search, int | np.integer) or search < 1:
        raise ValueError(
            f"band_search must be 'grid' or a positive number of directions, got {search!r}"
        )
    span = np.log(max(alphas) / min(alphas))
    if span == 0 and search > 1:
        raise ValueError("random directions spread over the range of alpha: pass several alphas")
    logs = check_random_state(random_state).uniform(0, span, size=(search, n_bands))
    logs[0] = 0.0
    directions = np.exp(logs - logs.mean(axis=1, keepdims=True))
    return (directions[:, None, :] * np.asarray(alphas)[None, :, None]).reshape(-1, n_bands)


def directions(penalties: np.ndarray) -> list[Direction]:
    """Group candidates (n_candidates, n_bands) by the ratios of their penalties."""
    groups: dict[tuple, Direction] = {}
    for i, row in enumerate(penalties):
        relative = row / row[0] if len(row) > 1 else np.ones(1)  # a single one may be zero
        ratios = tuple(np.round(np.log(relative), 9))
        factors = 1 / np.sqrt(relative)
        group = groups.setdefault(ratios, Direction(factors, [], []))
        group.alphas.append(float(row[0]))
        group.candidates.append(i)
    return list(groups.values())
