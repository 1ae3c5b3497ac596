"""Temporal response functions: linear maps between stimulus and EEG over a range of lags."""

from typing import Any

from cocktailparty.backend import namespace
from linear_aad.haufe import patterns
from linear_aad.lagged.moments import Moments
from linear_aad.lagged.ridge import LaggedRidge


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
        Penalty on the squared weights. Of several, the one with the best mean correlation in
        leave-one-trial-out cross-validation is taken. "ledoit-wolf" is the optimal shrinkage of the
        covariance of the input.
    alpha_convention : {"absolute", "relative", "mtrfpy", "mtrf-toolbox"}
        Unit of `alpha`: as it is added to the summed products of the lagged EEG; relative to their
        mean diagonal, whatever unit and amount of EEG; or the conventions of the mTRF toolboxes.
    alpha_per_output : bool
        Choose among several penalties for each feature of the stimulus by itself.
    penalty : {"ridge", "laplacian"}
        Penalised quantity: the squared weights, or the squared differences of weights at
        neighbouring lags of the same channel, which makes responses smooth (Tikhonov), counted as
        in MNE-Python. The mTRF toolboxes count half of it, and so do their conventions of `alpha`
        here; with several inputs, mTRFpy compares neighbouring inputs instead of lags.
    bands : sequence of int, optional
        Banded ridge regression: numbers of successive channels that have a penalty of their own,
        together all channels.
    band_search : "grid" or int
        Combinations of penalties of bands to compare: each of `alpha` for each band, or this many
        random ratios, the first of them equal penalties, each with every `alpha` as geometric mean.
    averaging : {"covariances", "models"}
        One model of the summed products of all trials, or the mean of one model per trial (early
        or late integration). Left-out trials are predicted in the same way.
    fit_intercept : bool
        Fit a constant, which is not penalised. Without it, predictions have none, and only
        `remove_mean` centres anything.
    random_state : int, RandomState or None
        Source of the random ratios of `band_search`.
    remove_mean : bool
        Subtract the mean of each trial of EEG and stimulus in training, of EEG in prediction,
        before lags are made: beyond the ends of a trial, where samples count as zero, an offset
        would become a step. Predictions have the mean of all training samples. False: as mTRFpy.
    lags : sequence of (float, float), or dict of int or str to (float, float), optional
        First and last lag of each channel in seconds: a list with one pair each, or a dict from
        indices (or names of columns, if X are DataFrames) to pairs; `tmin` and `tmax` hold for the
        others.

    Attributes
    ----------
    coef_ : ndarray of shape (n_features, n_channels, n_lags)
        Weights.
    intercept_ : ndarray of shape (n_features,)
        Constants.
    patterns_ : ndarray of shape (n_features, n_channels, n_lags)
        What the weights respond to: covariance of the lagged EEG with the reconstructions, times
        the inverse of the covariance of the latter. Unlike weights, patterns may be read as brain
        activity: that which goes with a feature and not with the others.
    lags_ : ndarray of shape (n_lags,)
        Lags in samples; with `lags`, from the first to the last of any channel.
    lag_mask_ : ndarray of bool, shape (n_inputs, n_lags)
        Lags in use, channel by channel; only with `lags`. Weights of the others are zero.
    alpha_ : float, or ndarray of shape (n_bands,), (n_outputs,) or (n_outputs, n_bands)
        Chosen penalty, in the unit of `alpha`; absolute for "ledoit-wolf"; one for each band with
        `bands`, and for each output with `alpha_per_output`.
    cv_scores_ : ndarray of shape (n_candidates, n_trials)
        Correlation of each left-out trial, mean over features. Candidates are the penalties in
        `alpha`, or the combinations that `candidates()` lists; only if there are several.
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

    Lalor, E. C., et al. (2006). The VESPA: a method for the rapid estimation of a visual evoked
    potential. NeuroImage, 32(4), 1549-1561. https://doi.org/10.1016/j.neuroimage.2006.05.054

    Nunez-Elizalde, A. O., Huth, A. G., & Gallant, J. L. (2019). Voxelwise encoding models with
    non-spherical multivariate normal priors. NeuroImage, 197, 482-492.
    https://doi.org/10.1016/j.neuroimage.2019.04.012

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

    _direction = 1

    def _store(self, weights: Any, full: Moments, n_inputs: int) -> None:
        xp = namespace(weights)
        # A centred copy of the large matrix is not needed for the products about the means.
        products = full.xx @ weights - full.x[:, None] * (full.x @ weights / full.n)
        shape = (-1, n_inputs, len(self.lags_))
        self.coef_ = xp.reshape(xp.matrix_transpose(weights), shape)
        self.patterns_ = xp.reshape(xp.matrix_transpose(patterns(products, weights)), shape)

    def _weights(self) -> Any:
        return namespace(self.coef_).permute_dims(self.coef_, (1, 2, 0))


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
        Penalty on the squared weights, several to choose from, or that of optimal shrinkage. For
        this and all that follows see `BackwardTRF`, with the stimulus in place of the EEG.
    alpha_convention : {"absolute", "relative", "mtrfpy", "mtrf-toolbox"}
        Unit of `alpha`.
    alpha_per_output : bool
        Choose among several penalties for each channel by itself.
    penalty : {"ridge", "laplacian"}
        Penalised quantity: squared weights, or their squared differences at neighbouring lags.
    bands : sequence of int, optional
        Numbers of successive features of the stimulus that have a penalty of their own.
    band_search : "grid" or int
        Combinations of penalties of bands to compare.
    averaging : {"covariances", "models"}
        One model of the summed products of all trials, or the mean of one model per trial.
    fit_intercept : bool
        Fit a constant, which is not penalised.
    random_state : int, RandomState or None
        Source of the random ratios of `band_search`.
    remove_mean : bool
        Subtract the mean of each trial before lags are made.
    lags : sequence of (float, float), or dict of int or str to (float, float), optional
        First and last lag of each feature in seconds.

    Attributes
    ----------
    coef_ : ndarray of shape (n_features, n_channels, n_lags)
        Weights: the response of each channel to each feature.
    intercept_ : ndarray of shape (n_channels,)
        Constants.
    lags_ : ndarray of shape (n_lags,)
        Lags in samples; with `lags`, from the first to the last of any feature.
    lag_mask_ : ndarray of bool, shape (n_features, n_lags)
        Lags in use, feature by feature; only with `lags`.
    alpha_ : float, or ndarray of shape (n_bands,), (n_channels,) or (n_channels, n_bands)
        Chosen penalty, in the unit of `alpha`.
    cv_scores_ : ndarray of shape (n_candidates, n_trials)
        Correlation of each left-out trial, mean over channels; only with several candidates.
    n_features_in_ : int
        Number of features of the stimulus.

    See Also
    --------
    BackwardTRF : The opposite direction.

    References
    ----------
    Crosse, M. J., et al. (2016). The multivariate temporal response function (mTRF) toolbox.
    Frontiers in Human Neuroscience, 10, 604. https://doi.org/10.3389/fnhum.2016.00604

    Lalor, E. C., et al. (2006). The VESPA: a method for the rapid estimation of a visual evoked
    potential. NeuroImage, 32(4), 1549-1561. https://doi.org/10.1016/j.neuroimage.2006.05.054

    Nunez-Elizalde, A. O., Huth, A. G., & Gallant, J. L. (2019). Voxelwise encoding models with
    non-spherical multivariate normal priors. NeuroImage, 197, 482-492.
    https://doi.org/10.1016/j.neuroimage.2019.04.012

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

    def _store(self, weights: Any, full: Moments, n_inputs: int) -> None:
        xp = namespace(weights)
        # The input is read from the longest lag to the shortest.
        weights = xp.flip(xp.reshape(weights, (n_inputs, len(self.lags_), -1)), axis=1)
        self.coef_ = xp.asarray(xp.permute_dims(weights, (0, 2, 1)), copy=True)

    def _weights(self) -> Any:
        xp = namespace(self.coef_)
        return xp.flip(xp.permute_dims(self.coef_, (0, 2, 1)), axis=1)
