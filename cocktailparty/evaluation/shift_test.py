"""Circular shift test: whether a decoder, trained anew each time, follows the attended stimulus."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import joblib
import numpy as np
from sklearn.base import clone
from tqdm import tqdm

from cocktailparty.backend import namespace, to_numpy
from cocktailparty.blas import one_blas_thread
from cocktailparty.evaluation.store import FoldStore
from cocktailparty.metrics import ShiftTest
from cocktailparty.metrics.decisions import check_scores
from cocktailparty.model_selection.policy import Plan, Split
from cocktailparty.model_selection.splits import Fold
from cocktailparty.trial import Trial
from cocktailparty.trials import attended_labels, list_trials

# Shifted copies of the training stimuli of a fold that are kept at once take this many bytes.
VERSION_BYTES = 2**28


@one_blas_thread()
def circular_shift_test(
    decoder: Any,
    trials: Sequence[Trial],
    cv: Any = "trial",
    *,
    n_shifts: int = 99,
    min_shift: float = 2.0,
    random_state: Any = None,
    cache: str | Path | None = None,
    n_jobs: int = 1,
    progress: bool = False,
    **split: Any,
) -> ShiftTest:
    """Test whether a decoder follows the attended stimulus at all.

    Stimuli that play in training and test trials do no harm here, since the null distribution has
    them as well. The score is the cross-validated mean score of the attended stimulus over whole
    test trials. For the null distribution the stimuli of every trial are shifted in time, by
    another amount for each trial, and the decoder is trained anew. Decoders with a method
    `fit_many`, such as `linear_aad.AttentionDecoder` of a `BackwardTRF`, are trained on all shifts
    at once, with the same result.

    Parameters
    ----------
    decoder : estimator
        Attention decoder.
    trials : sequence of Trial
        Labelled trials.
    cv : {"trial", "story", "subject", "time"}, scikit-learn splitter, Split or Plan
        How to split, see `model_selection.Split`; a `model_selection.Plan` of these trials is
        taken as it is.
    n_shifts : int
        Number of shifted data sets.
    min_shift : float
        Smallest shift in seconds: more than the lags and the memory of the envelope.
    random_state : {None, int, Generator, RandomState}
        Seed of the shifts.
    cache : path, optional
        Folder that keeps the scores of every finished fold. A test that is started again with the
        same data, decoder, settings and seed resumes where it stopped, and one with more shifts
        computes the additional ones alone.
    n_jobs : int
        Number of folds computed at the same time; -1 for one per core.
    progress : bool
        Show a progress bar. It counts folds, each with every data set.
    **split : object
        Parameters of `model_selection.Split`, where `cv` is not one already.

    Returns
    -------
    test : ShiftTest
        Observed score, null distribution and p value.

    Raises
    ------
    ValueError
        If labels are missing, a trial is too short to be shifted, or a score is NaN.

    Examples
    --------
    >>> from cocktailparty.datasets import simulate_two_talkers
    >>> from linear_aad import AttentionDecoder, BackwardTRF
    >>> trials = simulate_two_talkers(n_trials=4, n_channels=4, random_state=0).trials
    >>> ridge = AttentionDecoder(BackwardTRF(alpha=0.01, alpha_convention="relative"))
    >>> circular_shift_test(ridge, trials, n_shifts=19, random_state=0).p_value
    0.05
    """
    from joblib import Parallel, delayed

    check_shifts(trials, n_shifts, min_shift)
    trials = list_trials(trials)
    attended_labels(trials)
    offsets = _offsets(trials, n_shifts, min_shift, random_state)
    tested_folds = _tested_folds(trials, cv, split)
    store = FoldStore(cache)
    keys = [tested.key(store, decoder, trials) for tested in tested_folds]
    names = [[tested.name(row) for row in offsets] for tested in tested_folds]
    # Including scores of other seeds and numbers of shifts, which stay in the store.
    scores: list[dict[str, list[float]]] = [store.load(key) or {} for key in keys]
    jobs = []
    for k, tested in enumerate(tested_folds):
        missing = [i for i, name in enumerate(names[k]) if name not in scores[k]]
        size = tested.at_once(trials) if hasattr(decoder, "fit_many") else 1
        jobs += [(k, missing[i : i + size]) for i in range(0, len(missing), size)]
    # Data sets are made when their turn comes, so that memory holds only those at work.
    calls = (
        delayed(_tested)(
            k, rows, decoder, tested_folds[k].fold, tested_folds[k].versions(trials, offsets[rows])
        )
        for k, rows in jobs
    )
    n_all = len(tested_folds) * len(offsets)
    with tqdm(
        total=n_all,
        initial=n_all - sum(len(rows) for _, rows in jobs),
        desc="circular shifts",
        disable=not progress,
        unit="fold",
    ) as bar:
        for k, rows, values_of_rows in Parallel(n_jobs=n_jobs, return_as="generator_unordered")(
            calls
        ):
            scores[k] |= {
                names[k][i]: values for i, values in zip(rows, values_of_rows, strict=True)
            }
            # Kept at once: an interruption loses at most what is being computed.
            store.save(keys[k], scores[k])
            bar.update(len(rows))
    means = [
        float(np.mean(np.concatenate([scores[k][names[k][i]] for k in range(len(tested_folds))])))
        for i in range(len(offsets))
    ]
    return ShiftTest(means[0], np.array(means[1:]))


def check_shifts(trials: Sequence[Trial], n_shifts: int, min_shift: float) -> None:
    """Raise a ValueError, before any work, if trials cannot be shifted.

    That is: no shift is asked for, `min_shift` is not a time in seconds, or a trial is too short.
    """
    if n_shifts < 1:
        raise ValueError(f"n_shifts must be at least 1, got {n_shifts}")
    if not (np.isfinite(min_shift) and min_shift > 0):
        raise ValueError(f"min_shift must be a positive number of seconds, got {min_shift!r}")
    for i, trial in enumerate(trials):
        if trial.duration < 2 * min_shift:
            raise ValueError(
                f"trials[{i}] ({trial.label}) lasts {trial.duration:g} s, too short to be shifted "
                f"by min_shift={min_shift:g} s both ways"
            )


def shifted(stimuli: Any, shift: int) -> Any:
    """Shift stimuli (n_stimuli, n_times, n_features) circularly, later by `shift` samples.

    A shift of 0 returns the same array.
    """
    if shift == 0:
        return stimuli
    return namespace(stimuli).concat([stimuli[:, -shift:, :], stimuli[:, :-shift, :]], axis=1)


def _offsets(
    trials: Sequence[Trial], n_shifts: int, min_shift: float, random_state: Any
) -> np.ndarray:
    """Shifts (1 + n_shifts, n_trials) in samples; the first data set is not shifted."""
    rng = np.random.default_rng(random_state)
    smallest = [max(1, round(min_shift * trial.sfreq)) for trial in trials]
    # Drawn one by one, so that more shifts begin with those of fewer.
    drawn = [
        [
            int(rng.integers(low, t.n_times - low + 1))
            for t, low in zip(trials, smallest, strict=True)
        ]
        for _ in range(n_shifts)
    ]
    return np.array([[0] * len(trials), *drawn])


@dataclass(frozen=True, eq=False)
class _Version:
    """A fold in one data set: its training stimuli, and its test trials with theirs."""

    train: list[Any]
    test: list[Trial]


@dataclass(frozen=True, eq=False)
class _TestedFold:
    """A fold, and the places in the list of the whole trials that it is made of.

    Whole trials of training come first. A fold of segments is number `number` of those that the
    trials at these places are cut into.
    """

    fold: Fold
    places: list[int]
    number: int | None
    split: Split

    def key(self, store: FoldStore, decoder: Any, trials: list[Trial]) -> str:
        """Name the scores of this fold in the store; empty if nothing is kept."""
        all_trials = Fold("", [trials[place] for place in self.places], [])
        keys = [store.key(decoder, fold, []) for fold in (self.fold, all_trials)]
        return str(joblib.hash(("shifts", *keys))) if all(keys) else ""

    def name(self, offsets: np.ndarray) -> str:
        """Name a data set by the shifts of what this fold is made of."""
        return str(joblib.hash(offsets[self.places].tolist()))

    def at_once(self, trials: list[Trial]) -> int:
        """Count the data sets that fit into memory together."""
        size = sum(int(np.prod(trials[place].stimuli.shape)) for place in self.places)
        return max(1, VERSION_BYTES // (8 * size))

    def versions(self, trials: list[Trial], offsets: np.ndarray) -> list[_Version]:
        """Make this fold in data sets with some shifts (n_versions, n_trials)."""
        return [self._version(trials, row) for row in offsets.tolist()]

    def _version(self, trials: list[Trial], row: list[int]) -> _Version:
        shifted_trials = [
            (trials[place], shifted(trials[place].stimuli, row[place])) for place in self.places
        ]
        if self.number is None:
            n_train = len(self.fold.train)
            test = [trial.replace(stimuli=stimuli) for trial, stimuli in shifted_trials[n_train:]]
            return _Version([stimuli for _, stimuli in shifted_trials[:n_train]], test)
        whole = [trial.replace(stimuli=stimuli) for trial, stimuli in shifted_trials]
        fold = self.split.folds(whole)[self.number]
        return _Version([trial.stimuli for trial in fold.train], fold.test)


def _tested_folds(trials: list[Trial], cv: Any, settings: dict[str, Any]) -> list[_TestedFold]:
    """Split the trials, or take the folds of a plan."""
    place = {id(trial): i for i, trial in enumerate(trials)}
    if isinstance(cv, Plan):
        split, folds = cv.split, Plan.of(cv, trials, {}, **settings).folds
    else:
        split = Split.of(cv, **settings)
        folds = split.folds(trials)
    numbers: Counter[int] = Counter()
    tested_folds = []
    for fold in folds:
        whole = fold.whole if split.across_time else None
        places = [place[id(trial)] for trial in whole or (*fold.train, *fold.test)]
        # The segments of a subject, identified by the first of its trials, come one by one.
        tested_folds.append(_TestedFold(fold, places, numbers[places[0]] if whole else None, split))
        numbers[places[0]] += 1
    return tested_folds


def _tested(
    k: int, rows: list[int], decoder: Any, fold: Fold, versions: list[_Version]
) -> tuple[int, list[int], list[list[float]]]:
    """Scores of the attended stimuli of the test trials of fold k, for each data set."""
    if hasattr(decoder, "fit_many"):
        fitted = decoder.fit_many(fold.train, [version.train for version in versions])
    else:
        fitted = [clone(decoder).fit(_with(fold.train, version.train)) for version in versions]
    scores = [
        [_score(one, trial) for trial in version.test]
        for one, version in zip(fitted, versions, strict=True)
    ]
    return k, rows, scores


def _with(trials: list[Trial], stimuli: list[Any]) -> list[Trial]:
    return [
        trial.replace(stimuli=shifted_) for trial, shifted_ in zip(trials, stimuli, strict=True)
    ]


def _score(decoder: Any, trial: Trial) -> float:
    """Score of the attended stimulus over a whole trial."""
    scores = to_numpy(decoder.window_scores(trial, trial.duration)[0])
    check_scores(scores, f"{type(decoder).__name__}, {trial.label}")
    return float(scores[trial.attended])
