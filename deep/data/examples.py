"""Training examples, and how they are dealt into batches."""

from abc import ABC, abstractmethod
from typing import Any

import joblib
import numpy as np

from cocktailparty.backend import to_numpy
from deep.data.dealing import Dealing


class Examples(ABC):
    """Source of examples; `take` may read or cut them only when asked."""

    @abstractmethod
    def __len__(self) -> int:
        """Count the examples."""

    @abstractmethod
    def take(self, indices: np.ndarray, rng: np.random.Generator | None) -> dict[str, Any]:
        """Make a batch.

        Parameters
        ----------
        indices : ndarray of int, shape (n_examples,)
            Which examples.
        rng : numpy.random.Generator or None
            For what is drawn anew each time, such as where a window starts; None outside of
            training, where an example is always the same.

        Returns
        -------
        batch : dict of str to arrays of shape (n_examples, ...)
            New arrays, of the same shapes and types for the same number of examples.
        """

    @abstractmethod
    def digest(self) -> str:
        """Name the content: equal for equal examples, in any process.

        Returns
        -------
        digest : str
            Such as a hash of the data, or of the files that they come from.
        """

    @property
    def apart(self) -> np.ndarray | None:
        """Keys of shape (n_examples,): examples of one key never share a batch; None if any may."""
        return None

    @property
    def dealing(self) -> Dealing | None:
        """Rule of the training batches; None for shuffled examples that `apart` keeps apart."""
        return None

    def batches(self, batch_size: int, rng: np.random.Generator) -> list[np.ndarray]:
        """Deal examples into batches of one size, for one epoch of a training.

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

        Raises
        ------
        ValueError
            If such batches cannot be made.
        """
        if self.dealing is None:
            return training_batches(len(self), batch_size, self.apart, rng)
        return self.dealing.batches(batch_size, rng)


class ArrayExamples(Examples):
    """Examples that are rows of arrays in memory.

    Parameters
    ----------
    arrays : dict of str to arrays of shape (n_examples, ...)
        What a batch holds.
    apart : array-like of shape (n_examples,), optional
        Keys; examples with the same key, such as windows of the same sound, which would be false
        negatives of a contrast, never share a batch.
    dealing : Dealing, optional
        Another rule for the training batches, such as all classes equally often; excludes `apart`.

    Raises
    ------
    ValueError
        If the arrays differ in length or are empty, or both keys and a rule are given.

    Examples
    --------
    >>> examples = ArrayExamples({"x": np.arange(6.0).reshape(3, 2)})
    >>> examples.take(np.array([2, 0]), None)["x"]
    array([[4., 5.],
           [0., 1.]])
    """

    def __init__(
        self, arrays: dict[str, np.ndarray], apart: Any = None, dealing: Dealing | None = None
    ) -> None:
        if apart is not None and dealing is not None:
            raise ValueError("apart and dealing are two rules for the same batches: give one")
        self.arrays = {name: to_numpy(array, name) for name, array in arrays.items()}
        self._apart = None if apart is None else np.asarray(apart)
        self._dealing = dealing
        lengths = {name: len(array) for name, array in self.arrays.items()}
        if dealing is not None:
            lengths["dealing"] = len(dealing)
        if apart is not None:
            lengths["apart"] = len(self._apart)  # type: ignore[arg-type]
        if len(set(lengths.values())) != 1 or 0 in lengths.values():
            raise ValueError(
                f"the arrays of examples must be equally long and not empty, got lengths {lengths}"
            )

    def __len__(self) -> int:
        return len(next(iter(self.arrays.values())))

    def take(self, indices: np.ndarray, rng: np.random.Generator | None) -> dict[str, Any]:
        """Copy rows.

        Parameters
        ----------
        indices : ndarray of int, shape (n_examples,)
            Which examples.
        rng : numpy.random.Generator or None
            Not used.

        Returns
        -------
        batch : dict of str to arrays of shape (n_examples, ...)
            The rows.
        """
        return {name: array[indices] for name, array in self.arrays.items()}

    def digest(self) -> str:
        """Hash the arrays.

        Returns
        -------
        digest : str
            Hash.
        """
        dealing = self._dealing
        rule = () if dealing is None else (dealing.digest(),)
        return str(joblib.hash((self.arrays, self._apart, *rule)))

    @property
    def apart(self) -> np.ndarray | None:
        """Keys of the examples, as given."""
        return self._apart

    @property
    def dealing(self) -> Dealing | None:
        """Rule of the training batches, as given."""
        return self._dealing


class Subset(Examples):
    """A subset of the examples of another source, by their indices."""

    def __init__(self, examples: Examples, indices: Any) -> None:
        self.examples = examples
        self.indices = np.asarray(indices)

    def __len__(self) -> int:
        return len(self.indices)

    def take(self, indices: np.ndarray, rng: np.random.Generator | None) -> dict[str, Any]:
        """Make a batch of the source; `indices` count within the subset."""
        return self.examples.take(self.indices[indices], rng)

    def digest(self) -> str:
        """Hash of the source's digest and the indices."""
        return str(joblib.hash((self.examples.digest(), self.indices)))

    @property
    def apart(self) -> np.ndarray | None:
        """Keys of the examples in the source."""
        keys = self.examples.apart
        return None if keys is None else keys[self.indices]

    @property
    def dealing(self) -> Dealing | None:
        """Rule of the source, for these examples."""
        dealing = self.examples.dealing
        return None if dealing is None else dealing.subset(self.indices)


def training_batches(
    n_examples: int, batch_size: int, group_keys: np.ndarray | None, rng: np.random.Generator
) -> list[np.ndarray]:
    """Deal shuffled examples into batches of one size, (batch_size,), for one epoch.

    Makes as many batches as possible. A few examples are left out, others in each epoch: what does
    not fill a batch, and of a group key, shape (n_examples,) or None, that has more examples than
    there are batches, the surplus. Raises `ValueError` if there are fewer keys than examples in a
    batch.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> [sorted(batch % 3) for batch in training_batches(6, 3, np.arange(6) % 3, rng)]
    [[np.int64(0), np.int64(1), np.int64(2)], [np.int64(0), np.int64(1), np.int64(2)]]
    """
    counts = _counts(n_examples, group_keys)
    n_batches = next(
        (
            m
            for m in range(n_examples // batch_size, 0, -1)
            if np.minimum(counts, m).sum() >= m * batch_size
        ),
        0,
    )
    if not n_batches:
        raise ValueError(
            f"batches of {batch_size} cannot be made of {n_examples} sample(s) with {len(counts)} "
            f"different keys to be kept apart: set batch_size to at most {len(counts)}"
        )
    order, rank = _by_key(n_examples, group_keys, rng)
    order = order[rank < n_batches]
    surplus = rng.choice(len(order), len(order) - n_batches * batch_size, replace=False)
    return [np.delete(order, surplus)[i::n_batches] for i in rng.permutation(n_batches)]


def evaluation_batches(
    n_examples: int, batch_size: int, group_keys: np.ndarray | None
) -> list[np.ndarray]:
    """Deal all examples into batches of at most two sizes, which differ by one; always the same.

    `batch_size` is the largest; examples of one group key, shape (n_examples,) or None, never share
    a batch.

    Examples
    --------
    >>> [len(batch) for batch in evaluation_batches(7, 4, None)]
    [4, 3]
    """
    n_batches = max(-(-n_examples // batch_size), _counts(n_examples, group_keys).max())
    order, _ = _by_key(n_examples, group_keys, np.random.default_rng(0))
    return [order[i::n_batches] for i in range(n_batches)]


def _counts(n_examples: int, group_keys: np.ndarray | None) -> np.ndarray:
    if group_keys is None:
        return np.ones(n_examples, dtype=int)
    return np.unique(group_keys, return_counts=True)[1]


def _by_key(
    n_examples: int, group_keys: np.ndarray | None, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Shuffle with equal keys side by side, so that dealing them out in turn keeps them apart.

    Returns the examples, and for each the number of examples of its key before it.
    """
    order = rng.permutation(n_examples)
    if group_keys is None:
        return order, np.zeros(n_examples, dtype=int)
    _, keys = np.unique(group_keys, return_inverse=True)
    place = rng.permutation(keys.max() + 1)[keys[order]]
    sorting = np.argsort(place, kind="stable")
    order, place = order[sorting], place[sorting]
    starts = np.searchsorted(place, place)
    return order, np.arange(n_examples) - starts
