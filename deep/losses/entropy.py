"""Losses of predictions without labels: certainty, variety and consistency."""

import jax
import jax.numpy as jnp

#: Forms of `nuclear_norm`.
NUCLEAR_FORMS = ("nuclear", "fast", "column")

# Closer to 1, the generalized entropy is computed from its series.
_NEAR_ONE = 1e-3


def nuclear_norm(logits: jax.Array, form: str = "nuclear") -> jax.Array:
    r"""Negative nuclear norm of the matrix of probabilities, or one of two relatives.

    It is smallest where each prediction is sure and all classes are predicted [1]_. With
    probabilities :math:`P` of B examples in C classes, its singular values :math:`\sigma` and its
    columns :math:`P_c`, the forms are

    - "nuclear": :math:`-\sum_k \sigma_k`;
    - "fast": minus the sum of the min(B, C) largest norms of columns [2]_, which bounds it;
    - "column": :math:`-\frac{1}{C} \sum_c \lVert P_c \rVert`, as NTTA computes it.

    Parameters
    ----------
    logits : jax.Array of shape (n_examples, n_classes)
        Scores, of which the softmax is taken.
    form : {"nuclear", "fast", "column"}
        Which one.

    Returns
    -------
    loss : jax.Array
        Scalar. The gradient of "nuclear" is one of the subgradients where singular values vanish.

    Raises
    ------
    ValueError
        If the form is unknown.

    Notes
    -----
    The Frobenius norm, under which name this loss is found as well, cannot tell sure predictions
    of all classes from sure predictions of one. Neither form can with one example alone.

    References
    ----------
    .. [1] Cui et al. (2020), "Towards discriminability and diversity: batch nuclear-norm
       maximization under label insufficient situations", CVPR,
       https://doi.org/10.1109/CVPR42600.2020.00400.
    .. [2] Cui et al. (2021), "Fast batch nuclear-norm maximization and minimization for robust
       domain adaptation", https://doi.org/10.48550/arXiv.2107.06154.

    Examples
    --------
    Ten sure predictions, of five classes and of one:

    >>> varied, one = jnp.arange(10) % 5, jnp.zeros(10, int)
    >>> [round(float(nuclear_norm(100 * jnp.eye(5)[classes])), 2) for classes in (varied, one)]
    [-7.07, -3.16]
    """
    p = jax.nn.softmax(_single(logits))
    if form == "nuclear":
        return -jnp.linalg.svd(p, compute_uv=False).sum()
    # The root has no slope at zero: a class that is never predicted stays where it is.
    squares = jnp.square(p).sum(axis=0)
    norms = jnp.sqrt(jnp.where(squares > 0, squares, 1.0)) * (squares > 0)
    if form == "fast":
        return -jax.lax.top_k(norms, min(p.shape))[0].sum()
    if form == "column":
        return -norms.mean()
    raise ValueError(f"form must be one of {list(NUCLEAR_FORMS)}, got {form!r}")


def mean_entropy(logits: jax.Array) -> jax.Array:
    r"""Mean Shannon entropy of the predictions, :math:`-\sum_c p_c \log p_c`.

    Parameters
    ----------
    logits : jax.Array of shape (n_examples, n_classes)
        Scores.

    Returns
    -------
    loss : jax.Array
        Scalar in nats, between 0 and the logarithm of the number of classes.

    References
    ----------
    .. [1] Wang et al. (2021), "Tent: fully test-time adaptation by entropy minimization", ICLR,
       https://doi.org/10.48550/arXiv.2006.10726.

    Examples
    --------
    >>> round(float(mean_entropy(jnp.zeros((2, 4)))), 4)
    1.3863
    """
    logs = jax.nn.log_softmax(_single(logits))
    return -(jnp.exp(logs) * logs).sum(axis=1).mean()


def generalized_entropy(logits: jax.Array, q: float = 1.1) -> jax.Array:
    r"""Mean entropy of Tsallis [1]_, :math:`(1 - \sum_c p_c^q) / (q - 1)`.

    At q = 1, where that is 0 / 0, it is the entropy of Shannon; near it, what is lost by
    cancellation is replaced by the first terms of the series.

    Parameters
    ----------
    logits : jax.Array of shape (n_examples, n_classes)
        Scores.
    q : float
        Order, larger than 0. Larger ones care less for improbable classes.

    Returns
    -------
    loss : jax.Array
        Scalar.

    Raises
    ------
    ValueError
        If the order is not positive.

    References
    ----------
    .. [1] Tsallis (1988), "Possible generalization of Boltzmann-Gibbs statistics", Journal of
       Statistical Physics 52, https://doi.org/10.1007/BF01016429.

    Examples
    --------
    >>> [round(float(generalized_entropy(jnp.zeros((70, 35)), q)), 4) for q in (1.0, 1.1, 2.0)]
    [3.5553, 2.992, 0.9714]
    """
    if not q > 0:
        raise ValueError(f"q must be positive, got {q!r}")
    logs = jax.nn.log_softmax(_single(logits))
    p, d = jnp.exp(logs), q - 1
    # An improbable class adds nothing, even where a power of its probability overflows.
    logs = jnp.where(p > 0, logs, 0.0)
    if abs(d) < _NEAR_ONE:
        # p**d - 1 = d log p (1 + d log p / 2 + ...); p times a power of its logarithm is bounded.
        terms = logs * (1 + d * logs / 2 * (1 + d * logs / 3))
    else:
        terms = jnp.expm1(d * logs) / d
    return -(p * terms).sum(axis=1).mean()


def information_loss(logits: jax.Array) -> jax.Array:
    r"""Mean entropy minus the entropy of the mean prediction, as in SHOT [1]_.

    That is minus the mutual information of examples and classes: smallest where each prediction
    is sure and all classes are predicted equally often.

    Parameters
    ----------
    logits : jax.Array of shape (n_examples, n_classes)
        Scores.

    Returns
    -------
    loss : jax.Array
        Scalar in nats, not positive.

    References
    ----------
    .. [1] Liang et al. (2020), "Do we really need to access the source data? Source hypothesis
       transfer for unsupervised domain adaptation", ICML,
       https://doi.org/10.48550/arXiv.2002.08546.

    Examples
    --------
    >>> round(float(information_loss(100 * jnp.eye(4))), 4)
    -1.3863
    """
    logs = jax.nn.log_softmax(_single(logits))
    of_mean = jax.nn.logsumexp(logs, axis=0) - jnp.log(len(logs))
    mean = jnp.exp(of_mean)
    # An impossible class adds nothing: zero times minus infinity would not be a number.
    return mean_entropy(logits) + (mean * jnp.where(mean > 0, of_mean, 0.0)).sum()


def view_consistency(logits: jax.Array, others: jax.Array) -> jax.Array:
    r"""Mean distance of the predictions for two views, :math:`\lVert p_1 - p_2 \rVert`.

    Parameters
    ----------
    logits, others : jax.Array of shape (n_examples, n_classes)
        Scores of the same examples in both views.

    Returns
    -------
    loss : jax.Array
        Scalar, between 0 and the root of 2.

    Examples
    --------
    >>> round(float(view_consistency(100 * jnp.eye(2), 100 * jnp.eye(2)[::-1])), 4)
    1.4142
    """
    p, other = (jax.nn.softmax(_single(z)) for z in (logits, others))
    squares = jnp.square(p - other).sum(axis=1)
    # Equal views have no slope, and not one that is not a number.
    return (jnp.sqrt(jnp.where(squares > 0, squares, 1.0)) * (squares > 0)).mean()


def _single(logits: jax.Array) -> jax.Array:
    logits = jnp.asarray(logits)
    return logits.astype(jnp.promote_types(logits.dtype, jnp.float32))
