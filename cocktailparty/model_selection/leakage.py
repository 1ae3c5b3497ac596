"""Sounds on both sides of a split, which a decoder could recognise."""

import warnings
from collections.abc import Sequence
from weakref import WeakKeyDictionary, ref

import numpy as np

from cocktailparty.backend import to_numpy
from cocktailparty.features import resample
from cocktailparty.model_selection.same_sound import SoundIndex
from cocktailparty.model_selection.splits import Fold
from cocktailparty.trial import Trial
from cocktailparty.validation import same_rate

# The folds of a split hold the same trials, whose stimuli an index knows by their identity.
_STIMULI: WeakKeyDictionary[Trial, dict[float, list[np.ndarray]]] = WeakKeyDictionary()
# The index in which the sounds of a trial were last compared, while somebody holds it.
_INDICES: WeakKeyDictionary[Trial, ref[SoundIndex]] = WeakKeyDictionary()


class LeakError(ValueError):
    """Training and test data share something that they must not share."""


class SharedStimulusWarning(UserWarning):
    """A stimulus plays on both sides of a split, and the caller accepted that."""


def shared_stimuli(
    train: Sequence[Trial], test: Sequence[Trial], index: SoundIndex | None = None
) -> list[tuple[int, int]]:
    """Find sounds that play in the training trials and in the test trials.

    Every feature of every test stimulus is compared with the same feature of every training
    stimulus, at any delay (fractions of a sample included), scale and offset, so that a repeated
    part is noticed as well as a copy, and a copy with some noise as well as an exact one.
    See `cocktailparty.model_selection.SoundIndex` for what counts as the same.

    Parameters
    ----------
    train, test : sequence of Trial
        Trials.
    index : SoundIndex, optional
        Index that remembers comparisons, for several calls that meet the same sounds, as from
        `sound_index`; None for a new one.

    Returns
    -------
    pairs : list of (int, int)
        Indices of a training and a test trial that have a stimulus, attended or not, or a part of
        one in common: 5 s of speech suffice as a rule; few onsets take longer, and a regular beat
        or a tone, which is like any other, is never reported.

    Examples
    --------
    >>> from cocktailparty.datasets import simulate_two_talkers
    >>> trials = simulate_two_talkers(n_trials=2, n_channels=4, random_state=0).trials
    >>> shared_stimuli(trials, [trials[1].crop(20, 40)])
    [(1, 0)]
    """
    if not train or not test:
        return []
    index = sound_index([*train, *test]) if index is None else index
    for trial in (*train, *test):
        _INDICES[trial] = ref(index)
    (train_sounds, train_of), (test_sounds, test_of) = (
        _stimuli_of(side, index.sfreq) for side in (train, test)
    )
    return sorted({(train_of[i], test_of[j]) for i, j in index.delays(train_sounds, test_sounds)})


def check_no_leak(
    fold: Fold, index: SoundIndex | None = None, *, allow_shared_stimuli: bool = False
) -> None:
    """Refuse a fold with an empty side, and refuse or warn of a sound on both sides.

    Parameters
    ----------
    fold : Fold
        A split.
    index : SoundIndex, optional
        Index that remembers comparisons of other folds, see `shared_stimuli`.
    allow_shared_stimuli : bool
        Warn of a sound on both sides instead of refusing it.

    Raises
    ------
    LeakError
        If a stimulus, or a part of one, plays on both sides.
    ValueError
        If a part is empty.

    Warns
    -----
    SharedStimulusWarning
        Instead of the former, if that is allowed.
    """
    if not fold.train or not fold.test:
        raise ValueError(f"fold {fold.name!r} has no training or no test trials")
    pairs = shared_stimuli(fold.train, fold.test, index)
    if pairs:
        train, test = fold.train[pairs[0][0]], fold.test[pairs[0][1]]
        refuse_or_warn(
            f"fold {fold.name!r}: the stimulus of test trial {test.label} also plays in training "
            f"trial {train.label} ({len(pairs)} such pair(s)): a decoder could recognise it "
            "instead of reading it from the EEG. Use cv='time' if all trials share one stimulus; "
            "give trials that repeat a sound one story and use cv='story'",
            allow_shared_stimuli,
        )


def refuse_or_warn(message: str, allow_shared_stimuli: bool) -> None:
    """Raise a LeakError with a message, or a SharedStimulusWarning where that is accepted."""
    if not allow_shared_stimuli:
        raise LeakError(message)
    warnings.warn(message, SharedStimulusWarning, stacklevel=4)


def sound_index(trials: Sequence[Trial]) -> SoundIndex:
    """Give the index in which the sounds of all trials can be compared.

    An index is shared while somebody holds it: while a comparison of decoders keeps the one of its
    trials, a decoder that is trained on some of them gets the same one here, and nothing is
    compared twice.

    Parameters
    ----------
    trials : sequence of Trial
        Trials, possibly of several sampling rates.

    Returns
    -------
    index : SoundIndex
        At the lowest of the rates: the one that knows one of the trials, or a new one.

    Examples
    --------
    >>> from cocktailparty.datasets import simulate_two_talkers
    >>> trials = simulate_two_talkers(n_trials=2, n_channels=2, random_state=0).trials
    >>> sound_index(trials).sfreq
    64.0
    """
    sfreq = min(trial.sfreq for trial in trials)
    known = (_INDICES[trial]() for trial in trials if trial in _INDICES)
    index = next(
        (candidate for candidate in known if candidate is not None and candidate.sfreq == sfreq),
        None,
    )
    index = SoundIndex(sfreq) if index is None else index
    for trial in trials:
        _INDICES[trial] = ref(index)
    return index


def stimuli_at(trial: Trial, sfreq: float) -> list[np.ndarray]:
    """Give the stimuli of a trial at the rate of an index.

    Parameters
    ----------
    trial : Trial
        Trial.
    sfreq : float
        Rate of the index in hertz.

    Returns
    -------
    sounds : list of ndarray of shape (n_times, n_features)
        One for each stimulus, the same arrays in every call; resampled if the trial has another
        rate.
    """
    by_rate = _STIMULI.setdefault(trial, {})
    if sfreq not in by_rate:
        stimuli = list(to_numpy(trial.stimuli))
        if not same_rate(trial.sfreq, sfreq):
            # Without the mean, which resampling would fade out at the ends.
            centred = (stimulus - stimulus.mean(axis=0, keepdims=True) for stimulus in stimuli)
            stimuli = [resample(stimulus, trial.sfreq, sfreq) for stimulus in centred]
        by_rate[sfreq] = stimuli
    return by_rate[sfreq]


def _stimuli_of(trials: Sequence[Trial], sfreq: float) -> tuple[list[np.ndarray], list[int]]:
    """All stimuli, and the trials in which they play."""
    stimuli = [stimulus for trial in trials for stimulus in stimuli_at(trial, sfreq)]
    return stimuli, [i for i, trial in enumerate(trials) for _ in range(trial.n_stimuli)]
