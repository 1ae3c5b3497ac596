"""Patterns of a decoder, averaged over the subjects of a comparison."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from sklearn.base import clone

from cocktailparty.backend import to_numpy
from cocktailparty.model_selection.splits import Fold
from cocktailparty.trial import Trial

__all__ = [
    "FoldPattern",
    "Pattern",
    "averaged_pattern",
    "fold_pattern",
    "mean_pattern",
    "pattern_folds",
    "pattern_of",
]

# Most models fitted for the pattern of one subject: more would change it little.
_MODELS = 8

# Units of recordings as they are shown, and the factors between them.
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


class FoldPattern(NamedTuple):
    """Pattern (n_channels, n_lags) of one fitted decoder, with its lags in seconds.

    The sign is arbitrary where `any_sign` says so, as for a component.
    """

    values: np.ndarray
    lags: np.ndarray
    any_sign: bool


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
    first_pattern = fold_pattern(first)
    if first_pattern is None:
        return None
    patterns = {0: first_pattern}
    for k in pattern_folds(splits)[1:]:
        pattern = fold_pattern(clone(decoder).fit(splits[k].train))
        assert pattern is not None  # the same kind of decoder has one
        patterns[k] = pattern
    return averaged_pattern(patterns, splits)


def fold_pattern(model: Any) -> FoldPattern | None:
    """Take the pattern of a fitted decoder, see `pattern_of`; None if it has none."""
    pattern = pattern_of(model)
    if pattern is None:
        return None
    return FoldPattern(*pattern, hasattr(getattr(model, "regressor_", model), "n_components"))


def pattern_folds(splits: Sequence[Fold]) -> list[int]:
    """Choose folds whose patterns are averaged, by their numbers.

    The first fold of each subject; up to eight folds where there is one subject. Those with other
    channels than the first are left out.
    """
    chosen, _ = _chosen(splits)
    names = _names(splits[0].train)
    return [k for k in chosen if _names(splits[k].train) == names]


def averaged_pattern(patterns: Mapping[int, FoldPattern], splits: Sequence[Fold]) -> Pattern:
    """Average the patterns of the folds that `pattern_folds` chose, see `mean_pattern`."""
    chosen, of_subjects = _chosen(splits)
    reference, lags, any_sign = patterns[0]
    aligned = [
        (np.sign(np.vdot(patterns[k].values, reference)) if any_sign and k else 1.0)
        * patterns[k].values
        for k in pattern_folds(splits)
    ]
    what = "listener" if of_subjects else "fold"
    origin = f"{len(aligned)} {what}{'s' if len(aligned) > 1 else ''}"
    if len(aligned) < len(chosen):
        origin += f"; {len(chosen) - len(aligned)} with other channels left out"
    unit = _unit(splits[0].train)
    scale = _SCALES.get(unit, 1.0)
    stack = scale * np.stack(aligned)
    spread = stack.std(axis=0, ddof=1) if len(stack) > 1 else None
    return Pattern(stack.mean(axis=0), spread, lags, unit, origin)


def _chosen(splits: Sequence[Fold]) -> tuple[list[int], bool]:
    """Numbers of folds to average, and whether there is one for each listener."""
    first: dict[str, int] = {}
    for k, fold in enumerate(splits):
        for trial in fold.test:
            first.setdefault(trial.subject, k)
    chosen = list(dict.fromkeys(first.values()))
    of_subjects = len(chosen) > 1
    return (chosen if of_subjects else list(range(min(len(splits), _MODELS)))), of_subjects


def _names(trials: Sequence[Trial]) -> tuple[Any, ...]:
    names = trials[0].channel_names
    return (trials[0].n_channels,) if names is None else tuple(names)


def _unit(trials: Sequence[Trial]) -> str:
    units = {trial.provenance.get("eeg_unit") for trial in trials}
    return _SHOWN.get(units.pop() or "", "unit of EEG") if len(units) == 1 else "unit of EEG"
