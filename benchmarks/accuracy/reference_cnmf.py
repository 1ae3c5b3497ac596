"""Contrastive NMF in the order of steps of its authors' public code, as a peer to compare with.

Written anew from a description, with what is known to be wrong there: the gradient leaves out the
constraint of unit rows and a factor of 2, values are floored before the rows are normalised, and
the recorded cost is not the cost that the steps are derived from. float64 only.

Cantisani, G., Essid, S., & Richard, G. (2021). https://doi.org/10.1109/ICASSP39728.2021.9413841
"""

import numpy as np

FLOOR = 1e-9


def reference_cnmf(
    X, S, n_components, n_attended, mu, beta, delta, n_iter, H0=None, W0=None, seed=0
):
    """Factorise in the axes of this library; inside, all is turned over, as in articles.

    X is (n_frames, n_freqs), S (n_frames, n_refs), H0 (n_frames, n_components), W0 (n_components,
    n_freqs). Returns activations (n_frames, n_components) with columns of norm 1, components
    (n_components, n_freqs) and the recorded cost (n_iter,). mu is the weight of the L1 norm of the
    activations, beta that of the components, delta that of the contrast; all are absolute.
    """
    rng = np.random.default_rng(seed)
    x = np.maximum(np.asarray(X, float).T, FLOOR)
    n_freqs, n_frames = x.shape
    h = rng.random((n_frames, n_components)) if H0 is None else np.asarray(H0, float)
    w = rng.random((n_components, n_freqs)) if W0 is None else np.asarray(W0, float)
    h, w = np.maximum(h.T, FLOOR), np.maximum(w.T, FLOOR)
    s = np.asarray(S, float).T
    s = s / np.linalg.norm(s, axis=1, keepdims=True)
    h, w = _unit_rows(h, w)
    ones, costs = np.ones_like(x), []
    attended = np.arange(n_components)[:, None] < n_attended
    for _ in range(n_iter):
        pull = delta * (h @ s.T) @ s
        above = w.T @ (x / (w @ h)) + np.where(attended, pull, 0)
        below = w.T @ ones + np.where(attended, 0, pull) + mu
        h = np.maximum(h * above / below, FLOOR)
        h, w = _unit_rows(h, w)
        w = w * ((x / (w @ h)) @ h.T) / (ones @ h.T + beta)
        costs.append(_recorded_cost(x, w, h, s, n_attended, mu, beta, delta))
    return h.T, w.T, np.array(costs)


def _unit_rows(h, w):
    norms = np.linalg.norm(h, axis=1)
    return h / norms[:, None], w * norms


def _recorded_cost(x, w, h, s, n_attended, mu, beta, delta):
    y = w @ h
    divergence = np.sqrt(2 * max(np.sum(x * np.log(x / y) - x + y), 0))
    similarity = h @ s.T
    contrast = np.linalg.norm(similarity[:n_attended]) - np.linalg.norm(similarity[n_attended:])
    return divergence + mu * np.linalg.norm(h) + beta * np.linalg.norm(w) - delta * contrast
