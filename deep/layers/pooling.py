"""Pooling of neighbouring times and frequencies."""

import jax


def average_pool(x: jax.Array, size: tuple[int, int]) -> jax.Array:
    """Average over blocks of times and frequencies.

    Parameters
    ----------
    x : jax.Array of shape (n_times, n_freqs, n_features)
        Features.
    size : tuple of int
        Times and frequencies of a block. An incomplete block at the end is dropped, as in PyTorch.

    Returns
    -------
    pooled : jax.Array of shape (n_times // size[0], n_freqs // size[1], n_features)
        Means.

    Examples
    --------
    >>> import jax.numpy as jnp
    >>> average_pool(jnp.arange(10.0).reshape(5, 2, 1), (2, 2))[..., 0].tolist()
    [[1.5], [5.5]]
    """
    if size == (1, 1):
        return x
    counts = [n // k for n, k in zip(x.shape, size, strict=False)]
    x = x[: counts[0] * size[0], : counts[1] * size[1]]
    return x.reshape(counts[0], size[0], counts[1], size[1], -1).mean((1, 3))


def mean_and_max(x: jax.Array) -> jax.Array:
    """Average over frequencies, then add mean and largest value over times, as PANNs do [1]_.

    Parameters
    ----------
    x : jax.Array of shape (n_times, n_freqs, n_features)
        Features.

    Returns
    -------
    pooled : jax.Array of shape (n_features,)
        One value per feature.

    References
    ----------
    .. [1] Kong et al. (2020), "PANNs: large-scale pretrained audio neural networks for audio
       pattern recognition", IEEE/ACM TASLP 28, https://doi.org/10.1109/TASLP.2020.3030497.

    Examples
    --------
    >>> import jax.numpy as jnp
    >>> mean_and_max(jnp.array([[[1.0], [3.0]], [[0.0], [0.0]]])).tolist()
    [3.0]
    """
    x = x.mean(axis=1)
    pooled: jax.Array = x.mean(axis=0) + x.max(axis=0)
    return pooled
