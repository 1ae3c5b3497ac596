"""Temporal response functions: linear maps between stimulus and EEG over a range of lags."""

from functools import reduce
from operator import add
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, MultiOutputMixin, RegressorMixin
from sklearn.utils.validation import check_is_fitted, validate_data

from linear_aad.lagged import Moments, lag_matrix, lags_in_samples
from linear_aad.solvers import ALPHA_CONVENTIONS, leave_one_trial_out, penalty, ridge


class BackwardTRF(MultiOutputMixin, RegressorMixin, BaseEstimator):
    r"""Reconstruct a stimulus from EEG by ridge regression over lags.

    .. math:: \hat s_f(t) = b_f + \sum_{c, l} w_{f, c, l} \, x_c(t + l)

    A lag :math:`l` pairs the stimulus at time t with the EEG at time t + l: a positive lag means
    that the brain answers later. EEG outside the trial counts as zero.

    Parameters
    ----------
    tmin, tmax : float
        First and last lag in seconds, rounded to whole samples, both included.
    sfreq : float
        Sampling rate of EEG and stimuli in hertz.
    alpha : float or sequence of float
        Penalty on the squared weights. Of several penalties, the one with the best mean
        correlation in leave-one-trial-out cross-validation over the training trials is taken.
    alpha_convention : {"absolute", "relative", "mtrfpy", "mtrf-toolbox"}
        What `alpha` counts in: as it is added to the summed products of the lagged EEG; relative
        to their mean diagonal, so that it does not depend on the unit of the EEG nor on the amount
        of data; or the conventions of the mTRF toolboxes.

    Attributes
    ----------
    coef_ : ndarray of shape (n_features, n_channels, n_lags)
        Weights.
    intercept_ : ndarray of shape (n_features,)
        Constants.
    patterns_ : ndarray of shape (n_features, n_channels, n_lags)
        What the weights respond to: covariance of the lagged EEG with the reconstruction, over
        the variance of the latter. Unlike weights, patterns may be read as brain activity.
    lags_ : ndarray of shape (n_lags,)
        Lags in samples.
    alpha_ : float
        Chosen penalty, in the unit of `alpha`.
    cv_scores_ : ndarray of shape (n_alphas, n_trials)
        Correlation of each left-out trial; only if `alpha` is a sequence.
    n_features_in_ : int
        Number of channels.

    References
    ----------
    Crosse, M. J., et al. (2016). The multivariate temporal response function (mTRF) toolbox.
    Frontiers in Human Neuroscience, 10, 604. https://doi.org/10.3389/fnhum.2016.00604

    Haufe, S., et al. (2014). On the interpretation of weight vectors of linear models in
    multivariate neuroimaging. NeuroImage, 87, 96-110.
    https://doi.org/10.1016/j.neuroimage.2013.10.067

    Examples
    --------
    >>> import numpy as np
    >>> rng = np.random.default_rng(0)
    >>> envelopes = [rng.random(640) for _ in range(4)]
    >>> delayed = [np.roll(envelope, 6)[:, None] for envelope in envelopes]
    >>> eeg = [x * [1.0, -0.5] + rng.normal(size=(640, 2)) for x in delayed]
    >>> trf = BackwardTRF(tmin=0, tmax=0.2, sfreq=64, alpha=[1.0, 10.0, 100.0])
    >>> trf.fit(eeg[:3], envelopes[:3]).coef_.shape
    (1, 2, 14)
    >>> bool(trf.score(eeg[3:], envelopes[3:]) > 0.2)
    True
    >>> int(trf.lags_[np.abs(trf.coef_[0, 0]).argmax()])
    6
    """

    def __init__(
        self,
        tmin: float = 0.0,
        tmax: float = 0.4,
        sfreq: float = 64.0,
        alpha: Any = 1.0,
        alpha_convention: str = "absolute",
    ) -> None:
        self.tmin = tmin
        self.tmax = tmax
        self.sfreq = sfreq
        self.alpha = alpha
        self.alpha_convention = alpha_convention

    def fit(self, X: Any, y: Any) -> "BackwardTRF":
        """Learn the weights.

        Parameters
        ----------
        X : list of arrays of shape (n_times, n_channels), or one such array
            EEG of each trial; trials may differ in length.
        y : list of arrays of shape (n_times, n_features) or (n_times,), or one such array
            Stimulus of each trial.

        Returns
        -------
        self : BackwardTRF
            Fitted.

        Raises
        ------
        ValueError
            If a parameter or the data are invalid, a trial is not longer than the lags, or there
            is one trial and several penalties to choose from.
        """
        if y is None:
            raise ValueError("BackwardTRF requires y to be passed, but the target y is None")
        lags = lags_in_samples(self.tmin, self.tmax, self.sfreq)
        alphas = self._alphas()
        trials, targets = self._validated(X, y)
        reach = int(np.abs(lags).max())
        for i, trial in enumerate(trials):
            if len(trial) <= reach:
                raise ValueError(
                    f"lags of {self.tmin:g} to {self.tmax:g} s reach {reach} samples but trial {i} "
                    f"has n_samples={len(trial)}: shorten the lags or leave the trial out"
                )
        if len(alphas) > 1 and len(trials) < 2:
            raise ValueError(
                f"choosing among {len(alphas)} alphas leaves one trial out, which takes at least "
                "2 trials: pass a list of trials, or a single alpha"
            )
        self.y_ndim_ = targets[0].ndim
        moments = [
            Moments.of(lag_matrix(x, lags), s.reshape(len(s), -1))
            for x, s in zip(trials, targets, strict=True)
        ]
        chosen = 0
        if len(alphas) > 1:
            self.cv_scores_ = leave_one_trial_out(
                moments, alphas, self.alpha_convention, self.sfreq
            )
            chosen = int(self.cv_scores_.mean(axis=1).argmax())
        self.alpha_ = alphas[chosen]
        total = reduce(add, moments)
        absolute = penalty(self.alpha_, self.alpha_convention, total, self.sfreq, len(trials))
        weights = ridge(total, [absolute])[0]
        self.intercept_ = (total.y - total.x @ weights) / total.n
        products = total.centred()[0] @ weights
        power = np.einsum("ij,ij->j", weights, products)
        patterns = np.divide(products, power, out=np.zeros_like(products), where=power > 0)
        shape = (-1, trials[0].shape[1], len(lags))
        self.coef_ = weights.T.reshape(shape)
        self.patterns_ = patterns.T.reshape(shape)
        self.lags_ = lags
        return self

    def predict(self, X: Any) -> Any:
        """Reconstruct the stimulus.

        Parameters
        ----------
        X : list of arrays of shape (n_times, n_channels), or one such array
            EEG.

        Returns
        -------
        reconstruction : list of arrays of shape (n_times, n_features), or one such array
            One for each trial, of the dtype of the EEG; without the last axis if the model was
            fitted on stimuli without it.
        """
        check_is_fitted(self)
        trials, _ = self._validated(X, reset=False)
        weights = self.coef_.reshape(len(self.coef_), -1).T
        predicted = []
        for x in trials:
            s = lag_matrix(x, self.lags_) @ weights.astype(x.dtype) + self.intercept_.astype(
                x.dtype
            )
            predicted.append(s[:, 0] if self.y_ndim_ == 1 else s)
        return predicted if _is_list(X) else predicted[0]

    def score(self, X: Any, y: Any) -> float:
        """Correlate the reconstruction with the stimulus.

        Parameters
        ----------
        X : list of arrays of shape (n_times, n_channels), or one such array
            EEG.
        y : list of arrays of shape (n_times, n_features) or (n_times,), or one such array
            Stimulus.

        Returns
        -------
        r : float
            Pearson correlation, mean over trials and features.
        """
        check_is_fitted(self)
        trials, targets = self._validated(X, y, reset=False)
        correlations = []
        for predicted, target in zip(self.predict(trials), targets, strict=True):
            p, s = (z.reshape(len(z), -1) - z.mean(axis=0) for z in (predicted, target))
            power = np.sqrt((p * p).sum(0) * (s * s).sum(0))
            correlations.append(
                np.divide((p * s).sum(0), power, out=np.zeros_like(power), where=power > 0).mean()
            )
        return float(np.mean(correlations))

    def _alphas(self) -> list[float]:
        alphas = [float(a) for a in np.atleast_1d(np.asarray(self.alpha, dtype=float)).ravel()]
        if not alphas or not all(np.isfinite(a) and a >= 0 for a in alphas):
            raise ValueError(f"alpha must be one or several numbers >= 0, got {self.alpha!r}")
        if self.alpha_convention not in ALPHA_CONVENTIONS:
            raise ValueError(
                f"alpha_convention must be one of {ALPHA_CONVENTIONS}, got "
                f"{self.alpha_convention!r}"
            )
        return alphas

    def _validated(
        self, X: Any, y: Any = None, reset: bool = True
    ) -> tuple[list[np.ndarray], list[np.ndarray]]:
        """Trials as lists of arrays; the first one decides the number of channels."""
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
        trials, stimuli = [], []
        for i, x in enumerate(X):
            kind["reset"] = reset and i == 0
            if y is None:
                trials.append(validate_data(self, x, **kind))
                continue
            x, s = validate_data(self, x, y[i], **kind, **targets)
            trials.append(x)
            stimuli.append(s)
        if len({s.shape[1:] for s in stimuli}) > 1:
            raise ValueError("the stimuli of the trials differ in their number of features")
        return trials, stimuli


def _is_list(X: Any) -> bool:
    """Tell a sequence of trials from the samples of a single one."""
    if isinstance(X, list | tuple):
        return len(X) == 0 or np.ndim(X[0]) == 2
    return getattr(X, "ndim", 2) == 3
