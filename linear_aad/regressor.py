"""Regressors of scikit-learn on lagged signals, within a given amount of memory."""

import warnings
from functools import reduce
from operator import add
from typing import Any

import numpy as np
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import ElasticNet, Lasso
from sklearn.multioutput import MultiOutputRegressor
from sklearn.utils import check_random_state, get_tags
from sklearn.utils.validation import check_is_fitted

from cocktailparty.blas import one_blas_thread
from cocktailparty.trial_means import WithoutMeans
from linear_aad.lagged.compression import compressed
from linear_aad.lagged.model import LaggedModel
from linear_aad.lagged.moments import LaggedMoments, Moments
from linear_aad.lagged.rows import LaggedRows
from linear_aad.lagged.signals import is_list

# Passes without improvement after which training in batches ends.
_PATIENCE = 5


class LaggedRegressor(LaggedModel):
    """Fit a regressor of scikit-learn to lagged copies of the input: LASSO, boosting, forests.

    A column of its input is one channel (or feature) at one lag, a row is one moment. Lags are
    those of `BackwardTRF` and `ForwardTRF`: positive where the brain answers later; what lies
    outside a trial counts as zero.

    How the lag matrix reaches the regressor depends on the regressor:

    - `Lasso` and `ElasticNet` get by without it. Their sums of products are computed from the
      signals, and the problem is solved on as many rows as there are columns, with the same
      result. Their penalty counts in the unit of the input.
    - A regressor with ``partial_fit`` (`SGDRegressor`, `MLPRegressor`) is given small batches of
      rows in random order, again and again. It wants columns of about unit variance: scale the
      EEG first.
    - All others get the whole matrix at once, if it fits into `max_memory`. Most of them copy it.

    Parameters
    ----------
    regressor : estimator
        Regressor or pipeline of scikit-learn. One that takes a single output is fitted to each
        output by itself.
    tmin, tmax : float
        First and last lag in seconds, rounded to whole samples, both included.
    sfreq : float
        Sampling rate of EEG and stimuli in hertz.
    direction : {"backward", "forward"}
        Whether the input is the EEG, or the stimulus.
    max_memory : float
        Bytes that lagged copies may take at a time.
    max_passes : int
        Largest number of passes over the training data, for regressors with ``partial_fit``.
    tol : float
        They are trained until the mean squared error of the batches, before each is learnt, has not
        fallen by this fraction for 5 passes.
    batch_size : int
        Rows in a batch.
    random_state : int, RandomState or None
        Order of the rows. The regressor has its own `random_state`.
    remove_mean : bool
        Subtract the mean of each trial before lags are made, see `BackwardTRF`. Outputs then have
        the mean of all training samples.

    Attributes
    ----------
    regressor_ : estimator
        The fitted regressor, or a `MultiOutputRegressor` of it. The channels of a lag lie
        together in its input, the lag of the input rising.
    coef_ : ndarray of shape (n_features, n_channels, n_lags)
        Weights, as those of `BackwardTRF` and `ForwardTRF`; only if the regressor has them.
    lags_ : ndarray of shape (n_lags,)
        Lags in samples.
    n_passes_ : int
        Passes over the training data; only for regressors with ``partial_fit``.
    n_features_in_, n_outputs_ : int
        Numbers of channels and of features of the stimulus; the other way round if forward.

    See Also
    --------
    BackwardTRF : Ridge regression, many times faster.

    References
    ----------
    Tibshirani, R. (1996). Regression shrinkage and selection via the lasso. Journal of the Royal
    Statistical Society B, 58(1), 267-288. https://doi.org/10.1111/j.2517-6161.1996.tb02080.x

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.linear_model import Lasso
    >>> rng = np.random.default_rng(0)
    >>> envelopes = [rng.random(640) for _ in range(4)]
    >>> delayed = [np.roll(envelope, 6)[:, None] for envelope in envelopes]
    >>> eeg = [x * [1.0, 0.0] + 0.1 * rng.normal(size=(640, 2)) for x in delayed]
    >>> lasso = LaggedRegressor(Lasso(alpha=0.01), tmin=0, tmax=0.2).fit(eeg[:3], envelopes[:3])
    >>> bool(lasso.score(eeg[3:], envelopes[3:]) > 0.9)
    True
    >>> np.argwhere(lasso.coef_)
    array([[0, 0, 6]])
    """

    def __init__(
        self,
        regressor: Any,
        tmin: float = 0.0,
        tmax: float = 0.4,
        sfreq: float = 64.0,
        direction: str = "backward",
        max_memory: float = 1e9,
        max_passes: int = 100,
        tol: float = 1e-3,
        batch_size: int = 1024,
        random_state: Any = None,
        remove_mean: bool = True,
    ) -> None:
        self.regressor = regressor
        self.tmin = tmin
        self.tmax = tmax
        self.sfreq = sfreq
        self.direction = direction
        self.max_memory = max_memory
        self.max_passes = max_passes
        self.tol = tol
        self.batch_size = batch_size
        self.random_state = random_state
        self.remove_mean = remove_mean

    @one_blas_thread()
    def fit(self, X: Any, y: Any) -> "LaggedRegressor":
        """Train the regressor.

        Parameters
        ----------
        X : list of arrays (n_times, n_inputs) or (n_times,), or one array (n_times, n_inputs)
            Input of each trial; trials may differ in length.
        y : list of arrays of shape (n_times, n_outputs) or (n_times,), or one such array
            Output of each trial.

        Returns
        -------
        self : LaggedRegressor
            Fitted.

        Raises
        ------
        ValueError
            If a parameter or the data are invalid or on a GPU, a trial is not longer than the
            lags, or the lagged data do not fit into `max_memory`.
        """
        self._check_parameters()
        inputs, outputs = self._training_data(X, y)
        if not all(isinstance(s, np.ndarray) for s in (*inputs, *outputs)):
            raise ValueError(
                "scikit-learn's regressors take NumPy arrays: move the signals to the host with "
                "cocktailparty.backend.to_numpy"
            )
        columns = [s.reshape(len(s), -1) for s in outputs]
        if self.remove_mean:
            centred = WithoutMeans(columns)
            mean = centred.mean()
            columns = [(s + mean).astype(s.dtype, copy=False) for s in centred]
        inputs = list(self._centred(inputs))
        self.n_outputs_ = columns[0].shape[1]
        # Not subclasses, which may minimise something else or choose the penalty by folds.
        if type(self.regressor) in (ElasticNet, Lasso):
            self._fit_sums(inputs, columns)
        else:
            rows, targets = LaggedRows(inputs, self._input_lags), np.concatenate(columns)
            accepts = get_tags(self.regressor).target_tags
            self.regressor_ = clone(self.regressor)
            if self.n_outputs_ > 1 and not accepts.multi_output:
                self.regressor_ = MultiOutputRegressor(self.regressor_)
            if self.n_outputs_ == 1 and accepts.single_output:
                targets = targets[:, 0]
            if hasattr(self.regressor_, "partial_fit"):
                self._fit_batches(rows, targets)
            else:
                self._check_memory(len(rows), rows.view)
                self.regressor_.fit(rows[np.arange(len(rows))], targets)
        self._store_weights()
        return self

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
        predicted = []
        for x in self._centred(inputs):
            view = LaggedRows([x], self._input_lags).view
            # The view itself is free, but the regressor may copy what it is given.
            n_rows = max(1, int(self.max_memory // (view.shape[1] * view.itemsize)))
            blocks = [
                self.regressor_.predict(view[start : start + n_rows])
                for start in range(0, len(view), n_rows)
            ]
            shape = (len(x),) if self.y_ndim_ == 1 else (len(x), self.n_outputs_)
            predicted.append(np.concatenate(blocks).reshape(shape).astype(x.dtype, copy=False))
        return predicted if is_list(X, n_inputs=self.n_features_in_) else predicted[0]

    @property
    def _direction(self) -> int:
        return 1 if self.direction == "backward" else -1

    def _fit_sums(self, inputs: list[np.ndarray], outputs: list[np.ndarray]) -> None:
        """Fit a penalty on the weights and squared errors, of which sums are all that matters."""
        n_inputs, n_lags = inputs[0].shape[1], len(self.lags_)
        n_columns = n_inputs * n_lags
        needed = 6 * 8 * n_columns**2
        if needed > self.max_memory:
            raise ValueError(
                f"{n_columns} columns ({n_inputs} inputs x {n_lags} lags) have matrices of "
                f"products of {needed / 1e9:.3g} GB, more than max_memory={self.max_memory:g} "
                "bytes: take fewer channels or lags, or a larger max_memory"
            )
        total = reduce(
            add,
            (
                LaggedMoments.of(x.astype(np.float64), s.astype(np.float64), self._input_lags)
                for x, s in zip(inputs, outputs, strict=True)
            ),
        ).dense()
        order = np.arange(n_columns).reshape(n_inputs, n_lags).T.ravel()
        total = Moments(
            total.n,
            total.x[order],
            total.y,
            total.xx[np.ix_(order, order)],
            total.xy[order],
            total.yy,
        )
        whole = self.regressor
        x, y = compressed(total, whole.fit_intercept)
        # The penalty is weighed against the mean squared error, which is over fewer rows now.
        alpha = whole.alpha * total.n / len(x)
        fitted = clone(whole).set_params(alpha=alpha, fit_intercept=False, precompute=x.T @ x)
        fitted.fit(x, y[:, 0] if self.n_outputs_ == 1 else y)
        fitted.set_params(
            alpha=whole.alpha, fit_intercept=whole.fit_intercept, precompute=whole.precompute
        )
        if whole.fit_intercept:
            means = (total.y - np.atleast_2d(fitted.coef_) @ total.x) / total.n
            fitted.intercept_ = float(means[0]) if self.n_outputs_ == 1 else means
        self.regressor_ = fitted

    def _fit_batches(self, rows: LaggedRows, targets: np.ndarray) -> None:
        self._check_memory(min(self.batch_size, len(rows)), rows.view)
        rng = check_random_state(self.random_state)
        best, stale = np.inf, 0
        for n_pass in range(1, self.max_passes + 1):
            error = 0.0
            order = rng.permutation(len(rows))
            for start in range(0, len(rows), self.batch_size):
                chosen = order[start : start + self.batch_size]
                batch, wanted = rows[chosen], targets[chosen]
                if n_pass > 1:
                    error += float(np.sum((self.regressor_.predict(batch) - wanted) ** 2))
                self.regressor_.partial_fit(batch, wanted)
            if n_pass == 1:  # there was nothing to predict with
                continue
            stale = stale + 1 if error > (1 - self.tol) * best else 0
            best = min(best, error)
            if stale == _PATIENCE:
                break
        else:
            warnings.warn(
                f"{type(self.regressor).__name__} was still improving after max_passes="
                f"{self.max_passes} passes: raise max_passes or tol, or scale the input to unit "
                "variance",
                ConvergenceWarning,
                stacklevel=3,
            )
        self.n_passes_ = n_pass

    def _store_weights(self) -> None:
        """Keep the weights of a linear regressor, in the order of the other models."""
        single = not isinstance(self.regressor_, MultiOutputRegressor)
        models = [self.regressor_] if single else self.regressor_.estimators_
        if not all(hasattr(model, "coef_") for model in models):
            return
        weights = np.concatenate([np.ravel(model.coef_) for model in models])
        weights = weights.reshape(self.n_outputs_, len(self.lags_), -1)
        if self.direction == "backward":
            self.coef_ = np.ascontiguousarray(weights.transpose(0, 2, 1))
        else:
            # The input is read from the longest lag to the shortest.
            self.coef_ = np.ascontiguousarray(weights[:, ::-1].transpose(2, 0, 1))

    def _check_memory(self, n_rows: int, view: np.ndarray) -> None:
        n_columns = view.shape[1]
        needed = n_rows * n_columns * view.itemsize
        if needed > self.max_memory:
            n_lags = len(self.lags_)
            raise ValueError(
                f"{n_rows} rows of {n_columns // n_lags} inputs x {n_lags} lags take "
                f"{needed / 1e9:.3g} GB, more than max_memory={self.max_memory:g} bytes: take "
                "fewer channels or lags, a lower sampling rate, float32 signals, a regressor with "
                "partial_fit and a small batch_size, or a larger max_memory"
            )

    def _check_parameters(self) -> None:
        for method in ("fit", "predict", "get_params"):
            if isinstance(self.regressor, type) or not hasattr(self.regressor, method):
                raise ValueError(
                    f"regressor must be a regressor of scikit-learn, got {self.regressor!r}"
                )
        if self.direction not in ("backward", "forward"):
            raise ValueError(f"direction must be 'backward' or 'forward', got {self.direction!r}")
        for name in ("max_passes", "batch_size"):
            value = getattr(self, name)
            if not (isinstance(value, int | np.integer) and value >= 1):
                raise ValueError(f"{name} must be an integer of at least 1, got {value!r}")
        if not self.max_memory > 0:
            raise ValueError(
                f"max_memory must be a positive number of bytes, got {self.max_memory!r}"
            )
        if not self.tol >= 0:
            raise ValueError(f"tol must be at least 0, got {self.tol!r}")
