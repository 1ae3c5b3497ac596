"""Cross-validate many decoders on the same trials, into one tidy table."""

import itertools
import warnings
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from tqdm import tqdm

from cocktailparty.blas import one_blas_thread
from cocktailparty.evaluation.folds import evaluate_fold
from cocktailparty.evaluation.shift_test import circular_shift_test
from cocktailparty.evaluation.store import FoldStore
from cocktailparty.evaluation.tested_trials import units
from cocktailparty.metadata import with_metadata
from cocktailparty.model_selection.leakage import LeakError, check_no_leak, sound_index
from cocktailparty.model_selection.same_sound import SoundIndex
from cocktailparty.model_selection.splits import Fold, folds
from cocktailparty.trial import Trial
from cocktailparty.trials import attended_labels, list_trials

if TYPE_CHECKING:
    import pandas as pd

__all__ = [
    "SharedStimulusWarning",
    "check_fold",
    "check_gap",
    "checked_folds",
    "circular_shift_test",
    "compare",
    "lag_reach",
]

WINDOWS = (1, 2, 5, 10, 30, 60)


class SharedStimulusWarning(UserWarning):
    """A stimulus plays on both sides of a split, and the caller accepted that."""


@one_blas_thread()
def compare(
    decoders: Mapping[str, Any],
    trials: Sequence[Trial],
    cv: Any = "story",
    windows: Iterable[float] = WINDOWS,
    *,
    n_splits: int = 5,
    gap: float = 2.0,
    allow_shared_stimuli: bool = False,
    cache: str | Path | None = None,
    n_jobs: int = 1,
    progress: bool = False,
) -> "pd.DataFrame":
    """Cross-validate attention decoders.

    Every decoder is cloned, trained and tested on the same folds. Nothing of the test trials
    reaches training: whatever a decoder tunes, it has to tune on the training trials. Trials with
    a single stimulus are tested by match-mismatch (see `model_selection.match_mismatch`).

    Parameters
    ----------
    decoders : dict of str to estimator
        Attention decoders by name.
    trials : sequence of Trial
        Labelled trials, of one or several subjects. Subjects may differ in channels, their order
        and the sampling rate where no fold mixes them.
    cv : {"trial", "story", "subject", "time"} or scikit-learn splitter
        How to split, see `model_selection.folds`.
    windows : iterable of float
        Decision-window lengths in seconds. A window that fits into no test trial gives no rows.
    n_splits : int
        Number of stretches for ``cv="time"``.
    gap : float
        Seconds between training and test data for ``cv="time"``.
    allow_shared_stimuli : bool
        Accept folds in which a sound plays on both sides, with a warning, instead of refusing
        them. Leave-one-subject-out needs it wherever all subjects heard the same stories.
    cache : path, optional
        Folder that keeps every finished fold. An interrupted comparison that is started again
        with the same data, decoders and settings goes on where it stopped.
    n_jobs : int
        Number of folds computed at the same time; -1 for one a core.
    progress : bool
        Show a progress bar.

    Returns
    -------
    table : pandas.DataFrame
        A row for each decoder, subject, fold and window: ``accuracy`` with ``n_correct`` of
        ``n_windows`` non-overlapping windows, the mean scores ``r_attended`` and ``r_unattended``
        (Pearson correlations for decoders that correlate), ``n_stimuli`` and ``chance``, the
        accuracy that guessing reaches in at most 5 % of such rows. A tie counts its share
        (`cocktailparty.metrics.decision_shares`), so that ``n_correct`` may be fractional.
        ``n_undecidable`` windows in which all stimuli are silent were left out; where that are
        all, ``n_windows`` is 0 and what is computed from the windows NaN. ``task`` is
        "attention", "match-mismatch" where a single stimulus played, or "mixed". ``trials`` lists
        the tested trials of the row: their number, ``name``, ``part`` (a stretch that several
        folds test is one), ``unit`` and ``group`` (see `cocktailparty.evaluation.units`),
        ``attended``, ``n_windows``, and ``right``, the right decisions if any of the stimuli had
        been attended. Where trials have metadata, ``trials`` lists those, too, and each is a
        column, empty where the tested trials of a row differ; one whose name is taken is called
        ``metadata_NAME``.

    Raises
    ------
    LeakError
        If training and test trials share a stimulus.
    ValueError
        If labels are missing, no window fits, the gap is shorter than a decoder's lags, or a
        decoder gives NaN for a score.

    Examples
    --------
    >>> from cocktailparty.datasets import simulate_two_talkers
    >>> from linear_aad import AttentionDecoder, BackwardTRF
    >>> trials = simulate_two_talkers(n_trials=8, n_channels=8, random_state=0).trials
    >>> ridge = AttentionDecoder(BackwardTRF(alpha=0.01, alpha_convention="relative"))
    >>> table = compare({"ridge": ridge}, trials, cv="trial", windows=[10, 60])
    >>> table[["decoder", "fold", "window", "n_windows"]].head(2)
      decoder              fold  window  n_windows
    0   ridge  sub-01/trial-01    10.0          6
    1   ridge  sub-01/trial-01    60.0          1
    """
    import pandas as pd

    _check_decoders(decoders)
    trials = list_trials(trials)
    index = sound_index(trials)
    splits, lengths = checked_folds(
        decoders,
        trials,
        cv,
        windows,
        n_splits=n_splits,
        gap=gap,
        allow_shared_stimuli=allow_shared_stimuli,
        index=index,
    )
    jobs = list(itertools.product(decoders, splits))
    results = _run(decoders, jobs, lengths, FoldStore(cache), n_jobs, progress)
    told = _identified(splits, index)
    rows = [
        {
            "decoder": name,
            "subject": subject,
            "fold": fold.name,
            **row,
            "trials": [{**told[id(fold)][r["place"]], **r} for r in row["trials"]],
        }
        for (name, fold), result in zip(jobs, results, strict=True)
        for subject, by_window in result.items()
        for row in by_window
    ]
    return pd.DataFrame(with_metadata(rows, trials))


def checked_folds(
    decoders: Mapping[str, Any],
    trials: Sequence[Trial],
    cv: Any,
    windows: Iterable[float],
    *,
    n_splits: int = 5,
    gap: float = 2.0,
    allow_shared_stimuli: bool = False,
    index: SoundIndex | None = None,
) -> tuple[list[Fold], list[float]]:
    """Split trials for decoders, and refuse splits that leak.

    Parameters
    ----------
    decoders, trials, cv, windows, n_splits, gap, allow_shared_stimuli : object
        See `compare`.
    index : SoundIndex, optional
        Index for several calls that meet the same sounds, from
        `cocktailparty.model_selection.sound_index`.

    Returns
    -------
    folds : list of Fold
        With labelled trials.
    windows : list of float
        Those that fit into at least one test trial, ascending.

    Raises
    ------
    LeakError
        If training and test trials share a stimulus.
    ValueError
        If labels are missing, no window fits, or the gap is shorter than a decoder's lags.
    """
    trials = list_trials(trials)
    attended_labels(trials)
    lengths = _checked_windows(windows)
    splits = folds(trials, cv, n_splits=n_splits, gap=gap)
    if cv == "time":
        check_gap(decoders, gap)
    index = sound_index(trials) if index is None else index
    for fold in splits:
        check_fold(fold, allow_shared_stimuli, index)
    return splits, _usable_windows(lengths, splits)


def _check_decoders(decoders: Mapping[str, Any]) -> None:
    if not isinstance(decoders, Mapping) or not decoders:
        raise ValueError("decoders must be a dict of at least one name and attention decoder")
    for name, decoder in decoders.items():
        for method in ("fit", "window_sweep", "get_params"):
            if not hasattr(decoder, method):
                raise ValueError(
                    f"decoder {name!r} ({type(decoder).__name__}) has no {method}(): wrap a "
                    "regressor in linear_aad.AttentionDecoder"
                )


def _checked_windows(windows: Iterable[float]) -> list[float]:
    lengths = sorted({float(window) for window in windows})
    if not lengths or not all(np.isfinite(w) and w > 0 for w in lengths):
        raise ValueError(f"windows must be positive numbers of seconds, got {lengths}")
    return lengths


def lag_reach(decoder: Any) -> float:
    """Find out how far the lags of a decoder reach.

    Parameters
    ----------
    decoder : estimator
        Attention decoder, whose parameters (or those of its parts) that end in ``tmin`` or
        ``tmax`` are lags in seconds. A parameter ``lags`` holds a pair of them for each input
        instead, or for some inputs.

    Returns
    -------
    reach : float
        Seconds; where EEG and stimulus have lags of their own, their sum.
    """
    reach: dict[str, float] = {}
    parameters = decoder.get_params(deep=True)
    for name, value in parameters.items():
        signal = name.removesuffix("tmin").removesuffix("tmax").removesuffix("lags")
        if name.endswith(("tmin", "tmax")):
            own = parameters.get(f"{signal}lags")
            # A list holds the lags of every input, a dict those of some.
            limits = [value] if own is None or isinstance(own, Mapping) else []
        elif name.rpartition("__")[2] == "lags" and value is not None:
            pairs = value.values() if isinstance(value, Mapping) else value
            limits = [limit for pair in pairs for limit in pair]
        else:
            continue
        reach[signal] = max([reach.get(signal, 0.0), *(abs(limit) for limit in limits)])
    return sum(reach.values())


def check_gap(decoders: Mapping[str, Any], gap: float) -> None:
    """Refuse a gap that lets a decoder look across it through its lags.

    Parameters
    ----------
    decoders : dict of str to estimator
        Attention decoders by name.
    gap : float
        Seconds between training and test data.

    Raises
    ------
    ValueError
        If lags reach further.
    """
    for name, decoder in decoders.items():
        if lag_reach(decoder) > gap:
            raise ValueError(
                f"gap={gap:g} s is shorter than the lags of decoder {name!r}, which reach "
                f"{lag_reach(decoder):g} s: test data would reach into training through them"
            )


def check_fold(
    fold: Fold, allow_shared_stimuli: bool = False, index: SoundIndex | None = None
) -> None:
    """Refuse a fold with an empty part or a sound on both sides.

    Parameters
    ----------
    fold : Fold
        Training and test trials.
    allow_shared_stimuli : bool
        Warn of a sound on both sides instead.
    index : SoundIndex, optional
        What was compared in other folds, see `cocktailparty.model_selection.shared_stimuli`.

    Raises
    ------
    LeakError
        If training and test trials share a stimulus.
    ValueError
        If a part is empty.
    """
    if not fold.train or not fold.test:
        raise ValueError(f"fold {fold.name!r} has no training or no test trials")
    try:
        check_no_leak(fold, index)
    except LeakError as leak:
        if not allow_shared_stimuli:
            raise
        warnings.warn(str(leak), SharedStimulusWarning, stacklevel=3)


def _usable_windows(lengths: list[float], splits: list[Fold]) -> list[float]:
    """Windows that fit into at least one test trial."""
    longest = [
        (trial.n_times if trial.n_stimuli > 1 else trial.n_times // 2, trial.sfreq)
        for fold in splits
        for trial in fold.test
    ]
    usable = [w for w in lengths if any(round(w * rate) <= n for n, rate in longest)]
    if not usable:
        raise ValueError(
            f"no decision window fits: the longest that the test trials allow is "
            f"{max(n / rate for n, rate in longest):g} s, asked for {lengths}"
        )
    return usable


def _run(
    decoders: Mapping[str, Any],
    jobs: list[tuple[str, Fold]],
    windows: list[float],
    store: FoldStore,
    n_jobs: int,
    progress: bool,
) -> list[dict]:
    """Results of all jobs in order, from the store where they are there."""
    from joblib import Parallel, delayed

    keys = [store.key(decoders[name], fold, windows) for name, fold in jobs]
    found = [store.load(key) for key in keys]
    results = {i: result for i, result in enumerate(found) if result and _tells_all(result)}
    missing = _soonest_failing_first(jobs, [i for i in range(len(jobs)) if i not in results])

    parallel = Parallel(n_jobs=n_jobs, return_as="generator_unordered")
    with tqdm(
        total=len(jobs), initial=len(jobs) - len(missing), disable=not progress, unit="fold"
    ) as bar:
        for i, result in parallel(
            delayed(_numbered)(i, jobs[i], decoders[jobs[i][0]], windows) for i in missing
        ):
            # Kept at once: an interruption loses at most the folds that are being computed.
            store.save(keys[i], result)
            results[i] = result
            bar.update()
    return [results[i] for i in range(len(jobs))]


def _soonest_failing_first(jobs: list[tuple[str, Fold]], missing: list[int]) -> list[int]:
    """Begin with the folds in which a decoder would fail, if it does in any.

    These are, for every decoder and kind of recording, the ones with the least to train on: what
    takes more trials, or another rate, is known before the others have taken hours.
    """

    def kind(i: int) -> tuple[Any, ...]:
        name, fold = jobs[i]
        trial = fold.train[0]
        return name, trial.sfreq, trial.n_channels, trial.n_features, trial.n_stimuli

    def amount(i: int) -> tuple[int, float]:
        train = jobs[i][1].train
        return len(train), sum(trial.duration for trial in train)

    first: dict[tuple[Any, ...], int] = {}
    for i in sorted(missing, key=amount):
        first.setdefault(kind(i), i)
    return [*first.values(), *(i for i in missing if i not in set(first.values()))]


def _tells_all(result: dict) -> bool:
    """Tell whether a stored result counts as it is done now: shares, silence, single trials."""
    return all({"n_undecidable", "trials"} <= set(row) for rows in result.values() for row in rows)


def _identified(splits: list[Fold], index: SoundIndex) -> dict[int, list[dict[str, Any]]]:
    """Tell for every fold which of the tested trials, units and groups its test trials are."""
    whole = {
        id(trial): trial for fold in splits for trial in (fold.whole or fold.test)
    }  # a trial that is tested in several folds is one
    found = units(list(whole.values()), index)
    described = any(trial.metadata for trial in whole.values())
    of_trial = {
        identity: {
            "trial": i,
            "name": trial.label,
            "unit": unit,
            "group": group,
            **({"metadata": trial.metadata} if described else {}),
        }
        for i, ((identity, trial), unit, group) in enumerate(
            zip(whole.items(), *found, strict=True)
        )
    }
    # A sound that played alone is told from another stretch of itself: every stretch is a unit.
    counts = Counter(found.unit)
    apart = {
        identity
        for (identity, trial), unit in zip(whole.items(), found.unit, strict=True)
        if trial.n_stimuli == 1 and counts[unit] == 1
    }
    parts: dict[int, int] = {}

    def told(trial: Trial, part: Trial) -> dict[str, Any]:
        number = parts.setdefault(id(part), len(parts))
        own = {"unit": len(whole) + number} if id(trial) in apart else {}
        return {**of_trial[id(trial)], **own, "part": number}

    return {
        id(fold): [
            told(trial, part)
            for trial, part in zip(fold.whole or fold.test, fold.test, strict=True)
        ]
        for fold in splits
    }


def _numbered(
    i: int, job: tuple[str, Fold], decoder: Any, windows: list[float]
) -> tuple[int, dict]:
    name, fold = job
    try:
        return i, evaluate_fold(decoder, fold, windows)
    except ValueError as error:
        # Of several decoders, one may need more than others, such as more training trials.
        raise ValueError(f"decoder {name!r}, fold {fold.name!r}: {error}") from error
