"""The linear part of the decoder: ridge models of the features, solved and not trained."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import reduce
from operator import add
from typing import NamedTuple, Self

import numpy as np

from deep.siglip.lagged_moments import LaggedMoments

#: Penalties to choose from, relative to the mean diagonal.
PENALTIES = tuple(10.0**exponent for exponent in range(-4, 3))
# How strongly a listener is drawn to the average: from not much to altogether.
_PULLS = (1e-1, 1e0, 1e1)
# EEG of more channels is described by as many principal components.
_MOST_COMPONENTS = 64


class Part(NamedTuple):
    """A stretch of training data, see `deep.data.stretches`.

    Attributes
    ----------
    eeg : ndarray of shape (n_times, n_channels)
        EEG.
    features : ndarray of shape (n_times, n_features)
        Features of the attended sound.
    subject : int
        Number of the listener.
    part : int
        Part of the data.
    """

    eeg: np.ndarray
    features: np.ndarray
    subject: int
    part: int


@dataclass
class LaggedRidge:
    """Linear models of all listeners and of the average one.

    Attributes
    ----------
    n_lags : int
        Number of lags in samples, from 0 on.
    mean : ndarray of shape (n_channels,)
        Of the EEG in training.
    weights : ndarray of float32, shape (n_subjects + 1, n_lags, n_channels, n_features)
        The average listener is the last.
    penalty : float
        Chosen penalty.
    pull : float
        Chosen strength with which listeners are drawn to the average; infinite where all have
        its weights.
    """

    n_lags: int
    mean: np.ndarray
    weights: np.ndarray
    penalty: float
    pull: float

    @classmethod
    def of(
        cls, parts: Sequence[Part], n_subjects: int, n_lags: int, held_out: Collection[int] = ()
    ) -> tuple[Self, list[np.ndarray]]:
        """Choose penalties by leaving out parts, and solve.

        Parameters
        ----------
        parts : sequence of Part
            Training data.
        n_subjects : int
            Number of listeners.
        n_lags : int
            Number of lags in samples.
        held_out : collection of int
            Parts that the predictions of the other parts may not depend on either.

        Returns
        -------
        ridge : LaggedRidge
            Solved from all parts.
        predictions : list of ndarray of float32, shape (n_times, n_features)
            Of each stretch by a model that has not seen its part: what the models predict for
            what they were trained on would look better than anything they will meet later.
        """
        mean = np.concatenate([part.eeg for part in parts]).mean(axis=0, dtype=np.float64)
        basis = _basis(parts, mean)
        reduced = [part._replace(eeg=(part.eeg - mean) @ basis) for part in parts]
        n_parts = 1 + max(part.part for part in parts)
        moments = _by_part(reduced, n_parts, n_lags)
        total = reduce(add, moments)
        penalty = _best(PENALTIES, lambda p: _score(moments, total, p))
        average = [_without(moments, total, {k}).ridge(penalty) for k in range(n_parts)]
        without = [{k, *held_out} for k in range(n_parts)]
        inner = (
            [_without(moments, total, left_out).ridge(penalty) for left_out in without]
            if held_out
            else average
        )
        final = total.ridge(penalty)
        own = {s: [x for x in reduced if x.subject == s] for s in range(n_subjects)}
        pull = np.inf
        if n_subjects > 1:
            scores = np.zeros(len(_PULLS) + 1)
            for s in range(n_subjects):
                scores += _pull_scores(_by_part(own[s], n_parts, n_lags), average)
            pull = (*_PULLS, np.inf)[int(np.argmax(scores))]
        weights = np.empty((n_subjects + 1, n_lags * basis.shape[1], total.cross.shape[1]))
        weights[-1] = final
        predicted: dict[int, np.ndarray] = {}
        for s in range(n_subjects):
            models = inner
            weights[s] = final
            if np.isfinite(pull):
                mine = _by_part(own[s], n_parts, n_lags)
                whole = reduce(add, mine)
                weights[s] = whole.ridge(pull, final)
                models = [
                    _without(mine, whole, without[k]).ridge(pull, inner[k]) for k in range(n_parts)
                ]
            for i, part in enumerate(reduced):
                if part.subject == s:
                    model = models[part.part].reshape(n_lags, basis.shape[1], -1)
                    predicted[i] = _apply(part.eeg, model)
        shape = (n_subjects + 1, n_lags, basis.shape[1], -1)
        full = np.einsum("cp,slpk->slck", basis, weights.reshape(shape), optimize=True)
        ridge = cls(n_lags, mean, full.astype(np.float32), float(penalty), float(pull))
        return ridge, [predicted[i] for i in range(len(parts))]

    def __call__(self, eeg: np.ndarray, subject: int) -> np.ndarray:
        """Predict the features.

        Parameters
        ----------
        eeg : ndarray of shape (n_times, n_channels)
            EEG.
        subject : int
            Number of the listener; -1 for the average.

        Returns
        -------
        predictions : ndarray of float32, shape (n_times, n_features)
            The EEG after the end counts as zero.
        """
        return _apply(eeg - self.mean, self.weights[subject])

    def joined(
        self, parts: Sequence[Part], held_out: Collection[int] = ()
    ) -> tuple[Self, list[np.ndarray]]:
        """Add one listener, drawn to the average one as the others are.

        Where all listeners have the average weights, or there was only one, the pull is chosen by
        leaving out parts of the new one.

        Parameters
        ----------
        parts : sequence of Part
            Data of the new listener.
        held_out : collection of int
            As for `of`.

        Returns
        -------
        ridge : LaggedRidge
            With the new listener as the last before the average one.
        predictions : list of ndarray of float32, shape (n_times, n_features)
            As for `of`.
        """
        average = self.weights[-1].astype(np.float64)
        flat = average.reshape(-1, average.shape[-1])
        n_parts = 1 + max(part.part for part in parts)
        centred = [part._replace(eeg=part.eeg - self.mean) for part in parts]
        moments = _by_part(centred, n_parts, self.n_lags)
        total = reduce(add, moments)
        pull = self.pull
        if not np.isfinite(pull):
            scores = _pull_scores(moments, [flat] * n_parts)
            pull = (*_PULLS, np.inf)[int(np.argmax(scores))] if scores.any() else np.inf
        models = [flat] * (n_parts + 1)
        if np.isfinite(pull):
            models = [
                _without(moments, total, {k, *held_out}).ridge(pull, flat) for k in range(n_parts)
            ]
            models.append(total.ridge(pull, flat))
        shaped = [model.reshape(average.shape).astype(np.float32) for model in models]
        predictions = [_apply(part.eeg, shaped[part.part]) for part in centred]
        stacked = np.stack([*self.weights[:-1], shaped[-1], self.weights[-1]])
        joined = type(self)(self.n_lags, self.mean, stacked, self.penalty, self.pull)
        return joined, predictions


def _basis(parts: Sequence[Part], mean: np.ndarray) -> np.ndarray:
    """Principal components of the EEG, (n_channels, n_components); all channels if they are few."""
    n_channels = len(mean)
    if n_channels <= _MOST_COMPONENTS:
        return np.eye(n_channels)
    covariance = sum((part.eeg - mean).T @ (part.eeg - mean) for part in parts)
    _, vectors = np.linalg.eigh(covariance)
    return np.asarray(vectors[:, -_MOST_COMPONENTS:])


def _by_part(parts: Sequence[Part], n_parts: int, n_lags: int) -> list[LaggedMoments]:
    size, n_features = n_lags * parts[0].eeg.shape[1], parts[0].features.shape[1]
    zero = LaggedMoments(np.zeros((size, size)), np.zeros((size, n_features)), np.zeros(n_features))
    found = [zero] * n_parts
    for part in parts:
        found[part.part] = found[part.part] + LaggedMoments.of(part.eeg, part.features, n_lags)
    return found


def _without(
    moments: list[LaggedMoments], total: LaggedMoments, left_out: Collection[int]
) -> LaggedMoments:
    """Sum what is not left out, which rounds less than taking off what is; all if that is all."""
    kept = [own for k, own in enumerate(moments) if k not in left_out]
    return reduce(add, kept) if kept else total


def _score(moments: list[LaggedMoments], total: LaggedMoments, penalty: float) -> float:
    return float(
        np.mean([own.correlation((total - own).ridge(penalty)) for own in moments])
        if len(moments) > 1
        else total.correlation(total.ridge(penalty))
    )


def _pull_scores(moments: list[LaggedMoments], average: list[np.ndarray]) -> np.ndarray:
    """Correlation in the parts left out, for each pull and for the average listener's weights."""
    total = reduce(add, moments)
    scores = np.zeros(len(_PULLS) + 1)
    for own, towards in zip(moments, average, strict=True):
        if not own.power[0] or own.power[0] == total.power[0]:
            continue  # nothing of this listener in the part, or nothing outside it
        models = [(total - own).ridge(pull, towards) for pull in _PULLS]
        scores += [own.correlation(model) for model in (*models, towards)]
    return scores


def _best(choices, score) -> float:  # type: ignore[no-untyped-def]
    return float(choices[int(np.argmax([score(choice) for choice in choices]))])


def _apply(eeg: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Predict (n_times, n_features) with weights (n_lags, n_channels, n_features)."""
    n = len(eeg)
    x, weights = eeg.astype(np.float32), weights.astype(np.float32)
    predicted = np.zeros((n, weights.shape[2]), dtype=np.float32)
    for lag, own in enumerate(weights[:n]):
        predicted[: n - lag] += x[lag:] @ own
    return predicted
