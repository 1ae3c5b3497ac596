import array_api_strict
import numpy as np
import pytest

from linear_aad.lagged.group_moments import Segment
from linear_aad.lagged.group_ridge import GroupFit, GroupSettings, ridge_towards
from linear_aad.lagged.moments import Moments, lag_matrix
from linear_aad.lagged.penalties import Penalty

LAGS = np.arange(3)
PLAIN = GroupSettings(fit_intercept=False, n_components=64, compared=0)
FIXED = GroupSettings((0.1,), (1.0,), fit_intercept=False)


def segments(n_subjects=2, n_parts=3, n_times=400, n_channels=4, noise=1.0, differ=0.0, seed=0):
    """Channels that answer two features a sample later, each subject a bit otherwise."""
    rng = np.random.default_rng(seed)
    common = rng.normal(size=(2, n_channels))
    made = []
    for s in range(n_subjects):
        own = common + differ * rng.normal(size=common.shape)
        for k in range(n_parts):
            y = rng.normal(size=(n_times, 2))
            x = np.roll(y, 1, axis=0) @ own + noise * rng.normal(size=(n_times, n_channels))
            made.append(Segment(x, y, s, k))
    return made


def fit(data, n_subjects, settings=PLAIN, lags=LAGS):
    return GroupFit(data, n_subjects, lags, settings)


def r(ridge, segment):
    predicted = ridge.predict(segment.input, segment.subject)
    return np.corrcoef(predicted[:, 0], segment.output[:, 0])[0, 1]


def solved(data, penalty, target=0.0, intercept=False):
    """Normal equations of stacked data, as they are written in a textbook."""
    x = np.concatenate([lag_matrix(s.input, LAGS) for s in data])
    y = np.concatenate([s.output for s in data])
    if intercept:
        x, y = x - x.mean(axis=0), y - y.mean(axis=0)
    added = penalty * np.mean(np.sum(x**2, axis=0)) * np.eye(x.shape[1])
    return np.linalg.solve(x.T @ x + added, x.T @ y + added @ np.broadcast_to(target, (12, 2)))


@pytest.mark.parametrize("intercept", [False, True])
def test_weights_have_a_closed_form(intercept):
    data = segments(differ=1.0)
    data = [s._replace(input=s.input + 0.3, output=s.output - 0.7) for s in data]
    settings = GroupSettings((0.2,), (3.0,), fit_intercept=intercept)
    ridge = fit(data, 2, settings).ridge
    average = solved(data, 0.2, intercept=intercept)
    np.testing.assert_allclose(ridge.weights[-1].reshape(12, 2), average, atol=1e-10)
    for s in range(2):
        own = [x for x in data if x.subject == s]
        expected = solved(own, 3.0, average, intercept)
        np.testing.assert_allclose(ridge.weights[s].reshape(12, 2), expected, atol=1e-10)
        mean = np.mean([ridge.predict(x.input, s).mean(axis=0) for x in own], axis=0)
        true = np.mean([x.output.mean(axis=0) for x in own], axis=0)
        assert np.allclose(mean, true, atol=1e-10) == intercept


def test_predictions_of_left_out_parts_have_a_closed_form():
    data = segments(differ=1.0)
    predictions = fit(data, 2, FIXED).left_out_predictions(held_out=[2])
    for segment, predicted in zip(data, predictions, strict=True):
        seen = [s for s in data if s.fold not in (segment.fold, 2)]
        average = solved(seen, 0.1)
        own = solved([s for s in seen if s.subject == segment.subject], 1.0, average)
        expected = lag_matrix(segment.input, LAGS) @ own
        np.testing.assert_allclose(predicted, expected, atol=1e-10)


def test_the_shrinkage_that_predicts_what_is_left_out_best_is_chosen():
    different = fit(segments(n_subjects=3, differ=3.0, noise=0.3), 3).ridge
    alike = fit(segments(n_subjects=3, n_times=60, noise=6.0), 3).ridge
    assert different.shrinkage == 0.1
    assert alike.shrinkage >= 10


def test_subjects_keep_their_own():
    data = segments(n_subjects=3, differ=1.5, noise=0.5)
    ridge = fit(data, 3).ridge
    own = np.mean([r(ridge, segment) for segment in data])
    average = np.mean([r(ridge, segment._replace(subject=-1)) for segment in data])
    assert own > average + 0.02


def test_many_channels_are_described_by_components():
    data = segments(n_channels=70, n_times=300)
    ridge = fit(data, 2).ridge
    assert ridge.weights.shape == (3, 70, 3, 2)
    assert np.linalg.matrix_rank(ridge.weights[-1].reshape(70, 6)) <= 6
    assert np.mean([r(ridge, segment) for segment in data]) > 0.9
    covariance = sum(s.input.T @ s.input for s in data)
    left_out = np.linalg.eigh(covariance)[1][:, :6]
    np.testing.assert_allclose(left_out.T @ ridge.weights[-1].reshape(70, 6), 0, atol=1e-10)


def test_a_new_subject_joins_without_changing_the_others():
    data = segments(n_subjects=3, differ=1.5, noise=0.5)
    known = [s for s in data if s.subject < 2]
    new = [s._replace(subject=0) for s in data if s.subject == 2]
    ridge = fit(known, 2, FIXED).ridge
    joined, own = ridge.joined(new, FIXED)
    np.testing.assert_array_equal(joined.weights[[0, 1, 3]], ridge.weights)
    average = ridge.weights[-1].reshape(12, 2)
    np.testing.assert_allclose(
        joined.weights[2].reshape(12, 2), solved(new, 1.0, average), atol=1e-10
    )
    predicted = own.left_out_predictions()[0]
    expected = lag_matrix(new[0].input, LAGS) @ solved(new[1:], 1.0, average)
    np.testing.assert_allclose(predicted, expected, atol=1e-10)


def test_where_all_had_the_average_a_new_subject_decides():
    new = segments(n_subjects=1, noise=0.3, seed=1)
    ridge = fit(segments(n_subjects=1), 1).ridge
    assert ridge.shrinkage == np.inf
    joined, _ = ridge.joined(new, PLAIN)
    assert r(joined, new[0]._replace(subject=1)) > r(joined, new[0]._replace(subject=-1)) + 0.1
    single, predicted = ridge.joined(new[:1], PLAIN)
    np.testing.assert_array_equal(single.weights[1], ridge.weights[-1])
    assert np.isfinite(predicted.left_out_predictions()[0]).all()


def test_a_subject_of_one_part_alone_has_the_average_where_it_is_left_out():
    data = segments(n_subjects=2, differ=1.5, noise=0.5)
    data = [s for s in data if s.subject == 0 or s.fold == 1]
    predictions = fit(data, 2, FIXED).left_out_predictions()
    average = solved([s for s in data if s.fold != 1], 0.1)
    expected = lag_matrix(data[-1].input, LAGS) @ average
    np.testing.assert_allclose(predictions[-1], expected, atol=1e-10)


@pytest.mark.parametrize("n_parts", [1, 2])
def test_few_parts_are_enough(n_parts):
    found = fit(segments(1, n_parts), 1)
    assert found.ridge.shrinkage == np.inf
    assert np.isfinite(found.left_out_predictions()[0]).all()


def test_without_information_weights_are_those_they_are_drawn_to(rng):
    target = rng.normal(size=(2, 1))
    nothing = Moments.of(np.zeros((9, 2)), rng.normal(size=(9, 1)))
    for moments in (None, nothing):
        assert ridge_towards(moments, 1.0, Penalty(), target) is target
    singular = Moments.of(np.ones((9, 2)) * np.arange(9)[:, None], rng.normal(size=(9, 1)))
    with pytest.raises(ValueError, match="linearly dependent"):
        ridge_towards(singular, 0.0, Penalty(), target)


def test_single_precision_stays_single():
    data = [
        s._replace(input=s.input.astype(np.float32), output=s.output.astype(np.float32))
        for s in segments()
    ]
    found = fit(data, 2)
    assert found.ridge.predict(data[0].input, 0).dtype == np.float32
    assert found.left_out_predictions()[0].dtype == np.float32


@pytest.mark.parametrize("n_components", [None, 3])
def test_any_array_library(n_components):
    to = array_api_strict.asarray
    data = segments(n_times=80)
    strict = [s._replace(input=to(s.input), output=to(s.output)) for s in data]
    settings = GroupSettings((0.1,), (1.0,), n_components=n_components)
    plain, other = fit(data, 2, settings), fit(strict, 2, settings)
    assert type(other.ridge.weights) is type(strict[0].input)
    np.testing.assert_allclose(np.asarray(other.ridge.weights), plain.ridge.weights, atol=1e-10)
    for a, b in zip(other.left_out_predictions(), plain.left_out_predictions(), strict=True):
        np.testing.assert_allclose(np.asarray(a), b, atol=1e-10)
