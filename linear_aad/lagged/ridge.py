"""Ridge regression on lagged signals, as a scikit-learn estimator that takes lists of trials."""

from abc import abstractmethod
from collections.abc import Sequence
from copy import copy
from dataclasses import replace
from typing import Any

import numpy as np
from sklearn.base import clone

from cocktailparty.backend import as_array, namespace, to_numpy
from cocktailparty.blas import one_blas_thread
from cocktailparty.trial_means import WithoutMeans
from linear_aad.lagged.averaging import mean_model_scores, trial_models
from linear_aad.lagged.bands import Direction, candidates, directions
from linear_aad.lagged.lag_choice import LagChoice, at_columns
from linear_aad.lagged.leave_one_out import leave_one_trial_out
from linear_aad.lagged.model import LaggedLinearModel
from linear_aad.lagged.moments import LaggedMoments, Moments, lags_in_samples
from linear_aad.lagged.penalties import Penalty, check_penalty, is_penalty
from linear_aad.lagged.shrinkage import ledoit_wolf_penalty
from linear_aad.lagged.systems import ridge
from linear_aad.lagged.trial_moments import TrialMoments


class LaggedRidge(LaggedLinearModel):
    """Penalised regression on lagged copies of the input, in either direction.

    For the parameters see `linear_aad.BackwardTRF`; those that need more words are documented at
    `linear_aad.lagged.penalties.Penalty` (`alpha_convention`), `linear_aad.lagged.bands.candidates`
    (`band_search`) and `linear_aad.lagged.lag_choice.LagChoice` (`lags`).
    """

    def __init__(
        self,
        tmin: float = 0.0,
        tmax: float = 0.4,
        sfreq: float = 64.0,
        alpha: Any = 1.0,
        alpha_convention: str = "absolute",
        alpha_per_output: bool = False,
        penalty: str = "ridge",
        bands: Any = None,
        band_search: Any = "grid",
        averaging: str = "covariances",
        fit_intercept: bool = True,
        random_state: Any = None,
        remove_mean: bool = True,
        lags: Any = None,
    ) -> None:
        self.tmin = tmin
        self.tmax = tmax
        self.sfreq = sfreq
        self.alpha = alpha
        self.alpha_convention = alpha_convention
        self.alpha_per_output = alpha_per_output
        self.penalty = penalty
        self.bands = bands
        self.band_search = band_search
        self.averaging = averaging
        self.fit_intercept = fit_intercept
        self.random_state = random_state
        self.remove_mean = remove_mean
        self.lags = lags

    @one_blas_thread()
    def fit(self, X: Any, y: Any) -> "LaggedRidge":
        """Learn the weights.

        Parameters
        ----------
        X : list of arrays (n_times, n_inputs) or (n_times,), or one array (n_times, n_inputs)
            Input of each trial; trials may differ in length.
        y : list of arrays of shape (n_times, n_outputs) or (n_times,), or one such array
            Output of each trial.

        Returns
        -------
        self : LaggedRidge
            Fitted.

        Raises
        ------
        ValueError
            If a parameter or the data are invalid, a trial is not longer than the lags, or there
            is one trial and several penalties to choose from.
        """
        moments = self.moments(X, y)
        whole = moments.total()
        full = replace(whole, columns=None).dense()
        total = full.of_columns(whole.columns)
        weights, (self.alpha_,) = self._solved(moments, whole, total)
        self._keep(weights, total, full, moments)
        return self

    @one_blas_thread()
    def fit_many(self, X: Any, outputs: Sequence[Any]) -> list["LaggedRidge"]:
        """Fit models of many outputs of the same input, each as if it were the only one.

        The matrix of the equations holds the input alone: it is assembled and factorised once for
        all outputs, and every further one, such as a shifted copy, costs a right-hand side. A
        penalty is chosen for each of them by itself.

        `X` lists inputs (n_times, n_inputs), and `outputs` for each model a list of arrays
        (n_times, n_outputs) or (n_times,). The models come without `cv_scores_`, and this one is
        not fitted. Raises ValueError if there are no outputs, their shapes differ, or `fit` refuses
        them.
        """
        if not outputs:
            raise ValueError("outputs is empty: there is nothing to fit to")
        sets = [[s[:, None] if s.ndim == 1 else s for s in map(as_array, y)] for y in outputs]
        shapes = [[s.shape for s in y] for y in sets]
        for i, shape in enumerate(shapes):
            if shape != shapes[0]:
                raise ValueError(f"outputs[{i}] has shapes {shape}, outputs[0] has {shapes[0]}")
        xp = namespace(*sets[0])
        together = clone(self)
        moments = together.moments(
            X, [xp.concat(list(trial), axis=1) for trial in zip(*sets, strict=True)]
        )
        together.y_ndim_ = as_array(outputs[0][0]).ndim
        whole = moments.total()
        full = replace(whole, columns=None).dense()
        total = full.of_columns(whole.columns)
        weights, alphas = together._solved(moments, whole, total, len(sets))
        if hasattr(together, "cv_scores_"):
            del together.cv_scores_  # over all outputs, which tells nothing about one
        models, n_outputs = [], shapes[0][0][1]
        for i, alpha in enumerate(alphas):
            columns = slice(i * n_outputs, (i + 1) * n_outputs)
            model = copy(together)
            model.alpha_ = alpha
            sums = replace(total, xy=total.xy[:, columns], y=total.y[columns], yy=total.yy[columns])
            model._keep(weights[:, columns], sums, full, moments, columns)
            models.append(model)
        return models

    def moments(self, X: Any, y: Any) -> TrialMoments:
        """Validate parameters and training data, as `fit` does, and sum over each trial.

        The moments are all that the training data tell a linear model. Raises ValueError like
        `fit`.
        """
        self._check_parameters()
        inputs, outputs = self._training_data(X, y)
        penalties = self.candidates()
        if penalties is not None and len(penalties) > 1 and len(inputs) < 2:
            raise ValueError(
                f"choosing among {len(penalties)} penalties leaves one trial out, which takes at "
                "least 2 trials: pass a list of trials, or a single alpha"
            )
        if self.bands is not None and sum(self.bands) != inputs[0].shape[1]:
            raise ValueError(
                f"bands={list(self.bands)} cover {sum(self.bands)} inputs, the data have "
                f"{inputs[0].shape[1]}"
            )
        outputs = [s[:, None] if s.ndim == 1 else s for s in outputs]
        return TrialMoments(
            self._centred(inputs), self._centred(outputs), self._input_lags, columns=self._columns()
        )

    def candidates(self) -> np.ndarray | None:
        """List the penalties to choose from, (n_candidates, n_bands), in the convention of `alpha`.

        There is a single band without `bands`. None if the data alone decide.
        """
        if isinstance(self.alpha, str):
            return None
        alphas = [float(a) for a in np.atleast_1d(np.asarray(self.alpha, dtype=float)).ravel()]
        if self.bands is None:
            return np.array(alphas)[:, None]
        return candidates(alphas, len(self.bands), self.band_search, self.random_state)

    def along(self, moments: TrialMoments, direction: Direction) -> tuple[TrialMoments, Penalty]:
        """Rescale moments so that the candidates of a direction share one penalty.

        The `factors` of the penalty that comes with them turn weights of the scaled input into
        those of the input.
        """
        n_lags, joined = len(self.lags_), None
        if moments.columns is not None and self.penalty == "laplacian":
            joined = LagChoice(self.lags_, self.lag_mask_).joined()
        kind = (self.penalty, self.alpha_convention, self.sfreq, n_lags)
        penalty = Penalty(*kind, fit_intercept=self.fit_intercept, joined=joined)
        if self.bands is None:
            return moments, penalty
        xp = namespace(*moments.inputs)
        factors = xp.asarray(np.repeat(direction.factors, self.bands))
        repeated = xp.repeat(factors, n_lags)
        if moments.columns is not None:
            repeated = xp.take(repeated, xp.asarray(moments.columns), axis=0)
        return moments.scaled(factors), replace(penalty, factors=repeated)

    def _lags_of(self, n_inputs: int, names: list[Any] | None) -> np.ndarray:
        """Successive lags in samples, at which some input is looked at; sets `lag_mask_`."""
        self.__dict__.pop("lag_mask_", None)  # of an earlier fit
        if self.lags is None:
            return super()._lags_of(n_inputs, names)
        choice = LagChoice.of(self.lags, (self.tmin, self.tmax), self.sfreq, n_inputs, names)
        if self.penalty == "laplacian":
            choice.check_smooth()
        self.lag_mask_ = choice.mask
        return choice.lags

    def _columns(self) -> np.ndarray | None:
        """Columns of all inputs and lags that are regressors, in the order of `_input_lags`."""
        mask = getattr(self, "lag_mask_", None)
        return None if mask is None else LagChoice(self.lags_, mask).columns(self._direction)

    @abstractmethod
    def _store(self, weights: Any, full: Moments, n_inputs: int) -> None:
        """Keep weights (n_inputs * n_lags, n_outputs) of the training data."""

    def _keep(
        self,
        weights: Any,
        total: Moments,
        full: Moments,
        moments: TrialMoments,
        which: slice = slice(None),
    ) -> None:
        """Keep weights (n_regressors, n_outputs) of some outputs, and their constants.

        `total` are the sums of the regressors, `full` those of all inputs at all lags.
        """
        self.intercept_ = (total.y - total.x @ weights) / total.n
        if isinstance(moments.outputs, WithoutMeans):
            self.intercept_ = self.intercept_ + moments.outputs.mean()[which]
        if not self.fit_intercept:
            self.intercept_ = namespace(weights).zeros_like(self.intercept_)
        weights = at_columns(weights, moments.columns, full.x.shape[0])
        self._store(weights, full, moments.inputs[0].shape[1])

    def _solved(
        self, moments: TrialMoments, whole: LaggedMoments, total: Moments, n_sets: int = 1
    ) -> tuple[Any, list[Any]]:
        """Weights (n_regressors, n_outputs), and the penalty of each set of as many outputs.

        Sets know nothing of each other: the penalty of one is chosen by its own outputs.
        """
        penalties = self.candidates()
        if hasattr(self, "cv_scores_"):
            del self.cv_scores_  # of an earlier choice
        if penalties is None:
            alpha = ledoit_wolf_penalty(total, moments.inputs, self._input_lags, moments.columns)
            return ridge(total, [alpha])[0, ...], [alpha] * n_sets
        groups = directions(penalties)
        best = self._chosen(moments, groups, len(penalties), n_sets)
        xp = namespace(total.x)
        weights = xp.zeros_like(total.xy)
        # One solution for each chosen candidate, for the outputs that chose it.
        for direction in groups:
            for alpha, place in zip(direction.alphas, direction.candidates, strict=True):
                mine = best == place
                if mine.any():
                    solution = self._solution(moments, whole, total, direction, alpha)
                    weights = xp.where(xp.asarray(mine)[None, :], solution, weights)
        per_output = penalties[best] if self.bands is not None else penalties[best, 0]
        alphas = []
        for in_set in np.split(per_output, n_sets):
            chosen = in_set if self.alpha_per_output else in_set[0]
            alphas.append(float(chosen) if np.ndim(chosen) == 0 else chosen)
        return weights, alphas

    def _solution(
        self,
        moments: TrialMoments,
        whole: LaggedMoments,
        total: Moments,
        direction: Direction,
        alpha: float,
    ) -> Any:
        """Weights (n_regressors, n_outputs) for one candidate; `total` is `whole`, assembled."""
        scaled, penalty = self.along(moments, direction)
        if self.averaging == "models":
            models = trial_models(scaled, [alpha], penalty)
            weights = namespace(models).mean(models, axis=0)[0, ...]
        else:
            if scaled.factors is not None:
                total = whole.scaled(scaled.factors).dense()
            absolute = penalty.absolute(alpha, total, len(moments))
            weights = ridge(total, [absolute], penalty)[0, ...]
        return weights if penalty.factors is None else weights * penalty.factors[:, None]

    def _chosen(
        self, moments: TrialMoments, groups: list[Direction], n_candidates: int, n_sets: int
    ) -> np.ndarray:
        """Index of the best candidate for each output, by the trials that are left out."""
        if n_candidates == 1:
            return np.zeros(moments.n_targets, dtype=int)
        judge = mean_model_scores if self.averaging == "models" else leave_one_trial_out
        scores = np.empty((n_candidates, len(moments), moments.n_targets))
        for direction in groups:
            scaled, penalty = self.along(moments, direction)
            scores[direction.candidates] = to_numpy(judge(scaled, direction.alphas, penalty))
        self.cv_scores_ = scores.mean(axis=2)
        if self.alpha_per_output:
            return scores.mean(axis=1).argmax(axis=0)
        by_set = scores.reshape(n_candidates, len(moments), n_sets, -1).mean(axis=3)
        return np.repeat(by_set.mean(axis=1).argmax(axis=0), moments.n_targets // n_sets)

    def _check_parameters(self) -> None:
        n_lags = len(lags_in_samples(self.tmin, self.tmax, self.sfreq))
        # Lags of each input are compared with the data.
        check_penalty(self.penalty, self.alpha_convention, n_lags if self.lags is None else 2)
        if self.averaging not in ("covariances", "models"):
            raise ValueError(f"averaging must be 'covariances' or 'models', got {self.averaging!r}")
        if isinstance(self.alpha, str) and self.alpha == "ledoit-wolf":
            for name, plain in (
                ("penalty", "ridge"),
                ("bands", None),
                ("averaging", "covariances"),
                ("fit_intercept", True),
            ):
                if np.any(getattr(self, name) != plain):
                    raise ValueError(
                        f"alpha='ledoit-wolf' shrinks one covariance towards the identity, which "
                        f"does not go with {name}={getattr(self, name)!r}"
                    )
            return
        alphas = [] if isinstance(self.alpha, str) else np.atleast_1d(self.alpha).ravel().tolist()
        if not alphas or not all(is_penalty(a) for a in alphas):
            raise ValueError(
                f"alpha must be 'ledoit-wolf' or one or several numbers >= 0, got {self.alpha!r}"
            )
        if self.bands is not None:
            sizes = np.asarray(self.bands)
            if sizes.ndim != 1 or not np.issubdtype(sizes.dtype, np.integer) or (sizes < 1).any():
                raise ValueError(f"bands must be positive numbers of inputs, got {self.bands!r}")
            if self.penalty != "ridge":
                raise ValueError("bands go with penalty='ridge' only")
