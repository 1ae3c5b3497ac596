"""Ridge regression of several subjects, each shrunk towards their average."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from sklearn.model_selection import GroupKFold
from sklearn.utils.validation import check_is_fitted

from cocktailparty.backend import namespace
from cocktailparty.blas import one_blas_thread
from cocktailparty.trial_means import WithoutMeans
from linear_aad.haufe import patterns
from linear_aad.lagged import toeplitz
from linear_aad.lagged.group_moments import Segment
from linear_aad.lagged.group_ridge import GroupFit, GroupSettings
from linear_aad.lagged.model import LaggedModel
from linear_aad.lagged.moments import filter_lagged, lagged_products
from linear_aad.lagged.penalties import is_penalty
from linear_aad.lagged.signals import is_list


class PopulationTRF(LaggedModel):
    r"""Reconstruct a stimulus from EEG of several subjects, by models that learn from each other.

    The average model is ridge regression over the trials of all subjects, like `BackwardTRF`. A
    subject's own model is shrunk towards it,

    .. math:: w_s = \arg\min_w \sum_t |y(t) - x(t) w|^2 + \lambda |w - \bar w|^2 .

    With a small :math:`\lambda` subjects keep to themselves, with an infinite one all have the
    average model. Held-out training trials choose it, for all subjects together: of trials that
    the average has not seen either. What predicts them with the best correlations is taken. A
    subject who was not in training gets the average.

    Parameters
    ----------
    tmin, tmax : float
        First and last lag of the EEG behind the sound, in seconds.
    sfreq : float
        Sampling rate in hertz.
    alpha : float or sequence of float
        Penalty on the squared weights of the average model, relative to the mean diagonal of the
        summed products of the EEG, or several to choose from.
    shrinkage : float or sequence of float
        :math:`\lambda`, relative to the mean diagonal of the subject's own products, or several to
        choose from; infinite for the average model.
    n_splits : int
        Number of folds of trials, each of which is left out once to choose.
    n_components : int, optional
        EEG with more channels is reduced to this many principal components; None for all channels.
    remove_mean : bool
        Subtract the mean of each trial of EEG and stimulus, see `BackwardTRF`.

    Attributes
    ----------
    coef_ : ndarray of shape (n_features, n_channels, n_lags)
        Weights of the average model.
    patterns_ : ndarray of shape (n_features, n_channels, n_lags)
        Patterns of the average model, see `BackwardTRF`.
    subject_coef_ : ndarray of shape (n_subjects, n_features, n_channels, n_lags)
        Weights of each subject.
    subjects_ : list of str
        Subjects in training, in that order.
    lags_ : ndarray of shape (n_lags,)
        Lags in samples.
    alpha_, shrinkage_ : float
        Chosen penalties. With one subject, who is the average, the shrinkage is infinite.
    n_features_in_ : int
        Number of EEG channels.

    See Also
    --------
    BackwardTRF : One model of all trials.

    Notes
    -----
    Through `AttentionDecoder` it learns of the subjects and stories of the trials: stories are left
    out as a whole, so that what several subjects heard helps none of them in the choice.

    References
    ----------
    Efron, B., & Morris, C. (1973). Stein's estimation rule and its competitors: an empirical Bayes
    approach. Journal of the American Statistical Association, 68(341), 117-130.
    https://doi.org/10.1080/01621459.1973.10481350

    Examples
    --------
    >>> from cocktailparty.datasets import simulate_two_talkers
    >>> from linear_aad import AttentionDecoder
    >>> trials = [
    ...     trial.replace(subject=name)
    ...     for seed, name in enumerate(["anna", "ben"])
    ...     for trial in simulate_two_talkers(n_trials=3, n_channels=4, random_state=seed).trials
    ... ]
    >>> model = PopulationTRF(tmax=0.25, sfreq=64)
    >>> decoder = AttentionDecoder(model).fit(trials[:2] + trials[3:5])
    >>> decoder.regressor_.subjects_
    ['anna', 'ben']
    >>> decoder.predict([trials[2], trials[5]]).shape
    (2,)
    """

    _direction = 1

    def __init__(
        self,
        tmin: float = 0.0,
        tmax: float = 0.4,
        sfreq: float = 64.0,
        alpha: float | Sequence[float] = (1e-4, 1e-3, 1e-2, 1e-1, 1e0, 1e1, 1e2),
        shrinkage: float | Sequence[float] = (1e-1, 1e0, 1e1, np.inf),
        *,
        n_splits: int = 5,
        n_components: int | None = None,
        remove_mean: bool = True,
    ) -> None:
        self.tmin = tmin
        self.tmax = tmax
        self.sfreq = sfreq
        self.alpha = alpha
        self.shrinkage = shrinkage
        self.n_splits = n_splits
        self.n_components = n_components
        self.remove_mean = remove_mean

    @one_blas_thread()
    def fit(self, X: Any, y: Any, subjects: Any = None, groups: Any = None) -> "PopulationTRF":
        """Learn the models.

        Parameters
        ----------
        X : list of arrays (n_times, n_channels) or (n_times,), or one array (n_times, n_channels)
            EEG of each trial; trials may differ in length.
        y : list of arrays of shape (n_times, n_features) or (n_times,), or one such array
            Stimulus of each trial.
        subjects : sequence of str, shape (n_trials,), optional
            Subject of each trial; None if all are of one subject.
        groups : sequence, shape (n_trials,), optional
            Groups of trials to be left out together, such as stories; None for single trials.

        Returns
        -------
        self : PopulationTRF
            Fitted.

        Raises
        ------
        ValueError
            If a parameter or the data are invalid, a trial is not longer than the lags, or there
            are several penalties to choose from and nothing to leave out.
        """
        settings = self._settings()
        inputs, outputs = self._training_data(X, y)
        outputs = [s[:, None] if s.ndim == 1 else s for s in outputs]
        names = self._names(subjects, len(inputs))
        self.subjects_ = list(dict.fromkeys(names))
        folds = self._folds(groups, len(inputs), settings)
        targets = self._centred(outputs)
        segments = [
            Segment(x, s, self.subjects_.index(name), fold)
            for x, s, name, fold in zip(self._centred(inputs), targets, names, folds, strict=True)
        ]
        fit = GroupFit(segments, len(self.subjects_), self.lags_, settings)
        self.model_ = fit.ridge
        if isinstance(targets, WithoutMeans):
            self.model_.intercepts = self.model_.intercepts + targets.mean()
        self.alpha_, self.shrinkage_ = self.model_.alpha, self.model_.shrinkage
        xp = namespace(self.model_.weights)
        weights = xp.permute_dims(self.model_.weights, (0, 3, 1, 2))
        self.subject_coef_, self.coef_ = weights[:-1, ...], weights[-1, ...]
        self.patterns_ = self._patterns(inputs)
        return self

    @one_blas_thread()
    def predict(self, X: Any, subjects: Any = None) -> Any:
        """Reconstruct the stimulus.

        Parameters
        ----------
        X : list of arrays (n_times, n_channels) or (n_times,), or one array (n_times, n_channels)
            EEG.
        subjects : sequence of str, shape (n_trials,), optional
            Subject of each trial. New subjects, and all if None, get the average model.

        Returns
        -------
        predicted : list of arrays of shape (n_times, n_features), or one such array
            In the dtype of the input, and of one axis if the model was fitted on outputs of one.

        Raises
        ------
        ValueError
            If the EEG does not fit, or there is not one subject for each trial.
        """
        check_is_fitted(self)
        inputs, _ = self._validated(X, reset=False)
        numbers = [-1] * len(inputs)
        if subjects is not None:
            known = {name: i for i, name in enumerate(self.subjects_)}
            numbers = [known.get(name, -1) for name in self._names(subjects, len(inputs))]
        predicted = []
        for x, number in zip(self._centred(inputs), numbers, strict=True):
            y = self.model_.predict(x, number)
            predicted.append(y[:, 0] if self.y_ndim_ == 1 else y)
        return predicted if is_list(X, n_inputs=self.n_features_in_) else predicted[0]

    @one_blas_thread()
    def correlations(self, X: Any, y: Any, subjects: Any = None) -> np.ndarray:
        """Correlate reconstructed and true stimulus, for each feature.

        Parameters
        ----------
        X, y : list of arrays, or one array
            EEG and stimulus of each trial, as for `fit`.
        subjects : sequence of str, shape (n_trials,), optional
            As for `predict`.

        Returns
        -------
        r : ndarray of shape (n_features,)
            Pearson correlations, mean over trials; 0 where a signal is constant.
        """
        check_is_fitted(self)
        inputs, outputs = self._validated(X, y, reset=False)
        return self._compared(self.predict(inputs, subjects), outputs)

    def score(self, X: Any, y: Any, subjects: Any = None) -> float:
        """Correlate reconstructed and true stimulus, mean over trials and features.

        Parameters
        ----------
        X, y, subjects : list of arrays, or one array
            EEG, stimuli and subjects, as for `correlations`.

        Returns
        -------
        r : float
            Pearson correlation.
        """
        return float(np.mean(self.correlations(X, y, subjects)))

    def _patterns(self, inputs: list[Any]) -> Any:
        """Patterns of the average model, from products of the EEG and what is made of it."""
        weights = self.model_.weights[-1, ...]
        xp, n_features = namespace(weights), weights.shape[-1]
        products: Any = 0.0
        x_sum: Any = 0.0
        y_sum: Any = 0.0
        n = 0
        for x in self._centred(inputs):
            x = xp.astype(x, xp.float64, copy=False)
            made = filter_lagged(x, weights, self.lags_)
            products = products + lagged_products(x, made, self.lags_)
            x_sum = x_sum + toeplitz.sums(x, self.lags_)
            y_sum, n = y_sum + xp.sum(made, axis=0), n + x.shape[0]
        products = products - x_sum[:, None] * (y_sum / n)[None, :]
        columns = patterns(products, xp.reshape(weights, (-1, n_features)))
        return xp.reshape(xp.matrix_transpose(columns), self.coef_.shape)

    def _names(self, subjects: Any, n_trials: int) -> list[str]:
        if subjects is None:
            return [""] * n_trials
        names = [subjects] if isinstance(subjects, str) else [str(name) for name in subjects]
        if len(names) != n_trials:
            raise ValueError(
                f"subjects has {len(names)} names, expected one for each of {n_trials} trials"
            )
        return names

    def _folds(self, groups: Any, n_trials: int, settings: GroupSettings) -> list[int]:
        """Deal trials to folds, those of a group to the same one."""
        several = len(settings.alphas) > 1
        several |= len(settings.shrinkages) > 1 and len(self.subjects_) > 1
        if not several:
            return [0] * n_trials
        groups = list(range(n_trials)) if groups is None else list(groups)
        if len(groups) != n_trials:
            raise ValueError(
                f"groups has {len(groups)} items, expected one for each of {n_trials} trials"
            )
        n_groups = len(set(groups))
        if n_groups < 2:
            raise ValueError(
                f"choosing among {len(settings.alphas)} alphas and {len(settings.shrinkages)} "
                "shrinkages leaves some trials out, which takes at least 2 trials, and 2 groups if "
                "there are groups: pass more, or a single alpha and shrinkage"
            )
        # Numbers instead of any names; a group keeps the place where it first appears.
        numbers = [list(dict.fromkeys(groups)).index(group) for group in groups]
        folds = np.empty(n_trials, dtype=int)
        splits = GroupKFold(min(self.n_splits, n_groups)).split(numbers, None, numbers)
        for fold, (_, left_out) in enumerate(splits):
            folds[left_out] = fold
        return [int(fold) for fold in folds]

    def _settings(self) -> GroupSettings:
        """Check the parameters."""
        alphas, shrinkages = (
            np.atleast_1d(np.asarray(value, dtype=object)).ravel().tolist()
            for value in (self.alpha, self.shrinkage)
        )
        if not alphas or not all(is_penalty(alpha) for alpha in alphas):
            raise ValueError(f"alpha must be one or several numbers >= 0, got {self.alpha!r}")
        if not shrinkages or not all(x == np.inf or is_penalty(x) for x in shrinkages):
            raise ValueError(
                f"shrinkage must be one or several numbers >= 0, perhaps infinite, got "
                f"{self.shrinkage!r}"
            )
        for name, least in (("n_splits", 2), ("n_components", 1)):
            value = getattr(self, name)
            if value is None and name == "n_components":
                continue
            if not isinstance(value, int | np.integer) or value < least:
                raise ValueError(f"{name} must be an integer of at least {least}, got {value!r}")
        return GroupSettings(
            tuple(map(float, alphas)),
            tuple(map(float, shrinkages)),
            n_components=None if self.n_components is None else int(self.n_components),
        )
