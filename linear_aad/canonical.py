"""Formulas of canonical correlation analysis: covariances, filters, weights of components."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.linalg import LinAlgError, cholesky, solve_triangular

from cocktailparty.trial import Trial
from cocktailparty.trial_means import without_mean
from linear_aad.lagged.leave_one_out import dense
from linear_aad.lagged.moments import LaggedMoments, Moments, lag_matrix

COMBINATIONS = ("lda", "dprime")


def canonical_filters(
    xx: np.ndarray,
    yy: np.ndarray,
    xy: np.ndarray,
    n_components: int,
    alpha: float = 0.0,
    alpha_y: float = 0.0,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    r"""Solve regularised canonical correlation analysis from covariances.

    With :math:`L L^T = C_{xx} + \alpha \bar d_x I` and
    :math:`M M^T = C_{yy} + \alpha_y \bar d_y I`, where :math:`\bar d` is the mean diagonal of a
    covariance, the singular vectors of :math:`L^{-1} C_{xy} M^{-T}`, taken back through the
    whitening, are the filters.

    From covariances `xx` (n_x, n_x), `yy` (n_y, n_y) and `xy` (n_x, n_y) to filters
    (n_x, n_components) and (n_y, n_components), each with an output of variance 1, and the
    correlations (n_components,) of each pair. The largest weight of each column of the second
    filters is positive, which settles the sign. Raises ValueError if a covariance is singular,
    which only happens with a ridge of (nearly) zero.

    References
    ----------
    Vinod, H. D. (1976). Canonical ridge and econometrics of joint production. Journal of
    Econometrics, 4(2), 147-166. https://doi.org/10.1016/0304-4076(76)90010-5

    Examples
    --------
    >>> import numpy as np
    >>> xx, yy, xy = np.eye(2), np.eye(2), np.array([[0.5, 0.0], [0.0, 0.2]])
    >>> canonical_filters(xx, yy, xy, n_components=2)[2]
    array([0.5, 0.2])
    """
    whiten_x = _cholesky(xx, alpha, "EEG", "alpha")
    whiten_y = _cholesky(yy, alpha_y, "stimulus", "alpha_stimulus")
    whitened = solve_triangular(whiten_x, xy, lower=True)
    whitened = solve_triangular(whiten_y, whitened.T, lower=True).T
    u, _, vt = np.linalg.svd(whitened, full_matrices=False)
    a = solve_triangular(whiten_x, u[:, :n_components], lower=True, trans="T")
    b = solve_triangular(whiten_y, vt[:n_components].T, lower=True, trans="T")
    a /= np.sqrt(np.einsum("ik,ij,jk->k", a, xx, a, optimize=True))
    b /= np.sqrt(np.einsum("ik,ij,jk->k", b, yy, b, optimize=True))
    sign = np.sign(b[np.abs(b).argmax(axis=0), np.arange(n_components)])
    return a * sign, b * sign, np.einsum("ik,ij,jk->k", a, xy, b, optimize=True)


def combination(differences: np.ndarray, combine: str) -> tuple[np.ndarray, float]:
    r"""Weight the components so that attended and unattended stimuli come apart.

    With mean :math:`\mu` and covariance :math:`\Sigma` of the `differences`
    (n_windows, n_components), correlation of the attended minus that of an unattended stimulus,
    "lda" takes the discriminant :math:`\Sigma^{-1} \mu`; "dprime" neglects what the components have
    in common and takes :math:`\mu_k / \sigma_k^2`: each component in units of its standard
    deviation, weighted by its :math:`d'_k = \mu_k / \sigma_k`.

    Gives the weights (n_components,), whose absolute values sum to 1 so that a weighted sum of
    correlations stays within -1 and 1, and the mean of the weighted differences over their standard
    deviation.

    Examples
    --------
    >>> import numpy as np
    >>> differences = np.array([[0.3, 0.1], [0.1, -0.1], [0.2, 0.1], [0.2, -0.1]])
    >>> combination(differences, "dprime")[0]
    array([1., 0.])
    """
    mean, covariance = differences.mean(axis=0), np.atleast_2d(np.cov(differences.T))
    shared = covariance if combine == "lda" else np.diag(np.diag(covariance))
    weights = np.linalg.solve(shared, mean)
    weights /= np.abs(weights).sum()
    return weights, float(weights @ mean / np.sqrt(weights @ covariance @ weights))


@dataclass(frozen=True, eq=False)
class LaggedProducts:
    """Sums of products of lagged EEG and lagged attended stimulus; trials add up.

    `eeg` has the lagged stimulus as its target, `stimulus` are the moments of the latter alone.
    """

    eeg: Moments | LaggedMoments
    stimulus: Moments

    @classmethod
    def of(
        cls,
        trial: Trial,
        attended: int,
        lags: np.ndarray,
        stimulus_lags: np.ndarray,
        remove_mean: bool = False,
    ) -> "LaggedProducts":
        """Sum over one trial and its attended stimulus, in double precision.

        Lags are in samples, into the future of the EEG and into the past of the stimulus. With
        `remove_mean` both lose their means first.
        """
        eeg = trial.eeg.astype(np.float64)
        stimulus = trial.stimuli[attended].astype(np.float64)
        if remove_mean:
            eeg, stimulus = without_mean(eeg), without_mean(stimulus)
        stimulus = lag_matrix(stimulus, -stimulus_lags)
        return cls(
            LaggedMoments.of(eeg, stimulus, lags),
            Moments.of(stimulus, stimulus[:, :0]),
        )

    def __add__(self, other: Any) -> "LaggedProducts":
        return LaggedProducts(self.eeg + other.eeg, self.stimulus + other.stimulus)

    def __sub__(self, other: Any) -> "LaggedProducts":
        return LaggedProducts(dense(self.eeg) - dense(other.eeg), self.stimulus - other.stimulus)

    def dense(self) -> "LaggedProducts":
        """Assemble the matrix of products of the EEG, from which others are subtracted faster."""
        return LaggedProducts(dense(self.eeg), self.stimulus)

    def covariances(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Compute covariances: xx of the lagged EEG, yy of the lagged stimulus, xy between them."""
        xx, xy, _ = dense(self.eeg).centred()
        yy = self.stimulus.centred()[0]
        return xx / self.eeg.n, yy / self.eeg.n, xy / self.eeg.n


def _cholesky(covariance: np.ndarray, alpha: float, side: str, parameter: str) -> np.ndarray:
    penalised = covariance.copy()
    penalised[np.diag_indices_from(covariance)] += alpha * np.diag(covariance).mean()
    try:
        return cholesky(penalised, lower=True, overwrite_a=True, check_finite=False)
    except LinAlgError:
        raise ValueError(
            f"the lagged {side} is linearly dependent at {parameter}={alpha:g}: raise "
            f"{parameter}, or drop channels or features that are sums of others"
        ) from None
