import numpy as np
import pytest
from sklearn.linear_model import Lasso
from sklearn.model_selection import LeaveOneGroupOut

from cocktailparty import Trial
from cocktailparty.datasets import simulate_two_talkers
from cocktailparty.evaluation.comparing import SharedStimulusWarning
from cocktailparty.model_selection.leakage import LeakError
from linear_aad import ForwardTRF
from linear_aad.prediction import prediction_map
from linear_aad.regressor import LaggedRegressor

FORWARD = ForwardTRF(0, 0.1, 64, alpha=1.0)


@pytest.fixture
def trials(rng):
    """Two subjects; channels 0 and 1 follow the attended sound, 2 the other one, 3 none."""
    made = []
    for i in range(8):
        stimuli = rng.normal(size=(2, 400 + 10 * i))
        attended = i % 2
        eeg = rng.normal(size=(stimuli.shape[1], 4))
        eeg[:, :2] += np.roll(stimuli[attended], 3)[:, None] * [1.0, 0.5]
        eeg[:, 2] += np.roll(stimuli[1 - attended], 3)
        made.append(
            Trial(
                eeg, stimuli, 64, attended, subject="ab"[i // 4], story=f"s{i}", name=f"t{i}",
                channel_names=["Fz", "Cz", "Pz", "Oz"],
            )
        )  # fmt: skip
    return made


def test_each_trial_is_predicted_by_a_model_of_the_others(trials):
    table = prediction_map(FORWARD, trials)
    assert list(table.columns) == ["Fz", "Cz", "Pz", "Oz"]
    assert list(table.index.names) == ["subject", "fold"]
    assert list(table.index.get_level_values("subject")) == ["a"] * 4 + ["b"] * 4
    own, k = trials[4:], 2
    others = [own[i] for i in range(4) if i != k]
    model = ForwardTRF(0, 0.1, 64, alpha=1.0).fit(
        [t.stimuli[t.attended] for t in others], [t.eeg for t in others]
    )
    predicted = model.predict([own[k].stimuli[own[k].attended]])[0]
    expected = [np.corrcoef(predicted[:, c], own[k].eeg[:, c])[0, 1] for c in range(4)]
    np.testing.assert_allclose(table.loc["b"].iloc[k], expected, atol=1e-12)


def test_the_map_is_high_where_the_brain_follows_the_sound(trials):
    attended = prediction_map(FORWARD, trials).mean()
    assert attended["Fz"] > 0.6
    assert 0.3 < attended["Cz"] < attended["Fz"]
    assert abs(attended[["Pz", "Oz"]]).max() < 0.1
    ignored = prediction_map(FORWARD, trials, followed=[1 - t.attended for t in trials]).mean()
    assert ignored["Pz"] > 0.6
    assert abs(ignored[["Fz", "Cz", "Oz"]]).max() < 0.1


def test_nothing_is_learnt_from_noise(rng):
    noise = [
        Trial(rng.normal(size=(300, 20)), rng.normal(size=(1, 300)), 64, 0, name=f"t{i}")
        for i in range(10)
    ]
    r = prediction_map(ForwardTRF(0, 0.4, 64, alpha=[1e-3, 1.0]), noise).to_numpy()
    # 200 correlations of about 1 / sqrt(300) each; training data would give 0.3
    assert abs(r.mean()) < 0.02


@pytest.mark.parametrize("cv", ["story", "subject", "time", LeaveOneGroupOut()])
def test_any_split_and_any_forward_model(trials, cv):
    lasso = LaggedRegressor(Lasso(alpha=0.05), 0, 0.1, direction="forward")
    table = prediction_map(lasso, trials, cv=cv, n_splits=2, gap=0.2)
    assert table["Fz"].mean() > 0.5
    assert len(table) == {"subject": 2, "time": 4}.get(cv if isinstance(cv, str) else "", 8)


def test_shared_sounds_are_refused_unless_accepted(trials):
    twice = [*trials[:4], trials[0].replace(name="again")]
    with pytest.raises(LeakError, match="also plays in training"):
        prediction_map(FORWARD, twice)
    with pytest.warns(SharedStimulusWarning, match="also plays in training"):
        prediction_map(FORWARD, twice, allow_shared_stimuli=True)


def test_bad_input_is_named(trials):
    with pytest.raises(ValueError, match=r"gap=0.05 s is shorter than the lags"):
        prediction_map(FORWARD, trials, cv="time", gap=0.05)
    with pytest.raises(ValueError, match="no attended label"):
        prediction_map(FORWARD, [t.replace(attended=None) for t in trials])
    with pytest.raises(ValueError, match="made for sfreq=32"):
        prediction_map(ForwardTRF(sfreq=32), trials)


def test_channels_without_names_are_numbered():
    simulated = simulate_two_talkers(n_trials=2, duration=10, n_channels=4, random_state=0).trials
    bare = [trial.replace(channel_names=None) for trial in simulated]
    assert list(prediction_map(FORWARD, bare).columns) == [0, 1, 2, 3]
