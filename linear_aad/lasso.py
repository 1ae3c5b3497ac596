"""Sparse reconstruction of a stimulus from EEG."""

from typing import Any

import numpy as np
from sklearn.linear_model import lasso_path

from cocktailparty.blas import one_blas_thread
from cocktailparty.trial_means import WithoutMeans
from linear_aad.lagged.compression import compressed
from linear_aad.lagged.leave_one_out import correlation
from linear_aad.lagged.model import LaggedLinearModel
from linear_aad.lagged.moments import Moments
from linear_aad.lagged.penalties import is_penalty
from linear_aad.lagged.trial_moments import TrialMoments


class LassoTRF(LaggedLinearModel):
    r"""Reconstruct a stimulus from EEG by LASSO over lags, the penalty chosen as by `BackwardTRF`.

    .. math:: \min_w \; \frac{1}{2} \|y - X w - b\|^2 + \alpha \, \alpha_0 \|w\|_1, \qquad
              \alpha_0 = \max_i |x_i^T (y - \bar y)|

    with X the lagged EEG. At :math:`\alpha = 1` and above all weights are zero; below, channels and
    lags come in one by one. This makes `alpha` free of the units of EEG and stimulus and of the
    amount of data. All is computed from sums of products, without the lagged EEG. Each feature of
    the stimulus is a problem of its own. EEG outside the trial counts as zero.

    Parameters
    ----------
    tmin, tmax : float
        First and last lag in seconds, rounded to whole samples, both included.
    sfreq : float
        Sampling rate of EEG and stimuli in hertz.
    alpha : float or sequence of float
        Penalty, from 0 (excluded) to 1. Of several, the one with the best mean correlation in
        leave-one-trial-out cross-validation over the training trials is taken.
    max_iter : int
        Largest number of passes over the weights for each penalty.
    tol : float
        The duality gap, as a share of the power of the stimulus, at which passes end.
    remove_mean : bool
        Subtract the mean of each trial before lags are made, see `BackwardTRF`.

    Attributes
    ----------
    coef_ : ndarray of shape (n_features, n_channels, n_lags)
        Weights, most of them zero.
    intercept_ : ndarray of shape (n_features,)
        Constants.
    lags_ : ndarray of shape (n_lags,)
        Lags in samples.
    alpha_ : float
        Chosen penalty.
    cv_scores_ : ndarray of shape (n_alphas, n_trials)
        Correlation of each left-out trial; only if `alpha` is a sequence.
    n_iter_ : int
        Passes over the weights for that penalty.
    n_features_in_ : int
        Number of channels.

    See Also
    --------
    BackwardTRF : Ridge regression, many times faster.
    LaggedRegressor : Any regressor of scikit-learn.

    References
    ----------
    Tibshirani, R. (1996). Regression shrinkage and selection via the lasso. Journal of the Royal
    Statistical Society B, 58(1), 267-288. https://doi.org/10.1111/j.2517-6161.1996.tb02080.x

    Examples
    --------
    >>> import numpy as np
    >>> rng = np.random.default_rng(0)
    >>> envelopes = [rng.random(640) for _ in range(4)]
    >>> delayed = [np.roll(envelope, 6)[:, None] for envelope in envelopes]
    >>> eeg = [x * [1.0, 0.0] + 0.3 * rng.normal(size=(640, 2)) for x in delayed]
    >>> lasso = LassoTRF(tmin=0, tmax=0.2, alpha=[0.001, 0.1]).fit(eeg[:3], envelopes[:3])
    >>> lasso.alpha_
    0.1
    >>> np.argwhere(lasso.coef_)
    array([[0, 0, 6]])
    >>> bool(lasso.score(eeg[3:], envelopes[3:]) > 0.6)
    True
    """

    _direction = 1

    def __init__(
        self,
        tmin: float = 0.0,
        tmax: float = 0.4,
        sfreq: float = 64.0,
        alpha: Any = 0.1,
        max_iter: int = 10_000,
        tol: float = 1e-3,
        remove_mean: bool = True,
    ) -> None:
        self.tmin = tmin
        self.tmax = tmax
        self.sfreq = sfreq
        self.alpha = alpha
        self.max_iter = max_iter
        self.tol = tol
        self.remove_mean = remove_mean

    @one_blas_thread()
    def fit(self, X: Any, y: Any) -> "LassoTRF":
        """Learn the weights.

        Parameters
        ----------
        X : list of arrays (n_times, n_channels) or (n_times,), or one array (n_times, n_channels)
            EEG of each trial; trials may differ in length.
        y : list of arrays of shape (n_times, n_features) or (n_times,), or one such array
            Stimulus of each trial.

        Returns
        -------
        self : LassoTRF
            Fitted.

        Raises
        ------
        ValueError
            If a parameter or the data are invalid or on a GPU, a trial is not longer than the
            lags, or there is one trial and several penalties to choose from.
        """
        alphas = self._alphas()
        inputs, outputs = self._training_data(X, y)
        if not all(isinstance(s, np.ndarray) for s in (*inputs, *outputs)):
            raise ValueError(
                "LassoTRF takes NumPy arrays: move the signals to the host with "
                "cocktailparty.backend.to_numpy"
            )
        if len(alphas) > 1 and len(inputs) < 2:
            raise ValueError(
                f"choosing among {len(alphas)} penalties leaves one trial out, which takes at "
                "least 2 trials: pass a list of trials, or a single alpha"
            )
        inputs = [x.astype(np.float64) for x in inputs]
        columns = [s.astype(np.float64).reshape(len(s), -1) for s in outputs]
        trials = TrialMoments(self._centred(inputs), self._centred(columns), self._input_lags)
        total = trials.total().dense()
        best = 0
        if len(alphas) > 1:
            scores = []
            for trial in trials:
                left_out = trial.dense()
                scores.append(correlation(left_out, self._path(total - left_out, alphas)[0]))
            self.cv_scores_ = np.mean(scores, axis=2).T
            best = int(self.cv_scores_.mean(axis=1).argmax())
        self.alpha_ = alphas[best]
        weights, n_iter = (values[best] for values in self._path(total, alphas))
        self.n_iter_ = int(n_iter)
        self.intercept_ = (total.y - total.x @ weights) / total.n
        if isinstance(trials.outputs, WithoutMeans):
            self.intercept_ = self.intercept_ + trials.outputs.mean()
        self.coef_ = np.ascontiguousarray(weights.T).reshape(
            -1, inputs[0].shape[1], len(self.lags_)
        )
        return self

    def _weights(self) -> np.ndarray:
        return self.coef_.transpose(1, 2, 0)

    def _path(self, train: Moments, alphas: list[float]) -> tuple[np.ndarray, np.ndarray]:
        """Weights (n_alphas, n_regressors, n_targets) and passes, from the largest penalty down."""
        x, y = compressed(train)
        gram, products = x.T @ x, x.T @ y
        paths = np.zeros((len(alphas), x.shape[1], y.shape[1]))
        falling = np.argsort(alphas)[::-1]
        passes = np.ones(len(alphas), dtype=int)
        limits = np.abs(products).max(axis=0)
        # Of a constant stimulus, rounding errors are left.
        nothing = 1e-12 * np.sqrt(np.diagonal(gram).max() * train.yy)
        for f in np.flatnonzero(limits > nothing):
            _, path, _, n_iter = lasso_path(
                x,
                y[:, f],
                alphas=limits[f] / len(x) * np.array(alphas)[falling],
                precompute=gram,
                Xy=products[:, f],
                max_iter=self.max_iter,
                tol=self.tol,
                return_n_iter=True,
            )
            paths[falling, :, f] = path.T
            passes[falling] = np.maximum(passes[falling], n_iter)
        return paths, passes

    def _alphas(self) -> list[float]:
        alphas = np.atleast_1d(self.alpha).ravel().tolist()
        if not alphas or not all(is_penalty(a) and 0 < a <= 1 for a in alphas):
            raise ValueError(
                f"alpha must be one or several numbers above 0 and up to 1, got {self.alpha!r}"
            )
        if not (isinstance(self.max_iter, int | np.integer) and self.max_iter >= 1):
            raise ValueError(f"max_iter must be an integer of at least 1, got {self.max_iter!r}")
        if not self.tol > 0:
            raise ValueError(f"tol must be positive, got {self.tol!r}")
        return [float(a) for a in alphas]
