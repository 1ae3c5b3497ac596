import array_api_strict as xp
import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import SGDRegressor

from linear_aad import (
    BackwardTRF,
    ForwardTRF,
    LaggedRegressor,
    LassoTRF,
    nested_leave_one_out,
    shift_test,
)
from linear_aad.lagged.signals import check_lists, is_list


def objects(arrays):
    """Object array of one axis, whatever the shapes of the arrays."""
    found = np.empty(len(arrays), dtype=object)
    for i, array in enumerate(arrays):
        found[i] = array
    return found


@pytest.mark.parametrize(
    ("X", "several"),
    [
        ([np.zeros((3, 2))], True),
        ((np.zeros((3, 2)), np.zeros((4, 2))), True),
        ([], True),
        ([xp.zeros((3, 2))], True),
        (np.zeros((4, 3, 2)), True),
        (xp.zeros((4, 3, 2)), True),
        (np.zeros((3, 2)), False),
        (xp.zeros((3, 2)), False),
        ([[1.0, 2.0], [3.0, 4.0]], True),
        ([1.0, 2.0, np.float32(3)], False),
        ([np.zeros(3), np.zeros(4)], True),
        (objects([np.zeros((3, 2)), np.zeros((4, 2))]), True),
        (pd.Series([np.zeros(3), np.zeros(4)]), True),
        (pd.Series([1.0, 2.0]), False),
        (pd.DataFrame(np.zeros((3, 2))), False),
        ([pd.DataFrame(np.zeros((3, 2)))], True),
    ],
)
def test_trials_are_told_from_samples(X, several):
    assert is_list(X) is several


@pytest.mark.parametrize("to", [np.asarray, xp.asarray])
def test_signals_keep_library_and_precision(rng, to):
    model = BackwardTRF()
    X = [to(rng.normal(size=(9, 2)).astype(np.float32)), to(np.arange(14).reshape(7, 2))]
    y = [to(rng.normal(size=9)), to(np.arange(7.0))]
    inputs, outputs = check_lists(model, X, y)
    assert [str(x.dtype).rsplit(".", maxsplit=1)[-1] for x in inputs] == ["float32", "float64"]
    for a, b in zip([*inputs, *outputs], [*X, *y], strict=True):
        assert type(a) is type(b)
        np.testing.assert_array_equal(np.asarray(a), np.asarray(b))
    assert model.n_features_in_ == 2
    single, nothing = check_lists(model, X[0], reset=False)
    assert len(single) == 1
    assert nothing == []


BAD = {
    "axes of a single input": (
        lambda x, y: (x[:, 0], y),
        r"X must have shape .* got \(9,\)\. .* X\[:, None\], or one of a list",
        r"X must have shape .* got \(9,\)\. .* X\[:, None\], or one of a list",
    ),
    "several outputs of one input": (
        lambda x, y: (x, [y, y]),
        r"y holds 2 trials but X is one array of shape \(9, 2\)",
        r"y holds 2 trials but X is one array of shape \(9, 2\)",
    ),
    "input with channels first": (
        lambda x, y: ([x.T], [y]),
        r"X\[0\] has shape \(2, 9\), .* where 9 samples belong to it: time is expected first",
        r"X\[0\] has shape \(2, 9\), .* where 9 samples belong to it: time is expected first",
    ),
    "output with channels first": (
        lambda x, y: ([x], [y.T]),
        r"y\[0\] has shape \(2, 9\), .* time is expected first",
        r"y\[0\] has shape \(2, 9\), .* time is expected first",
    ),
    "all with channels first": (
        lambda x, y: ([x[:, :1].T], [y[:, :1].T]),
        r"X\[0\] has shape \(1, 9\), which is n_samples=1 of 9 channels: time is expected first",
        r"X\[0\] has shape \(1, 9\), which is n_samples=1 of 9 channels: time is expected first",
    ),
    "numbers of trials": (
        lambda x, y: ([x], [y, y]),
        "X has 1 trials but y has 2",
        "X has 1 trials but y has 2",
    ),
    "nothing": (lambda x, y: ([], []), "no trials were given", "no trials were given"),
    "numbers of samples": (
        lambda x, y: ([x], [y[:-1, :]]),
        "inconsistent numbers of samples, 9 and 8",
        "expected one row for each of 9 samples",
    ),
    "axes of the input": (
        lambda x, y: ([x, x[None, ...]], [y, y]),
        r"X\[1\] must have shape \(n_times, n_inputs\), got \(1, 9, 2\)",
        r"X\[1\] must have shape \(n_times, n_inputs\)",
    ),
    "numbers of inputs": (lambda x, y: ([x, x[:, :1]], [y, y]), "expecting 2 feat", "expecting 2"),
    "numbers of outputs": (
        lambda x, y: ([x, x], [y, y[:, :1]]),
        "differ in their number of features",
        "differ in their number of features",
    ),
    "NaN in the input": (lambda x, y: ([x * np.nan], [y]), "contains NaN", "X has 18 NaN"),
    "NaN in the output": (lambda x, y: ([x], [y * np.nan]), "contains NaN", "y has 18 NaN"),
}


@pytest.mark.parametrize("case", BAD)
@pytest.mark.parametrize("to", [np.asarray, xp.asarray])
def test_what_is_no_signal_is_named(rng, case, to):
    change, *messages = BAD[case]
    X, y = change(to(rng.normal(size=(9, 2))), to(rng.normal(size=(9, 2))))
    with pytest.raises(ValueError, match=messages[to is xp.asarray]):
        check_lists(BackwardTRF(), X, y)


TRF = BackwardTRF(tmax=0.05, alpha=1.0)
FIXED = {"max_passes": 2, "batch_size": 16, "random_state": 0}
USES = {
    "backward": lambda x, y: TRF.fit(x, y).score(x, y),
    "weights": lambda x, y: TRF.fit(x, y).coef_,
    "choice": lambda x, y: BackwardTRF(tmax=0.05, alpha=[1.0, 9.0]).fit(x, y).cv_scores_,
    "forward": lambda x, y: ForwardTRF(tmax=0.05, alpha=1.0).fit(y, x).correlations(y, x),
    "predictions": lambda x, y: np.concatenate(TRF.fit(x, y).predict(x)),
    "lasso": lambda x, y: LassoTRF(tmax=0.05, alpha=0.1).fit(x, y).coef_,
    "regressor": lambda x, y: (
        LaggedRegressor(SGDRegressor(random_state=0), tmax=0.05, **FIXED).fit(x, y).predict(x)[0]
    ),
    "shifts": lambda x, y: (
        shift_test(TRF, x, y, n_shifts=5, n_splits=2, min_shift=0.1, random_state=0).null
    ),
    "nested": lambda x, y: (
        nested_leave_one_out(BackwardTRF(tmax=0.05, alpha=[1.0, 9.0]), x, y).scores
    ),
}
CONTAINERS = {
    "list": list,
    "tuple": tuple,
    "object array": objects,
    "column of pandas": lambda trials: pd.Series(objects(trials)),
    "columns of pandas": lambda trials: [pd.Series(x) for x in trials],
    "lists of numbers": lambda trials: [x.tolist() for x in trials],
    "object array of equal trials": lambda trials: np.array([x[:60] for x in trials], dtype=object),
    "array of three axes": lambda trials: np.stack([x[:60, None] for x in trials]),
}


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("use", USES)
@pytest.mark.parametrize("container", CONTAINERS)
def test_trials_of_one_axis_are_trials_of_one_column(rng, use, container):
    lengths = [60] * 4 if "three axes" in container or "equal" in container else [60, 70, 80, 60]
    eeg, envelopes = ([rng.normal(size=n) for n in lengths] for _ in range(2))
    # With shapes of one axis for the output, predictions have one axis, too.
    expected = USES[use]([x[:, None] for x in eeg], [x[:, None] for x in envelopes])
    hold = CONTAINERS[container]
    found = USES[use](hold(eeg), hold(envelopes))
    np.testing.assert_allclose(np.ravel(found), np.ravel(expected), atol=1e-12)


@pytest.mark.parametrize("use", ["backward", "forward", "lasso", "shifts", "nested"])
def test_masked_samples_are_refused_and_unmasked_ones_taken(rng, use):
    eeg, envelopes = ([rng.normal(size=(60, 2)) for _ in range(4)] for _ in range(2))
    expected = USES[use](eeg, envelopes)
    plain = [np.ma.array(x) for x in eeg], [np.ma.array(x) for x in envelopes]
    np.testing.assert_array_equal(USES[use](*plain), expected)
    for i in range(2):
        plain[i][1][3, 0] = np.ma.masked
        with pytest.raises(ValueError, match=r"[Xy]\[1\] has 1 masked value"):
            USES[use](*plain)
        plain[i][1].mask = False


@pytest.mark.filterwarnings("error")
def test_names_of_columns_are_compared_where_both_sides_have_some(rng):
    eeg, envelopes = ([rng.normal(size=(60, 3)) for _ in range(2)] for _ in range(2))
    tables = [pd.DataFrame(x, columns=["Fz", "Cz", "Pz"]) for x in eeg]
    targets = [pd.Series(x[:, 0]) for x in envelopes]
    model = BackwardTRF(tmax=0.05, alpha=1.0).fit(tables, targets)
    assert model.feature_names_in_.tolist() == ["Fz", "Cz", "Pz"]
    # Tables are stored column by column: sums over them run in another order than over arrays.
    expected = pytest.approx(model.score(tables, targets), rel=1e-12)
    assert model.score(eeg, [x[:, 0] for x in envelopes]) == expected
    assert model.score([pd.DataFrame(x) for x in eeg], targets) == expected
    assert model.fit(tables[0], targets[0]).score(tables[0], targets[0]) > 0
    assert model.fit(eeg, targets).score(tables, targets) == expected
    assert model.fit([tables[0], eeg[1]], targets).score(eeg, targets) == expected
    with pytest.raises(ValueError, match="feature names should match"):
        model.predict(tables[0][["Cz", "Fz", "Pz"]])
    missing = tables[0].astype("Float64")
    missing.loc[3, "Cz"] = pd.NA
    with pytest.raises(ValueError, match="contains NaN"):
        model.predict([missing])


def test_a_signal_with_channels_first_is_no_new_number_of_channels(rng):
    model = BackwardTRF(tmax=0.05, alpha=1.0).fit(rng.normal(size=(60, 3)), rng.normal(size=60))
    with pytest.raises(ValueError, match=r"expecting 3 features as input: .* Pass its transpose"):
        model.predict(rng.normal(size=(3, 12)))


def test_scores_need_as_many_outputs_as_were_learnt(rng):
    eeg, sound = rng.normal(size=(60, 3)), rng.normal(size=(60, 2))
    model = BackwardTRF(tmax=0.05, alpha=1.0).fit(eeg, sound)
    with pytest.raises(ValueError, match=r"y has 1 output\(s\) but the model was fitted on 2"):
        model.score(eeg, sound[:, :1])


def test_nested_lists_are_a_matrix_where_the_other_side_says_so(rng):
    X, y = rng.normal(size=(60, 2)), rng.normal(size=60)
    model = BackwardTRF(tmax=0.05, alpha=1.0)
    expected = model.fit(X, y).predict(X)
    for nested in (X.tolist(), tuple(map(tuple, X.tolist())), X.astype(object)):
        for target in (y, y.tolist(), pd.Series(y)):
            np.testing.assert_array_equal(model.fit(nested, target).predict(nested), expected)
            assert model.score(nested, target) == model.score(X, y)
    three = rng.normal(size=(60, 3))
    expected = model.fit(X, three).predict(X)
    np.testing.assert_array_equal(model.fit(X.tolist(), three).predict(X), expected)
