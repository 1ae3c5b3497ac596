"""Cross-entropy with weights of classes."""

import jax
import jax.numpy as jnp
import numpy as np


def weighted_cross_entropy(
    logits: jax.Array, labels: jax.Array, weights: jax.Array | None = None
) -> jax.Array:
    r"""Cross-entropy with a weight for each class.

    .. math::
        -\sum_i w_{y_i} \log p_i(y_i) \Big/ \sum_i w_{y_i}, \qquad
        p_i = \mathrm{softmax}(z_i)

    Parameters
    ----------
    logits : jax.Array of shape (n_examples, n_classes)
        Scores z.
    labels : jax.Array of int, shape (n_examples,)
        Classes y.
    weights : jax.Array of shape (n_classes,), optional
        Weights w; equal ones if None.

    Returns
    -------
    loss : jax.Array
        Scalar.

    Examples
    --------
    >>> loss = weighted_cross_entropy(jnp.zeros((2, 4)), jnp.array([0, 3]))
    >>> round(float(loss), 4)  # the logarithm of 4
    1.3863
    """
    logits = jnp.asarray(logits)
    logits = logits.astype(jnp.promote_types(logits.dtype, jnp.float32))
    chosen = jnp.take_along_axis(jax.nn.log_softmax(logits), labels[:, None], axis=1)[:, 0]
    if weights is None:
        return -chosen.mean()
    of_example = jnp.asarray(weights, logits.dtype)[labels]
    return -(of_example * chosen).sum() / of_example.sum()


def balanced_weights(labels: np.ndarray, n_classes: int) -> np.ndarray:
    """Weigh classes by the inverse of their frequency.

    Parameters
    ----------
    labels : ndarray of int, shape (n_examples,)
        Classes.
    n_classes : int
        Number of classes.

    Returns
    -------
    weights : ndarray of shape (n_classes,)
        They sum to 1; zero for a class without examples.

    Examples
    --------
    The breath cycles of ICBHI 2017, official training part:

    >>> labels = np.repeat([0, 1, 2, 3], [2063, 1215, 501, 363])
    >>> balanced_weights(labels, 4).round(4).tolist()
    [0.08, 0.1358, 0.3295, 0.4547]
    """
    counts = np.bincount(labels, minlength=n_classes).astype(float)
    inverse = np.divide(1, counts, out=np.zeros(n_classes), where=counts > 0)
    return np.asarray(inverse / inverse.sum())
