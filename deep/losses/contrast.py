"""Supervised contrast: embeddings of one class attract each other and repel all others."""

from collections.abc import Sequence

import jax
import jax.numpy as jnp

# Added to squared lengths, so that an embedding of zeros has a finite gradient.
_EPS = 1e-12


def supervised_contrast(
    embeddings: jax.Array, labels: jax.Array, temperature: float = 0.06
) -> jax.Array:
    r"""Supervised contrastive loss (SupCon) [1]_.

    With embeddings :math:`z` of length 1 and :math:`P(i)` the other examples of the class of i

    .. math::
        \frac1{|I|} \sum_{i \in I} \frac{-1}{|P(i)|} \sum_{p \in P(i)}
        \log \frac{\exp(z_i^\top z_p / \tau)}{\sum_{a \ne i} \exp(z_i^\top z_a / \tau)},

    where I are the examples that are not alone in their class. Several views of a clip are examples
    of the same class.

    Parameters
    ----------
    embeddings : jax.Array of shape (n_examples, n_features)
        Of any length; they are scaled to length 1.
    labels : jax.Array of int, shape (n_examples,)
        Classes. Examples with a negative label, whose class is unknown, take no part.
    temperature : float
        Divides the similarities, tau.

    Returns
    -------
    loss : jax.Array
        Scalar; 0 if no two examples share a class.

    References
    ----------
    .. [1] Khosla et al. (2020), "Supervised contrastive learning", NeurIPS 33,
       https://doi.org/10.48550/arXiv.2004.11362.

    Examples
    --------
    Two views each of 128 clips, all with the same embedding: the logarithm of 2 * 128 - 1.

    >>> loss = supervised_contrast(jnp.ones((256, 8)), jnp.arange(256) % 4)
    >>> round(float(loss), 4)
    5.5413
    """
    z = jnp.asarray(embeddings)
    z = z.astype(jnp.promote_types(z.dtype, jnp.float32))
    z = z / jnp.sqrt(jnp.square(z).sum(-1, keepdims=True) + _EPS)
    n = len(z)
    labels = jnp.asarray(labels)
    known = labels >= 0
    others = ~jnp.eye(n, dtype=bool) & known[:, None] & known[None]
    positive = others & (labels[:, None] == labels[None])
    # A finite number for what is left out: rows without others have finite gradients.
    similarity = jnp.where(others, z @ z.T / temperature, -1e30)
    logs = similarity - jax.nn.logsumexp(similarity, axis=1, keepdims=True)
    n_positive = positive.sum(axis=1)
    terms = jnp.where(positive, logs, 0.0).sum(axis=1) / jnp.maximum(n_positive, 1)
    return -terms.sum() / jnp.maximum((n_positive > 0).sum(), 1)


def metadata_contrast(
    embeddings: jax.Array,
    labels: jax.Array,
    of_metadata: Sequence[jax.Array],
    metadata: jax.Array,
    lam: float = 0.75,
    temperature: float = 0.06,
) -> jax.Array:
    r"""Supervised contrast of classes and of metadata (M-SCL) [1]_.

    .. math:: \lambda L(z, y) + (1 - \lambda) \frac1K \sum_{k=1}^K L(z_k, m_k)

    with L from `supervised_contrast` and one projection of the same encoder for the classes and
    for each column of metadata, such as who speaks and with which microphone.

    Parameters
    ----------
    embeddings : jax.Array of shape (n_examples, n_features)
        Projection for the classes.
    labels : jax.Array of int, shape (n_examples,)
        Classes.
    of_metadata : sequence of jax.Array of shape (n_examples, n_features)
        Projection for each column of metadata.
    metadata : jax.Array of int, shape (n_examples, n_columns)
        Values as numbers; negative where one is missing.
    lam : float
        Weight of the classes, between 0 and 1.
    temperature : float
        Divides the similarities.

    Returns
    -------
    loss : jax.Array
        Scalar.

    References
    ----------
    .. [1] Moummad and Farrugia (2022), "Learning audio features with metadata and contrastive
       learning", https://doi.org/10.48550/arXiv.2210.16192.

    Examples
    --------
    >>> x, y = jnp.ones((6, 2)), jnp.array([0, 0, 1, 1, 2, 2])
    >>> loss = metadata_contrast(x, y, [x], jnp.array([[0, 1, 0, 1, 0, -1]]).T)
    >>> round(float(loss), 4)  # 0.75 * log(5) + 0.25 * log(4)
    1.5537
    """
    parts = [
        supervised_contrast(one, metadata[:, k], temperature) for k, one in enumerate(of_metadata)
    ]
    of_all: jax.Array = jnp.stack(parts).mean()
    return mixed(supervised_contrast(embeddings, labels, temperature), of_all, lam)


def mixed(first: jax.Array, second: jax.Array, weight: float) -> jax.Array:
    """Weighted mean of two losses, such as contrast and cross-entropy (the hybrid loss).

    Parameters
    ----------
    first, second : jax.Array
        Losses.
    weight : float
        Of the first, between 0 and 1; the second has the rest. A loss without weight has no
        gradient, even where its own is not finite.

    Returns
    -------
    loss : jax.Array
        Scalar.

    Examples
    --------
    >>> float(mixed(jnp.float32(4), jnp.float32(2), 0.75))
    3.5
    """
    if weight in (0, 1):
        return first if weight else second
    return weight * first + (1 - weight) * second
