"""Unique contribution of predictors: what a forward model of left-out trials loses without them."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.base import clone

from cocktailparty.statistics import holm, subject_test
from cocktailparty.trial import Trial
from cocktailparty.trials import list_trials
from linear_aad.prediction import prediction_map

if TYPE_CHECKING:
    import pandas as pd


def unique_contribution(
    model: Any,
    trials: Sequence[Trial],
    predictors: Mapping[str, Sequence[int]],
    cv: Any = "trial",
    *,
    followed: Any = None,
    channels: Sequence[str] | None = None,
    **split: Any,
) -> "pd.DataFrame":
    """Compare a forward model with what is left of it without each predictor.

    Both are trained and tuned on the same training trials, and predict the same left-out ones. A
    predictor that only shares what others have loses nothing.

    Parameters
    ----------
    model : estimator
        Forward model of all predictors, such as `ForwardTRF`. With `bands` and `lags` of its own,
        the reduced models keep those of the columns that stay.
    trials : sequence of Trial
        Trials whose stimuli have all predictors as features.
    predictors : mapping of str to sequence of int
        Columns of the stimuli that belong to each predictor; those named by none are in all models.
    cv : {"trial", "story", "subject", "time"}, scikit-learn splitter or Split
        Kind of split, see `cocktailparty.model_selection.Split`.
    followed : array-like of int, shape (n_trials,), optional
        Index of the stimulus that predicts the EEG; None for the attended one of each trial.
    channels : sequence of str, optional
        Channels over which correlations are averaged; None for all.
    **split : object
        Parameters of `Split`, where `cv` is none.

    Returns
    -------
    table : pandas.DataFrame
        A row for each predictor, subject and fold: `r_full` and `r_reduced`, Pearson correlations
        of predicted and recorded EEG, mean over channels, and `unique`, their difference.

    Raises
    ------
    LeakError
        If training and test trials share a stimulus.
    ValueError
        If a predictor has no columns, columns that there are not, or all of them; if a channel is
        unknown, labels are missing, or the gap is shorter than the lags of the model.

    See Also
    --------
    contribution_tests : Tests over subjects.

    Examples
    --------
    >>> from cocktailparty.datasets import simulate_two_talkers
    >>> from linear_aad import ForwardTRF
    >>> trials = simulate_two_talkers(n_trials=4, n_channels=4, random_state=0).trials
    >>> rng = np.random.default_rng(1)
    >>> both = [t.replace(stimuli=np.concatenate([t.stimuli, rng.random(t.stimuli.shape)], axis=2))
    ...         for t in trials]
    >>> model = ForwardTRF(tmax=0.3, alpha=1e-2, alpha_convention="relative")
    >>> table = unique_contribution(model, both, {"envelope": [0], "noise": [1]})
    >>> table.groupby("predictor")["unique"].mean().idxmax()
    'envelope'
    """
    import pandas as pd

    trials = list_trials(trials)
    columns = _columns(trials, predictors)
    arguments = {"followed": followed, **split}
    full = _mean_over(prediction_map(model, trials, cv, **arguments), channels)
    parts = []
    for name, removed in columns.items():
        kept = [i for i in range(trials[0].n_features) if i not in removed]
        reduced_trials = [t.replace(stimuli=t.stimuli[:, :, kept]) for t in trials]
        reduced = prediction_map(without_columns(model, removed), reduced_trials, cv, **arguments)
        part = pd.DataFrame({"r_full": full, "r_reduced": _mean_over(reduced, channels)})
        part.insert(0, "predictor", name)
        parts.append(part.reset_index())
    table = pd.concat(parts, ignore_index=True)
    table["unique"] = table["r_full"] - table["r_reduced"]
    return table[["predictor", "subject", "fold", "r_full", "r_reduced", "unique"]]


def contribution_tests(table: "pd.DataFrame") -> "pd.DataFrame":
    """Test over subjects which predictors contribute something of their own.

    The mean unique contribution of each subject is tested against zero by sign flips, one-sided: a
    useless predictor costs a model a little, so that its contribution is never above zero but by
    chance (`cocktailparty.statistics`).

    Parameters
    ----------
    table : DataFrame
        Rows of `unique_contribution`.

    Returns
    -------
    tests : DataFrame
        A row for each predictor: `n_subjects`, `effect`, the mean contribution in r, its 95 %
        interval from `low` to `high` (Student's t), `p`, `p_corrected` for the number of predictors
        (Holm), and `p_wilcoxon`, uncorrected.

    Raises
    ------
    ValueError
        If a contribution is not finite.

    Examples
    --------
    >>> import pandas as pd
    >>> table = pd.DataFrame({"predictor": "onsets", "subject": [f"S{i}" for i in range(6)],
    ...                       "unique": [0.02, 0.01, 0.015, 0.03, 0.005, 0.01]})
    >>> contribution_tests(table)[["predictor", "effect", "p"]]
      predictor  effect         p
    0    onsets   0.015  0.015625
    """
    import pandas as pd

    rows = []
    for name, of_one in table.groupby("predictor", sort=False):
        subjects = of_one.groupby("subject", sort=False)["unique"].mean()
        test = subject_test(subjects.to_numpy(), alternative="greater")
        rows.append({"predictor": name, **test._asdict()})
    corrected = holm([row["p"] for row in rows])
    tests = pd.DataFrame([{**r, "p_corrected": p} for r, p in zip(rows, corrected, strict=True)])
    order = ["predictor", "n_subjects", "effect", "low", "high", "p", "p_corrected", "p_wilcoxon"]
    return tests[order]


def without_columns(model: Any, removed: Sequence[int]) -> Any:
    """Clone a model for stimuli without some columns, with the bands and lags of those that stay.

    Raises a ValueError if lags are named, so that it is not known which columns they belong to.
    """
    parameters = model.get_params(deep=False)
    changed: dict[str, Any] = {}
    bands = parameters.get("bands")
    if bands is not None:
        of_column = np.repeat(np.arange(len(bands)), bands)
        counts = np.bincount(np.delete(of_column, list(removed)), minlength=len(bands))
        left = [int(n) for n in counts if n]
        changed["bands"] = left if len(left) > 1 else None
    lags = parameters.get("lags")
    if isinstance(lags, Mapping):
        if not all(isinstance(key, int | np.integer) for key in lags):
            raise ValueError(f"lags must be given by numbers of columns here, got {list(lags)}")
        changed["lags"] = {
            int(key) - sum(i < key for i in removed): value
            for key, value in lags.items()
            if key not in removed
        } or None
    elif lags is not None:
        changed["lags"] = [value for i, value in enumerate(lags) if i not in removed]
    return clone(model).set_params(**changed)


def _columns(
    trials: Sequence[Trial], predictors: Mapping[str, Sequence[int]]
) -> dict[str, list[int]]:
    n_features = min(trial.n_features for trial in trials)
    if not predictors:
        raise ValueError("predictors must name at least one predictor and its columns")
    columns = {name: sorted({int(i) for i in chosen}) for name, chosen in predictors.items()}
    for name, chosen in columns.items():
        if not chosen or chosen[0] < 0 or chosen[-1] >= n_features:
            raise ValueError(
                f"predictor {name!r} has the columns {chosen}, expected some of 0 to "
                f"{n_features - 1}"
            )
        if len(chosen) == n_features:
            raise ValueError(
                f"predictor {name!r} has all {n_features} columns, so that nothing is left to "
                "compare with"
            )
    return columns


def _mean_over(table: "pd.DataFrame", channels: Sequence[str] | None) -> "pd.Series":
    if channels is None:
        return table.mean(axis=1)
    unknown = [name for name in channels if name not in table.columns]
    if unknown:
        raise ValueError(f"channels {unknown} are none of {list(table.columns)}")
    return table[list(channels)].mean(axis=1)
