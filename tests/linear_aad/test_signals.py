import array_api_strict as xp
import numpy as np
import pytest

from linear_aad import BackwardTRF
from linear_aad.signals import check_lists, is_list


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
        ([[1.0, 2.0], [3.0, 4.0]], False),
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
    "numbers of trials": (
        lambda x, y: ([x], [y, y]),
        "X has 1 trials but y has 2",
        "X has 1 trials but y has 2",
    ),
    "nothing": (lambda x, y: ([], []), "no trials were given", "no trials were given"),
    "numbers of samples": (
        lambda x, y: ([x], [y[:-1, :]]),
        "inconsistent numbers of samples",
        "expected one row for each of 9 samples",
    ),
    "axes of the input": (
        lambda x, y: ([x, x[:, 0]], [y, y]),
        "Expected 2D array",
        r"X must have shape \(n_times, n_inputs\)",
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
