"""Lags of each input, against the same regression on columns chosen by hand."""

import array_api_strict
import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone

from cocktailparty.decoding.saving import load_model, save_model
from cocktailparty.evaluation.comparing import lag_reach
from linear_aad import (
    AdaptiveDecoder,
    AttentionDecoder,
    BackwardTRF,
    ForwardTRF,
    nested_leave_one_out,
    shift_test,
)
from linear_aad.lagged import systems
from linear_aad.lagged.lag_choice import LagChoice, at_columns
from linear_aad.lagged.moments import LaggedMoments, Moments, lag_matrix, lags_in_samples
from linear_aad.lagged.penalties import Penalty
from linear_aad.lagged.shrinkage import ledoit_wolf_penalty
from linear_aad.lagged.systems import ridge

SFREQ = 20.0
RANGES = [(0.0, 0.3), (-0.1, 0.1), (0.2, 0.25)]
DIRECTIONS = {BackwardTRF: 1, ForwardTRF: -1}


@pytest.fixture
def data():
    rng = np.random.default_rng(0)
    x = [rng.normal(size=(n, 3)) + np.array([5.0, 0.0, -2.0]) for n in (60, 80, 70)]
    y = [s @ rng.normal(size=(3, 2)) + rng.normal(size=(len(s), 2)) + 3 for s in x]
    return x, y


def chosen(x, direction, ranges=RANGES):
    """Lag matrix with the columns of each input, the lag of the brain's answer rising."""
    return np.concatenate(
        [
            lag_matrix(x[:, [i]], direction * lags_in_samples(*pair, SFREQ))
            for i, pair in enumerate(ranges)
        ],
        axis=1,
    )


def differences(ranges=RANGES):
    """P of the laplacian penalty, block by block."""
    sizes = [len(lags_in_samples(*pair, SFREQ)) for pair in ranges]
    penalty = np.zeros((sum(sizes), sum(sizes)))
    start = 0
    for size in sizes:
        step = np.diff(np.eye(size), axis=0)
        penalty[start : start + size, start : start + size] = step.T @ step
        start += size
    return penalty


def solved(x, y, matrix, remove_mean=True):
    """Weights and constant of the columns chosen by hand; `x` are lag matrices."""
    x, y = np.concatenate(x), np.concatenate(y)
    mean_x, mean_y = x.mean(axis=0), y.mean(axis=0)
    xc, yc = x - mean_x, y - mean_y
    weights = np.linalg.solve(xc.T @ xc + matrix, xc.T @ yc)
    return weights, mean_y - mean_x @ weights


def parts_of(model, data, remove_mean=True):
    """Chosen columns and targets of each trial."""
    direction = DIRECTIONS[type(model)]
    x, y = data
    if remove_mean:
        x = [s - s.mean(axis=0) for s in x]
        y = [s - s.mean(axis=0) for s in y]
    return [chosen(s, direction) for s in x], y


def weights_of(model):
    """Weights (n_regressors, n_outputs) at the chosen lags."""
    coef = model.coef_ if isinstance(model, BackwardTRF) else model.coef_.transpose(1, 0, 2)
    assert np.all(coef[:, ~model.lag_mask_] == 0)
    return coef[:, model.lag_mask_].T


both = pytest.mark.parametrize("TRF", [BackwardTRF, ForwardTRF])


@both
@pytest.mark.parametrize("remove_mean", [True, False])
@pytest.mark.parametrize("penalty", ["ridge", "laplacian"])
def test_weights_are_those_of_the_columns_chosen_by_hand(TRF, data, penalty, remove_mean):
    model = TRF(sfreq=SFREQ, alpha=3.0, penalty=penalty, remove_mean=remove_mean, lags=RANGES).fit(
        *data
    )
    x, y = parts_of(model, data, remove_mean)
    matrix = 3.0 * (np.eye(x[0].shape[1]) if penalty == "ridge" else differences())
    weights, constant = solved(x, y, matrix)
    np.testing.assert_allclose(weights_of(model), weights, atol=1e-10)
    if remove_mean:
        constant = constant + np.concatenate(data[1]).mean(axis=0)
    np.testing.assert_allclose(model.intercept_, constant, atol=1e-10)
    for predicted, columns in zip(model.predict(data[0]), x, strict=True):
        np.testing.assert_allclose(predicted, columns @ weights + constant, atol=1e-9)
    assert model.lags_.tolist() == list(range(-2, 7))


@both
@pytest.mark.parametrize("penalty", ["ridge", "laplacian"])
@pytest.mark.parametrize("averaging", ["covariances", "models"])
@pytest.mark.parametrize("convention", ["absolute", "relative", "mtrfpy"])
def test_the_choice_of_a_penalty_leaves_out_trials(TRF, data, penalty, averaging, convention):
    alphas = [1e-2, 1.0]
    model = TRF(
        sfreq=SFREQ,
        alpha=alphas,
        alpha_convention=convention,
        penalty=penalty,
        averaging=averaging,
        lags=RANGES,
    ).fit(*data)
    x, y = parts_of(model, data)
    shape = np.eye(x[0].shape[1]) if penalty == "ridge" else differences()
    half = 0.5 if penalty == "laplacian" else 1.0

    def trained(which, alpha):
        if averaging == "models":
            return np.mean([fitted([k], alpha) for k in which], axis=0)
        return fitted(which, alpha)

    def fitted(which, alpha):
        stacked = np.concatenate([x[k] for k in which])
        if convention == "relative":
            alpha = alpha * np.mean(np.sum((stacked - stacked.mean(axis=0)) ** 2, axis=0))
        elif convention == "mtrfpy":
            alpha = alpha * half * SFREQ * len(which)
        return solved([x[k] for k in which], [y[k] for k in which], alpha * shape)[0]

    scores = np.empty((2, 3))
    for i, alpha in enumerate(alphas):
        for k in range(3):
            predicted = x[k] @ trained([j for j in range(3) if j != k], alpha)
            r = [np.corrcoef(p, s)[0, 1] for p, s in zip(predicted.T, y[k].T, strict=True)]
            scores[i, k] = np.mean(r)
    np.testing.assert_allclose(model.cv_scores_, scores, atol=1e-9)
    best = alphas[scores.mean(axis=1).argmax()]
    assert model.alpha_ == best
    np.testing.assert_allclose(weights_of(model), trained(range(3), best), atol=1e-9)


@both
@pytest.mark.parametrize("penalty", ["ridge", "laplacian"])
def test_the_shared_spectrum_leads_to_the_same_scores(TRF, data, penalty, monkeypatch):
    model = TRF(sfreq=SFREQ, alpha=[1e-2, 1.0], penalty=penalty, lags=RANGES)
    direct = clone(model).fit(*data).cv_scores_
    asked = []

    def always(*sizes):
        asked.append(sizes)
        return True

    monkeypatch.setattr(systems, "_cheaper_near", always)
    np.testing.assert_allclose(model.fit(*data).cv_scores_, direct, atol=1e-9)
    assert asked


@both
def test_bands_of_inputs_with_lags_of_their_own(TRF, data):
    model = TRF(sfreq=SFREQ, alpha=[0.5, 20.0], bands=[1, 2], lags=RANGES).fit(*data)
    x, y = parts_of(model, data)
    sizes = LagChoice.of(RANGES, (0, 0), SFREQ, 3).mask.sum(axis=1)
    matrix = np.diag(np.repeat([model.alpha_[0], model.alpha_[1], model.alpha_[1]], sizes))
    np.testing.assert_allclose(weights_of(model), solved(x, y, matrix)[0], atol=1e-9)


@both
def test_ledoit_wolf_shrinks_the_chosen_columns_alone(TRF, data):
    model = TRF(sfreq=SFREQ, alpha="ledoit-wolf", lags=RANGES).fit(*data)
    x, y = parts_of(model, data)
    moments = sum(
        (Moments.of(*pair) for pair in zip(x[1:], y[1:], strict=True)), Moments.of(x[0], y[0])
    )
    # The chosen columns as if they were channels, without lags.
    alpha = ledoit_wolf_penalty(moments, x, np.arange(1))
    assert model.alpha_ == pytest.approx(alpha, rel=1e-12)
    np.testing.assert_allclose(weights_of(model), ridge(moments, [alpha], Penalty())[0], atol=1e-10)


@both
def test_equal_lags_are_those_of_all_inputs(TRF, data):
    plain = TRF(tmin=-0.1, tmax=0.2, sfreq=SFREQ, alpha=[0.1, 1.0]).fit(*data)
    for lags in ([(-0.1, 0.2)] * 3, {}, {1: (-0.1, 0.2)}, np.array([[-0.1, 0.2]] * 3)):
        model = clone(plain).set_params(lags=lags).fit(*data)
        np.testing.assert_array_equal(model.coef_, plain.coef_)
        assert model.lag_mask_.all()


def test_a_dict_leaves_the_others_at_tmin_and_tmax(data):
    model = ForwardTRF(tmin=0.0, tmax=0.3, sfreq=SFREQ, lags={1: (-0.1, 0.1), 2: (0.2, 0.25)})
    other = ForwardTRF(sfreq=SFREQ, lags=RANGES).fit(*data)
    np.testing.assert_array_equal(model.fit(*data).coef_, other.coef_)
    frames = [pd.DataFrame(x, columns=["sound", "word", "phoneme"]) for x in data[0]]
    named = clone(model).set_params(lags={"phoneme": (0.2, 0.25), "word": (-0.1, 0.1)})
    np.testing.assert_allclose(named.fit(frames, data[1]).coef_, other.coef_, atol=1e-12)


def test_patterns_are_covariances_at_all_lags(data):
    model = BackwardTRF(sfreq=SFREQ, lags=RANGES).fit(*data)
    x = np.concatenate([lag_matrix(s - s.mean(axis=0), model.lags_) for s in data[0]])
    reconstructed = np.concatenate(model.predict(data[0]))
    covariance = np.cov(x.T, reconstructed.T)
    n = x.shape[1]
    expected = np.linalg.solve(covariance[n:, n:], covariance[:n, n:].T)
    np.testing.assert_allclose(model.patterns_.reshape(2, n), expected, rtol=1e-8, atol=1e-10)


def test_other_array_libraries_choose_columns_too(data):
    x, y = data[0][0], data[1][0]
    choice = LagChoice.of(RANGES, (0, 0), SFREQ, 3)
    to = array_api_strict.asarray
    for kind in ("ridge", "laplacian"):
        penalty = Penalty(kind, joined=choice.joined() if kind == "laplacian" else None)
        plain = LaggedMoments.of(x, y, choice.lags, choice.columns(1))
        strict = LaggedMoments.of(to(x), to(y), choice.lags, choice.columns(1))
        weights = ridge(plain.dense(), [2.0], penalty)[0]
        found = ridge(strict.dense(), [2.0], penalty)[0, ...]
        np.testing.assert_allclose(np.asarray(found), weights, atol=1e-10)
        everywhere = at_columns(found, choice.columns(1), choice.mask.size)
        np.testing.assert_array_equal(
            np.asarray(everywhere), at_columns(np.asarray(found), choice.columns(1), 27)
        )


@both
def test_many_fits_are_the_single_ones(TRF, data):
    x, y = data
    model = TRF(sfreq=SFREQ, alpha=[0.1, 10.0], lags=RANGES)
    shifted = [np.roll(s, 7, axis=0) for s in y]
    for found, outputs in zip(model.fit_many(x, [y, shifted]), (y, shifted), strict=True):
        single = clone(model).fit(x, outputs)
        np.testing.assert_allclose(found.coef_, single.coef_, atol=1e-10)
        assert found.alpha_ == single.alpha_


@both
def test_tests_by_shifts_refit_the_chosen_columns(TRF, data):
    model = TRF(sfreq=SFREQ, alpha=1.0, lags=RANGES)
    x, y = data
    found = shift_test(model, x, y, n_shifts=3, n_splits=3, min_shift=0.5, random_state=1)
    scores = []
    for k in range(3):
        others = [j for j in range(3) if j != k]
        fitted = clone(model).fit([x[j] for j in others], [y[j] for j in others])
        scores.append(fitted.score([x[k]], [y[k]]))
    assert found.observed == pytest.approx(np.mean(scores), abs=1e-10)
    everywhere = clone(model).set_params(lags=[(-0.1, 0.3)] * 3)
    wide = shift_test(everywhere, x, y, n_shifts=3, n_splits=3, min_shift=0.5, random_state=1)
    assert not np.allclose(found.null, wide.null)


@both
def test_nested_choice_is_that_of_fits(TRF, data):
    model = TRF(sfreq=SFREQ, alpha=[0.1, 10.0], lags=RANGES)
    x, y = data
    scores = nested_leave_one_out(model, x, y).scores
    fitted = clone(model).fit(x[1:], y[1:])
    np.testing.assert_allclose(scores[0], fitted.correlations([x[0]], [y[0]]), atol=1e-8)


def test_saved_models_keep_them(data, tmp_path):
    for lags in (RANGES, {0: (0.0, 0.1)}):
        model = BackwardTRF(sfreq=SFREQ, lags=lags).fit(*data)
        save_model(model, tmp_path / "trf.safetensors")
        loaded = load_model(tmp_path / "trf.safetensors")
        assert loaded.lags == lags
        np.testing.assert_array_equal(loaded.lag_mask_, model.lag_mask_)
        np.testing.assert_array_equal(loaded.predict(data[0])[0], model.predict(data[0])[0])


def test_a_later_fit_forgets_them(data):
    model = BackwardTRF(sfreq=SFREQ, lags=RANGES).fit(*data)
    model.set_params(lags=None).fit(*data)
    assert not hasattr(model, "lag_mask_")
    assert len(model.lags_) == 9  # 0 to 0.4 s


@pytest.mark.parametrize(
    ("lags", "message"),
    [
        ((0.0, 0.3), "one range for all inputs is what tmin and tmax are for"),
        (0.3, "must be a list of"),
        ([], "lags has 0 ranges"),
        ([(0.0, 0.3)], "lags has 1 ranges but the data have 3 inputs"),
        ([(0.0, 0.3), (0.2, 0.1), (0.0, 0.1)], r"lags\[1\] must be the first and the last lag"),
        ([(0.0, 0.3), (0.2,), (0.0, 0.1)], r"lags\[1\] must be"),
        ({0: (0.0, np.inf)}, r"lags\[0\] must be"),
        ({3: (0.0, 0.1)}, "lags names the input 3, expected 0 to 2"),
        ({-1: (0.0, 0.1)}, "lags names the input -1"),
        ({"word": (0.0, 0.1)}, "names the input 'word', but the inputs have no names"),
        ([(0.0, 3.5), (0.0, 0.1), (0.0, 0.1)], r"lags reach 70 samples \(3.5 s\) but trial 0 has"),
    ],
)
def test_what_is_no_range_is_refused(data, lags, message):
    with pytest.raises(ValueError, match=message):
        ForwardTRF(sfreq=SFREQ, lags=lags).fit(*data)


def test_names_that_are_no_columns_are_refused(data):
    frames = [pd.DataFrame(x, columns=["a", "b", "c"]) for x in data[0]]
    with pytest.raises(ValueError, match=r"'word', but the inputs are \['a', 'b', 'c'\]"):
        ForwardTRF(sfreq=SFREQ, lags={"word": (0.0, 0.1)}).fit(frames, data[1])
    with pytest.raises(ValueError, match="names input 0 twice, as 'a' and 0"):
        ForwardTRF(sfreq=SFREQ, lags={"a": (0.0, 0.1), 0: (0.0, 0.2)}).fit(frames, data[1])


def test_smoothness_takes_two_lags(data):
    with pytest.raises(ValueError, match="neighbouring lags, but input 1 has one lag"):
        ForwardTRF(sfreq=SFREQ, penalty="laplacian", lags={1: (0.0, 0.0)}).fit(*data)


def test_decoders_that_learn_without_labels_refuse_them():
    with pytest.raises(ValueError, match=r"lags=.* of the regressor does not go with"):
        AdaptiveDecoder(BackwardTRF(lags={0: (0.0, 0.1)}))._checked()


def test_gaps_have_to_be_as_long_as_the_longest():
    decoder = AttentionDecoder(BackwardTRF(tmin=0, tmax=0.4, lags={2: (-0.7, 0.1)}))
    assert lag_reach(decoder) == 0.7
    assert lag_reach(AttentionDecoder(BackwardTRF(tmax=0.4, lags=[(0, 0.1), (0, 0.2)]))) == 0.2
    assert lag_reach(AttentionDecoder(BackwardTRF(tmax=0.4, lags={0: (0, 0.1)}))) == 0.4
