"""Hidden Markov chain: forward filter, fixed-lag smoother and evidence."""

import numpy as np


def transition_matrix(n_states: int, step: float, dwell: float) -> np.ndarray:
    """Compute transition probabilities, (n_states, n_states), of a chain that treats states alike.

    The chain runs in continuous time: row i holds the probabilities of all states one `step` after
    state i, and `dwell`, in the unit of `step`, is the mean time in a state (infinite: it stays).

    Examples
    --------
    >>> transition_matrix(2, step=1.0, dwell=10.0).round(3)
    array([[0.909, 0.091],
           [0.091, 0.909]])
    """
    if n_states == 1:
        return np.ones((1, 1))
    memory = np.exp(-step * n_states / ((n_states - 1) * dwell))
    return memory * np.eye(n_states) + (1 - memory) / n_states


def forward_filter(evidence: np.ndarray, transition: np.ndarray) -> np.ndarray:
    """Compute log posteriors of the present state from all evidence so far.

    Evidence and result are (n_steps, ..., n_states), with chains side by side in between: evidence
    as log likelihoods up to a constant in each step. `transition` (n_states, n_states) is doubly
    stochastic; the chain starts from its uniform distribution.

    Examples
    --------
    >>> import numpy as np
    >>> np.exp(forward_filter(np.zeros((1, 2)), np.eye(2)))
    array([[0.5, 0.5]])
    """
    filtered = np.empty(evidence.shape)
    steps, prior = _log(transition), np.zeros(evidence.shape[1:])
    for posterior, log_likelihood in zip(filtered, evidence, strict=True):
        posterior[:] = _normalised(prior + log_likelihood)
        prior = np.logaddexp.reduce(posterior[..., None] + steps, axis=-2)
    return filtered


def evidence_of_chain(
    filtered: np.ndarray, evidence: np.ndarray, transition: np.ndarray
) -> np.ndarray:
    """Compute the log likelihood of whole sequences, of shape (...), whatever the states were.

    `filtered` is what `forward_filter` made of the same evidence; constants of the steps count
    here.

    Examples
    --------
    >>> import numpy as np
    >>> evidence = np.log([[0.2, 0.4], [0.1, 0.3]])
    >>> stays = np.eye(2)
    >>> likelihood = evidence_of_chain(forward_filter(evidence, stays), evidence, stays)
    >>> round(float(np.exp(likelihood)), 3)  # (0.2 x 0.1 + 0.4 x 0.3) / 2
    0.07
    """
    n_states = evidence.shape[-1]
    first = np.full((1, *evidence.shape[1:]), 1 / n_states)
    expected = np.concatenate([first, np.exp(filtered[:-1]) @ transition])
    with np.errstate(divide="ignore"):
        steps = np.logaddexp.reduce(np.log(expected) + evidence, axis=-1)
    return np.asarray(steps.sum(axis=0))


def fixed_lag_smoother(
    filtered: np.ndarray, evidence: np.ndarray, transition: np.ndarray, lag: int
) -> np.ndarray:
    """Compute log posteriors, (n_steps, ..., n_states), from the evidence of `lag` more steps.

    `filtered` is what `forward_filter` made of the same evidence; at the end fewer steps are left.
    """
    steps, later = _log(transition), np.zeros(evidence.shape)
    # After pass j, row t holds the log-likelihood of the next j steps, if there are as many.
    for _ in range(min(lag, len(evidence) - 1)):
        ahead = evidence[1:] + later[1:]
        later[:-1] = np.logaddexp.reduce(ahead[..., None, :] + steps, axis=-1)
    return _normalised(filtered + later)


def _log(transition: np.ndarray) -> np.ndarray:
    """Logarithms, minus infinity for steps that never happen."""
    with np.errstate(divide="ignore"):
        return np.asarray(np.log(transition))


def _normalised(evidence: np.ndarray) -> np.ndarray:
    """Logarithms of probabilities that sum to one over the last axis."""
    return np.asarray(evidence - np.logaddexp.reduce(evidence, axis=-1, keepdims=True))
