"""Scorers of attention decoders for the tools of scikit-learn."""

from typing import Any

import numpy as np

from cocktailparty.metrics.decisions import decidable_windows


def attention_roc_auc(decoder: Any, trials: Any, attended: Any = None) -> float:
    """Area under the ROC curve of a decoder of two stimuli, as a scorer for scikit-learn.

    Pass it as ``scoring=`` to `cross_val_score` or `GridSearchCV`. scikit-learn's own "roc_auc"
    takes a single score per sample, and refuses the two, one for each stimulus, that
    ``decision_function`` of an attention decoder gives. The score here is their difference,
    stimulus 1 minus stimulus 0, and the label tells whether stimulus 1 was attended:
    ``roc_auc_score(attended, scores[:, 1] - scores[:, 0])``. A decoder that says nothing gets 0.5.

    Parameters
    ----------
    decoder : estimator
        Fitted attention decoder.
    trials : sequence of Trial
        Trials of two stimuli each, of both labels. Those in which both stimuli are silent are left
        out.
    attended : array-like of int, shape (n_trials,), optional
        Index of the attended stimulus of each trial; None for the trials' own labels.

    Returns
    -------
    area : float
        Probability that a trial in which stimulus 1 was attended has a larger difference than one
        in which stimulus 0 was.

    Raises
    ------
    ValueError
        If a label is missing, a trial has not two stimuli, a score is NaN, or all trials have the
        same label: then there is no area.

    Examples
    --------
    >>> from sklearn.model_selection import StratifiedKFold, cross_val_score
    >>> from cocktailparty.datasets import simulate_two_talkers
    >>> from linear_aad import AttentionDecoder, BackwardTRF
    >>> trials = simulate_two_talkers(n_trials=8, n_channels=8, random_state=0).trials
    >>> decoder = AttentionDecoder(BackwardTRF(alpha=0.01, alpha_convention="relative"))
    >>> attended = [trial.attended for trial in trials]
    >>> folds = StratifiedKFold(2)
    >>> cross_val_score(decoder, trials, attended, cv=folds, scoring=attention_roc_auc).round(2)
    array([1., 1.])
    """
    from sklearn.metrics import roc_auc_score

    from cocktailparty.trials import attended_labels, check_trials

    trials = check_trials(trials)
    labels = attended_labels(trials, attended)
    others = [i for i, trial in enumerate(trials) if trial.n_stimuli != 2]
    if others:
        raise ValueError(
            f"trials {others} have not two stimuli: an ROC curve tells two from each other, use "
            "the accuracy (scoring=None)"
        )
    decidable = [
        bool(decidable_windows(trial.stimuli, trial.sfreq, trial.duration).all())
        for trial in trials
    ]
    scored_labels = np.unique(labels[decidable])
    if len(scored_labels) < 2:
        raise ValueError(
            f"attended is {scored_labels.tolist()} in all trials that are scored: a ROC curve "
            "takes trials of both labels; choose folds that hold both, such as StratifiedKFold, or "
            "list the stimuli in an order that does not depend on attention"
        )
    scores = decoder.decision_function(trials)[:, :2][decidable]
    return float(roc_auc_score(labels[decidable] == 1, scores[:, 1] - scores[:, 0]))
