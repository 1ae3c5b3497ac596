"""Lifelong memory of voices: a table of fixed size with keys, values and ages."""

from dataclasses import dataclass
from typing import Any, NamedTuple, Self

import numpy as np

#: Row of voices without a name.
UNKNOWN = 0
_FREE = ""


class Recalled(NamedTuple):
    """Talkers in a memory.

    Attributes
    ----------
    names : tuple of str
        Talkers, in the order of their slots.
    values : ndarray of float32, shape (n_talkers, n_features)
        Their voices, each of norm 1.
    ages : ndarray of int, shape (n_talkers,)
        How many other talkers were updated since this one was.
    """

    names: tuple[str, ...]
    values: np.ndarray
    ages: np.ndarray


class Learnt(NamedTuple):
    """A memory after an update, and the talker who was evicted for it or None."""

    memory: "VoiceMemory"
    evicted: str | None


@dataclass(frozen=True, eq=False)
class VoiceMemory:
    r"""Voices of talkers under their names, in a table whose size never changes.

    A talker with a slot gets the normalised sum of the stored voice and the new vector :math:`v /
    \lVert v \rVert`; its age becomes 0 and that of all others grows by one [1]_. A talker without
    one takes a free slot, or that of the oldest if none is free. Nothing else is touched: learning
    one talker changes no other voice by a bit. Row 0 is for a voice without a name: it keeps the
    last one only, and has no age.

    All is on the host, and an update is a few additions: nothing is compiled.

    Attributes
    ----------
    keys : tuple of str, length n_slots + 1
        Name of the talker of each row; empty for a free one, and for row 0.
    values : ndarray of float32, shape (n_slots + 1, n_features)
        Voices; zero where there is none.
    ages : ndarray of int64, shape (n_slots + 1,)
        Ages; 0 where there is none.

    References
    ----------
    .. [1] Xu, Shi, Liu, Chen & Xu (2018), "Modeling attention and memory for auditory selection in
       a cocktail party environment", Proceedings of the AAAI Conference on Artificial
       Intelligence 32.

    Examples
    --------
    >>> memory = VoiceMemory.empty(n_slots=2, n_features=3)
    >>> for name, vector in {"ann": [1, 0, 0], "bob": [0, 2, 0], "cleo": [0, 0, 3]}.items():
    ...     memory, evicted = memory.learn(name, vector)
    >>> evicted, memory.names, memory.recall("bob").tolist()
    ('ann', ('cleo', 'bob'), [0.0, 1.0, 0.0])
    """

    keys: tuple[str, ...]
    values: np.ndarray
    ages: np.ndarray

    @classmethod
    def empty(cls, n_slots: int, n_features: int) -> Self:
        """Make an empty memory for `n_slots` talkers, with one more row for the unknown.

        `n_features` is the length of a voice vector. Raises `ValueError` if a number is less than
        1.
        """
        for what, value in (("n_slots", n_slots), ("n_features", n_features)):
            if not isinstance(value, int | np.integer) or value < 1:
                raise ValueError(f"{what} must be an integer of at least 1, got {value!r}")
        rows = int(n_slots) + 1
        return cls(
            (_FREE,) * rows, np.zeros((rows, n_features), np.float32), np.zeros(rows, np.int64)
        )

    @property
    def names(self) -> tuple[str, ...]:
        """Talkers in the memory, in the order of their slots."""
        return tuple(key for key in self.keys if key != _FREE)

    def learn(self, name: str, vector: Any) -> Learnt:
        """Update the voice of a talker, or take a slot for a new one.

        `vector`, (n_features,), may have any norm. Returns the new memory, and who was evicted.

        Raises `ValueError` if the name is empty, or the vector has another shape, is zero or not
        finite; `TypeError` if the name is no string.
        """
        check_name(name)
        v = self._unit(vector)
        row, evicted = self._row_for(name)
        if self.keys[row] == name:
            v = self._unit(v + self.values[row])
        values = self.values.copy()
        values[row] = v
        keys = (*self.keys[:row], name, *self.keys[row + 1 :])
        taken = np.array([key != _FREE for key in keys])
        ages = np.where(taken, self.ages + 1, 0)
        ages[row] = 0
        return Learnt(type(self)(keys, values, ages), evicted)

    def hear(self, vector: Any) -> Self:
        """Keep a stranger's voice, (n_features,), in row 0 instead of the last stranger's.

        It may have any norm; talkers and ages stay. Raises `ValueError` as `learn` does.
        """
        values = self.values.copy()
        values[UNKNOWN] = self._unit(vector)
        return type(self)(self.keys, values, self.ages)

    def recall(self, name: str | None) -> np.ndarray:
        """Look up a voice, float32 of shape (n_features,); changes neither value nor age.

        None stands for the stranger heard last. Raises `ValueError`, which lists the known talkers,
        if nobody has this name, or if no stranger was heard.
        """
        row = UNKNOWN if name is None else self._row_of(name)
        if not self.values[row].any():
            raise ValueError("no stranger was heard yet: call hear first")
        return self.values[row].copy()

    def forget(self, name: str) -> Self:
        """Free the slot of a talker; all others stay as they are.

        Raises `ValueError`, which lists the known talkers, if nobody has this name.
        """
        row = self._row_of(name)
        values, ages = self.values.copy(), self.ages.copy()
        values[row], ages[row] = 0, 0
        return type(self)((*self.keys[:row], _FREE, *self.keys[row + 1 :]), values, ages)

    def content(self) -> Recalled:
        """List names, voices and ages, without free rows and the unknown."""
        rows = [row for row, key in enumerate(self.keys) if key != _FREE]
        return Recalled(self.names, self.values[rows], self.ages[rows])

    def _row_of(self, name: str) -> int:
        if name == _FREE or name not in self.keys:
            known = ", ".join(map(repr, sorted(self.names))) or "nobody"
            raise ValueError(f"no talker is called {name!r}; known: {known}")
        return self.keys.index(name)

    def _row_for(self, name: str) -> tuple[int, str | None]:
        """Row that a talker has or gets, and who has to leave it."""
        if name in self.keys:
            return self.keys.index(name), None
        free = [row for row, key in enumerate(self.keys) if key == _FREE and row != UNKNOWN]
        if free:
            return free[0], None
        oldest = int(self.ages[1:].argmax()) + 1
        return oldest, self.keys[oldest]

    def _unit(self, vector: Any) -> np.ndarray:
        v = np.asarray(vector, dtype=np.float64)
        if v.shape != self.values.shape[1:]:
            raise ValueError(f"vector has shape {v.shape}, expected {self.values.shape[1:]}")
        norm = float(np.linalg.norm(v))
        if not np.isfinite(norm) or norm == 0:
            raise ValueError(f"a voice must have a direction, got a vector of norm {norm}")
        return np.asarray(v / norm, dtype=np.float32)


def check_name(name: Any) -> str:
    """Check that the name of a talker is a string (`TypeError`) and not empty (`ValueError`)."""
    if not isinstance(name, str):
        raise TypeError(f"the name of a talker must be a string, got {name!r}")
    if name == _FREE:
        raise ValueError("the name of a talker must not be empty")
    return name
