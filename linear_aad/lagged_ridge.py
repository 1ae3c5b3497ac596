"""Ridge regression on lagged signals, as a scikit-learn estimator that takes lists of trials."""

from abc import ABC, abstractmethod
from functools import reduce
from operator import add
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, MultiOutputMixin, RegressorMixin
from sklearn.utils.validation import check_is_fitted, validate_data

from linear_aad.lagged import LaggedMoments, filter_lagged, lags_in_samples
from linear_aad.shrinkage import ledoit_wolf_penalty
from linear_aad.solvers import ALPHA_CONVENTIONS, leave_one_trial_out, penalty, ridge


class LaggedRidge(MultiOutputMixin, RegressorMixin, BaseEstimator, ABC):
    """Ridge regression on lagged copies of the input: what both directions have in common.

    Parameters
    ----------
    tmin, tmax : float
        First and last lag in seconds, rounded to whole samples, both included.
    sfreq : float
        Sampling rate in hertz.
    alpha : float, sequence of float, or "ledoit-wolf"
        Penalty on the squared weights, or several to choose from, or that of optimal shrinkage.
    alpha_convention : {"absolute", "relative", "mtrfpy", "mtrf-toolbox"}
        What `alpha` counts in, see `linear_aad.solvers.penalty`.
    alpha_per_output : bool
        Choose among several penalties for each output by itself.
    """

    # +1 where the input is the EEG, which answers later; -1 where the input is the stimulus.
    _direction = 1

    def __init__(
        self,
        tmin: float = 0.0,
        tmax: float = 0.4,
        sfreq: float = 64.0,
        alpha: Any = 1.0,
        alpha_convention: str = "absolute",
        alpha_per_output: bool = False,
    ) -> None:
        self.tmin = tmin
        self.tmax = tmax
        self.sfreq = sfreq
        self.alpha = alpha
        self.alpha_convention = alpha_convention
        self.alpha_per_output = alpha_per_output

    def fit(self, X: Any, y: Any) -> "LaggedRidge":
        """Learn the weights.

        Parameters
        ----------
        X : list of arrays of shape (n_times, n_inputs), or one such array
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
        if y is None:
            raise ValueError(
                f"{type(self).__name__} requires y to be passed, but the target y is None"
            )
        lags = lags_in_samples(self.tmin, self.tmax, self.sfreq)
        alphas = self._alphas()
        inputs, outputs = self._validated(X, y)
        reach = int(np.abs(lags).max())
        for i, x in enumerate(inputs):
            if len(x) <= reach:
                raise ValueError(
                    f"lags of {self.tmin:g} to {self.tmax:g} s reach {reach} samples but trial {i} "
                    f"has n_samples={len(x)}: shorten the lags or leave the trial out"
                )
        if len(alphas) > 1 and len(inputs) < 2:
            raise ValueError(
                f"choosing among {len(alphas)} alphas leaves one trial out, which takes at least "
                "2 trials: pass a list of trials, or a single alpha"
            )
        self.y_ndim_ = outputs[0].ndim
        self.lags_ = lags
        moments = [
            LaggedMoments.of(x, s.reshape(len(s), -1), self._input_lags)
            for x, s in zip(inputs, outputs, strict=True)
        ]
        total = reduce(add, moments).dense()
        if alphas:
            best = self._chosen(moments, alphas)
            absolute = [
                penalty(alpha, self.alpha_convention, total, self.sfreq, len(moments))
                for alpha in alphas
            ]
            # As many solutions as different penalties were chosen, each for its outputs.
            weights = np.empty_like(total.xy)
            for j in np.unique(best):
                weights[:, best == j] = ridge(total, [absolute[j]])[0][:, best == j]
            per_output = np.array(alphas)[best]
            self.alpha_ = per_output if self.alpha_per_output else float(per_output[0])
        else:
            self.alpha_ = ledoit_wolf_penalty(total, inputs, self._input_lags)
            weights = ridge(total, [self.alpha_])[0]
        self.intercept_ = (total.y - total.x @ weights) / total.n
        self._store(weights, total.centred()[0] @ weights, inputs[0].shape[1])
        return self

    def predict(self, X: Any) -> Any:
        """Predict the output.

        Parameters
        ----------
        X : list of arrays of shape (n_times, n_inputs), or one such array
            Input.

        Returns
        -------
        predicted : list of arrays of shape (n_times, n_outputs), or one such array
            One for each trial, of the dtype of the input; without the last axis if the model was
            fitted on outputs without it.
        """
        check_is_fitted(self)
        inputs, _ = self._validated(X, reset=False)
        weights = self._weights()
        predicted = []
        for x in inputs:
            y = filter_lagged(x, weights.astype(x.dtype), self._input_lags)
            y += self.intercept_.astype(x.dtype)
            predicted.append(y[:, 0] if self.y_ndim_ == 1 else y)
        return predicted if _is_list(X) else predicted[0]

    def correlations(self, X: Any, y: Any) -> np.ndarray:
        """Correlate predicted and true output, for each output.

        Parameters
        ----------
        X : list of arrays of shape (n_times, n_inputs), or one such array
            Input.
        y : list of arrays of shape (n_times, n_outputs) or (n_times,), or one such array
            Output.

        Returns
        -------
        r : ndarray of shape (n_outputs,)
            Pearson correlations, mean over trials; 0 where a signal is constant.
        """
        check_is_fitted(self)
        inputs, outputs = self._validated(X, y, reset=False)
        found = []
        for predicted, output in zip(self.predict(inputs), outputs, strict=True):
            p, s = (z.reshape(len(z), -1) - z.mean(axis=0) for z in (predicted, output))
            power = np.sqrt((p * p).sum(0) * (s * s).sum(0))
            found.append(np.divide((p * s).sum(0), power, np.zeros_like(power), where=power > 0))
        return np.mean(found, axis=0)

    def score(self, X: Any, y: Any) -> float:
        """Correlate predicted and true output.

        Parameters
        ----------
        X : list of arrays of shape (n_times, n_inputs), or one such array
            Input.
        y : list of arrays of shape (n_times, n_outputs) or (n_times,), or one such array
            Output.

        Returns
        -------
        r : float
            Pearson correlation, mean over trials and outputs.
        """
        return float(np.mean(self.correlations(X, y)))

    @property
    def _input_lags(self) -> np.ndarray:
        """Rising lags at which the input is looked at."""
        return np.sort(self._direction * self.lags_)

    @abstractmethod
    def _store(self, weights: np.ndarray, products: np.ndarray, n_inputs: int) -> None:
        """Keep weights (n_inputs * n_lags, n_outputs), given the products of the input and them."""

    @abstractmethod
    def _weights(self) -> np.ndarray:
        """Give the weights back as (n_inputs, n_lags, n_outputs), lags rising."""

    def _chosen(self, moments: list[LaggedMoments], alphas: list[float]) -> np.ndarray:
        """Index of the best penalty for each output, by the trials that are left out."""
        n_outputs = moments[0].xy.shape[1]
        if len(alphas) == 1:
            return np.zeros(n_outputs, dtype=int)
        scores = leave_one_trial_out(moments, alphas, self.alpha_convention, self.sfreq)
        self.cv_scores_ = scores.mean(axis=2)
        if self.alpha_per_output:
            return scores.mean(axis=1).argmax(axis=0)
        return np.full(n_outputs, self.cv_scores_.mean(axis=1).argmax())

    def _alphas(self) -> list[float]:
        """Penalties to choose from; none if the data alone decide."""
        if isinstance(self.alpha, str) and self.alpha == "ledoit-wolf":
            return []
        message = f"alpha must be 'ledoit-wolf' or one or several numbers >= 0, got {self.alpha!r}"
        if isinstance(self.alpha, str):
            raise ValueError(message)
        alphas = [float(a) for a in np.atleast_1d(np.asarray(self.alpha, dtype=float)).ravel()]
        if not alphas or not all(np.isfinite(a) and a >= 0 for a in alphas):
            raise ValueError(message)
        if self.alpha_convention not in ALPHA_CONVENTIONS:
            raise ValueError(
                f"alpha_convention must be one of {ALPHA_CONVENTIONS}, got "
                f"{self.alpha_convention!r}"
            )
        return alphas

    def _validated(
        self, X: Any, y: Any = None, reset: bool = True
    ) -> tuple[list[np.ndarray], list[np.ndarray]]:
        """Trials as lists of arrays; the first one decides the number of inputs."""
        kind: dict = {"dtype": [np.float64, np.float32], "reset": reset}
        targets = {"multi_output": True, "y_numeric": True}
        if not _is_list(X):
            if y is None:
                return [validate_data(self, X, **kind)], []
            x, s = validate_data(self, X, y, **kind, **targets)
            return [x], [s]
        if y is not None and len(X) != len(y):
            raise ValueError(f"X has {len(X)} trials but y has {len(y)}")
        if len(X) == 0:
            raise ValueError("no trials were given")
        inputs, outputs = [], []
        for i, x in enumerate(X):
            kind["reset"] = reset and i == 0
            if y is None:
                inputs.append(validate_data(self, x, **kind))
                continue
            x, s = validate_data(self, x, y[i], **kind, **targets)
            inputs.append(x)
            outputs.append(s)
        if len({s.shape[1:] for s in outputs}) > 1:
            raise ValueError("the outputs of the trials differ in their number of features")
        return inputs, outputs


def _is_list(X: Any) -> bool:
    """Tell a sequence of trials from the samples of a single one."""
    if isinstance(X, list | tuple):
        return len(X) == 0 or np.ndim(X[0]) == 2
    return getattr(X, "ndim", 2) == 3
