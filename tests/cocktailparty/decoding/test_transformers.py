import numpy as np
import pytest
from sklearn.base import clone

from cocktailparty import Trial
from cocktailparty.decoding import TrialBand, TrialChannels, TrialFeatures, TrialZScore
from cocktailparty.preprocessing import preprocess


@pytest.fixture(scope="module")
def trials():
    rng = np.random.default_rng(0)
    return [
        Trial(
            3 + rng.normal(size=(640, 3)), rng.random((2, 640, 2)), 32, attended=0, name=f"t{i}",
            channel_names=["Fz", "Cz", "Pz"], channel_positions=rng.uniform(-0.1, 0.1, (3, 3)),
        )
        for i in range(2)
    ]  # fmt: skip


def test_the_band_is_that_of_preprocess(trials):
    found = TrialBand(2, 8).fit_transform(trials)
    for trial, expected in zip(found, preprocess(trials, None, 2, 8), strict=True):
        np.testing.assert_allclose(trial.eeg, expected.eeg, atol=1e-12)
        np.testing.assert_allclose(trial.stimuli, expected.stimuli, atol=1e-12)
        assert trial.provenance["filters"] == expected.provenance["filters"]
    apart = TrialBand(2, 8, stimuli=False).fit_transform(trials)[0]
    np.testing.assert_array_equal(apart.stimuli, trials[0].stimuli)


def test_channels_by_name_or_number(trials):
    (trial, _) = TrialChannels(["Pz", 0]).fit_transform(trials)
    assert trial.channel_names == ("Pz", "Fz")
    np.testing.assert_array_equal(trial.eeg, trials[0].eeg[:, [2, 0]])
    np.testing.assert_array_equal(trial.channel_positions, trials[0].channel_positions[[2, 0]])
    assert TrialChannels().fit_transform(trials)[0] is trials[0]


def test_every_trial_is_standardised_by_itself(trials):
    for trial in TrialZScore(stimuli=True).fit_transform(trials):
        np.testing.assert_allclose(trial.eeg.mean(axis=0), 0, atol=1e-12)
        np.testing.assert_allclose(trial.stimuli.std(axis=1), 1)
    kept = TrialZScore(eeg=False).fit_transform(trials)[0]
    np.testing.assert_array_equal(kept.eeg, trials[0].eeg)


def test_features_are_chosen(trials):
    (trial, _) = TrialFeatures([1]).fit_transform(trials)
    np.testing.assert_array_equal(trial.stimuli, trials[0].stimuli[:, :, [1]])
    assert TrialFeatures().fit_transform(trials)[0] is trials[0]


def test_they_are_cloned_with_their_parameters():
    assert clone(TrialBand(2, 8, False, "causal")).get_params() == {
        "l_freq": 2, "h_freq": 8, "stimuli": False, "phase": "causal",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("transformer", "message"),
    [
        (TrialBand(9, 2), "l_freq"),
        (TrialBand(1, 40), "h_freq"),
        (TrialBand(phase="minimum"), "phase"),
        (TrialChannels(["Oz"]), r"channels \['Oz'\] are not in the trial t0, which has"),
        (TrialChannels([3]), r"channels \[3\] are not in the trial"),
        (TrialChannels([]), "of an empty list"),
        (TrialFeatures([2]), r"columns=\[2\] are not among the 2 feature"),
        (TrialFeatures([]), r"columns=\[\]"),
    ],
)
def test_bad_parameters_are_refused_when_it_is_fitted(trials, transformer, message):
    with pytest.raises(ValueError, match=message):
        transformer.fit(trials)
