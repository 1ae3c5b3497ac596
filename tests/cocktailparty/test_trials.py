import numpy as np
import pytest

from cocktailparty import Trial, check_trials
from cocktailparty.trials import attended_labels, check_channels


@pytest.fixture
def trial(rng):
    return Trial(
        rng.normal(size=(64, 2)), rng.random((2, 64, 1)), 64, attended=1, channel_names=["a", "b"]
    )


def test_trials_that_agree_pass(trial):
    assert check_trials((t for t in (trial, trial)), sfreq=64) == [trial, trial]


def test_a_trial_without_stimuli_has_no_features_to_disagree_on(trial):
    wide = trial.replace(stimuli=np.random.default_rng(0).random((2, 64, 5)))
    assert len(check_trials([wide, trial.replace(stimuli=None, attended=None)])) == 2


def test_sets_that_do_not_fit_are_named(rng, trial):
    cases = [
        (trial, TypeError, "wrap it in a list"),
        (3, TypeError, "expected a sequence of trials, got int"),
        ([], ValueError, "no trials were given"),
        ([trial, trial.eeg], TypeError, r"trials\[1\] is a ndarray, expected a Trial"),
        ([trial, trial.replace(sfreq=32)], ValueError, r"trials\[1\] has sfreq=32 but .* 64"),
        (
            [trial, trial.replace(eeg=rng.normal(size=(64, 3)), channel_names=None)],
            ValueError,
            r"trials\[1\] has n_channels=3 but trials\[0\] has 2",
        ),
        (
            [trial, trial.replace(stimuli=rng.random((2, 64, 5)))],
            ValueError,
            r"trials\[1\] has n_features=5",
        ),
        ([trial, trial.replace(channel_names=["b", "a"])], ValueError, "channel order"),
    ]
    for trials, error, message in cases:
        with pytest.raises(error, match=message):
            check_trials(trials)
    with pytest.raises(ValueError, match="sampled at 64 Hz but the decoder was made for sfreq=128"):
        check_trials([trial], sfreq=128)


def test_rates_are_equal_but_for_rounding(trial):
    stored = trial.replace(sfreq=float(np.float32(51.2)))
    exact = trial.replace(sfreq=51.2)
    assert stored.sfreq != exact.sfreq
    assert check_trials([stored, exact], sfreq=51.2) == [stored, exact]
    assert check_trials([exact], sfreq=stored.sfreq) == [exact]
    other = trial.replace(sfreq=51.2 * (1 + 1e-5))
    with pytest.raises(ValueError, match=r"sfreq=51\.200512 but trials\[0\] has 51\.2"):
        check_trials([exact, other])
    with pytest.raises(ValueError, match=r"at 51\.200512 Hz but .* sfreq=51\.2: resample"):
        check_trials([other], sfreq=51.2)


def test_channels_have_to_be_those_of_training(trial):
    check_channels([trial, trial], trial.n_channels)
    n = trial.n_channels
    other = trial.replace(name="late")
    with pytest.raises(
        ValueError, match=f"trial 'late' has {n} channels but .* fitted on {n + 1}:"
    ):
        check_channels([other], n + 1)


def test_labels_come_from_the_trials_or_from_outside(trial):
    np.testing.assert_array_equal(attended_labels([trial, trial]), [1, 1])
    np.testing.assert_array_equal(attended_labels([trial, trial], [0, 1]), [0, 1])


def test_bad_labels_are_named(trial):
    unlabelled = trial.replace(attended=None)
    with pytest.raises(ValueError, match=r"trials \[1\] have no attended label"):
        attended_labels([trial, unlabelled])
    for labels, message in (
        ([0], r"attended has shape \(1,\), expected one label for each of 2 trials"),
        ([0.0, 1.0], "must be integers, got dtype float64"),
        ([0, 2], r"attended\[1\]=2 is not an index into the 2 stimuli"),
        ([-1, 0], r"attended\[0\]=-1"),
    ):
        with pytest.raises(ValueError, match=message):
            attended_labels([trial, unlabelled], labels)
