"""The loop of a search: draw parameters, score folds, stop what is not promising."""

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.base import clone
from tqdm import tqdm

from cocktailparty.blas import one_blas_thread
from cocktailparty.decoding.pipeline import as_decoder
from cocktailparty.evaluation.folds import evaluate_fold
from cocktailparty.model_selection.gaps import check_gap
from cocktailparty.model_selection.leakage import check_no_leak, sound_index
from cocktailparty.model_selection.policy import Split
from cocktailparty.model_selection.same_sound import SoundIndex
from cocktailparty.model_selection.splits import Fold, check_alike
from cocktailparty.search.holdout import HeldOut, hold_out, score_held_out
from cocktailparty.search.jobs import DaskJobs, LocalJobs
from cocktailparty.search.results import SearchResult, table_of, write_results
from cocktailparty.search.studies import (
    Space,
    fingerprint_of,
    open_study,
    quiet_optuna,
    suggest,
    writable,
)
from cocktailparty.trial import Trial

# A search whose decoders fail this often, with no success, has a mistake in it.
_FAILURES = 3


@one_blas_thread()
def search(
    decoder: Any,
    trials: Sequence[Trial],
    space: Space,
    *,
    n_trials: int = 30,
    cv: Any = "story",
    n_splits: int | None = None,
    gap: float | None = None,
    allow_shared_stimuli: bool = False,
    window: float = 5.0,
    holdout: str | None = None,
    min_folds: int = 2,
    n_jobs: int = 1,
    dask: str | None = None,
    storage: str | None = None,
    name: str = "search",
    out: str | Path | None = None,
    random_state: int = 0,
    progress: bool = False,
    figures: Sequence[str] = (),
    title: str = "",
) -> SearchResult:
    """Search for the parameters of an attention decoder with the best cross-validated accuracy.

    Parameters are drawn by Optuna's tree-structured Parzen estimator. A trial of the search is
    scored fold by fold; by successive halving, only the better half of those that have come as far
    continues after `min_folds`, twice and four times as many folds.

    The search sees `trials` and nothing else, but looks at the test part of their folds as often as
    it has trials. **Its best score is therefore too good to be reported.** Take `holdout`, which
    scores the chosen parameters once on trials that the search never saw, or call `search` within
    each training part of an outer cross-validation.

    Parameters
    ----------
    decoder : estimator or callable
        Attention decoder, which is cloned and given the parameters; or a function that makes one
        of them, called with keywords.
    trials : sequence of Trial
        Labelled training trials.
    space : dict of str to optuna distribution, or callable
        Parameters and their ranges; or a function of an Optuna trial that suggests them and
        returns a dict of the decoder's parameters.
    n_trials : int
        Number of trials that the study has at the end, completed or stopped early; failed ones do
        not count. A study that has them already is reported as it is.
    cv : {"trial", "story", "subject", "time"}, scikit-learn splitter or Split
        How to split, see `cocktailparty.model_selection.Split`, whose windows play no part here.
    n_splits, gap, allow_shared_stimuli : int, float, bool
        Parameters of `Split`, where `cv` is not one already.
    window : float
        Decision window in seconds whose accuracy, averaged over folds, is maximised.
    holdout : str, optional
        ``story:NAME`` or ``subject:NAME`` to keep out of the search and score at the end;
        ``story`` or ``subject`` for the last one.
    min_folds : int
        Number of folds after which a trial may be stopped; as many as there are folds stops none.
    n_jobs : int
        Number of local processes; -1 for one per core. Folds of several trials of the search
        are computed at the same time, in rounds of two jobs per process.
    dask : str, optional
        Address of a Dask scheduler, whose workers compute the folds instead. Workers may come and
        go. They need the library, but no access to the database.
    storage : str, optional
        Address of an Optuna database; None for a file ``study.db`` in `out`. One search at a time
        works on a study; a second one is refused while the first one runs.
    name : str
        Name of the study in the database.
    out : path, optional
        Folder for the study, the table of trials, the best parameters and a figure; None keeps
        everything in memory, unless there is a `storage`.
    random_state : int
        Seed of the sampler. The same seed and number of workers give the same search.
    progress : bool
        Show a progress bar.
    figures : sequence of {"pdf", "svg"}
        Formats for print that the figure is saved in beside PNG.
    title : str
        Title of the figure.

    Returns
    -------
    result : SearchResult
        Best parameters with their optimistic and, with `holdout`, their fair score; table of
        trials; the study.

    Raises
    ------
    ImportError
        If Optuna, or Dask for `dask`, is not installed.
    LeakError
        If training and test trials share a stimulus.
    ValueError
        If an argument is out of range, the data do not allow the split, the study holds another
        search, or the decoder fails whatever the parameters are.
    StudyInUseError
        If another search works on the study.
    WorkersLostError
        If workers die again and again or the cluster cannot be reached.

    References
    ----------
    Li, L., et al. (2020). A system for massively parallel hyperparameter tuning. Proceedings of
    Machine Learning and Systems, 2, 230-246. https://doi.org/10.48550/arXiv.1810.05934

    Akiba, T., et al. (2019). Optuna: a next-generation hyperparameter optimization framework.
    Proceedings of the 25th ACM SIGKDD Conference, 2623-2631.
    https://doi.org/10.1145/3292500.3330701

    Examples
    --------
    >>> from cocktailparty.datasets import simulate_two_talkers
    >>> from linear_aad import AttentionDecoder, BackwardTRF
    >>> trials = simulate_two_talkers(n_trials=8, n_channels=8, random_state=0).trials
    >>> ridge = AttentionDecoder(BackwardTRF(alpha_convention="relative"))
    >>> def space(trial):
    ...     return {"regressor__alpha": trial.suggest_float("alpha", 1e-4, 1e2, log=True)}
    >>> result = search(ridge, trials, space, n_trials=4, holdout="story")
    >>> sorted(result.best_settings), result.held_out.n_windows
    (['regressor__alpha'], 12)
    """
    _check_numbers(n_trials=n_trials, min_folds=min_folds)
    split = Split.of(
        cv, n_splits=n_splits, gap=gap, allow_shared_stimuli=allow_shared_stimuli or None
    )
    split = replace(split, windows=[window])
    # One index for the search and for what is held out, which it holds until the end.
    index = sound_index(trials)
    with quiet_optuna() as optuna, ExitStack() as stack:
        held: list[Fold] = []
        if holdout is not None:
            trials, held = hold_out(trials, holdout, pooled=split.cv == "subject")
        # Made from an arbitrary point of the space, for checks before any work.
        anywhere = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=0)).ask()
        example = make_decoder(decoder, suggest(anywhere, space))
        plan = split.plan(trials, {"decoder": example})
        folds, windows = plan.folds, plan.windows
        _check_held_out(held, window, split, index)
        if out is not None:
            Path(out).mkdir(parents=True, exist_ok=True)
            storage = storage or f"sqlite:///{Path(out) / 'study.db'}"
        opened = open_study(
            optuna,
            storage,
            name,
            fingerprint_of(optuna, decoder, space, folds, window),
            seed=random_state,
            min_folds=min_folds,
        )
        # Outermost, since leaving a study writes to it, too.
        stack.enter_context(writable(optuna, storage))
        study, claim = stack.enter_context(opened)
        shared = (folds, windows)
        runner = DaskJobs(shared, dask) if dask is not None else LocalJobs(shared, n_jobs)
        check = (lambda: None) if claim is None else claim.check
        across = split.gap if split.across_time else None
        rounds = _Rounds(optuna, study, decoder, space, len(folds), across, check)
        rounds.run(stack.enter_context(runner), n_trials, progress)
        best = study.best_trial
        settings = suggest(optuna.trial.FixedTrial(best.params), space)
        result = SearchResult(
            best_settings=settings,
            best_parameters=dict(best.params),
            best_trial=best.number,
            score=float(study.best_value),
            n_folds=len(folds),
            window=windows[0],
            table=table_of(study),
            held_out=_held_out(study, make_decoder(decoder, settings), held, window, holdout),
            study=study,
            guess=1 / min(trial.n_stimuli if trial.n_stimuli > 1 else 2 for trial in trials),
        )
        if out is not None:
            write_results(result, Path(out), figures, title)
        return result


def make_decoder(decoder: Any, settings: dict[str, Any]) -> Any:
    """Make an unfitted decoder with certain parameters, from what `search` takes as a decoder."""
    if hasattr(decoder, "get_params"):
        return clone(as_decoder(decoder)).set_params(**settings)
    return decoder(**settings)


class _Candidate:
    """A trial of the study that is being scored."""

    def __init__(self, trial: Any, decoder: Any) -> None:
        self.trial, self.decoder = trial, decoder
        # Accuracies of the folds, in their order; those of an interrupted search are still there.
        self.accuracies: list[float] = list(trial.user_attrs.get("accuracies", []))
        self.error = ""

    def keep(self, outcome: float | str) -> None:
        """Store the score of a fold at once."""
        if isinstance(outcome, str):
            self.error = outcome
            return
        self.accuracies.append(outcome)
        self.trial.set_user_attr("accuracies", self.accuracies)


class _Rounds:
    """Draw trials and score one fold of each at a time."""

    def __init__(
        self,
        optuna: Any,
        study: Any,
        decoder: Any,
        space: Space,
        n_folds: int,
        gap: float | None,
        check: Callable[[], None],
    ) -> None:
        self.states, self.study = optuna.trial.TrialState, study
        self.decoder, self.space, self.n_folds, self.gap = decoder, space, n_folds, gap
        running = study.get_trials(states=(self.states.RUNNING,))
        # Trials of a search that was killed resume with the fold where it stopped.
        self.waiting = [optuna.Trial(study, trial._trial_id) for trial in running]
        self.failures, self.check = 0, check

    def run(self, runner: Any, n_trials: int, progress: bool) -> None:
        """Continue until the study has its number of finished trials."""
        active: list[_Candidate] = []
        with tqdm(total=n_trials, initial=self._n_finished(), disable=not progress) as bar:
            bar.set_description("search")
            while True:
                self.check()
                while len(active) < runner.width and len(active) < n_trials - self._n_finished():
                    active += self._next()
                if not active:
                    break
                jobs = [(candidate.decoder, len(candidate.accuracies)) for candidate in active]
                unscored = [i for i, (_, fold) in enumerate(jobs) if fold < self.n_folds]
                for k, outcome in runner.run(score_fold, [jobs[i] for i in unscored]):
                    active[unscored[k]].keep(outcome)
                # Reported in the order of the trials, so that chance in the timing of the workers
                # does not decide what is stopped.
                active = [candidate for candidate in active if not self._finished(candidate)]
                bar.n = self._n_finished()
                bar.set_postfix_str(self._best())
                bar.refresh()

    def _n_finished(self) -> int:
        finished_states = (self.states.COMPLETE, self.states.PRUNED)
        return len(self.study.get_trials(deepcopy=False, states=finished_states))

    def _best(self) -> str:
        if not self.study.get_trials(deepcopy=False, states=(self.states.COMPLETE,)):
            return ""
        return f"best {self.study.best_value:.3f}"

    def _next(self) -> list[_Candidate]:
        trial = self.waiting.pop(0) if self.waiting else self.study.ask()
        # A TypeError or an unknown parameter is a mistake in the space, not in this draw.
        decoder = make_decoder(self.decoder, suggest(trial, self.space))
        try:
            if self.gap is not None:
                check_gap({"decoder": decoder}, self.gap)
        except ValueError as error:
            self._fail(trial, str(error))
            return []
        return [_Candidate(trial, decoder)]

    def _fail(self, trial: Any, reason: str) -> None:
        trial.set_user_attr("error", reason)
        self.study.tell(trial, state=self.states.FAIL)
        self.failures += 1
        if self.failures >= _FAILURES:
            raise ValueError(
                f"{self.failures} trials of the search failed in a row, the last one with: {reason}"
            )

    def _finished(self, candidate: _Candidate) -> bool:
        """Report the folds so far; tell whether the trial is at its end."""
        if candidate.error:
            self._fail(candidate.trial, candidate.error)
            return True
        reported = self.study.get_trials(deepcopy=False)[candidate.trial.number].intermediate_values
        for step in range(1, len(candidate.accuracies) + 1):
            if step not in reported:
                candidate.trial.report(float(np.mean(candidate.accuracies[:step])), step)
        if len(candidate.accuracies) == self.n_folds:
            self.study.tell(candidate.trial, float(np.mean(candidate.accuracies)))
        elif candidate.trial.should_prune():
            self.study.tell(candidate.trial, state=self.states.PRUNED)
        else:
            return False
        self.failures = 0
        return True


def score_fold(shared: tuple[list[Fold], list[float]], job: tuple[Any, int]) -> float | str:
    """Score a decoder on one fold: its accuracy, or what went wrong.

    `shared` has all folds and the decision window in seconds in a list, `job` the unfitted decoder
    and the index of the fold.
    """
    (folds, windows), (decoder, number) = shared, job
    try:
        rows = [
            row
            for of_subject in evaluate_fold(decoder, folds[number], windows).values()
            for row in of_subject
        ]
    except Exception as error:
        return f"{type(error).__name__} in fold {folds[number].name!r}: {error}"
    n_windows = sum(row["n_windows"] for row in rows)
    if not n_windows:
        return (
            f"fold {folds[number].name!r}: all stimuli are silent in all windows of "
            f"{windows[0]:g} s, nothing can be decided"
        )
    return float(sum(row["n_correct"] for row in rows) / n_windows)


def _held_out(
    study: Any, decoder: Any, folds: list[Fold], window: float, group: str | None
) -> HeldOut | None:
    """Score what was held out, unless the same parameters have been scored before."""
    if group is None:
        return None
    attribute, chosen = f"held out {group}", str(study.best_trial.number)
    looks = study.user_attrs.get(attribute, {})
    if chosen not in looks:
        looks[chosen] = score_held_out(decoder, folds, window, group).to_dict()
        study.set_user_attr(attribute, looks)
    fields = {**looks[chosen], "interval": tuple(looks[chosen]["interval"])}
    return HeldOut(**{**fields, "n_looks": len(looks)})


def _check_numbers(**numbers: int) -> None:
    for name, number in numbers.items():
        if number < 1:
            raise ValueError(f"{name} must be at least 1, got {number}")


def _check_held_out(folds: list[Fold], window: float, split: Split, index: SoundIndex) -> None:
    for fold in folds:
        check_alike(fold)
        check_no_leak(fold, index, allow_shared_stimuli=split.allow_shared_stimuli)
        longest = max(t.duration / (2 if t.n_stimuli == 1 else 1) for t in fold.test)
        if window > longest * (1 + 1e-6):
            raise ValueError(
                f"a window of {window:g} s does not fit into the held-out trials of {fold.name!r}, "
                f"which allow {longest:g} s"
            )
