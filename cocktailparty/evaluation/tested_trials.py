"""Independent units among the tested trials, and the trials whose labels are exchangeable."""

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from cocktailparty.backend import to_numpy
from cocktailparty.model_selection.leakage import sound_index, stimuli_at
from cocktailparty.model_selection.same_sound import SoundIndex
from cocktailparty.similarity import unit_vectors
from cocktailparty.trial import Trial

if TYPE_CHECKING:
    import pandas as pd


class Units(NamedTuple):
    """Independent units of trials, and the groups within which labels are exchangeable.

    Attributes
    ----------
    unit : list of int
        For each trial, its unit: trials of one unit have one label by the design of the experiment.
    group : list of int
        For each trial, the group of its unit. Units of one group may exchange their labels.
    """

    unit: list[int]
    group: list[int]


def units(trials: Sequence[Trial], index: SoundIndex | None = None) -> Units:
    """Find out which trials are independent decisions of attention.

    The unit is the trial, with all segments that `Trial.crop` cut from it and that have one label:
    otherwise, what is peculiar to the trial would count once for every cut. Trials of one listener
    in which the same sound (or a part of it) was attended are one unit, too. So are trials of
    different listeners in which the same sound was attended, if these listeners attended the same
    sound whenever they heard one mixture: their labels are one design, in which a loud talker wins
    with all of them. Listeners who attended to different talkers of a mixture have designs of
    their own.

    Labels are exchanged between units of the same listeners. Where one sound played alone (see
    `cocktailparty.model_selection.match_mismatch`), attention has no label, and a decoder that
    prefers a sound gains nothing: such trials are units of their own, unless they hold the same
    segment of EEG.

    Parameters
    ----------
    trials : sequence of Trial
        Labelled trials.
    index : SoundIndex, optional
        Index that remembers what was compared, see `cocktailparty.model_selection.sound_index`.

    Returns
    -------
    units : Units
        Numbers that begin at 0, in the order of the trials.

    Examples
    --------
    >>> from cocktailparty.datasets import simulate_two_talkers
    >>> trials = simulate_two_talkers(n_trials=4, n_channels=2, random_state=0).trials
    >>> units([trials[0].crop(0, 30), trials[0].crop(30, 60), *trials[1:]])
    Units(unit=[0, 0, 1, 2, 3], group=[0, 0, 0, 0, 0])
    """
    agreed, opposed = _shared(trials, sound_index(trials) if index is None else index)
    alone = [trial.n_stimuli < 2 for trial in trials]
    subjects = [trial.subject for trial in trials]
    strangers = {frozenset((subjects[a], subjects[b])) for a, b in opposed}
    joined = [
        (a, b)
        for (a, b), delay in agreed.items()
        if (
            subjects[a] == subjects[b] and _same_eeg(trials[a], trials[b], delay)
            if alone[a] or alone[b]
            else frozenset((subjects[a], subjects[b])) not in strangers
            or subjects[a] == subjects[b]
        )
    ]
    unit = _components(len(trials), [*joined, *_same_origin(trials)])
    subjects_of_unit: dict[int, set[tuple[str, int]]] = {}
    for u, trial in zip(unit, trials, strict=True):
        subjects_of_unit.setdefault(u, set()).add((trial.subject, trial.n_stimuli))
    kinds = [frozenset(subjects_of_unit[u]) for u in unit]
    numbers = {kind: i for i, kind in enumerate(dict.fromkeys(kinds))}
    return Units(unit, [numbers[kind] for kind in kinds])


def _same_origin(trials: Sequence[Trial]) -> list[tuple[int, int]]:
    """Pairs of segments of one trial in which the same of its sounds was attended."""
    first: dict[tuple[str, int | None], int] = {}
    return [
        (first.setdefault((trial.origin, trial.attended), i), i)
        for i, trial in enumerate(trials)
        if trial.origin and trial.n_stimuli > 1
    ]


def _shared(
    trials: Sequence[Trial], index: SoundIndex
) -> tuple[dict[tuple[int, int], float], set[tuple[int, int]]]:
    """Pairs of trials in which the same sound was attended, and those where only one attended it.

    The former with the time in the first trial, in seconds, at which the other begins.
    """
    stimuli, owner = [], []
    for i, trial in enumerate(trials):
        for k, stimulus in enumerate(stimuli_at(trial, index.sfreq)):
            stimuli.append(stimulus)
            owner.append((i, k == trial.attended or trial.n_stimuli == 1))
    agreed, opposed = {}, set()
    for (first, second), delay in index.delays(stimuli, stimuli).items():
        (a, chosen), (b, chosen_too) = owner[first], owner[second]
        if a < b and chosen and chosen_too:
            agreed[a, b] = delay / index.sfreq
        elif a < b and chosen != chosen_too:
            opposed.add((a, b))
    return agreed, opposed


def _same_eeg(first: Trial, second: Trial, delay: float) -> bool:
    """Tell whether the EEG of two trials is one recording where their sounds are the same."""
    if first.n_channels != second.n_channels or first.sfreq != second.sfreq:
        return False
    start = round(delay * first.sfreq)
    a, b = to_numpy(first.eeg)[max(0, start) :], to_numpy(second.eeg)[max(0, -start) :]
    n = min(len(a), len(b))
    if n < 2:
        return False
    a, b = (unit_vectors(x[:n], (0, 1), mean_axis=0) for x in (a, b))
    # Responses to one sound at two times have less than a tenth in common.
    return bool(np.sum(a * b) > 0.5)


def _components(n: int, pairs: Sequence[tuple[int, int]]) -> list[int]:
    """Find connected parts of a graph, and number them in the order of their first members."""
    rows, columns = (np.array([pair[side] for pair in pairs], dtype=int) for side in (0, 1))
    graph = coo_array((np.ones(len(pairs)), (rows, columns)), shape=(n, n))
    labels = connected_components(graph, directed=False)[1]
    numbers = {label: i for i, label in enumerate(dict.fromkeys(labels.tolist()))}
    return [numbers[label] for label in labels.tolist()]


def repeats(rows: Iterable[Sequence[dict]]) -> Iterator[list[int]]:
    """Count how often each tested segment of a trial occurs in some rows.

    Parameters
    ----------
    rows : iterable of sequence of dict
        The records (column `trials`) of rows of one decoder and window.

    Yields
    ------
    counts : list of int
        For each record of a row: in how many records of all rows its segment occurs.
    """
    rows = list(rows)
    counts: dict[int, int] = {}
    for records in rows:
        for record in records:
            counts[record["part"]] = counts.get(record["part"], 0) + 1
    for records in rows:
        yield [counts[record["part"]] for record in records]


def trial_rows(table: "pd.DataFrame") -> "pd.DataFrame":
    """Lay out the tested trials of a comparison, one per row.

    Parameters
    ----------
    table : DataFrame
        Rows of `cocktailparty.evaluation.compare`.

    Returns
    -------
    rows : DataFrame
        Columns `decoder`, `subject`, `fold`, `window`, and what `trials` tells of each trial;
        `right` as numbers with a semicolon between stimuli.
    """
    import pandas as pd

    keys = ["decoder", "subject", "fold", "window"]
    return pd.DataFrame(
        {
            **{key: row[key] for key in keys},
            **{key: value for key, value in record.items() if key != "place"},
            "right": ";".join(f"{x:.12g}" for x in record["right"]),
        }
        for row in table.to_dict("records")
        for record in row["trials"]
    )
