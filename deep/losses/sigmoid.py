"""Sigmoid contrast, in which each pair is decided separately."""

import jax
import jax.numpy as jnp


def sigmoid_contrast(
    similarity: jax.Array,
    log_temperature: jax.Array,
    bias: jax.Array,
    same: jax.Array | None = None,
    hard: jax.Array | None = None,
    hard_present: jax.Array | None = None,
    hard_weight: float = 1.0,
) -> jax.Array:
    r"""Contrast of pairs that belong together with all that do not, each decided separately [1]_.

    With logits :math:`z_{ij} = e^{t} s_{ij} + b` it is

    .. math::
        -\frac1B \Big( \sum_i \log\sigma(z_{ii}) + \sum_{i \ne j} m_{ij} \log\sigma(-z_{ij})
        + w \sum_{ik} h_{ik} \log\sigma(-z^\mathrm{hard}_{ik}) \Big),

    where m leaves out pairs of other examples with the same sound, which are no negatives, and the
    last sum is over sounds that competed with the attended one.

    Parameters
    ----------
    similarity : jax.Array of shape (n_examples, n_examples)
        Of each EEG (row) with each attended sound (column).
    log_temperature, bias : jax.Array
        Scalars t and b.
    same : jax.Array of bool, shape (n_examples, n_examples), optional
        Pairs off the diagonal that share sound, which are left out.
    hard : jax.Array of shape (n_examples, n_hard), optional
        Similarity of each EEG with the competing sounds.
    hard_present : jax.Array of bool, shape (n_examples, n_hard), optional
        Which of them exist; all if None.
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
    diagonal = jnp.eye(n, dtype=bool)
    terms = jax.nn.log_sigmoid(jnp.where(diagonal, logits, -logits))
    if same is not None:
        terms = jnp.where(same & ~diagonal, 0.0, terms)
    total = terms.sum()
    if hard is not None:
        more = jax.nn.log_sigmoid(-(scale * hard + bias))
        if hard_present is not None:
            more = jnp.where(hard_present, more, 0.0)
        total = total + hard_weight * more.sum()
    return -total / n
