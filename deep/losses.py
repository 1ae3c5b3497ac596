"""Losses: contrast of pairs, and correlation."""

import jax
import jax.numpy as jnp

# Added to squared norms, so that a silent window has similarity 0 and a finite gradient.
_EPS = 1e-12


def unit_vectors(x: jax.Array, per_feature: bool = False) -> jax.Array:
    """Take the mean off embeddings and scale them to length 1 over times and features.

    The product of two of them, summed over times and features, is a correlation.

    Parameters
    ----------
    x : jax.Array of shape (..., n_times, n_features)
        Embeddings.
    per_feature : bool
        Take off the mean of each feature over time, and not that over both.

    Returns
    -------
    unit : jax.Array
        Same shape; zero where there is nothing but the mean.

    Examples
    --------
    >>> unit = unit_vectors(jnp.arange(6.0).reshape(3, 2))
    >>> round(float(abs(unit.sum())), 5), round(float((unit**2).sum()), 5)
    (0.0, 1.0)
    """
    x = x.astype(jnp.promote_types(x.dtype, jnp.float32))
    x = x - x.mean(-2 if per_feature else (-2, -1), keepdims=True)
    power = jnp.square(x).sum((-2, -1), keepdims=True)
    return x / jnp.sqrt(power + _EPS)


def pearson(x: jax.Array, y: jax.Array) -> jax.Array:
    """Pearson correlations over the last axis.

    Parameters
    ----------
    x, y : jax.Array of shape (..., n_times)
        Signals.

    Returns
    -------
    r : jax.Array of shape (...)
        Between -1 and 1; 0 where a signal is constant.

    Examples
    --------
    >>> round(float(pearson(jnp.array([1.0, 2.0, 3.0]), jnp.array([2.0, 4.0, 6.0]))), 6)
    1.0
    """
    return (unit_vectors(x[..., None]) * unit_vectors(y[..., None])).sum((-2, -1))


def sigmoid_contrast(
    similarity: jax.Array,
    log_temperature: jax.Array,
    bias: jax.Array,
    same: jax.Array | None = None,
    hard: jax.Array | None = None,
    hard_present: jax.Array | None = None,
    hard_weight: float = 1.0,
) -> jax.Array:
    r"""Loss of pairs that belong together against all that do not, each decided on its own [1]_.

    With logits :math:`z_{ij} = e^{t} s_{ij} + b` it is

    .. math::
        -\frac1B \Big( \sum_i \log\sigma(z_{ii}) + \sum_{i \ne j} m_{ij} \log\sigma(-z_{ij})
        + w \sum_{ik} h_{ik} \log\sigma(-z^\mathrm{hard}_{ik}) \Big),

    where m leaves out pairs of other examples with the same sound, which are no negatives, and
    the last sum is over sounds that competed with the one attended.

    Parameters
    ----------
    similarity : jax.Array of shape (n_examples, n_examples)
        Of each EEG (row) with each attended sound (column).
    log_temperature, bias : jax.Array
        Scalars t and b.
    same : jax.Array of bool, shape (n_examples, n_examples), optional
        Pairs off the diagonal that share sound, which are left out.
    hard : jax.Array of shape (n_examples, n_hard), optional
        Similarity of each EEG with the sounds that competed.
    hard_present : jax.Array of bool, shape (n_examples, n_hard), optional
        Which of them there were; all if None.
    hard_weight : float
        Weight w of the competing sounds.

    Returns
    -------
    loss : jax.Array
        Scalar.

    References
    ----------
    .. [1] Zhai et al. (2023), "Sigmoid loss for language image pre-training", ICCV,
       https://doi.org/10.1109/ICCV51070.2023.01100.

    Examples
    --------
    Orthogonal embeddings at the start of the thesis:

    >>> loss = sigmoid_contrast(jnp.zeros((128, 128)), jnp.log(10.0), jnp.float32(-10))
    >>> round(float(loss), 3)
    10.006
    """
    n = similarity.shape[0]
    scale = jnp.exp(log_temperature)
    logits = scale * similarity + bias
    own = jnp.eye(n, dtype=bool)
    terms = jax.nn.log_sigmoid(jnp.where(own, logits, -logits))
    if same is not None:
        terms = jnp.where(same & ~own, 0.0, terms)
    total = terms.sum()
    if hard is not None:
        more = jax.nn.log_sigmoid(-(scale * hard + bias))
        if hard_present is not None:
            more = jnp.where(hard_present, more, 0.0)
        total = total + hard_weight * more.sum()
    return -total / n
