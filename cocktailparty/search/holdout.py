"""A group of trials that a search never sees, for one fair score at its end."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from cocktailparty.evaluation.folds import evaluate_fold
from cocktailparty.metrics import accuracy_interval, chance_level
from cocktailparty.model_selection.splits import Fold
from cocktailparty.trial import Trial


@dataclass(frozen=True)
class HeldOut:
    """Score of the chosen parameters on trials that took no part in the search.

    Attributes
    ----------
    group : str
        Name of the held-out group.
    window : float
        Decision window in seconds.
    accuracy : float
        Share of windows decided rightly.
    n_correct : float
        Number of right decisions; a tie counts its share.
    n_windows : int
        Number of decisions.
    chance : float
        Accuracy that guessing reaches with a probability of at most 5 %, as if windows were
        independent.
    interval : tuple of (float, float)
        95 % interval of the accuracy (Clopper and Pearson), as if windows were independent.
    n_looks : int
        Number of choices of parameters that have been scored on this group; beyond one, taking
        the best of them would be optimistic again.
    """

    group: str
    window: float
    accuracy: float
    n_correct: float
    n_windows: int
    chance: float
    interval: tuple[float, float]
    n_looks: int = 1

    def to_dict(self) -> dict[str, Any]:
        """Turn into something that JSON can hold.

        Returns
        -------
        fields : dict
            Name and value of each attribute.
        """
        return {**asdict(self), "interval": list(self.interval)}


def hold_out(
    trials: Sequence[Trial], group: str, *, pooled: bool = False
) -> tuple[list[Trial], list[Fold]]:
    """Take a story or a subject away from the trials.

    `group` is ``story:NAME`` or ``subject:NAME``, or ``story`` or ``subject`` for the last one.
    Returns the trials that are left for the search, and folds that train on them and test on what
    was held out. Decoders are trained on all subjects together if `pooled`; otherwise a held-out
    story is scored for each subject by a decoder trained on that subject. An unknown group, or one
    that leaves nothing, is a ValueError.

    Examples
    --------
    >>> from cocktailparty.datasets import simulate_two_talkers
    >>> trials = simulate_two_talkers(2, n_trials=5, duration=2, n_channels=2).trials
    >>> rest, folds = hold_out(trials, "story:story-4")
    >>> len(rest), [(fold.name, len(fold.train), len(fold.test)) for fold in folds]
    (8, [('sub-01/story-4', 4, 1), ('sub-02/story-4', 4, 1)])
    """
    kind, _, name = group.partition(":")
    if kind not in ("story", "subject"):
        raise ValueError(
            f"holdout must be story, subject, story:NAME or subject:NAME, got {group!r}"
        )
    labels = [getattr(trial, kind) for trial in trials]
    group_names = list(dict.fromkeys(label for label in labels if label))
    name = name or (group_names[-1] if group_names else "")
    if name not in group_names:
        raise ValueError(f"holdout {group!r}: there is no such {kind}, known are {group_names}")
    rest = [trial for trial, label in zip(trials, labels, strict=True) if label != name]
    if not rest:
        raise ValueError(f"holdout {group!r} leaves no trial for the search")
    test = [trial for trial, label in zip(trials, labels, strict=True) if label == name]
    if pooled or kind == "subject":
        return rest, [Fold(name, rest, test)]
    folds = []
    for subject in dict.fromkeys(trial.subject for trial in test):
        of_subject = [
            [trial for trial in side if trial.subject == subject] for side in (rest, test)
        ]
        folds.append(Fold(f"{subject}/{name}" if subject else name, *of_subject))
    return rest, folds


def score_held_out(decoder: Any, folds: Sequence[Fold], window: float, group: str) -> HeldOut:
    """Train on what the search saw and score what it never saw, in windows in seconds.

    Takes the folds of `hold_out`, and the `group` for the record; gives the accuracy over all
    folds, chance level and interval. A ValueError says that the window fits into no held-out trial,
    or that all stimuli are silent in all windows.
    """
    rows = [
        row
        for fold in folds
        for of_subject in evaluate_fold(decoder, fold, [window]).values()
        for row in of_subject
    ]
    if not rows:
        raise ValueError(f"no window of {window:g} s fits into the held-out trials")
    n_correct = sum(row["n_correct"] for row in rows)
    n_windows = sum(row["n_windows"] for row in rows)
    if not n_windows:
        raise ValueError(
            f"all stimuli are silent in all windows of {window:g} s of the held-out trials: "
            "nothing can be decided"
        )
    n_stimuli = min(row["n_stimuli"] for row in rows)
    return HeldOut(
        group,
        window,
        n_correct / n_windows,
        n_correct,
        n_windows,
        chance_level(n_windows, n_stimuli),
        accuracy_interval(n_correct, n_windows, "exact"),
    )
