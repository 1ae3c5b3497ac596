"""Hidden Markov chain: forward filter, step by step, and fixed-lag smoother."""

import numpy as np
from scipy.linalg import expm


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


def with_absence(
    n_stimuli: int, step: float, dwell: float, absent: float
) -> tuple[np.ndarray, np.ndarray]:
    """Compute the start, (n_states,), and the transitions, (n_states, n_states), of a chain.

    The states are the stimuli, as in `transition_matrix`, and, where `absent` is positive, a last
    one in which none is followed: the share `absent` of the time, for `dwell` on average.

    Examples
    --------
    >>> start, transition = with_absence(2, step=1.0, dwell=10.0, absent=0.2)
    >>> start
    array([0.4, 0.4, 0.2])
    >>> bool(np.allclose(start @ transition, start))
    True
    """
    if absent == 0:
        return np.full(n_stimuli, 1 / n_stimuli), transition_matrix(n_stimuli, step, dwell)
    rates = np.full((n_stimuli + 1, n_stimuli + 1), 1 / (max(n_stimuli - 1, 1) * dwell))
    rates[:, -1] = absent / (1 - absent) / dwell
    rates[-1] = 1 / (n_stimuli * dwell)
    np.fill_diagonal(rates, 0.0)
    np.fill_diagonal(rates, -rates.sum(axis=1))
    start = np.r_[np.full(n_stimuli, (1 - absent) / n_stimuli), absent]
    return start, np.asarray(expm(step * rates))


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
    steps, prior = logarithms(transition), np.zeros(evidence.shape[1:])
    for posterior, log_likelihood in zip(filtered, evidence, strict=True):
        posterior[:], _ = updated(prior, log_likelihood)
        prior = predicted(posterior, steps)
    return filtered


def updated(prior: np.ndarray, evidence: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Take in the evidence of one step.

    Both are logarithms, (..., n_states). Returns the log posterior, and the log likelihood of the
    evidence, (...), under a normalised prior.

    Examples
    --------
    >>> posterior, likelihood = updated(np.log([0.5, 0.5]), np.log([0.2, 0.4]))
    >>> np.exp(posterior).round(3), round(float(np.exp(likelihood)), 3)
    (array([0.333, 0.667]), 0.3)
    """
    both = prior + evidence
    total = np.logaddexp.reduce(both, axis=-1, keepdims=True)
    return both - total, total[..., 0]


def predicted(posterior: np.ndarray, log_transition: np.ndarray) -> np.ndarray:
    """Compute the log prior of the next state, (..., n_states), from the posterior of this one.

    Examples
    --------
    >>> np.exp(predicted(np.log([0.8, 0.2]), np.log([[0.9, 0.1], [0.1, 0.9]]))).round(2)
    array([0.74, 0.26])
    """
    return np.asarray(np.logaddexp.reduce(posterior[..., None] + log_transition, axis=-2))


def fixed_lag_smoother(
    filtered: np.ndarray, evidence: np.ndarray, transition: np.ndarray, lag: int
) -> np.ndarray:
    """Compute log posteriors, (n_steps, ..., n_states), from the evidence of `lag` more steps.

    `filtered` is what `forward_filter` made of the same evidence; at the end fewer steps are left.
    """
    steps, later = logarithms(transition), np.zeros(evidence.shape)
    # After pass j, row t holds the log-likelihood of the next j steps, if there are as many.
    for _ in range(min(lag, len(evidence) - 1)):
        ahead = evidence[1:] + later[1:]
        later[:-1] = np.logaddexp.reduce(ahead[..., None, :] + steps, axis=-1)
    return updated(filtered, later)[0]


def logarithms(probabilities: np.ndarray) -> np.ndarray:
    """Take logarithms, minus infinity of what never happens.

    Examples
    --------
    >>> logarithms(np.array([1.0, 0.0]))
    array([  0., -inf])
    """
    with np.errstate(divide="ignore"):
        return np.asarray(np.log(probabilities))
