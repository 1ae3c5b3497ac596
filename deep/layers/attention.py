"""Self-attention over the times of one example."""

import math

import equinox as eqx
import jax

from deep.layers.dot_product_blocked import attend
from deep.layers.linear import Linear


class MultiHeadAttention(eqx.Module):
    r"""Scaled dot-product self-attention: (n_times, n_features) -> (n_times, n_features).

    Each head takes a share of the features of queries, keys and values and computes
    :math:`\mathrm{softmax}(Q K^\top / \sqrt{d})\, V` [1]_; a last linear map mixes the heads.

    Parameters
    ----------
    n_features : int
        Number of features, a multiple of `n_heads`.
    n_heads : int
        Number of heads.
    key : jax.Array
        Random key of the initial weights.

    Raises
    ------
    ValueError
        If the features cannot be shared equally.

    References
    ----------
    .. [1] Vaswani et al. (2017), "Attention is all you need", NeurIPS 30,
       https://doi.org/10.48550/arXiv.1706.03762.
    """

    projection: Linear
    output: Linear
    n_heads: int = eqx.field(static=True)

    def __init__(self, n_features: int, n_heads: int, *, key: jax.Array) -> None:
        if n_features % n_heads:
            raise ValueError(
                f"n_features={n_features} cannot be shared by n_heads={n_heads}: choose a multiple"
            )
        keys = jax.random.split(key)
        self.projection = Linear(n_features, 3 * n_features, key=keys[0])
        self.output = Linear(n_features, n_features, key=keys[1])
        self.n_heads = n_heads

    def __call__(self, x: jax.Array) -> jax.Array:
        """Mix the times."""
        n_times, n_features = x.shape
        shape = (n_times, 3, self.n_heads, n_features // self.n_heads)
        queries, keys, values = self.projection(x).reshape(shape).transpose(1, 2, 3, 0)
        heads = attend(queries / math.sqrt(shape[-1]), keys, values).astype(x.dtype)
        return self.output(heads.transpose(2, 0, 1).reshape(n_times, n_features))
