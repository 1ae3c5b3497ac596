"""Checks of attention decoders, one function for each promise.

The first line of each docstring is what is expected; it is part of the message if it is not so.
"""

import pickle
import re
from collections.abc import Callable
from typing import Any

import numpy as np
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import cross_validate
from sklearn.utils import get_tags

from cocktailparty.backend import to_numpy
from cocktailparty.decoding.base import ReconstructionMixin
from cocktailparty.decoding.checks.case import (
    N_TRAIN,
    Case,
    alone,
    contents,
    fewer_channels,
    placed,
    with_third,
)
from cocktailparty.decoding.checks.expectations import decided, expect, gap, numbers, raises, same
from cocktailparty.metrics import decision_shares
from cocktailparty.trials import attended_labels

_WINDOW, _HOP = 5.0, 2.0  # seconds


def _told(decoder: Any) -> str:
    """All parameters as text; objects of one kind are alike wherever they lie in memory."""
    return re.sub(r" at 0x[0-9A-Fa-f]+", "", repr(decoder.get_params()))


def _parameters(case: Case) -> None:
    """Parameters are stored as they come, and survive `clone`, `get_params` and `set_params`."""
    decoder = clone(case.decoder)
    before = _told(case.decoder)
    expect(_told(decoder) == before, "a clone has other parameters")
    returned = decoder.set_params(**decoder.get_params(deep=False))
    expect(returned is decoder, "set_params does not return the decoder")
    expect(_told(decoder) == before, "set_params(**get_params()) changed parameters")
    raises(ValueError, "set_params of an unknown name", decoder.set_params, no_such_parameter=1)


def _unfitted(case: Case) -> None:
    """Before `fit`, all that needs it raises NotFittedError."""
    decoder, trial = case.new(), case.test[0]
    raises(NotFittedError, "window_scores", decoder.window_scores, trial, _WINDOW)
    for name in ("decision_function", "predict", "score"):
        raises(NotFittedError, name, getattr(decoder, name), [trial])


def _training(case: Case) -> None:
    """`fit` takes trials of unequal length, returns the decoder and leaves its parameters alone."""
    decoder = case.new()
    before, given = _told(decoder), set(vars(decoder))
    expect(decoder.fit(case.train) is decoder, "fit does not return the decoder")
    expect(_told(decoder) == before, "fit changed parameters")
    learnt = set(vars(decoder)) - given
    plain = sorted(name for name in learnt if not (name.startswith("_") or name.endswith("_")))
    expect(not plain, f"fit sets {plain}: names of what is learnt end in _")
    case.fitted = decoder
    classes = np.arange(max(trial.n_stimuli for trial in case.train))
    came = getattr(decoder, "classes_", None)
    expect(np.array_equal(came, classes), f"classes_ is {came}, expected {classes}")  # type: ignore[arg-type]


def _windows(case: Case) -> None:
    """`window_scores` gives finite (n_windows, n_stimuli), for windows side by side or by hops."""
    decoder = case.fitted
    for trial in case.test:
        scores = {hop: numbers(decoder.window_scores(trial, _WINDOW, hop)) for hop in (None, _HOP)}
        n = round(_WINDOW * trial.sfreq)
        for hop, window_scores in scores.items():
            step = n if hop is None else round(hop * trial.sfreq)
            expected = ((trial.n_times - n) // step + 1, trial.n_stimuli)
            setting = f"window={_WINDOW:g}, hop={hop} of {trial.duration:g} s"
            expect(
                window_scores.shape == expected,
                f"{setting} gives {window_scores.shape}, expected {expected}",
            )
            expect(np.isfinite(window_scores).all(), f"{setting} gives NaN or infinite scores")
        same(scores[_HOP][0], scores[None][0], "the first window with and without hop")
    too_long = trial.duration + 1
    raises(ValueError, "a window longer than the trial", decoder.window_scores, trial, too_long)


def _sweep(case: Case) -> None:
    """`window_sweep` gives what `window_scores` does, and no rows where no window fits."""
    trial = case.test[0]
    longer = trial.duration + 1
    swept = case.fitted.window_sweep(trial, [_WINDOW, longer])
    same(swept[_WINDOW], case.fitted.window_scores(trial, _WINDOW), f"windows of {_WINDOW:g} s")
    came = np.shape(swept[longer])
    expect(came == (0, trial.n_stimuli), f"a window longer than the trial gives shape {came}")


def _correlations(case: Case) -> None:
    """Reconstructions have shape (n_times, n_features), and scores by them are correlations."""
    if not isinstance(case.decoder, ReconstructionMixin):
        return
    for made, trial in zip(case.fitted.reconstruct(case.test), case.test, strict=True):
        expected = (trial.n_times, trial.n_features)
        expect(made.shape == expected, f"reconstruct gives {made.shape}, expected {expected}")
        expect(np.isfinite(to_numpy(made)).all(), "reconstruct gives NaN or infinite values")
        largest = np.abs(numbers(case.fitted.window_scores(trial, _WINDOW))).max()
        expect(largest <= 1 + 1e-6, f"a correlation is {largest:g}")


def _whole_trials(case: Case) -> None:
    """`decision_function` is `window_scores` of the whole trial, whatever else is in the list."""
    n_stimuli = max(trial.n_stimuli for trial in case.test)
    expected = (len(case.test), n_stimuli)
    expect(case.scores.shape == expected, f"shape {case.scores.shape}, expected {expected}")
    for row, trial in zip(case.scores, case.test, strict=True):
        same(row, case.fitted.window_scores(trial, trial.duration)[0], "one window")
        same(row, decided(case.fitted, [trial])[0], "the trial alone")
    same(case.scores[::-1], decided(case.fitted, case.test[::-1]), "trials in another order")


def _predictions(case: Case) -> None:
    """`predict` is the argmax of `decision_function`, `score` the share that is right."""
    chosen = np.asarray(case.fitted.predict(case.test))
    expect(np.issubdtype(chosen.dtype, np.integer), f"predict gives dtype {chosen.dtype}")
    expected = case.scores.argmax(axis=1)
    expect(np.array_equal(chosen, expected), f"predict gives {chosen}, argmax {expected}")
    labels = attended_labels(case.test)
    right = decision_shares(case.scores)[np.arange(len(labels)), labels].mean()
    came = case.fitted.score(case.test)
    expect(abs(came - right) < 1e-9, f"score is {came}, of the decisions {right} is right")


def _labels_unseen(case: Case) -> None:
    """Scores do not depend on the labels of the trials that are decoded."""
    for label in (None, 0, 1):
        relabelled = [trial.replace(attended=label) for trial in case.test]
        same(decided(case.fitted, relabelled), case.scores, f"trials with attended={label}")


def _labels_given(case: Case) -> None:
    """`fit(trials, attended)` is `fit(trials)` of trials with these labels."""
    hidden = [trial.replace(attended=None) for trial in case.train]
    given = case.trained(hidden, attended_labels(case.train))
    same(decided(given, case.test), case.scores, "labels of the trials and labels that are given")


def _missing_labels(case: Case) -> None:
    """Labels that are missing are a ValueError, or no matter to what learns without them."""
    hidden = [case.train[0].replace(attended=None), *case.train[1:]]
    if get_tags(case.decoder).target_tags.required:
        raises(ValueError, "fit with a missing label", case.trained, hidden)
    else:
        scores = decided(case.trained(hidden), case.test)
        expect(np.isfinite(scores).all(), "without a label it gives NaN or infinite scores")


def _other_channels(case: Case) -> None:
    """Trials with other channels than in training are refused, by an error that names channels."""
    fewer = fewer_channels(case.test[0])
    message = raises(ValueError, "a channel less", case.fitted.decision_function, [fewer])
    expect("channel" in message, f"the error for a channel less does not name channels: {message}")
    mixed = [fewer_channels(case.train[0]), *case.train[1:]]
    raises(ValueError, "training trials with unequal channels", case.trained, mixed)


def _other_rate(case: Case) -> None:
    """Trials at another sampling rate than those of training are refused."""
    faster = case.test[0].replace(sfreq=2 * case.test[0].sfreq)
    raises(ValueError, "another sampling rate", case.fitted.decision_function, [faster])


def _one_trial(case: Case) -> None:
    """Training on a single trial works."""
    _works(case, "one_trial", lambda: decided(case.trained(case.train[:1]), case.test))


def _one_stimulus(case: Case) -> None:
    """Trials with a single sound can be learnt from and scored."""
    single = [alone(trial) for trial in case.trials]
    fit = single[:N_TRAIN]
    _works(case, "one_stimulus", lambda: decided(case.trained(fit), single[N_TRAIN:]), 1)


def _three_stimuli(case: Case) -> None:
    """Trials with three sounds can be learnt from and scored."""
    # Each is attended in some trials: a decoder may learn places in the list rather than sounds.
    more = [placed(with_third(trial), i % 3) for i, trial in enumerate(case.trials)]
    fit = more[:N_TRAIN]
    _works(case, "three_stimuli", lambda: decided(case.trained(fit), more[N_TRAIN:]), 3)


def _other_stimuli(case: Case) -> None:
    """Trials with unequal numbers of sounds are decoded together; there, -inf fills the rows up."""
    mixed = [case.test[0], with_third(case.test[1])]
    scores = _works(case, "other_stimuli", lambda: decided(case.fitted, mixed)[:, :2])
    if scores is not None:
        rows = decided(case.fitted, mixed)
        expect(rows.shape == (2, 3) and rows[0, 2] == -np.inf, f"they give {rows.tolist()}")
        expect(np.isfinite(rows[1]).all(), f"three sounds give {rows[1].tolist()}")
        same(rows[0, :2], case.scores[0], "a trial beside one with more sounds")


def _float32(case: Case) -> None:
    """float32 gives the scores of float64 within rounding, and stays float32."""
    single = [
        trial.replace(eeg=trial.eeg.astype(np.float32), stimuli=trial.stimuli.astype(np.float32))
        for trial in case.trials
    ]
    fitted = case.trained(single[:N_TRAIN])
    scores = decided(fitted, single[N_TRAIN:])
    same(scores, case.scores, "float32 and float64", 1e-2)
    if isinstance(case.decoder, ReconstructionMixin):
        reconstruction = fitted.reconstruct(single[N_TRAIN:])[0]
        expect(
            reconstruction.dtype == np.float32,
            f"reconstruct gives {reconstruction.dtype} from float32",
        )


def _same_seed(case: Case) -> None:
    """Training again with the same random_state gives the same bits."""
    again = decided(case.trained(case.train), case.test)
    expect(np.array_equal(again, case.scores), f"scores differ by {gap(again, case.scores):.1e}")


def _pickles(case: Case) -> None:
    """Pickled decoders decide as before, to the bit."""
    copy = pickle.loads(pickle.dumps(case.fitted))
    scores = decided(copy, case.test)
    expect(np.array_equal(scores, case.scores), f"scores differ by {gap(scores, case.scores):.1e}")
    pickle.loads(pickle.dumps(case.new()))


def _workers(case: Case) -> None:
    """Scikit-learn's cross-validation trains it in worker processes of joblib, as it does here."""
    n = len(case.trials)
    results = cross_validate(
        case.new(),
        case.trials,
        attended_labels(case.trials),
        cv=[(np.arange(N_TRAIN), np.arange(N_TRAIN, n))],
        n_jobs=2,
        return_estimator=True,
        error_score="raise",
    )
    same(
        decided(results["estimator"][0], case.test), case.scores, "a worker and this process", 1e-4
    )
    own_score = case.fitted.score(case.test)
    workers_score = results["test_score"][0]
    expect(
        abs(workers_score - own_score) < 1e-9,
        f"the worker's score is {workers_score}, here it is {own_score}",
    )


def _untouched(case: Case) -> None:
    """EEG and stimuli of the trials are left as they were."""
    changed = [i for i, t in enumerate(case.trials) if contents(t) != case.contents[i]]
    expect(not changed, f"EEG or stimuli of trials {changed} were changed")


def _works(
    case: Case, what: str, scored: Callable[[], np.ndarray], n_stimuli: int = 2
) -> np.ndarray | None:
    """Scores, which have to be finite; None where the decoder refuses, as it is said to."""
    if what in case.refuses:
        message = raises(ValueError, f"it is said to refuse {what}, but it", scored)
        expect(message, f"refusing {what} says nothing")
        return None
    scores = scored()
    expect(scores.shape[1] == n_stimuli, f"scores have shape {scores.shape}")
    expect(np.isfinite(scores).all(), "it gives NaN or infinite scores")
    return scores


#: All checks in order; training comes before all that need a fitted decoder.
CHECKS: tuple[Callable[[Case], None], ...] = (
    _parameters,
    _unfitted,
    _training,
    _windows,
    _sweep,
    _correlations,
    _whole_trials,
    _predictions,
    _labels_unseen,
    _labels_given,
    _missing_labels,
    _other_channels,
    _other_rate,
    _one_trial,
    _one_stimulus,
    _three_stimuli,
    _other_stimuli,
    _float32,
    _same_seed,
    _pickles,
    _workers,
    _untouched,
)

#: Name of the check without which most of the others cannot be run.
NEEDED = _training.__name__
