"""Cross-validation of several decoders on the same trials, into one tidy table."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from tqdm import tqdm

from cocktailparty.blas import one_blas_thread
from cocktailparty.evaluation.folds import fit_and_score
from cocktailparty.evaluation.shift_test import circular_shift_test
from cocktailparty.evaluation.store import FoldStore
from cocktailparty.evaluation.tested_trials import units
from cocktailparty.evaluation.traces import Trace, load_trace, save_trace, trace_of
from cocktailparty.metadata import with_metadata
from cocktailparty.model_selection.gaps import check_gap, lag_reach
from cocktailparty.model_selection.leakage import SharedStimulusWarning
from cocktailparty.model_selection.policy import Plan
from cocktailparty.model_selection.same_sound import SoundIndex
from cocktailparty.model_selection.splits import Fold
from cocktailparty.reuse import reusing
from cocktailparty.trial import Trial

if TYPE_CHECKING:
    import pandas as pd

__all__ = [
    "SharedStimulusWarning",
    "check_gap",
    "circular_shift_test",
    "compare",
    "compare_planned",
    "lag_reach",
]


@one_blas_thread()
def compare(
    decoders: Mapping[str, Any],
    trials: Sequence[Trial],
    cv: Any = "story",
    windows: Iterable[float] | None = None,
    *,
    n_splits: int | None = None,
    gap: float | None = None,
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
    cv : {"trial", "story", "subject", "time"}, scikit-learn splitter, Split or Plan
        How to split, see `model_selection.Split`; a `model_selection.Plan` of these trials is
        taken as it is, for several calls with the same folds.
    windows : iterable of float, optional
        Decision-window lengths in seconds; None for 1, 2, 5, 10, 30 and 60. A window that fits
        into no test trial gives no rows.
    n_splits, gap, allow_shared_stimuli : int, float, bool
        Parameters of `model_selection.Split`, where `cv` is not one already.
    cache : path, optional
        Folder that keeps every finished fold. An interrupted comparison that is started again
        with the same data, decoders and settings resumes where it stopped.
    n_jobs : int
        Number of folds computed at the same time; -1 for one per core.
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
        ``n_undecidable`` windows in which all stimuli are silent were left out; if no window is
        left, ``n_windows`` is 0 and what is computed from the windows NaN. ``task`` is
        "attention", "match-mismatch" where a single stimulus played, or "mixed". ``trials`` lists
        the tested trials of the row: their number, ``name``, ``part`` (a segment that several
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
    decoders = check_decoders(decoders)
    plan = Plan.of(
        cv,
        trials,
        decoders,
        windows=windows,
        n_splits=n_splits,
        gap=gap,
        allow_shared_stimuli=allow_shared_stimuli or None,
    )
    return compare_planned(decoders, plan, FoldStore(cache), n_jobs, progress)[0]


def compare_planned(
    decoders: Mapping[str, Any],
    plan: Plan,
    store: FoldStore,
    n_jobs: int = 1,
    progress: bool = False,
    traced: Sequence[int] = (),
) -> tuple["pd.DataFrame", dict[str, dict[int, Trace]]]:
    """Cross-validate attention decoders on folds that were made and checked before.

    Takes decoders by name, a `Plan` from `cocktailparty.model_selection.Split.plan`, the store of
    finished folds and the numbers of the folds whose fitted decoders leave a trace. Returns the
    table of `compare`, and traces by decoder and number of the fold.
    """
    import pandas as pd

    jobs = [
        _Job(name, decoders[name], fold, k in traced)
        for name in decoders
        for k, fold in enumerate(plan.folds)
    ]
    with reusing():
        results = _run(jobs, plan.windows, store, n_jobs, progress)
    identities = _identified(plan.folds, plan.index)
    rows = [
        {
            "decoder": job.name,
            "subject": subject,
            "fold": job.fold.name,
            **row,
            "trials": [{**identities[id(job.fold)][r["place"]], **r} for r in row["trials"]],
        }
        for job, (result, _) in zip(jobs, results, strict=True)
        for subject, by_window in result.items()
        for row in by_window
    ]
    traces: dict[str, dict[int, Trace]] = {name: {} for name in decoders}
    for i, (job, (_, trace)) in enumerate(zip(jobs, results, strict=True)):
        if trace is not None:
            traces[job.name][i % len(plan.folds)] = trace
    return pd.DataFrame(with_metadata(rows, plan.trials)), traces


def check_decoders(decoders: Mapping[str, Any]) -> dict[str, Any]:
    """Take decoders by name, also pipelines; a ValueError if there are none, or one is none."""
    from cocktailparty.decoding.pipeline import as_decoder

    if not isinstance(decoders, Mapping) or not decoders:
        raise ValueError("decoders must be a dict of at least one name and attention decoder")
    taken = {name: as_decoder(decoder) for name, decoder in decoders.items()}
    for name, decoder in taken.items():
        for method in ("fit", "window_sweep", "get_params"):
            if not hasattr(decoder, method):
                raise ValueError(
                    f"decoder {name!r} ({type(decoder).__name__}) has no {method}(): wrap a "
                    "regressor in linear_aad.AttentionDecoder"
                )
    return taken


class _Job(NamedTuple):
    """A decoder and a fold, and whether the fitted decoder leaves a trace."""

    name: str
    decoder: Any
    fold: Fold
    traced: bool


def _run(
    jobs: list[_Job], windows: list[float], store: FoldStore, n_jobs: int, progress: bool
) -> list[tuple[dict, Trace | None]]:
    """Results of all jobs in order, from the store if it has them."""
    from joblib import Parallel, delayed

    keys = [store.key(job.decoder, job.fold, windows) for job in jobs]
    loaded = [store.load(key) for key in keys]
    done = {i: result for i, result in enumerate(loaded) if result and _tells_all(result)}
    traces = {
        i: trace
        for i, job in enumerate(jobs)
        if job.traced and (trace := load_trace(store, keys[i])) is not None
    }
    missing = [i for i in range(len(jobs)) if i not in done or (jobs[i].traced and i not in traces)]
    missing = _soonest_failing_first(jobs, missing)

    parallel = Parallel(n_jobs=n_jobs, return_as="generator_unordered")
    with tqdm(
        total=len(jobs), initial=len(jobs) - len(missing), disable=not progress, unit="fold"
    ) as bar:
        # A finished fold that left no trace, as of former versions, is not scored again.
        for i, result, trace in parallel(
            delayed(_numbered)(i, jobs[i], [] if i in done else windows) for i in missing
        ):
            # Kept at once: an interruption loses at most the folds that are being computed.
            if i not in done:
                store.save(keys[i], result)
                done[i] = result
            if trace is not None:
                save_trace(store, keys[i], trace)
                traces[i] = trace
            bar.update()
    return [(done[i], traces.get(i)) for i in range(len(jobs))]


def _soonest_failing_first(jobs: list[_Job], missing: list[int]) -> list[int]:
    """Put first the folds in which a decoder would fail, if it fails in any.

    These are, for every decoder and kind of recording, the ones with the least to train on: what
    takes more trials, or another rate, is known before the others have taken hours.
    """

    def kind(i: int) -> tuple[Any, ...]:
        trial = jobs[i].fold.train[0]
        return jobs[i].name, trial.sfreq, trial.n_channels, trial.n_features, trial.n_stimuli

    def amount(i: int) -> tuple[int, float]:
        train = jobs[i].fold.train
        return len(train), sum(trial.duration for trial in train)

    first: dict[tuple[Any, ...], int] = {}
    for i in sorted(missing, key=amount):
        first.setdefault(kind(i), i)
    return [*first.values(), *(i for i in missing if i not in set(first.values()))]


def _tells_all(result: dict) -> bool:
    """Tell whether a stored result has what counting needs today: shares, silence, trials."""
    return all({"n_undecidable", "trials"} <= set(row) for rows in result.values() for row in rows)


def _identified(splits: list[Fold], index: SoundIndex) -> dict[int, list[dict[str, Any]]]:
    """Tell for every fold which of the tested trials, units and groups its test trials are."""
    whole = {
        id(trial): trial for fold in splits for trial in (fold.whole or fold.test)
    }  # a trial that is tested in several folds is one
    trial_units = units(list(whole.values()), index)
    described = any(trial.metadata for trial in whole.values())
    of_trial = {
        key: {
            "trial": i,
            "name": trial.label,
            "unit": unit,
            "group": group,
            **({"metadata": trial.metadata} if described else {}),
        }
        for i, ((key, trial), unit, group) in enumerate(
            zip(whole.items(), *trial_units, strict=True)
        )
    }
    # A sound that played alone is compared with another segment of itself: each is a unit.
    counts = Counter(trial_units.unit)
    single_talker = {
        key
        for (key, trial), unit in zip(whole.items(), trial_units.unit, strict=True)
        if trial.n_stimuli == 1 and counts[unit] == 1
    }
    segments: dict[int, int] = {}

    def identity(trial: Trial, segment: Trial) -> dict[str, Any]:
        number = segments.setdefault(id(segment), len(segments))
        own_unit = {"unit": len(whole) + number} if id(trial) in single_talker else {}
        return {**of_trial[id(trial)], **own_unit, "part": number}

    return {
        id(fold): [
            identity(trial, segment)
            for trial, segment in zip(fold.whole or fold.test, fold.test, strict=True)
        ]
        for fold in splits
    }


def _numbered(i: int, job: _Job, windows: list[float]) -> tuple[int, dict, Trace | None]:
    try:
        fitted, result = fit_and_score(job.decoder, job.fold, windows)
        return i, result, trace_of(fitted, job.fold.test[0]) if job.traced else None
    except ValueError as error:
        # Of several decoders, one may need more than others, such as more training trials.
        raise ValueError(f"decoder {job.name!r}, fold {job.fold.name!r}: {error}") from error
