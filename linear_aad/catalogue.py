"""Linear decoders that are known by name, see :mod:`cocktailparty.catalogue`."""

from functools import partial
from typing import Any

from sklearn.model_selection import KFold

from cocktailparty.catalogue import NamedDecoder
from cocktailparty.decoding.tracker import AttentionTracker
from linear_aad.adaptive import AdaptiveDecoder
from linear_aad.attention import AttentionDecoder
from linear_aad.cca import CCADecoder
from linear_aad.lasso import LassoTRF
from linear_aad.population import PopulationTRF
from linear_aad.stacked import StackedTRF
from linear_aad.trf import BackwardTRF

__all__ = ["DECODERS"]

_TMAX = 0.4  # longest lag in seconds
# Penalties to choose from, relative to the mean diagonal of the summed products.
_ALPHAS = [10.0**exponent for exponent in range(-4, 3)]
# Those of LASSO, relative to the one that leaves no weight.
_LASSO_ALPHAS = [10.0 ** (-third / 3) for third in range(7)]


def _ridge(sfreq: float, **options: Any) -> AttentionDecoder:
    options = {"alpha": _ALPHAS, "alpha_convention": "relative", **options}
    return AttentionDecoder(BackwardTRF(0.0, _TMAX, sfreq, **options))


def _ledoit_wolf(sfreq: float) -> AttentionDecoder:
    return AttentionDecoder(BackwardTRF(0.0, _TMAX, sfreq, alpha="ledoit-wolf"))


def _lasso(sfreq: float) -> AttentionDecoder:
    return AttentionDecoder(LassoTRF(0.0, _TMAX, sfreq, alpha=_LASSO_ALPHAS))


def _cca(sfreq: float) -> CCADecoder:
    return CCADecoder(sfreq=sfreq, alpha=_ALPHAS)


def _population(sfreq: float) -> AttentionDecoder:
    return AttentionDecoder(PopulationTRF(0.0, _TMAX, sfreq, alpha=_ALPHAS, n_components=64))


def _stacked(sfreq: float) -> StackedTRF:
    return StackedTRF(0.0, _TMAX, sfreq, alpha=_ALPHAS)


def _tracker(sfreq: float) -> AttentionTracker:
    # Thirds of the training trials in their order, so that most of a story stays together.
    return AttentionTracker(_ridge(sfreq), cv=KFold(3))


def _adaptive(sfreq: float) -> AdaptiveDecoder:
    return AdaptiveDecoder(_ledoit_wolf(sfreq).regressor, random_state=0)


def _tmax(trial: Any, name: str = "tmax") -> float:
    return float(trial.suggest_float(name, 0.1, 0.5, step=0.05))


def _alpha(trial: Any, low: float = 1e-4, high: float = 1e2) -> float:
    return float(trial.suggest_float("alpha", low, high, log=True))


def _ridge_space(trial: Any) -> dict[str, Any]:
    return {"regressor__alpha": _alpha(trial), "regressor__tmax": _tmax(trial)}


def _lasso_space(trial: Any) -> dict[str, Any]:
    return {"regressor__alpha": _alpha(trial, 1e-2, 1.0), "regressor__tmax": _tmax(trial)}


def _lags_space(trial: Any) -> dict[str, Any]:
    """Space of models that find their penalty by themselves."""
    return {"regressor__tmax": _tmax(trial)}


def _cca_space(trial: Any) -> dict[str, Any]:
    return {
        "alpha": _alpha(trial),
        "tmax": _tmax(trial),
        "stimulus_tmax": _tmax(trial, "stimulus_tmax"),
        "n_components": trial.suggest_int("n_components", 1, 6),
        "combine": trial.suggest_categorical("combine", ["dprime", "lda"]),
    }


def _population_space(trial: Any) -> dict[str, Any]:
    shrinkage = trial.suggest_float("shrinkage", 1e-2, 1e2, log=True)
    return {**_ridge_space(trial), "regressor__shrinkage": shrinkage}


def _stacked_space(trial: Any) -> dict[str, Any]:
    """Without the penalties of the ridge models, which it finds by itself."""
    return {
        "tmax": _tmax(trial),
        "window": trial.suggest_categorical("window", [2.0, 5.0, 10.0]),
        "C": trial.suggest_float("C", 1e-2, 1e2, log=True),
    }


def _tracker_space(trial: Any) -> dict[str, Any]:
    inner = {f"decoder__{name}": value for name, value in _ridge_space(trial).items()}
    return inner | {"dwell": trial.suggest_float("dwell", 10.0, 1000.0, log=True)}


#: The linear decoders by name, and the tracker of attention on one of them.
DECODERS = (
    NamedDecoder(
        "ridge",
        _ridge,
        summary="ridge regression of the envelope, the penalty chosen by leave-one-trial-out; "
        "the baseline",
        space=_ridge_space,
        refuses=("one_trial",),
    ),
    NamedDecoder(
        "ridge-late",
        partial(_ridge, averaging="models"),
        summary="the mean of one ridge model for each trial, instead of one model of all",
        space=_ridge_space,
        refuses=("one_trial",),
    ),
    NamedDecoder(
        "laplacian",
        partial(_ridge, penalty="laplacian"),
        summary="regression with weights that are smooth over lags",
        space=_ridge_space,
        refuses=("one_trial",),
    ),
    NamedDecoder(
        "ledoit-wolf",
        _ledoit_wolf,
        summary="ridge regression with the penalty of optimal shrinkage: nothing to choose",
        space=_lags_space,
    ),
    NamedDecoder(
        "lasso",
        _lasso,
        summary="regression with few weights that are not zero",
        space=_lasso_space,
        refuses=("one_trial",),
    ),
    NamedDecoder(
        "cca",
        _cca,
        summary="canonical correlation: EEG and envelope are filtered towards each other",
        space=_cca_space,
        refuses=("one_trial",),
    ),
    NamedDecoder(
        "population",
        _population,
        summary="ridge models of several subjects, each drawn to their average as far as left-out "
        "trials say",
        space=_population_space,
        refuses=("one_trial",),
    ),
    NamedDecoder(
        "stacked",
        _stacked,
        summary="ridge models of several features of the envelope, weighed by logistic regression",
        space=_stacked_space,
        refuses=("one_trial",),
    ),
    NamedDecoder(
        "tracker",
        _tracker,
        summary="hidden Markov model of the scores of ridge in windows of 1 s; for two or more "
        "sounds at a time",
        space=_tracker_space,
        refuses=("one_trial", "one_stimulus"),
    ),
    NamedDecoder(
        "adaptive",
        _adaptive,
        summary="learns without attended labels; for two or more sounds at a time",
        space=_lags_space,
        refuses=("one_trial", "one_stimulus"),
    ),
)
