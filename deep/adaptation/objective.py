"""Objectives of adaptation: sums of losses that need no labels."""

from dataclasses import dataclass

import jax

from deep.losses import (
    generalized_entropy,
    information_loss,
    mean_entropy,
    nuclear_norm,
    view_consistency,
)
from deep.losses.entropy import NUCLEAR_FORMS


@dataclass(frozen=True)
class Objective:
    """Weighted sum of losses of unlabelled clips.

    The weights a, b, c and m of NTTA are `nuclear` with ``form="column"``, `entropy`,
    `generalized` and `consistency`.

    Attributes
    ----------
    nuclear : float
        Weight of `deep.losses.nuclear_norm`; its forms "nuclear" and "fast" are divided by the
        number of clips.
    entropy, generalized, information : float
        Weights of `deep.losses.mean_entropy`, `generalized_entropy` and `information_loss`.
    consistency : float
        Weight of `deep.losses.view_consistency` of two views of each clip.
    form : {"nuclear", "fast", "column"}
        That of the nuclear norm.
    q : float
        Order of the generalized entropy.

    Raises
    ------
    ValueError
        If form or order is none, a weight is negative, or all are zero.

    Examples
    --------
    >>> import jax.numpy as jnp
    >>> sure, unsure = 9 * jnp.eye(3), jnp.zeros((3, 3))
    >>> objective = Objective(nuclear=1, entropy=0.5)
    >>> bool(objective(sure, sure) < objective(unsure, unsure))
    True
    """

    nuclear: float = 0.0
    entropy: float = 0.0
    generalized: float = 0.0
    information: float = 0.0
    consistency: float = 0.0
    form: str = "nuclear"
    q: float = 1.1

    def __post_init__(self) -> None:
        if self.form not in NUCLEAR_FORMS:
            raise ValueError(f"form must be one of {list(NUCLEAR_FORMS)}, got {self.form!r}")
        if not self.q > 0:
            raise ValueError(f"q must be positive, got {self.q!r}")
        weights = {
            name: getattr(self, name)
            for name in ("nuclear", "entropy", "generalized", "information", "consistency")
        }
        for name, weight in weights.items():
            if not weight >= 0:
                raise ValueError(f"the weight {name} must not be negative, got {weight!r}")
        if not any(weights.values()):
            raise ValueError("all weights of the objective are zero: set one of " + str([*weights]))

    def __call__(self, logits: jax.Array, others: jax.Array) -> jax.Array:
        """Compute the mean loss of two views of clips, from scores, (n_clips, n_classes)."""
        loss = (self._of_view(logits) + self._of_view(others)) / 2
        if self.consistency:
            loss += self.consistency * view_consistency(logits, others)
        return loss

    def _of_view(self, logits: jax.Array) -> jax.Array:
        loss = 0.0 * logits.sum()
        if self.nuclear:
            n = 1 if self.form == "column" else len(logits)
            loss += self.nuclear * nuclear_norm(logits, self.form) / n
        if self.entropy:
            loss += self.entropy * mean_entropy(logits)
        if self.generalized:
            loss += self.generalized * generalized_entropy(logits, self.q)
        if self.information:
            loss += self.information * information_loss(logits)
        return loss


#: Objectives by name.
OBJECTIVES = {
    "nuclear": Objective(nuclear=1.0),
    "fast": Objective(nuclear=1.0, form="fast"),
    "column": Objective(nuclear=1.0, form="column"),
    "entropy": Objective(entropy=1.0),
    "generalized": Objective(generalized=1.0),
    "information": Objective(information=1.0),
    "ntta": Objective(nuclear=1.0, entropy=1.0, generalized=0.5, consistency=0.5, form="column"),
}


def chosen_objective(objective: str | Objective | None) -> Objective | None:
    """Look an objective up by name, or take it as it is; None where no gradient is wanted.

    Raises `ValueError` for an unknown name.
    """
    if objective is None or isinstance(objective, Objective):
        return objective
    if not isinstance(objective, str) or objective not in OBJECTIVES:
        raise ValueError(
            f"objective must be one of {sorted(OBJECTIVES)}, an Objective, or None for statistics "
            f"alone, got {objective!r}"
        )
    return OBJECTIVES[objective]
