"""The layer that differs between subjects."""

import math

import equinox as eqx
import jax
import jax.numpy as jnp


class SubjectLayer(eqx.Module):
    """A linear map of the channels for each subject: (n_times, n_channels), same shape.

    Computes :math:`x + x S` with the matrix S of the subject [1]_. One more matrix is the average
    subject: in training it replaces the subject's own in a share of the examples, so that it learns
    from all of them; it serves subjects who were not in training, whose number is -1.

    Parameters
    ----------
    n_subjects : int
        Number of subjects in training, numbered from 0.
    n_channels : int
        Number of channels.
    average : float
        Share of the training examples that train the average subject.
    key : jax.Array
        Random key of the initial matrices: normal, divided by the root of the number of channels.

    Raises
    ------
    ValueError
        If the share is not between 0 and 1.

    References
    ----------
    .. [1] Défossez et al. (2023), "Decoding speech perception from non-invasive brain recordings",
       Nature Machine Intelligence 5, https://doi.org/10.1038/s42256-023-00714-5.
    """

    weight: jax.Array
    average: float = eqx.field(static=True)
    inference: bool

    def __init__(
        self, n_subjects: int, n_channels: int, average: float = 0.1, *, key: jax.Array
    ) -> None:
        if not 0 <= average <= 1:
            raise ValueError(f"average must be between 0 and 1, got {average}")
        shape = (n_subjects + 1, n_channels, n_channels)
        self.weight = jax.random.normal(key, shape) / math.sqrt(n_channels)
        self.average = average
        self.inference = False

    def __call__(self, x: jax.Array, subject: jax.Array, key: jax.Array | None = None) -> jax.Array:
        """Add the map of the subject."""
        if not self.inference and self.average:
            if key is None:
                raise ValueError("the subject layer needs a random key in training")
            subject = jnp.where(jax.random.bernoulli(key, self.average), -1, subject)
        # The average subject is the last row, where -1 points.
        x = x.astype(self.weight.dtype)
        return x + x @ self.weight[subject]
