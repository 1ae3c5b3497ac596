"""Rules that deal examples into training batches."""

from abc import ABC, abstractmethod
from typing import Any, Self

import joblib
import numpy as np


class Dealing(ABC):
    """A rule that deals examples into the batches of an epoch."""

    @abstractmethod
    def __len__(self) -> int:
        """Count the examples."""

    @abstractmethod
    def batches(self, batch_size: int, rng: np.random.Generator) -> list[np.ndarray]:
        """Deal examples into batches of one size.

        Parameters
        ----------
        batch_size : int
            Number of examples in a batch.
        rng : numpy.random.Generator
            Decides everything.

        Returns
        -------
        batches : list of ndarray of int, shape (batch_size,)
            The same number for each epoch.
        """

    @abstractmethod
    def subset(self, indices: np.ndarray) -> Self:
        """Make the rule for a subset of the examples.

        Parameters
        ----------
        indices : ndarray of int
            Which of them.

        Returns
        -------
        dealing : Dealing
            Rule for examples in this order.
        """

    @abstractmethod
    def digest(self) -> str:
        """Name the rule and its keys: equal for equal rules, in any process.

        Returns
        -------
        digest : str
            Such as a hash.
        """


class Balanced(Dealing):
    """Deal all keys equally often, several examples of one key at a time.

    With classes as keys the batches are balanced by class, with groups by group. With several items
    per key they consist of classes times items, as a contrast needs that compares examples of one
    class. An epoch has as many batches as if each example were dealt once; examples of a rare key
    are dealt more often than that, and those of one key equally often.

    Parameters
    ----------
    keys : array-like of shape (n_examples,)
        Class or group of each example.
    n_items : int
        Examples of a key that go into a batch together. A key that has fewer gives some twice.

    Raises
    ------
    ValueError
        If there are no keys or no items.

    Examples
    --------
    >>> keys = np.array(["a"] * 6 + ["b"] * 2)
    >>> batches = Balanced(keys, n_items=2).batches(4, np.random.default_rng(0))
    >>> [sorted(keys[batch].tolist()) for batch in batches]
    [['a', 'a', 'b', 'b'], ['a', 'a', 'b', 'b']]
    """

    def __init__(self, keys: Any, n_items: int = 1) -> None:
        self.keys, self.n_items = np.asarray(keys), n_items
        if self.keys.ndim != 1 or not len(self.keys):
            raise ValueError(f"keys must be one for each example, got shape {self.keys.shape}")
        if n_items < 1:
            raise ValueError(f"n_items must be at least 1, got {n_items}")

    def __len__(self) -> int:
        return len(self.keys)

    def batches(self, batch_size: int, rng: np.random.Generator) -> list[np.ndarray]:
        """Deal examples into batches of one size.

        Parameters
        ----------
        batch_size : int
            Number of examples in a batch, a multiple of `n_items`.
        rng : numpy.random.Generator
            Decides everything.

        Returns
        -------
        batches : list of ndarray of int, shape (batch_size,)
            As many as the examples would fill, at least one.

        Raises
        ------
        ValueError
            If the items do not fill a batch.
        """
        if batch_size % self.n_items:
            raise ValueError(
                f"batch_size={batch_size} is no multiple of the {self.n_items} examples of a key "
                "that go into a batch together"
            )
        n_batches = max(len(self) // batch_size, 1)
        n_draws = batch_size // self.n_items
        numbers, keys = np.unique(self.keys, return_inverse=True)
        indices_of = [np.flatnonzero(keys == key) for key in range(len(numbers))]
        drawn = in_turn(np.arange(len(indices_of)), n_batches * n_draws, rng)
        counts = np.bincount(drawn, minlength=len(indices_of))
        # Each key's examples in the order in which they are dealt.
        stock = [
            in_turn(indices, int(count) * self.n_items, rng).reshape(-1, self.n_items)
            for indices, count in zip(indices_of, counts, strict=True)
        ]
        n_before = np.zeros(len(drawn), dtype=int)
        for key in range(len(indices_of)):
            n_before[drawn == key] = np.arange(counts[key])
        dealt = np.stack([stock[key][i] for key, i in zip(drawn, n_before, strict=True)])
        return list(dealt.reshape(n_batches, batch_size))

    def subset(self, indices: np.ndarray) -> Self:
        """Make the rule for a subset of the examples.

        Parameters
        ----------
        indices : ndarray of int
            Which of them.

        Returns
        -------
        dealing : Balanced
            Rule for examples in this order.
        """
        return type(self)(self.keys[indices], self.n_items)

    def digest(self) -> str:
        """Hash keys and number of items.

        Returns
        -------
        digest : str
            Hash.
        """
        return str(joblib.hash((self.keys, self.n_items)))


def in_turn(things: np.ndarray, n: int, rng: np.random.Generator) -> np.ndarray:
    """Draw `n` times from an array, (n_things,), so that none comes again before all others came.

    The order is another one in each turn.

    Examples
    --------
    >>> drawn = in_turn(np.array([3, 5]), 5, np.random.default_rng(0))
    >>> sorted(drawn[:2].tolist()), sorted(drawn[2:4].tolist())
    ([3, 5], [3, 5])
    """
    turns = -(-n // len(things)) if n else 0
    drawn = [rng.permutation(things) for _ in range(turns)]
    return np.concatenate(drawn)[:n] if drawn else things[:0]
