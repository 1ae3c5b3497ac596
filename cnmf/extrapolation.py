"""Extrapolation of plain steps: how far to go beyond them, and when to come back."""

from dataclasses import dataclass
from types import ModuleType
from typing import Any

from cnmf.objective import Objective
from cocktailparty.backend import is_cupy, namespace

# A rise of the cost by less, relative to its terms, may be rounding.
RISE = {"float64": 1e-12, "float32": 1e-6}

# The stride is at most STRIDE: a refusal multiplies it by SHORTER, each success by LONGER. Momentum
# after t successes in a row is (t - 1) / (t + DELAY), at most MOST; of t, a refusal leaves the
# fraction LEFT. Chosen on spectrograms of music, of speech and of noise.
STRIDE, SHORTER, LONGER = 0.9, 0.5, 1.05
DELAY, MOST, LEFT = 3.0, 0.95, 0.4

# Exponents of the divergence for which plain steps descend on the gradient of a convex function
# of each factor; outside, all steps are plain.
CONVEX = 1.0, 2.0

Factors = tuple[Any, Any]


@dataclass
class Path:
    """Points that the iterations visit, of any number of mixtures.

    Let z be the iterate, p = T(z) what one plain iteration makes of it, and q the p before. The
    next iteration starts at a candidate beyond p, which `cnmf.updates.formula.extrapolate` makes of
    the three. The first thing that it computes is the cost C of the candidate, needed in any case,
    so that the question whether the candidate is any good costs nothing:

    * If C(candidate) <= C(z), the candidate is the next iterate.
    * If not, z remains the iterate, and the next candidate is p after one more step of its
      components, without extrapolation. The momentum restarts, and the next stride is shorter.

    So the cost never rises. Nor can the iterations be caught: plain steps are of the kind that
    majorises and minimises, so that C(p) <= C(z) (Févotte & Idier, 2011), and that a step of the
    components brings no rise either; the candidate after a refusal is therefore accepted. With
    penalties (`penalised`), plain steps may rise. Such a candidate is refused too: the one after it
    is z after a step of the components, and the activations go on with half the step, without
    extrapolation until their steps are full again.

    `updates` is the module of the updates, and `bold` whether to extrapolate at all. `iterate` is
    the first pair of activations (..., n_frames, n_components), columns of norm 1, and components
    (..., n_components, n_freqs), as all pairs of factors are.

    References
    ----------
    Hien, L. T. K., Leplat, V., & Gillis, N. (2024). Block majorization minimization with
    extrapolation and application to beta-NMF. https://doi.org/10.48550/arXiv.2401.06646

    O'Donoghue, B., & Candès, E. (2015). Adaptive restart for accelerated gradient schemes.
    Foundations of Computational Mathematics, 15(3), 715-732.
    https://doi.org/10.1007/s10208-013-9150-3
    """

    updates: ModuleType
    objective: Objective
    iterate: Factors
    penalised: bool
    bold: bool

    def __post_init__(self) -> None:
        xp = namespace(*self.iterate)
        batch, dtype = self.iterate[0].shape[:-2], self.iterate[0].dtype
        self.bold = self.bold and CONVEX[0] <= self.objective.beta <= CONVEX[1]
        self.candidate, self.plain = self.iterate, self.iterate
        self.damping = xp.ones(batch, dtype=dtype)
        self.count = xp.ones(batch, dtype=dtype)
        self.stride = STRIDE * xp.ones(batch, dtype=dtype)
        self.extrapolated = xp.zeros(batch, dtype=xp.bool)
        self.accepted = ~self.extrapolated
        self.cost: Any = None

    def judge(self, value: Any, cost: Any) -> Any:
        """Accept or refuse the candidate by its divergence and cost, both of shape (...).

        Gives the cost of the iterate, which is the candidate where that was accepted.
        """
        xp = namespace(*self.iterate)
        if self.cost is None:
            self.cost, self.start = cost, value
            return cost
        if not (self.bold or self.penalised):
            self.iterate, self.cost = self.candidate, cost
            return cost
        single = "float64" if self.iterate[0].dtype == xp.float64 else "float32"
        slack = RISE[single] * (xp.abs(self.cost) + self.start)
        # What was extrapolated has something to go back to, and needs no excuse for rounding.
        plain = (cost <= self.cost + slack) | (not self.penalised)
        self.accepted = xp.where(self.extrapolated, cost <= self.cost, plain)
        shorter = xp.where(self.extrapolated, self.damping, self.damping / 2)
        self.damping = xp.where(self.accepted, xp.minimum(self.damping * 1.25, 1), shorter)
        tried = xp.where(self.extrapolated, self.stride * SHORTER, self.stride)
        self.stride = xp.where(self.accepted, xp.minimum(self.stride * LONGER, STRIDE), tried)
        left = xp.where(self.extrapolated, xp.maximum(self.count * LEFT, 1), 1)
        self.count = xp.where(self.accepted, self.count + 1, left)
        self.cost = xp.where(self.accepted, cost, self.cost)
        self.iterate = _chosen(self.accepted, self.candidate, self.iterate)
        return self.cost

    def resume(self, stepped: Factors) -> Factors:
        """Say from where to take the step of the components.

        `stepped` are the factors after the step of the activations from the candidate; where the
        candidate was refused, there is something else to go back to.
        """
        refuge = _chosen(self.extrapolated, self.plain, self.iterate)
        return _chosen(self.accepted, stepped, refuge)

    def advance(self, plain: Factors, rest: bool = False) -> Factors:
        """Choose the candidate from which the next iteration starts.

        `plain` are the factors after both steps. With `rest` they are the candidate themselves,
        which keeps what plain steps keep, such as the loudness.
        """
        xp = namespace(*self.iterate)
        before, self.plain, self.candidate = self.plain, plain, plain
        if not self.bold:
            return plain
        self.extrapolated = self.accepted & (self.damping == 1) & (not rest)
        if is_cupy(plain[0]) or bool(xp.any(self.extrapolated)):
            momentum = xp.minimum((self.count - 1) / (self.count + DELAY), MOST)
            further = self.updates.extrapolate(
                plain, self.iterate, before, self.stride, momentum, self.objective
            )
            self.candidate = _chosen(self.extrapolated, further, plain)
        return self.candidate


def _chosen(condition: Any, yes: Factors, no: Factors) -> Factors:
    """Take one or the other, for each mixture."""
    if yes is no:
        return yes
    if not is_cupy(yes[0]):  # The check makes a GPU wait.
        xp = namespace(*yes)
        if bool(xp.all(condition)):
            return yes
        if not bool(xp.any(condition)):
            return no
    xp = namespace(*yes)
    return tuple(xp.where(condition[..., None, None], a, b) for a, b in zip(yes, no, strict=True))
