"""The pattern of a decoder over the listeners of a comparison: how the EEG follows a sound."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from sklearn.base import clone

from cocktailparty.backend import to_numpy
from cocktailparty.model_selection.splits import Fold
from cocktailparty.trial import Trial

__all__ = ["Pattern", "mean_pattern", "pattern_of"]

# Models that are fitted for the pattern of one listener: more would change it little.
_MODELS = 8

# Units of recordings as they are shown, and how many of these are in one.
_SHOWN = {"V": "µV", "T": "fT", "T/m": "fT/cm"}
_SCALES = {"µV": 1e6, "fT": 1e15, "fT/cm": 1e13}


class Pattern(NamedTuple):
    """Pattern of one decoder, averaged over models.

    Attributes
    ----------
    mean : ndarray of shape (n_channels, n_lags)
        Mean over models.
    spread : ndarray of shape (n_channels, n_lags) or None
        Standard deviation over models; None of a single one.
    lags : ndarray of shape (n_lags,)
        Seconds, positive where the brain answers after the sound.
    unit : str
        Unit of the EEG, as far as it is known.
    origin : str
        Which models were averaged, in words.
    """

    mean: np.ndarray
    spread: np.ndarray | None
    lags: np.ndarray
    unit: str
    origin: str


def pattern_of(model: Any) -> tuple[np.ndarray, np.ndarray] | None:
    """Take the pattern of a fitted decoder.

    Parameters
    ----------
    model : estimator
        Fitted decoder, or one that holds a fitted regressor in `regressor_`.

    Returns
    -------
    pattern : ndarray of shape (n_channels, n_lags)
        Mean over features, or the first component of a decoder that finds components.
    lags : ndarray of shape (n_lags,)
        Seconds. None instead of both if the decoder has no pattern over lags.

    Examples
    --------
    >>> pattern_of(object()) is None
    True
    """
    model = getattr(model, "regressor_", model)
    if not hasattr(model, "patterns_") or not hasattr(model, "lags_"):
        return None
    patterns = to_numpy(model.patterns_)
    components = hasattr(model, "n_components")
    pattern = patterns[0] if components else patterns.mean(axis=0)
    return pattern, to_numpy(model.lags_) / model.sfreq


def mean_pattern(decoder: Any, splits: Sequence[Fold], first: Any) -> Pattern | None:
    """Average the pattern of a decoder over listeners, or over folds where there is one listener.

    A model is fitted for each listener, to the training part of the first fold that tests them;
    where all folds test one listener, or the folds are listeners, to those of up to eight folds.

    Parameters
    ----------
    decoder : estimator
        Unfitted decoder.
    splits : sequence of Fold
        Folds of the comparison.
    first : estimator
        The decoder fitted to the training part of the first of them.

    Returns
    -------
    pattern : Pattern or None
        None if the decoder has none. Models of other channels than the first one's are left out,
        which `origin` says.

    Examples
    --------
    >>> from cocktailparty.datasets import simulate_two_talkers
    >>> from cocktailparty.model_selection import folds
    >>> from linear_aad import AttentionDecoder, BackwardTRF
    >>> trials = simulate_two_talkers(n_trials=3, n_channels=4, random_state=0).trials
    >>> decoder = AttentionDecoder(BackwardTRF(0, 0.2, 64))
    >>> splits = folds(trials, "trial")
    >>> pattern = mean_pattern(decoder, splits, decoder.fit(splits[0].train))
    >>> pattern.mean.shape, pattern.origin
    ((4, 14), '3 folds')
    """
    found = pattern_of(first)
    if found is None:
        return None
    chosen = _one_a_listener(splits)
    of_listeners = len(chosen) > 1
    chosen = chosen if of_listeners else list(splits[:_MODELS])
    reference, lags = found
    names = _names(splits[0].train)
    alike = [fold for fold in chosen if _names(fold.train) == names]
    patterns = [reference]
    for fold in alike[1:]:
        other = pattern_of(clone(decoder).fit(fold.train))
        assert other is not None  # the same kind of decoder has one
        # The sign of a component is arbitrary.
        flip = hasattr(getattr(first, "regressor_", first), "n_components")
        sign = np.sign(np.vdot(other[0], reference)) if flip else 1.0
        patterns.append(sign * other[0])
    what = "listener" if of_listeners else "fold"
    origin = f"{len(patterns)} {what}{'s' if len(patterns) > 1 else ''}"
    if len(alike) < len(chosen):
        origin += f"; {len(chosen) - len(alike)} with other channels left out"
    unit = _unit(splits[0].train)
    scale = _SCALES.get(unit, 1.0)
    stack = scale * np.stack(patterns)
    spread = stack.std(axis=0, ddof=1) if len(stack) > 1 else None
    return Pattern(stack.mean(axis=0), spread, lags, unit, origin)


def _one_a_listener(splits: Sequence[Fold]) -> list[Fold]:
    first: dict[str, Fold] = {}
    for fold in splits:
        for trial in fold.test:
            first.setdefault(trial.subject, fold)
    return list({id(fold): fold for fold in first.values()}.values())


def _names(trials: Sequence[Trial]) -> tuple[Any, ...]:
    names = trials[0].channel_names
    return (trials[0].n_channels,) if names is None else tuple(names)


def _unit(trials: Sequence[Trial]) -> str:
    units = {trial.provenance.get("eeg_unit") for trial in trials}
    return _SHOWN.get(units.pop() or "", "unit of EEG") if len(units) == 1 else "unit of EEG"
