"""Temporal response functions: linear maps between stimulus and EEG over a range of lags."""

import numpy as np

from linear_aad.lagged_ridge import LaggedRidge


class BackwardTRF(LaggedRidge):
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
    alpha : float, sequence of float, or "ledoit-wolf"
        Penalty on the squared weights. Of several penalties, the one with the best mean
        correlation in leave-one-trial-out cross-validation over the training trials is taken.
        "ledoit-wolf" computes the penalty from the input alone, by the optimal shrinkage of its
        covariance.
    alpha_convention : {"absolute", "relative", "mtrfpy", "mtrf-toolbox"}
        What `alpha` counts in: as it is added to the summed products of the lagged EEG; relative
        to their mean diagonal, so that it does not depend on the unit of the EEG nor on the amount
        of data; or the conventions of the mTRF toolboxes.
    alpha_per_output : bool
        Choose among several penalties for each feature of the stimulus by itself.

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
    alpha_ : float or ndarray of shape (n_outputs,)
        Chosen penalty, in the unit of `alpha`; absolute for "ledoit-wolf"; one for each output
        with `alpha_per_output`.
    cv_scores_ : ndarray of shape (n_alphas, n_trials)
        Correlation of each left-out trial; only if `alpha` is a sequence.
    n_features_in_ : int
        Number of channels.

    See Also
    --------
    ForwardTRF : The opposite direction.
    AttentionDecoder : Decides by the reconstruction.

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

    def _store(self, weights: np.ndarray, products: np.ndarray, n_inputs: int) -> None:
        power = np.einsum("ij,ij->j", weights, products)
        patterns = np.divide(products, power, out=np.zeros_like(products), where=power > 0)
        shape = (-1, n_inputs, len(self.lags_))
        self.coef_ = weights.T.reshape(shape)
        self.patterns_ = patterns.T.reshape(shape)

    def _weights(self) -> np.ndarray:
        return self.coef_.transpose(1, 2, 0)


class ForwardTRF(LaggedRidge):
    r"""Predict EEG from a stimulus by ridge regression over lags.

    .. math:: \hat x_c(t) = b_c + \sum_{f, l} w_{f, c, l} \, s_f(t - l)

    A lag :math:`l` pairs the stimulus at time t with the EEG at time t + l, as in `BackwardTRF`: a
    positive lag means that the brain answers later. The weights estimate the response itself.

    Parameters
    ----------
    tmin, tmax : float
        First and last lag in seconds, rounded to whole samples, both included.
    sfreq : float
        Sampling rate of EEG and stimuli in hertz.
    alpha : float, sequence of float, or "ledoit-wolf"
        Penalty on the squared weights. Of several penalties, the one with the best mean
        correlation in leave-one-trial-out cross-validation over the training trials is taken.
        "ledoit-wolf" computes the penalty from the input alone, by the optimal shrinkage of its
        covariance.
    alpha_convention : {"absolute", "relative", "mtrfpy", "mtrf-toolbox"}
        What `alpha` counts in: as it is added to the summed products of the lagged stimulus;
        relative to their mean diagonal, so that it does not depend on the unit of the stimulus nor
        on the amount of data; or the conventions of the mTRF toolboxes.
    alpha_per_output : bool
        Choose among several penalties for each channel by itself.

    Attributes
    ----------
    coef_ : ndarray of shape (n_features, n_channels, n_lags)
        Weights: the response of each channel to each feature.
    intercept_ : ndarray of shape (n_channels,)
        Constants.
    lags_ : ndarray of shape (n_lags,)
        Lags in samples.
    alpha_ : float or ndarray of shape (n_outputs,)
        Chosen penalty, in the unit of `alpha`; absolute for "ledoit-wolf"; one for each output
        with `alpha_per_output`.
    cv_scores_ : ndarray of shape (n_alphas, n_trials)
        Correlation of each left-out trial, mean over channels; only if `alpha` is a sequence.
    n_features_in_ : int
        Number of features of the stimulus.

    See Also
    --------
    BackwardTRF : The opposite direction.

    References
    ----------
    Crosse, M. J., et al. (2016). The multivariate temporal response function (mTRF) toolbox.
    Frontiers in Human Neuroscience, 10, 604. https://doi.org/10.3389/fnhum.2016.00604

    Examples
    --------
    >>> import numpy as np
    >>> rng = np.random.default_rng(0)
    >>> envelopes = [rng.random((640, 1)) for _ in range(4)]
    >>> eeg = [np.roll(s, 6, axis=0) * [1.0, -0.5] + rng.normal(size=(640, 2)) for s in envelopes]
    >>> trf = ForwardTRF(tmin=0, tmax=0.2, sfreq=64, alpha=1.0).fit(envelopes[:3], eeg[:3])
    >>> trf.coef_.shape
    (1, 2, 14)
    >>> trf.lags_[np.abs(trf.coef_[0]).argmax(axis=1)]
    array([6, 6])
    >>> trf.correlations(envelopes[3:], eeg[3:]).shape
    (2,)
    """

    _direction = -1

    def _store(self, weights: np.ndarray, products: np.ndarray, n_inputs: int) -> None:
        # The input is looked at from the longest lag to the shortest.
        weights = weights.reshape(n_inputs, len(self.lags_), -1)[:, ::-1]
        self.coef_ = np.ascontiguousarray(weights.transpose(0, 2, 1))

    def _weights(self) -> np.ndarray:
        return np.ascontiguousarray(self.coef_.transpose(0, 2, 1)[:, ::-1])
