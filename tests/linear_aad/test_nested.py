from functools import cache

import numpy as np
import pytest

from linear_aad import BackwardTRF, ForwardTRF
from linear_aad.lagged import systems
from linear_aad.lagged.ridge import LaggedRidge
from linear_aad.nested import nested_leave_one_out

N_TRIALS = 4


def listener():
    """EEG of 4 channels that follows 2 features, the second of them weakly and late."""
    rng = np.random.default_rng(3)
    stimuli = [rng.normal(size=(150 + 10 * i, 2)) + 1 for i in range(N_TRIALS)]
    mixing = rng.normal(size=(2, 4)) * [[1.0], [0.2]]
    eeg = [np.roll(s, 2, axis=0) @ mixing + 2 * rng.normal(size=(len(s), 4)) + 3 for s in stimuli]
    return eeg, stimuli


@pytest.fixture
def data():
    return listener()


def rescaled(X, bands, penalties):
    """Inputs for which one penalty, the first, amounts to one penalty for each band."""
    factors = np.sqrt(penalties[0] / np.asarray(penalties))
    return [x * np.repeat(factors, bands) for x in X]


def explicit(model, X, y):
    """Nested leave-one-out as a loop of fits, each on the samples of its training trials."""
    found, n = model.candidates(), len(X)
    bands = [X[0].shape[1]] if model.bands is None else model.bands
    plain = {**model.get_params(), "bands": None, "alpha_per_output": False}

    def correlations(candidate, train, test):
        scaled = rescaled(X, bands, candidate)
        fitted = type(model)(**{**plain, "alpha": candidate[0]})
        fitted.fit([scaled[i] for i in train], [y[i] for i in train])
        return fitted.correlations([scaled[test]], [y[test]])

    n_outputs = y[0].shape[1]
    scores, alphas = np.empty((n, n_outputs)), np.empty((n, n_outputs, len(bands)))
    inner = np.full((len(found), n, n, n_outputs), np.nan)
    for j in range(n):
        others = [i for i in range(n) if i != j]
        for c, candidate in enumerate(found):
            for k in others:
                inner[c, j, k] = correlations(candidate, [i for i in others if i != k], k)
        judged = inner[:, j, others].mean(axis=1)
        if not model.alpha_per_output:
            judged = np.repeat(judged.mean(axis=1, keepdims=True), n_outputs, axis=1)
        for o, best in enumerate(judged.argmax(axis=0)):
            alphas[j, o] = found[best]
            scores[j, o] = correlations(found[best], others, j)[o]
    return scores, alphas, inner


CASES = {
    "ridge": (BackwardTRF, {"alpha": [1e-1, 1e2, 1e5]}),
    "forward": (ForwardTRF, {"alpha": [1e-1, 1e2, 1e5]}),
    "laplacian": (BackwardTRF, {"alpha": [1e-1, 1e2, 1e4], "penalty": "laplacian"}),
    "relative": (ForwardTRF, {"alpha": [1e-3, 1.0], "alpha_convention": "relative"}),
    "toolbox": (BackwardTRF, {"alpha": [1e-3, 1.0], "alpha_convention": "mtrfpy"}),
    "no constant": (BackwardTRF, {"alpha": [1e-1, 1e2, 1e4], "fit_intercept": False}),
    "models": (BackwardTRF, {"alpha": [1e-1, 1e2, 1e4], "averaging": "models"}),
    "smooth models": (
        ForwardTRF,
        {"alpha": [1.0, 1e3], "averaging": "models", "penalty": "laplacian"},
    ),
    "bands": (ForwardTRF, {"alpha": [1.0, 1e3], "bands": (1, 1)}),
    "random bands": (
        BackwardTRF,
        {"alpha": [1.0, 1e3], "bands": (1, 3), "band_search": 3, "random_state": 0},
    ),
    "models of bands": (
        ForwardTRF,
        {"alpha": [1.0, 1e3], "bands": (1, 1), "averaging": "models"},
    ),
    "each output": (BackwardTRF, {"alpha": [1e-1, 1e2, 1e4], "alpha_per_output": True}),
    "each output, bands": (
        ForwardTRF,
        {"alpha": [1.0, 1e4], "bands": (1, 1), "alpha_per_output": True},
    ),
}


def problem(case):
    kind, parameters = CASES[case]
    eeg, stimuli = listener()
    model = kind(-1 / 64, 4 / 64, 64, **parameters)
    return (model, eeg, stimuli) if kind is BackwardTRF else (model, stimuli, eeg)


@cache
def solution(case):
    return explicit(*problem(case))


@pytest.mark.parametrize("near", [False, True], ids=["direct", "spectrum"])
@pytest.mark.parametrize("case", CASES)
def test_equal_to_a_loop_of_fits(monkeypatch, case, near):
    model, X, y = problem(case)
    monkeypatch.setattr(systems, "_cheaper_near", lambda *sizes: near)
    result = nested_leave_one_out(model, X, y)
    scores, alphas, inner = solution(case)
    np.testing.assert_allclose(result.inner_scores, inner, atol=1e-8)
    np.testing.assert_array_equal(result.alphas, alphas)
    np.testing.assert_allclose(result.scores, scores, atol=1e-8)
    assert not hasattr(model, "coef_")
    assert not hasattr(model, "alpha_")


def test_each_output_may_choose_another_penalty(data):
    eeg, stimuli = data
    model = BackwardTRF(0, 4 / 64, 64, [1e-1, 1e2, 1e4], alpha_per_output=True)
    alphas = nested_leave_one_out(model, eeg, stimuli).alphas
    assert np.any(alphas[:, 0] != alphas[:, 1])
    together = BackwardTRF(0, 4 / 64, 64, [1e-1, 1e2, 1e4])
    alphas = nested_leave_one_out(together, eeg, stimuli).alphas
    np.testing.assert_array_equal(alphas[:, 0], alphas[:, 1])


def test_the_scored_trial_takes_no_part_in_the_choice(data):
    eeg, stimuli = data
    rng = np.random.default_rng(0)
    model = BackwardTRF(0, 4 / 64, 64, [1e-1, 1e2, 1e4])
    before = nested_leave_one_out(model, eeg, stimuli)
    changed = [*stimuli[:-1], rng.normal(size=stimuli[-1].shape)]
    after = nested_leave_one_out(model, eeg, changed)
    np.testing.assert_array_equal(after.alphas[-1], before.alphas[-1])
    np.testing.assert_allclose(after.inner_scores[:, -1], before.inner_scores[:, -1], atol=1e-12)
    assert np.all(after.scores[-1] != before.scores[-1])


def test_a_choice_on_noise_is_not_flattered(rng):
    # The best of several cross-validation scores is above zero on average, a fair score is not.
    fair, best = [], []
    for _ in range(100):
        x, y = ([rng.normal(size=(30, 1)) for _ in range(3)] for _ in range(2))
        model = BackwardTRF(0, 2 / 64, 64, np.logspace(-2, 4, 4))
        fair.append(nested_leave_one_out(model, x, y).scores.mean())
        best.append(model.fit(x, y).cv_scores_.mean(axis=1).max())
    flattery = np.subtract(best, fair)
    assert abs(np.mean(fair)) < 3 * np.std(fair) / 10
    assert np.mean(flattery) > 3 * np.std(flattery) / 10


def test_progress_is_shown_when_asked_for(data, capsys):
    model = BackwardTRF(0, 4 / 64, 64, [1.0, 10.0])
    nested_leave_one_out(model, *data)
    assert capsys.readouterr().err == ""
    nested_leave_one_out(model, *data, progress=True)
    assert "12/12" in capsys.readouterr().err  # pairs


@pytest.mark.parametrize(
    ("parameters", "n_trials", "message"),
    [
        ({"alpha": 1.0}, 4, "alpha=1.0 leaves no penalty to choose"),
        ({"alpha": "ledoit-wolf"}, 4, "alpha='ledoit-wolf' leaves no penalty to choose"),
        ({"alpha": [1, 2]}, 2, "at least 3 trials, got 2"),
        ({"alpha": [1, -2]}, 4, "numbers >= 0"),
    ],
)
def test_what_cannot_be_nested_is_refused(data, parameters, n_trials, message):
    model: LaggedRidge = BackwardTRF(0, 4 / 64, 64, **parameters)
    with pytest.raises(ValueError, match=message):
        nested_leave_one_out(model, *(part[:n_trials] for part in data))
