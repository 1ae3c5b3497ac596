"""Correlations of a forward model's predictions with left-out EEG, channel by channel."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.base import clone

from cocktailparty.blas import one_blas_thread
from cocktailparty.model_selection.gaps import check_gap
from cocktailparty.model_selection.policy import Split
from cocktailparty.model_selection.splits import Fold
from cocktailparty.trial import Trial
from cocktailparty.trials import attended_labels, check_trials, list_trials

if TYPE_CHECKING:
    import pandas as pd


@one_blas_thread()
def prediction_map(
    model: Any,
    trials: Sequence[Trial],
    cv: Any = "trial",
    *,
    followed: Any = None,
    **split: Any,
) -> "pd.DataFrame":
    """Correlate each channel with what a forward model predicts on trials that it has not seen.

    Parameters
    ----------
    model : estimator
        Forward model, such as `ForwardTRF`. It is cloned and trained anew for each fold; whatever
        it tunes, it tunes on the training trials.
    trials : sequence of Trial
        Trials.
    cv : {"trial", "story", "subject", "time"}, scikit-learn splitter or Split
        Kind of split, see `cocktailparty.model_selection.Split`.
    followed : array-like of int, shape (n_trials,), optional
        Index of the stimulus that predicts the EEG; None for the attended one of each trial.
    **split : object
        Parameters of `Split`, where `cv` is none.

    Returns
    -------
    table : pandas.DataFrame
        Pearson correlations: a column for each channel, a row for each fold, with the levels
        ``subject`` and ``fold``; the mean over the trials of a subject in that fold.
        NaN for a channel that a subject does not have.
        ``table.mean()`` is the map of `cocktailparty.plots.channel_topomap`.

    Raises
    ------
    LeakError
        If training and test trials share a stimulus.
    ValueError
        If labels are missing, or the gap is shorter than the lags of the model.

    See Also
    --------
    ForwardTRF.correlations : The same for trials of your choice.

    Examples
    --------
    >>> from cocktailparty.datasets import simulate_two_talkers
    >>> from linear_aad import ForwardTRF
    >>> trials = simulate_two_talkers(n_trials=4, n_channels=4, random_state=0).trials
    >>> model = ForwardTRF(tmax=0.3, alpha=[0.01, 1.0], alpha_convention="relative")
    >>> prediction_map(model, trials).shape
    (4, 4)
    """
    import pandas as pd

    trials = list_trials(trials)
    for trial in trials:
        check_trials([trial], sfreq=getattr(model, "sfreq", None))
    labels = attended_labels(trials, followed)
    trials = [t.replace(attended=int(k)) for t, k in zip(trials, labels, strict=True)]
    policy = Split.of(cv, **split)
    if policy.across_time:
        check_gap({type(model).__name__: model}, policy.gap)
    splits = policy.split(trials)
    rows = {(subject, fold.name): r for fold in splits for subject, r in _correlations(model, fold)}
    names = {(t.subject, fold.name): t.channel_names for fold in splits for t in fold.test}
    known = [channels for row in rows if (channels := names[row]) is not None]
    unnamed = len(known) < len(rows)
    if unnamed and len({len(r) for r in rows.values()}) > 1:
        raise ValueError(
            "trials differ in their number of channels: give all of them channel_names, which "
            "become the columns of the table"
        )
    index = pd.MultiIndex.from_tuples(list(rows), names=["subject", "fold"])
    if unnamed:
        return pd.DataFrame(list(rows.values()), index=index)
    records = [
        dict(zip(channels, r, strict=True))
        for channels, r in zip(known, rows.values(), strict=True)
    ]
    columns = pd.Index(dict.fromkeys(name for channels in known for name in channels))
    return pd.DataFrame(records, index=index, columns=columns)


def _correlations(model: Any, fold: Fold) -> list[tuple[str, np.ndarray]]:
    fitted = clone(model).fit(*_followed(fold.train))
    correlations = []
    for subject in dict.fromkeys(trial.subject for trial in fold.test):
        tested = [trial for trial in fold.test if trial.subject == subject]
        correlations.append((subject, fitted.correlations(*_followed(tested))))
    return correlations


def _followed(trials: Sequence[Trial]) -> tuple[list[Any], list[Any]]:
    return [t.stimuli[t.attended] for t in trials], [t.eeg for t in trials]
