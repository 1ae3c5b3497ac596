"""Splits by trial, story, subject or time that keep what is tested out of training."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from cocktailparty.backend import namespace
from cocktailparty.trial import Trial
from cocktailparty.trials import check_trials, list_trials

SPLITS = ("trial", "story", "subject", "time")


@dataclass(frozen=True, eq=False)
class Fold:
    """One split of the trials.

    Attributes
    ----------
    name : str
        Name of what is held out.
    train, test : list of Trial
        The two parts.
    whole : list of Trial, optional
        For each trial of `test`, the trial that it was cut from; None where they are whole.
    """

    name: str
    train: list[Trial]
    test: list[Trial]
    whole: list[Trial] | None = None


def folds(
    trials: Sequence[Trial], cv: Any = "story", *, n_splits: int = 5, gap: float = 2.0
) -> list[Fold]:
    """Split trials for cross-validation.

    Parameters
    ----------
    trials : sequence of Trial
        All trials. Subjects may differ in channels, rate and features where no fold mixes them.
    cv : {"trial", "story", "subject", "time"} or scikit-learn splitter
        "trial" and "story" leave out one of them, within each subject; "subject" leaves out one
        subject; "time" cuts every trial into `n_splits` segments and leaves out the same one of
        all trials of a subject.
        A splitter is called as ``split(trials, attended, stories)``, without the stories if it
        takes no groups.
    n_splits : int
        Number of segments, for "time".
    gap : float
        Seconds between a held-out segment and training data on either side, for "time". At least
        the reach of lags and filters.

    Returns
    -------
    folds : list of Fold
        In the order of the trials.

    Raises
    ------
    ValueError
        If the labels that the split needs are missing, there is only one group, or the trials of
        a fold differ in channels, rate or features.

    Examples
    --------
    >>> from cocktailparty.datasets import simulate_two_talkers
    >>> trials = simulate_two_talkers(n_trials=4, n_channels=4, random_state=0).trials
    >>> [(len(fold.train), len(fold.test)) for fold in folds(trials, "trial")]
    [(3, 1), (3, 1), (3, 1), (3, 1)]
    """
    checked = _folds(list_trials(trials), cv, n_splits, gap)
    for fold in checked:
        check_alike(fold)
    return checked


def check_alike(fold: Fold) -> None:
    """Refuse a fold whose trials cannot be decoded together.

    Parameters
    ----------
    fold : Fold
        Training and test trials.

    Raises
    ------
    ValueError
        If they differ in rate, channels or features; names the fold, the channels and the remedy.
    """
    try:
        check_trials([*fold.train, *fold.test])
    except ValueError as error:
        raise ValueError(
            f"fold {fold.name!r} mixes recordings that differ: {error}; or choose a split within "
            "listeners, cv='trial', 'story' or 'time'"
        ) from None


def _folds(trials: list[Trial], cv: Any, n_splits: int, gap: float) -> list[Fold]:
    if not isinstance(cv, str) and hasattr(cv, "split"):
        return list(_splitter_folds(trials, cv))
    if cv not in SPLITS:
        raise ValueError(f"cv must be one of {SPLITS} or a splitter with .split(), got {cv!r}")
    if cv == "subject":
        return list(_leave_one_out(trials, [trial.subject for trial in trials], "subject"))
    splits: list[Fold] = []
    for subject in dict.fromkeys(trial.subject for trial in trials):
        of_subject = [trial for trial in trials if trial.subject == subject]
        if cv == "time":
            splits += _time_folds(of_subject, n_splits, gap)
        elif cv == "trial":
            splits += _leave_one_out(
                of_subject, [t.name or f"trial {i}" for i, t in enumerate(of_subject)], cv
            )
        else:
            splits += _leave_one_out(of_subject, [trial.story for trial in of_subject], cv)
    return splits


def match_mismatch(trial: Trial, window: float) -> Trial:
    """Make a two-stimulus trial from a single-talker one.

    The second stimulus is the same sound from another time: half the trial later, wrapping
    round at the end. It never overlaps with the first in a decision window of up to half the
    trial.

    Parameters
    ----------
    trial : Trial
        Trial with one stimulus.
    window : float
        Longest decision window in seconds that will be used.

    Returns
    -------
    trial : Trial
        The matching stimulus is number 0 and labelled as attended.

    Raises
    ------
    ValueError
        If the trial has not exactly one stimulus, or is shorter than two windows.

    References
    ----------
    de Cheveigné, A., et al. (2021). Auditory stimulus-response modeling with a match-mismatch
    task. Journal of Neural Engineering, 18(4), 046040.
    https://doi.org/10.1088/1741-2552/abf771

    Examples
    --------
    >>> import numpy as np
    >>> rng = np.random.default_rng(0)
    >>> single = Trial(rng.normal(size=(640, 2)), rng.random((1, 640)), sfreq=64)
    >>> match_mismatch(single, window=5).n_stimuli
    2
    """
    if trial.n_stimuli != 1:
        raise ValueError(
            f"match-mismatch takes trials with one stimulus, {trial.label} has {trial.n_stimuli}"
        )
    half = trial.n_times // 2
    if round(window * trial.sfreq) > half:
        raise ValueError(
            f"match-mismatch in windows of {window:g} s takes trials of {2 * window:g} s, "
            f"{trial.label} lasts {trial.duration:g} s"
        )
    match = trial.stimuli[0]
    mismatch = namespace(match).concat([match[half:], match[:half]])
    streams = {name: match_mismatch(stream, window) for name, stream in trial.streams.items()}
    return trial.replace(stimuli=[match, mismatch], attended=0, streams=streams)


def _leave_one_out(trials: list[Trial], labels: list[str], what: str) -> Iterator[Fold]:
    unnamed = [trial.label for trial, label in zip(trials, labels, strict=True) if not label]
    if unnamed:
        raise ValueError(
            f"cv={what!r} needs a {what} label on every trial, {unnamed[0]} has none: set "
            f"Trial({what}=...) or choose another cv"
        )
    groups = list(dict.fromkeys(labels))
    if len(groups) < 2:
        subject = f" of subject {trials[0].subject!r}" if what != "subject" else ""
        raise ValueError(
            f"cv={what!r} needs at least two {'stories' if what == 'story' else what + 's'}"
            f"{subject}, there is only {groups[0]!r}: choose another cv, such as 'time'"
        )
    prefix = f"{trials[0].subject}/" if what != "subject" and trials[0].subject else ""
    for group in groups:
        yield Fold(
            f"{prefix}{group}",
            [trial for trial, label in zip(trials, labels, strict=True) if label != group],
            [trial for trial, label in zip(trials, labels, strict=True) if label == group],
        )


def _time_folds(trials: list[Trial], n_splits: int, gap: float) -> Iterator[Fold]:
    if n_splits < 2:
        raise ValueError(f"n_splits must be at least 2, got {n_splits}")
    if not gap >= 0:
        raise ValueError(f"gap must be a number of seconds >= 0, got {gap}")
    for trial in trials:
        # What the gap leaves of a segment must be longer than the lags that the gap is for.
        if trial.duration / n_splits <= 2 * gap:
            raise ValueError(
                f"{trial.label} lasts {trial.duration:g} s: {n_splits} stretches of "
                f"{trial.duration / n_splits:g} s are too short for a gap of {gap:g} s, choose a "
                "smaller n_splits"
            )
    prefix = f"{trials[0].subject}/" if trials[0].subject else ""
    for k in range(n_splits):
        train, test = [], []
        for trial in trials:
            edges = [trial.duration * i / n_splits for i in range(n_splits + 1)]
            test.append(trial.crop(edges[k], edges[k + 1]))
            for i in (i for i in range(n_splits) if i != k):
                start = edges[i] + (gap if i == k + 1 else 0)
                stop = edges[i + 1] - (gap if i == k - 1 else 0)
                train.append(trial.crop(start, stop))
        yield Fold(f"{prefix}part {k + 1}", train, test, trials)


def _splitter_folds(trials: list[Trial], cv: Any) -> Iterator[Fold]:
    attended = [-1 if trial.attended is None else trial.attended for trial in trials]
    # KFold and its like warn about groups that they do not use.
    routing = cv.get_metadata_routing() if hasattr(cv, "get_metadata_routing") else None
    grouped = routing is None or bool(routing.consumes("split", ["groups"]))
    stories = [trial.story for trial in trials] if grouped else None
    try:
        splits = list(cv.split(trials, attended, stories))
    except ValueError as error:
        raise ValueError(f"cv={cv!r} cannot split {len(trials)} trials: {error}") from error
    for k, (train, test) in enumerate(splits):
        yield Fold(f"fold {k + 1}", [trials[i] for i in train], [trials[i] for i in test])
