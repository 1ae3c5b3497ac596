import numpy as np
import pytest

from deep.siglip.ridge import LaggedRidge, Part


def parts(n_subjects=2, n_parts=3, n_times=400, n_channels=4, noise=1.0, differ=0.0, seed=0):
    """Channels that answer two features a sample later, each listener a bit otherwise."""
    rng = np.random.default_rng(seed)
    common = rng.normal(size=(2, n_channels))
    made = []
    for s in range(n_subjects):
        own = common + differ * rng.normal(size=common.shape)
        for k in range(n_parts):
            y = rng.normal(size=(n_times, 2))
            x = np.roll(y, 1, axis=0) @ own + noise * rng.normal(size=(n_times, n_channels))
            made.append(Part(x, y.astype(np.float32), s, k))
    return made


def r(ridge, part):
    return np.corrcoef(ridge(part.eeg, part.subject)[:, 0], part.features[:, 0])[0, 1]


def test_predictions_come_from_models_that_have_not_seen_the_part(monkeypatch):
    """And those of what is learnt from do not depend on a part that is held out either."""
    monkeypatch.setattr("deep.siglip.ridge.PENALTIES", (0.1,))
    monkeypatch.setattr("deep.siglip.ridge._PULLS", (1.0, 1.0))
    data = parts(differ=2.0, noise=3.0)
    _, predictions = LaggedRidge.of(data, 2, 3, held_out=[2])
    for changed in (0, 2):
        other = [
            part._replace(features=part.features[::-1]) if part.part == changed else part
            for part in data
        ]
        _, again = LaggedRidge.of(other, 2, 3, held_out=[2])
        for part, before, after in zip(data, predictions, again, strict=True):
            # What is held out is predicted from all the rest, the rest from what is not held out.
            depends = part.part != changed and (part.part == 2 or changed != 2)
            assert np.array_equal(before, after) != depends


def test_the_linear_relation_is_found_and_listeners_keep_their_own():
    data = parts(n_subjects=3, differ=1.5, noise=0.5)
    ridge, _ = LaggedRidge.of(data, 3, 3)
    assert np.isfinite(ridge.pull)
    own = np.mean([r(ridge, part) for part in data])
    average = np.mean([r(ridge, part._replace(subject=-1)) for part in data])
    assert own > average + 0.02
    alike, _ = LaggedRidge.of(parts(n_subjects=2, noise=2.0), 2, 3)
    assert np.mean([r(alike, part) for part in parts(n_subjects=2, noise=2.0)]) > 0.2


def test_lags_look_at_the_eeg_after_the_sound():
    """The answer comes one sample later, so only lag 1 has weight."""
    ridge, _ = LaggedRidge.of(parts(noise=0.1), 2, 3)
    weights = np.abs(ridge.weights[-1]).sum(axis=(1, 2))
    assert weights[1] > 20 * max(weights[0], weights[2])


def test_many_channels_are_described_by_components():
    data = parts(n_channels=70, n_times=300)
    ridge, _ = LaggedRidge.of(data, 2, 2)
    assert ridge.weights.shape == (3, 2, 70, 2)
    assert np.mean([r(ridge, part) for part in data]) > 0.9


def test_a_new_listener_joins_without_changing_the_others():
    data = parts(n_subjects=3, differ=1.5, noise=0.5)
    known, new = [p for p in data if p.subject < 2], [p for p in data if p.subject == 2]
    ridge, _ = LaggedRidge.of(known, 2, 3)
    joined, predictions = ridge.joined(new)
    assert len(predictions) == len(new)
    assert joined.weights.shape[0] == 4
    np.testing.assert_array_equal(joined.weights[[0, 1, 3]], ridge.weights)
    own = np.mean([r(joined, part) for part in new])
    assert own > np.mean([r(ridge, part._replace(subject=-1)) for part in new])


def test_a_listener_of_one_part_alone_has_the_average_where_it_is_left_out():
    data = [p for p in parts(n_subjects=2, differ=1.5, noise=0.5) if p.subject == 0 or p.part == 1]
    ridge, predictions = LaggedRidge.of(data, 2, 3)
    assert np.isfinite(ridge.weights).all()
    assert all(np.isfinite(x).all() for x in predictions)


@pytest.mark.parametrize("n_parts", [1, 2])
def test_few_parts_are_enough(n_parts):
    ridge, predictions = LaggedRidge.of(parts(1, n_parts), 1, 3)
    assert ridge.pull == np.inf
    assert np.isfinite(predictions[0]).all()
