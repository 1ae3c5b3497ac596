"""Temperature and bias that minimise the contrast of an untrained network."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from scipy.optimize import minimize

from deep.data.examples import Examples, Subset
from deep.losses import unit_vectors
from deep.siglip.task import ContrastTask, window_views
from deep.training.inference import apply

# This many windows are enough for two numbers.
_MOST = 256


def calibrated(
    task: ContrastTask,
    model: Any,
    state: Any,
    examples: Examples,
    batch_size: int,
    device: jax.Device,
    seed: int,
) -> tuple[float, float]:
    """Fit temperature and bias to the similarities of training windows.

    A contrast that is far from calibrated is lowered most by its bias, and an epoch that does
    nothing else would look better than it is. `batch_size` is that of the training, which decides
    the share of negatives; `seed` chooses windows if there are many. Returns the factor of the
    similarity, and what is subtracted from it.
    """
    n = len(examples)
    chosen = np.random.default_rng(seed).permutation(n)[:_MOST]
    examples = Subset(examples, np.sort(chosen))
    views = apply(window_views, model, state, examples, batch_size=batch_size, device=device)
    batch = examples.take(np.arange(len(examples)), None)
    e, a = (
        np.asarray(unit_vectors(jnp.asarray(x), model.per_feature))
        for x in (views.eeg, views.sounds)
    )
    e, a = e.reshape(len(e), -1), a.reshape(*a.shape[:2], -1)
    similarity, hard = e @ a[:, 0].T, np.einsum("ni,nki->nk", e, a[:, 1:])
    same = task.same_sound(batch)
    negatives = similarity[~same if task.mask_same else ~np.eye(len(e), dtype=bool)]
    # As many negatives as an example meets in a batch.
    share = (batch_size - 1) / max(len(e) - 1, 1)
    terms = [(np.diagonal(similarity), 1.0, 1.0), (negatives, -1.0, share)]
    terms.append((hard.ravel(), -1.0, task.masker_weight))

    def loss(parameters: np.ndarray) -> float:
        t, b = parameters
        return float(
            sum(
                weight * np.logaddexp(0, -sign * (np.exp(t) * s + b)).sum()
                for s, sign, weight in terms
            )
            / len(e)
        )

    minimum = minimize(loss, [np.log(5.0), -2.0], method="Nelder-Mead").x
    # Without any relation the best temperature is zero, from which nothing could be learnt.
    return float(np.clip(np.exp(minimum[0]), 1.0, 50.0)), float(-minimum[1])
