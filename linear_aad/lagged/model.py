"""Interface that all models of lagged signals share: lists of trials in, correlations out."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, MultiOutputMixin, RegressorMixin
from sklearn.utils.validation import check_is_fitted

from cocktailparty.backend import namespace, to_numpy
from cocktailparty.blas import one_blas_thread
from cocktailparty.similarity import pearson
from cocktailparty.trial_means import WithoutMeans
from linear_aad.lagged.moments import filter_lagged, lags_in_samples
from linear_aad.lagged.signals import check_lists, is_list


class LaggedModel(MultiOutputMixin, RegressorMixin, BaseEstimator, ABC):
    """A regressor whose input is looked at over a range of lags, trial by trial.

    A subclass stores `tmin`, `tmax` and `sfreq`, and sets `lags_` and `y_ndim_` when fitted.
    """

    tmin: float
    tmax: float
    sfreq: float
    remove_mean: bool

    # Models that were saved before the parameter existed were fitted without it.
    _before_parameters = {"remove_mean": False}  # noqa: RUF012

    @property
    @abstractmethod
    def _direction(self) -> int:
        """+1 where the input is the EEG, which answers later; -1 where it is the stimulus."""

    @abstractmethod
    def predict(self, X: Any) -> Any:
        """Predict outputs (n_times, n_outputs) from one or several inputs (n_times, n_inputs).

        They have the dtype of the input, and one axis if the model was fitted on outputs of one.
        """

    @one_blas_thread()
    def correlations(self, X: Any, y: Any) -> np.ndarray:
        """Correlate predicted and true output, for each output.

        Parameters
        ----------
        X : list of arrays (n_times, n_inputs) or (n_times,), or one array (n_times, n_inputs)
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
        return self._compared(self.predict(inputs), outputs)

    def _compared(self, predictions: list[Any], outputs: list[Any]) -> np.ndarray:
        """Pearson correlations for each output, mean over trials."""
        correlations = []
        for predicted, output in zip(predictions, outputs, strict=True):
            xp = namespace(predicted, output)
            p, s = (xp.reshape(z, (z.shape[0], -1)) for z in (predicted, output))
            if p.shape[1] != s.shape[1]:
                raise ValueError(
                    f"y has {s.shape[1]} output(s) but the model was fitted on {p.shape[1]}"
                )
            correlations.append(to_numpy(pearson(p, s, axis=0)))
        return np.mean(correlations, axis=0)

    def score(self, X: Any, y: Any) -> float:
        """Correlate predicted and true output, mean over trials and outputs.

        For the parameters see `correlations`.
        """
        return float(np.mean(self.correlations(X, y)))

    @property
    def _input_lags(self) -> np.ndarray:
        """Rising lags at which the input is looked at."""
        return np.sort(self._direction * self.lags_)

    def _training_data(self, X: Any, y: Any) -> tuple[list[Any], list[Any]]:
        """Trials as lists of arrays, each longer than the lags; sets `lags_` and `y_ndim_`."""
        if y is None:
            raise ValueError(
                f"{type(self).__name__} requires y to be passed, but the target y is None"
            )
        lags_in_samples(self.tmin, self.tmax, self.sfreq)  # refused before the data are looked at
        inputs, outputs = self._validated(X, y)
        names = getattr(X[0] if is_list(X) else X, "columns", None)
        lags = self._lags_of(inputs[0].shape[1], None if names is None else list(names))
        reach = int(np.abs(lags).max())
        for i, x in enumerate(inputs):
            if x.shape[0] <= reach:
                raise ValueError(
                    f"lags reach {reach} samples ({reach / self.sfreq:g} s) but trial {i} "
                    f"has n_samples={x.shape[0]}: shorten the lags or leave the trial out"
                )
        self.lags_ = lags
        self.y_ndim_ = outputs[0].ndim
        return inputs, outputs

    def _lags_of(self, n_inputs: int, names: list[Any] | None) -> np.ndarray:
        """Successive lags in samples, at which some input is looked at."""
        return lags_in_samples(self.tmin, self.tmax, self.sfreq)

    def _centred(self, signals: list[Any]) -> Sequence[Any]:
        """Trials without their means, or as they are if these are to be kept."""
        return WithoutMeans(signals) if self.remove_mean else signals

    def _validated(self, X: Any, y: Any = None, reset: bool = True) -> tuple[list[Any], list[Any]]:
        """Trials as lists of arrays; the first one decides the number of inputs."""
        return check_lists(self, X, y, reset)


class LaggedLinearModel(LaggedModel):
    """A lagged model that predicts by weights, which a subclass keeps in its own order.

    It sets `intercept_` when fitted.
    """

    intercept_: Any

    @one_blas_thread()
    def predict(self, X: Any) -> Any:
        """Predict the output of each trial.

        Parameters
        ----------
        X : list of arrays (n_times, n_inputs) or (n_times,), or one array (n_times, n_inputs)
            Input.

        Returns
        -------
        predicted : list of arrays of shape (n_times, n_outputs), or one such array
            In the dtype of the input, and of one axis if the model was fitted on outputs of one.
        """
        check_is_fitted(self)
        inputs, _ = self._validated(X, reset=False)
        weights, predicted = self._weights(), []
        for x in self._centred(inputs):
            xp = namespace(x, weights)
            y = filter_lagged(x, xp.astype(weights, x.dtype), self._input_lags)
            y = y + xp.astype(self.intercept_, x.dtype)
            predicted.append(y[:, 0] if self.y_ndim_ == 1 else y)
        return predicted if is_list(X, n_inputs=self.n_features_in_) else predicted[0]

    @abstractmethod
    def _weights(self) -> Any:
        """Give the weights back as (n_inputs, n_lags, n_outputs), lags rising."""
