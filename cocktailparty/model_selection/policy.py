"""Split: how trials are divided for cross-validation, and what a split must keep."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from numbers import Integral, Real
from typing import Any, Self

import numpy as np

from cocktailparty.model_selection.gaps import check_gap
from cocktailparty.model_selection.leakage import check_no_leak, sound_index
from cocktailparty.model_selection.same_sound import SoundIndex
from cocktailparty.model_selection.splits import SPLITS, Fold, folds
from cocktailparty.notebook import facts_table, some_of
from cocktailparty.trial import Trial
from cocktailparty.trials import attended_labels, list_trials

#: Decision windows in seconds, unless others are asked for.
WINDOWS = (1.0, 2.0, 5.0, 10.0, 30.0, 60.0)


@dataclass(frozen=True)
class Split:
    """A way to split trials into training and test data.

    Parameters
    ----------
    cv : {"trial", "story", "subject", "time"} or scikit-learn splitter
        What is left out, see `folds`.
    n_splits : int
        Number of segments for ``cv="time"``.
    gap : float
        Seconds between training and test data for ``cv="time"``: at least the reach of the lags,
        which is checked, plus that of the filter on both sides.
    allow_shared_stimuli : bool
        Accept folds in which a sound plays on both sides, with a warning, instead of refusing
        them. Leave-one-subject-out needs it wherever all subjects heard the same stories.
    windows : iterable of float
        Decision-window lengths in seconds.

    Raises
    ------
    ValueError
        If a name is unknown, or a number is out of range.

    Examples
    --------
    >>> from cocktailparty.datasets import simulate_two_talkers
    >>> trials = simulate_two_talkers(n_trials=3, n_channels=2, random_state=0).trials
    >>> split = Split("time", n_splits=2, gap=1.0, windows=[5, 10])
    >>> split
    Split('time', n_splits=2, gap=1, windows=[5, 10])
    >>> [fold.name for fold in split.split(trials)]
    ['sub-01/part 1', 'sub-01/part 2']
    """

    cv: Any = "story"
    n_splits: int = 5
    gap: float = 2.0
    allow_shared_stimuli: bool = False
    windows: Iterable[float] = WINDOWS

    def __post_init__(self) -> None:
        named = isinstance(self.cv, str)
        if self.cv not in SPLITS if named else not hasattr(self.cv, "get_n_splits"):
            raise ValueError(
                f"cv must be one of {SPLITS} or a splitter with .split(), got {self.cv!r}"
            )
        n_splits: Any = self.n_splits
        gap: Any = self.gap
        shared: Any = self.allow_shared_stimuli
        if not isinstance(n_splits, Integral):
            raise ValueError(f"n_splits must be a whole number, got {n_splits!r}")
        if n_splits < 2:
            raise ValueError(f"n_splits must be at least 2, got {n_splits}")
        if not isinstance(gap, Real) or not float(gap) >= 0:
            raise ValueError(f"gap must be a number of seconds >= 0, got {gap!r}")
        # What is merely true, such as "no", would let sounds be shared.
        if not isinstance(shared, bool | np.bool_):
            raise ValueError(f"allow_shared_stimuli must be True or False, got {shared!r}")
        given: Any = self.windows
        listed = isinstance(given, Iterable) and not isinstance(given, str)
        windows = list(given) if listed else []
        if not windows or not all(isinstance(window, Real) for window in windows):
            raise ValueError(
                f"windows must be positive numbers of seconds in a list, got {given!r}"
            )
        lengths = sorted({float(window) for window in windows})
        if not all(np.isfinite(w) and w > 0 for w in lengths):
            raise ValueError(f"windows must be positive numbers of seconds, got {lengths}")
        object.__setattr__(self, "windows", tuple(lengths))

    @classmethod
    def of(cls, cv: Any, **settings: Any) -> Self:
        """Take a split, or make one of a name or a splitter and keywords.

        Parameters
        ----------
        cv : Split, str or scikit-learn splitter
            A split is taken as it is.
        **settings : object
            Other parameters of the class; those that are None stay as they are.

        Returns
        -------
        split : Split
            The split.

        Raises
        ------
        ValueError
            If `cv` is a split and other settings are given as well, or a value is out of range.

        Examples
        --------
        >>> Split.of("trial", gap=None, n_splits=None)
        Split('trial')
        """
        given = {name: value for name, value in settings.items() if value is not None}
        if not isinstance(cv, cls):
            return cls(cv, **given)
        if given:
            raise ValueError(
                f"cv={cv!r} says how to split: give it {', '.join(given)}, and nothing beside it"
            )
        return cv

    def __repr__(self) -> str:
        shown = [repr(self.cv)]
        for setting in fields(self)[1:]:
            value = getattr(self, setting.name)
            if value != setting.default:
                if isinstance(value, tuple):
                    text = f"[{', '.join(f'{x:g}' for x in value)}]"
                else:
                    text = f"{value}" if isinstance(value, bool) else f"{value:g}"
                shown.append(f"{setting.name}={text}")
        return f"Split({', '.join(shown)})"

    def folds(self, trials: Sequence[Trial]) -> list[Fold]:
        """Split trials, whatever sounds play in them.

        Parameters
        ----------
        trials : sequence of Trial
            All trials.

        Returns
        -------
        folds : list of Fold
            See `cocktailparty.model_selection.folds`.

        Raises
        ------
        ValueError
            If labels that the split needs are missing, there is only one group, or the trials of a
            fold differ in channels, rate or features.
        """
        return folds(trials, self.cv, n_splits=self.n_splits, gap=self.gap)

    def split(self, trials: Sequence[Trial], index: SoundIndex | None = None) -> list[Fold]:
        """Split trials, and refuse or warn of sounds on both sides of a fold.

        Parameters
        ----------
        trials : sequence of Trial
            All trials.
        index : SoundIndex, optional
            Index that remembers comparisons, from `sound_index`.

        Returns
        -------
        folds : list of Fold
            None of them has an empty part.

        Raises
        ------
        LeakError
            If a sound plays on both sides and `allow_shared_stimuli` is false.
        ValueError
            As for `folds`, or if a part is empty.

        Warns
        -----
        SharedStimulusWarning
            If a sound plays on both sides and that is allowed.
        """
        trials = list_trials(trials)
        index = sound_index(trials) if index is None else index
        checked = self.folds(trials)
        for fold in checked:
            check_no_leak(fold, index, allow_shared_stimuli=self.allow_shared_stimuli)
        return checked

    def plan(self, trials: Sequence[Trial], decoders: Mapping[str, Any]) -> "Plan":
        """Split labelled trials for decoders, once for everything that is done with them.

        Parameters
        ----------
        trials : sequence of Trial
            Labelled trials.
        decoders : dict of str to estimator
            Attention decoders by name.

        Returns
        -------
        plan : Plan
            Folds, the windows that fit, and the index of the sounds.

        Raises
        ------
        LeakError
            If a sound plays on both sides and `allow_shared_stimuli` is false.
        ValueError
            If labels are missing, no window fits, or the gap is shorter than a decoder's lags.
        """
        trials = list_trials(trials)
        attended_labels(trials)
        if self.across_time:
            check_gap(decoders, self.gap)
        index = sound_index(trials)
        checked = self.split(trials, index)
        return Plan(self, trials, checked, _usable(list(self.windows), checked), index)

    @property
    def across_time(self) -> bool:
        """Whether training and test data are segments of the same trials."""
        return isinstance(self.cv, str) and self.cv == "time"


@dataclass(frozen=True, eq=False)
class Plan:
    """A split of certain trials, checked.

    Attributes
    ----------
    split : Split
        How they were split.
    trials : list of Trial
        All trials.
    folds : list of Fold
        Training and test parts.
    windows : list of float
        Decision windows in seconds that fit into at least one test trial, ascending.
    index : SoundIndex
        Index of the sounds that they share.
    """

    split: Split
    trials: list[Trial]
    folds: list[Fold]
    windows: list[float]
    index: SoundIndex

    def _repr_html_(self) -> str:
        facts = {
            "split": repr(self.split),
            "trials": len(self.trials),
            "folds": some_of(fold.name for fold in self.folds),
            "windows": ", ".join(f"{window:g}" for window in self.windows) + " s",
        }
        return facts_table("Plan of a comparison", facts)

    @classmethod
    def of(
        cls, cv: Any, trials: Sequence[Trial], decoders: Mapping[str, Any], **settings: Any
    ) -> "Plan":
        """Take a plan, or make one.

        Parameters
        ----------
        cv : Plan, Split, str or scikit-learn splitter
            A plan is taken as it is.
        trials : sequence of Trial
            Labelled trials; those of the plan.
        decoders : dict of str to estimator
            Attention decoders by name.
        **settings : object
            See `Split.of`.

        Returns
        -------
        plan : Plan
            The plan.

        Raises
        ------
        ValueError
            If a plan is of other trials or other settings are given as well, or as in `Split.plan`.
        """
        if not isinstance(cv, cls):
            return Split.of(cv, **settings).plan(trials, decoders)
        Split.of(cv.split, **settings)
        if [id(trial) for trial in list_trials(trials)] != [id(trial) for trial in cv.trials]:
            raise ValueError("cv is the plan of other trials: make one of these, or give a Split")
        if cv.split.across_time:
            check_gap(decoders, cv.split.gap)
        return cv


def _usable(lengths: list[float], plan_folds: list[Fold]) -> list[float]:
    """Windows that fit into at least one test trial."""
    longest = [
        (trial.n_times if trial.n_stimuli > 1 else trial.n_times // 2, trial.sfreq)
        for fold in plan_folds
        for trial in fold.test
    ]
    usable = [w for w in lengths if any(round(w * rate) <= n for n, rate in longest)]
    if not usable:
        raise ValueError(
            f"no decision window fits: the longest that the test trials allow is "
            f"{max(n / rate for n, rate in longest):g} s, asked for {lengths}"
        )
    return usable
