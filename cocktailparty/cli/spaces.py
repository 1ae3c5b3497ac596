"""Search spaces of the decoders that the command line knows by name.

A space is a function of an Optuna trial that returns parameters of the decoder.
"""

from collections.abc import Callable
from typing import Any

from cocktailparty.cli.arguments import find_function


def ridge(trial: Any) -> dict[str, Any]:
    """Draw the penalty and the longest lag of a backward model.

    Parameters
    ----------
    trial : optuna.Trial
        Trial of a study.

    Returns
    -------
    parameters : dict
        For `cocktailparty.cli.decoders.ridge` and its like.
    """
    return {
        "regressor__alpha": trial.suggest_float("alpha", 1e-4, 1e2, log=True),
        "regressor__tmax": trial.suggest_float("tmax", 0.1, 0.5, step=0.05),
    }


def ledoit_wolf(trial: Any) -> dict[str, Any]:
    """Draw the longest lag of a backward model, which finds its penalty by itself.

    Parameters
    ----------
    trial : optuna.Trial
        Trial of a study.

    Returns
    -------
    parameters : dict
        For `cocktailparty.cli.decoders.ledoit_wolf`.
    """
    return {"regressor__tmax": trial.suggest_float("tmax", 0.1, 0.5, step=0.05)}


def cca(trial: Any) -> dict[str, Any]:
    """Draw penalty, lags, number and combination of components of canonical correlation.

    Parameters
    ----------
    trial : optuna.Trial
        Trial of a study.

    Returns
    -------
    parameters : dict
        For `cocktailparty.cli.decoders.cca`.
    """
    return {
        "alpha": trial.suggest_float("alpha", 1e-4, 1e2, log=True),
        "tmax": trial.suggest_float("tmax", 0.1, 0.5, step=0.05),
        "stimulus_tmax": trial.suggest_float("stimulus_tmax", 0.1, 0.5, step=0.05),
        "n_components": trial.suggest_int("n_components", 1, 6),
        "combine": trial.suggest_categorical("combine", ["dprime", "lda"]),
    }


def lasso(trial: Any) -> dict[str, Any]:
    """Draw the penalty and the longest lag of a backward model with few weights.

    Parameters
    ----------
    trial : optuna.Trial
        Trial of a study.

    Returns
    -------
    parameters : dict
        For `cocktailparty.cli.decoders.lasso`; its penalty counts from 0 to 1.
    """
    return {
        "regressor__alpha": trial.suggest_float("alpha", 1e-2, 1.0, log=True),
        "regressor__tmax": trial.suggest_float("tmax", 0.1, 0.5, step=0.05),
    }


def stacked(trial: Any) -> dict[str, Any]:
    """Draw the longest lag, the windows and the penalty of the weights of a stack.

    Parameters
    ----------
    trial : optuna.Trial
        Trial of a study.

    Returns
    -------
    parameters : dict
        For `cocktailparty.cli.decoders.stacked`, which finds the penalties of its ridge models by
        itself.
    """
    return {
        "tmax": trial.suggest_float("tmax", 0.1, 0.5, step=0.05),
        "window": trial.suggest_categorical("window", [2.0, 5.0, 10.0]),
        "C": trial.suggest_float("C", 1e-2, 1e2, log=True),
    }


def tracker(trial: Any) -> dict[str, Any]:
    """Draw the ridge model of a tracker, and how often it expects a switch of attention.

    Parameters
    ----------
    trial : optuna.Trial
        Trial of a study.

    Returns
    -------
    parameters : dict
        For `cocktailparty.cli.decoders.tracker`.
    """
    own = {f"decoder__{name}": value for name, value in ridge(trial).items()}
    return own | {"dwell": trial.suggest_float("dwell", 10.0, 1000.0, log=True)}


def without_contrast(trial: Any) -> dict[str, Any]:
    """Draw how a network that reconstructs is trained and regularised.

    Parameters
    ----------
    trial : optuna.Trial
        Trial of a study.

    Returns
    -------
    parameters : dict
        For `deep.SigLIPDecoder` with ``contrast_weight=0``.
    """
    return {
        "learning_rate": trial.suggest_float("learning_rate", 3e-4, 1e-2, log=True),
        "weight_decay": trial.suggest_float("weight_decay", 1e-3, 1.0, log=True),
    }


def siglip_thesis(trial: Any) -> dict[str, Any]:
    """Draw from the search space of the thesis that the contrastive decoder comes from.

    Parameters
    ----------
    trial : optuna.Trial
        Trial of a study.

    Returns
    -------
    parameters : dict
        For `deep.SigLIPDecoder`, whatever its preset is.
    """
    from deep.siglip.space import suggest

    return suggest(trial)


def siglip(trial: Any) -> dict[str, Any]:
    """Draw how the default contrastive decoder is trained and regularised.

    Parameters
    ----------
    trial : optuna.Trial
        Trial of a study.

    Returns
    -------
    parameters : dict
        For `deep.SigLIPDecoder` with its default preset.
    """
    return {
        "learning_rate": trial.suggest_float("learning_rate", 3e-4, 1e-2, log=True),
        "weight_decay": trial.suggest_float("weight_decay", 1e-3, 1.0, log=True),
        "masker_weight": trial.suggest_categorical("masker_weight", [1.0, 2.0, 4.0, 8.0]),
        "eeg_gain": trial.suggest_categorical("eeg_gain", [0.0, 0.005, 0.02]),
    }


SPACES: dict[str, Callable[[Any], dict[str, Any]]] = {
    "ridge": ridge,
    "ridge-late": ridge,
    "laplacian": ridge,
    "ledoit-wolf": ledoit_wolf,
    "lasso": lasso,
    "cca": cca,
    "stacked": stacked,
    "tracker": tracker,
    "adaptive": ledoit_wolf,
    "siglip": siglip,
    "siglip-thesis": siglip_thesis,
    "siglip-no-contrast": without_contrast,
    "vlaai": without_contrast,
    "linear-head": without_contrast,
}


def find_space(name: str) -> Callable[[Any], dict[str, Any]]:
    """Find a search space.

    Parameters
    ----------
    name : str
        One of `SPACES`, or ``module:function``.

    Returns
    -------
    space : callable
        Takes an Optuna trial, returns parameters of a decoder.

    Raises
    ------
    ValueError
        If the name is unknown, or the module has no such function.
    ImportError
        If there is no such module.
    """
    otherwise = "--space module:function, a function of an Optuna trial that returns parameters"
    return find_function(name, SPACES, "search space", otherwise)
