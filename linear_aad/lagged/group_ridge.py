"""Ridge models of several subjects, each shrunk towards the model of all."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np

from cocktailparty.backend import namespace, to_numpy
from linear_aad.lagged.group_moments import GroupMoments, Segment
from linear_aad.lagged.leave_one_out import correlation
from linear_aad.lagged.linalg import solve_factored
from linear_aad.lagged.moments import Moments, filter_lagged
from linear_aad.lagged.penalties import Penalty
from linear_aad.lagged.systems import penalised_factor


@dataclass(frozen=True)
class GroupSettings:
    """Penalties to choose from, and how they are compared.

    Attributes
    ----------
    alphas : tuple of float
        Penalties of the squared weights of the average model, relative to the mean diagonal of
        the summed products.
    shrinkages : tuple of float
        Penalties of the squared differences from the average weights, likewise relative to the
        products of the subject. Infinite: all subjects have the average weights.
    fit_intercept : bool
        Fit constants, which are not penalised.
    n_components : int, optional
        Inputs with more channels are reduced to this many principal components.
    compared : int, optional
        Index of the output whose correlation decides; None for the mean of all.
    """

    alphas: tuple[float, ...] = tuple(10.0**exponent for exponent in range(-4, 3))
    shrinkages: tuple[float, ...] = (1e-1, 1e0, 1e1, np.inf)
    fit_intercept: bool = True
    n_components: int | None = None
    compared: int | None = None

    @property
    def penalty(self) -> Penalty:
        """Kind and convention of the penalties."""
        return Penalty(convention="relative", fit_intercept=self.fit_intercept)

    def score(self, moments: Moments, weights: Any) -> float:
        """Correlation of predictions and outputs: of the deciding output, or the mean of all.

        `weights` have the shape (n_regressors, n_outputs).
        """
        r = to_numpy(correlation(moments, weights))
        return float(np.mean(r) if self.compared is None else r[self.compared])


def ridge_towards(moments: Moments | None, alpha: float, penalty: Penalty, target: Any) -> Any:
    """Solve a ridge regression that penalises differences from `target` (n_regressors, n_outputs).

    The weights minimise ``|y - x w - b|^2 + alpha |w - target|^2``, with `alpha` in the convention
    of `penalty`; they are `target` itself where the data say nothing or `moments` is None. Raises
    ValueError if the system is singular.

    Examples
    --------
    >>> moments = Moments.of(np.array([[1.0], [-1.0]]), np.array([[2.0], [-2.0]]))
    >>> target = np.array([[4.0]])
    >>> [round(ridge_towards(moments, a, Penalty(), target).item(), 6) for a in (0.0, 2.0, 1e9)]
    [2.0, 3.0, 4.0]
    """
    if moments is None:
        return target
    xx, xy = penalty.equations(moments)
    if not bool(namespace(xx).any(xx != 0)):
        return target
    factor = penalised_factor(xx, penalty.absolute(alpha, moments, 1), penalty)
    return target + solve_factored(factor, xy - xx @ target)


@dataclass
class GroupRidge:
    """Linear models of all subjects and of the average one, which is the last.

    `lags` (n_lags,) of the input are successive, in samples; `mean` (n_channels,) is subtracted
    from every input; `weights` have the shape (n_subjects + 1, n_channels, n_lags, n_outputs) and
    `intercepts` (n_subjects + 1, n_outputs). `alpha` and `shrinkage` are the chosen penalties, of
    which the latter is infinite where all have the weights of the average.
    """

    lags: np.ndarray
    mean: Any
    weights: Any
    intercepts: Any
    alpha: float
    shrinkage: float

    def predict(self, x: Any, subject: int) -> Any:
        """Predict outputs (n_times, n_outputs) from an input (n_times, n_channels).

        They have the dtype of the input. `subject` is the number of a subject, or -1 for the
        average one. The input counts as zero beyond its ends.
        """
        xp = namespace(x, self.weights)
        weights, mean, intercept = (
            xp.astype(array, x.dtype, copy=False)
            for array in (self.weights[subject, ...], self.mean, self.intercepts[subject, ...])
        )
        return filter_lagged(x - mean, weights, self.lags) + intercept

    def joined(
        self, segments: Sequence[Segment], settings: GroupSettings
    ) -> tuple[Self, "GroupFit"]:
        """Add one subject, shrunk towards the average like the others.

        Its number in `segments` is 0. Where all subjects have the average weights, or there was
        only one, the shrinkage is chosen by leaving out folds of the new one; the penalty of the
        average is kept, and all channels are used. Gives the models with the new subject as the
        last before the average one, and its fit.
        """
        fit = GroupFit(segments, 1, self.lags, replace(settings, n_components=None), self)
        xp = namespace(self.weights)
        new = fit.ridge
        weights, constants = (
            xp.concat([old[:-1, ...], own[:1, ...], old[-1:, ...]])
            for old, own in ((self.weights, new.weights), (self.intercepts, new.intercepts))
        )
        return replace(self, weights=weights, intercepts=constants), fit


class GroupFit:
    """Choose penalties by leaving out folds, and solve for all subjects; the models are in `ridge`.

    With a single fold, penalties are compared on the training data. `known` gives an average model
    that is kept instead of learnt, and the mean (n_channels,) to subtract from inputs; otherwise
    that is `mean`, or zero. `lags` are successive, in samples.
    """

    def __init__(
        self,
        segments: Sequence[Segment],
        n_subjects: int,
        lags: np.ndarray,
        settings: GroupSettings,
        known: GroupRidge | None = None,
        mean: Any = None,
    ) -> None:
        xp = namespace(*(segment.input for segment in segments))
        n_channels = segments[0].input.shape[1]
        if known is not None:
            mean = known.mean
        elif mean is None:
            mean = xp.zeros(n_channels, dtype=xp.float64)
        self._lags, self._settings, self._mean = lags, settings, mean
        self._subjects = range(n_subjects)
        self._basis = _components(segments, mean, settings.n_components)
        # Not all at once, so that the data are not copied as a whole.
        self._segments = _Reduced(segments, mean, self._basis)
        self._moments = GroupMoments(self._segments, lags)
        if known is None:
            self._target = None
            alpha = self._chosen_alpha()
        else:
            n_outputs = known.weights.shape[-1]
            self._target = xp.reshape(known.weights[-1, ...], (-1, n_outputs))
            alpha = known.alpha
        self._alpha = alpha
        self._averages = [self._average({k}) for k in range(self._moments.n_folds)]
        self._shrinkage = self._chosen_shrinkage(known)
        self.ridge = self._solved()

    def left_out_predictions(self, held_out: Collection[int] = ()) -> list[Any]:
        """Predict every segment, (n_times, n_outputs), by a model that has not seen its fold.

        Predictions of what a model was trained on would look better than anything it will meet
        later. `held_out` are folds on which the predictions of the other folds may not depend
        either. The predictions have the dtype of the input.
        """
        models: dict[tuple[int, int], tuple[Any, Any]] = {}
        averages = (
            [self._average({k, *held_out}) for k in range(self._moments.n_folds)]
            if held_out
            else self._averages
        )
        predictions = []
        for segment in self._segments:
            key = segment.subject, segment.fold
            if key not in models:
                left_out = {segment.fold, *held_out}
                weights = self._model(segment.subject, averages[segment.fold], left_out)
                models[key] = weights, self._intercept(segment.subject, weights, left_out)
            x, (weights, intercept) = segment.input, models[key]
            xp = namespace(x)
            shaped = xp.reshape(weights, (x.shape[1], len(self._lags), -1))
            y = filter_lagged(x, xp.astype(shaped, x.dtype, copy=False), self._lags)
            predictions.append(y + xp.astype(intercept, x.dtype, copy=False))
        return predictions

    def _average(self, without: Collection[int] = ()) -> Any:
        """Weights of the average subject without some folds; with all if nothing is left."""
        if self._target is not None:
            return self._target
        moments = self._moments.total(without=without) or self._moments.total()
        return self._ridge(moments, self._alpha)

    def _ridge(self, moments: Any, alpha: float) -> Any:
        zero = namespace(moments.xy).zeros_like(moments.xy)
        return ridge_towards(moments, alpha, self._settings.penalty, zero)

    def _chosen_alpha(self) -> float:
        alphas = self._settings.alphas
        if len(alphas) == 1:
            return float(alphas[0])
        scores = np.zeros(len(alphas))
        for k in range(self._moments.n_folds):
            left_out = self._moments.of_fold(k)
            if left_out is None:
                continue
            rest = self._moments.total(without={k}) or left_out
            scores += [self._settings.score(left_out, self._ridge(rest, a)) for a in alphas]
        return float(alphas[int(np.argmax(scores))])

    def _chosen_shrinkage(self, known: GroupRidge | None) -> float:
        shrinkages = self._settings.shrinkages
        if known is not None and np.isfinite(known.shrinkage):
            return known.shrinkage
        if known is None and len(self._subjects) == 1:
            return np.inf  # the only subject is the average one
        if len(shrinkages) == 1:
            return float(shrinkages[0])
        scores, penalty = np.zeros(len(shrinkages)), self._settings.penalty
        for s in self._subjects:
            for k, average in enumerate(self._averages):
                left_out, rest = self._moments.of_fold(k, s), self._moments.total(s, {k})
                if left_out is None or rest is None:
                    continue  # nothing of this subject in the fold, or nothing outside it
                for i, shrinkage in enumerate(shrinkages):
                    model = average
                    if np.isfinite(shrinkage):
                        model = ridge_towards(rest, shrinkage, penalty, average)
                    scores[i] += self._settings.score(left_out, model)
        if known is not None and not scores.any():
            return np.inf  # there was nothing to leave out
        return float(shrinkages[int(np.argmax(scores))])

    def _model(self, subject: int, average: Any, without: Collection[int] = ()) -> Any:
        if not np.isfinite(self._shrinkage):
            return average
        own = self._moments.total(subject, without)
        return ridge_towards(own, self._shrinkage, self._settings.penalty, average)

    def _intercept(self, subject: int | None, weights: Any, without: Collection[int] = ()) -> Any:
        """Constants with which predictions have the mean of the training data."""
        if not self._settings.fit_intercept:
            return namespace(weights).zeros(weights.shape[1], dtype=weights.dtype)
        moments = self._moments.total(subject, without) or self._moments.total()
        assert moments is not None
        return (moments.y - moments.x @ weights) / moments.n

    def _solved(self) -> GroupRidge:
        average = self._average()
        weights = [*(self._model(s, average) for s in self._subjects), average]
        xp = namespace(*weights)
        subjects = [*self._subjects, None]
        constants = [self._intercept(s, w) for s, w in zip(subjects, weights, strict=True)]
        shape = (self._basis.shape[1], -1)
        whole = [
            xp.reshape(
                self._basis @ xp.reshape(w, shape),
                (self._basis.shape[0], len(self._lags), w.shape[1]),
            )
            for w in weights
        ]
        return GroupRidge(
            self._lags,
            self._mean,
            xp.stack(whole),
            xp.stack(constants),
            self._alpha,
            self._shrinkage,
        )


class _Reduced(Sequence[Segment]):
    """Segments without the mean, in components, made one at a time."""

    def __init__(self, segments: Sequence[Segment], mean: Any, basis: Any) -> None:
        self._segments, self._mean, self._basis = segments, mean, basis

    def __len__(self) -> int:
        return len(self._segments)

    def __getitem__(self, index: Any) -> Any:
        segment = self._segments[index]
        x = segment.input
        xp = namespace(x)
        centred = x - xp.astype(self._mean, x.dtype, copy=False)
        n_channels, n_components = self._basis.shape
        if n_components < n_channels:
            centred = centred @ xp.astype(self._basis, x.dtype, copy=False)
        return segment._replace(input=centred)


def _components(segments: Sequence[Segment], mean: Any, n_components: int | None) -> Any:
    """Principal components (n_channels, n_components); all channels if they are few."""
    xp = namespace(segments[0].input)
    n_channels = segments[0].input.shape[1]
    if n_components is None or n_channels <= n_components:
        return xp.eye(n_channels, dtype=xp.float64)
    covariance = xp.zeros((n_channels, n_channels), dtype=xp.float64)
    for segment in segments:
        x = xp.astype(segment.input, xp.float64) - mean
        covariance = covariance + xp.matrix_transpose(x) @ x
    _, vectors = xp.linalg.eigh(covariance)
    return vectors[:, n_channels - n_components :]
