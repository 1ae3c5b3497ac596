import numpy as np
import pytest

from cnmf import ContrastiveNMF
from cnmf.inputs import check_fixed, check_guide, check_initial

X = np.random.default_rng(0).uniform(0.1, 1, (30, 8))
Y = np.random.default_rng(1).uniform(size=(30, 2))


def fit(X=X, y=Y, fit_params=None, **parameters):
    options = {"n_components": 4, "n_attended": 2, "random_state": 0, "max_iter": 10}
    return ContrastiveNMF(**options | parameters).fit(X, y, **(fit_params or {}))


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"n_components": 0}, "n_components must be a positive whole number, got 0"),
        ({"n_attended": 4}, "n_attended=4 must be less than n_components=4"),
        ({"n_attended": True}, "n_attended must be a positive whole number"),
        ({"max_iter": 1.5}, "max_iter must be a positive whole number"),
        ({"contrast": "frobenius"}, "contrast must be one of"),
        ({"init": "nndsvd"}, "init must be one of"),
        ({"penalty_scale": "log"}, "penalty_scale must be one of"),
        ({"beta_loss": "kl"}, "beta_loss must be one of"),
        ({"contrast_weight": -1}, "contrast_weight must be a number >= 0, got -1"),
        ({"sparsity_activations": np.nan}, "sparsity_activations must be a number >= 0"),
        ({"sparsity_components": "much"}, "sparsity_components must be a number >= 0"),
        ({"tol": np.inf}, "tol must be a number >= 0"),
        ({"device": "tpu"}, "device must be"),
        ({"X": X - 0.5}, "Negative values in data"),
        ({"X": np.where(X > 0.9, np.nan, X)}, "NaN"),
        ({"X": np.where(X > 0.9, np.inf, X)}, "inf"),
        ({"X": X[0]}, "X must be a 2D array, or 3D"),
        ({"X": X[None, None]}, "X must be a 2D array, or 3D"),
        ({"X": np.zeros_like(X), "beta_loss": 0}, "has no value where X is 0"),
        ({"y": None}, "the target y is None: it is the activation of the attended sound"),
        ({"y": Y[:-1]}, r"y has shape \(29, 2\) but X has \(30, 8\)"),
        ({"y": Y - 0.5}, "rectify a reconstruction"),
        ({"y": np.where(Y > 0.9, np.nan, Y)}, "y has . NaN"),
        ({"y": np.hstack([Y, Y])}, "4 columns for n_attended=2"),
        ({"y": Y[:, :0]}, "y must hold one row for each frame"),
        ({"fit_params": {"components": X}}, r"components has shape \(30, 8\), expected \(4, 8\)"),
        ({"fit_params": {"components": -np.ones((4, 8))}}, "components must not be negative"),
        ({"fit_params": {"activations": np.full((30, 4), np.nan)}}, "activations has 120 NaN"),
        ({"fit_params": {"fixed_components": np.ones((4, 8))}}, "must be of bool, got float64"),
        ({"fit_params": {"fixed_components": np.ones(3, bool)}}, "cannot be broadcast to"),
        ({"fit_params": {"fixed_components": np.ones((4, 1), bool)}}, "pass components"),
    ],
)
def test_what_makes_no_sense_is_named(parameters, message):
    with pytest.raises(ValueError, match=message):
        fit(**parameters)


def test_all_pairs_take_any_number_of_references():
    assert fit(y=np.hstack([Y, Y]), contrast="all-pairs").activations_.shape == (30, 4)


def test_references_have_norm_one_at_any_scale():
    for scale in (1e-200, 1.0, 1e200):
        guide = check_guide(scale * Y, X, "paired", 2)
        np.testing.assert_allclose(guide, Y / np.linalg.norm(Y, axis=0), rtol=1e-12)
    assert check_guide((10 * Y).astype(int), X.astype(np.float32), "paired", 2).dtype == np.float32


def test_silent_references_guide_nothing_and_warn_once():
    with pytest.warns(UserWarning, match="0 throughout") as caught:
        silent = fit(y=Y * [0, 0])
    assert len(caught) == 1
    assert caught[0].filename == __file__
    plain = fit(y=None, contrast_weight=0, init="random")
    np.testing.assert_allclose(silent.activations_, plain.activations_)
    np.testing.assert_allclose(silent.cost_, plain.cost_)


def test_zeros_to_start_from_are_warned_of():
    start = np.eye(4, 8)
    with pytest.warns(UserWarning, match="components has zeros that are not fixed"):
        fit(fit_params={"components": start})
    fixed = start == 0
    kept = fit(fit_params={"components": start, "fixed_components": fixed}).components_
    assert np.all(kept[fixed] < 1e-12)
    assert np.all(kept[~fixed] > 1e-3)


def test_values_and_masks_are_spread_over_a_batch():
    batch = np.stack([X, X])
    values = check_initial(np.ones((4, 8)), "components", (2, 4, 8), batch)
    assert values.shape == (2, 4, 8)
    assert check_fixed(np.ones((4, 1), bool), "fixed", (2, 4, 8), batch).all()
    assert check_fixed(np.zeros((4, 8), bool), "fixed", (2, 4, 8), batch) is None
