import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import Ridge

from cocktailparty import Trial
from cocktailparty.statistics import holm, subject_test
from linear_aad import ForwardTRF, contribution_tests, unique_contribution
from linear_aad.contribution import without_columns
from linear_aad.prediction import prediction_map

SFREQ, N_TIMES = 32, 320


def listeners(rng, n_subjects=1, n_trials=4, noise=2.0, n_channels=2):
    """EEG that follows the first of two correlated predictors, and not the second."""
    trials = []
    for s in range(n_subjects):
        response = rng.normal(size=(5, n_channels))
        for k in range(n_trials):
            true = rng.normal(size=N_TIMES)
            false = 0.8 * true + 0.6 * rng.normal(size=N_TIMES)
            eeg = np.stack([np.convolve(true, r)[:N_TIMES] for r in response.T], axis=1)
            eeg += noise * rng.normal(size=eeg.shape)
            stimuli = np.stack([true, false], axis=1)[None]
            trials.append(
                Trial(eeg, stimuli, SFREQ, 0, subject=f"S{s}", story=f"{s}/{k}", name=f"{s}/{k}")
            )
    return trials


PREDICTORS = {"true": [0], "false": [1]}


def lagged(stimulus, n_lags):
    columns = [np.pad(stimulus, ((lag, 0), (0, 0)))[: len(stimulus)] for lag in range(n_lags)]
    return np.concatenate(columns, axis=1)


def test_it_equals_full_minus_reduced_of_scikit_learn(rng):
    trials = listeners(rng)
    model = ForwardTRF(0, 5 / SFREQ, SFREQ, alpha=3.0, remove_mean=False)
    table = unique_contribution(model, trials, PREDICTORS)

    def correlations(kept):
        found = []
        for i, test in enumerate(trials):
            train = [trial for k, trial in enumerate(trials) if k != i]
            x = np.concatenate([lagged(t.stimuli[0][:, kept], 6) for t in train])
            ridge = Ridge(3.0).fit(x, np.concatenate([t.eeg for t in train]))
            predicted = ridge.predict(lagged(test.stimuli[0][:, kept], 6))
            pairs = zip(predicted.T, test.eeg.T, strict=True)
            found.append(np.mean([np.corrcoef(p, e)[0, 1] for p, e in pairs]))
        return np.array(found)

    full = correlations([0, 1])
    for name, kept in (("true", [1]), ("false", [0])):
        rows = table[table["predictor"] == name]
        np.testing.assert_allclose(rows["r_full"], full, atol=1e-8, rtol=0)
        np.testing.assert_allclose(rows["unique"], full - correlations(kept), atol=1e-8, rtol=0)


def test_the_true_predictor_is_found_and_the_false_one_is_not(rng):
    """The long version is benchmarks/accuracy/unique_contribution.py."""
    trials = listeners(rng, n_subjects=6)
    model = ForwardTRF(0, 5 / SFREQ, SFREQ, alpha=[1e-3, 1e-1], alpha_convention="relative")
    tests = contribution_tests(unique_contribution(model, trials, PREDICTORS))
    tests = tests.set_index("predictor")
    assert tests.loc["true", "p"] == 1 / 64
    assert tests.loc["true", "low"] > 0.1
    assert tests.loc["false", "p"] > 0.05
    assert abs(tests.loc["false", "effect"]) < 0.02


def test_tests_are_those_of_the_means_of_subjects(rng):
    table = pd.DataFrame(
        {"predictor": name, "subject": f"S{s}", "fold": fold, "unique": rng.normal(0.01, 0.02)}
        for name in ("b", "a")
        for s in range(7)
        for fold in range(2)
    )
    tests = contribution_tests(table)
    assert tests["predictor"].tolist() == ["b", "a"]
    np.testing.assert_allclose(tests["p_corrected"], holm(tests["p"]))
    means = table[table["predictor"] == "a"].groupby("subject")["unique"].mean()
    expected = subject_test(means, alternative="greater")
    np.testing.assert_allclose(tests.iloc[1][["effect", "low", "high", "p"]].to_numpy(float),
                               expected[1:5])  # fmt: skip


def test_channels_may_be_chosen(rng):
    trials = [t.replace(channel_names=["Fz", "Cz"]) for t in listeners(rng)]
    model = ForwardTRF(0, 5 / SFREQ, SFREQ, alpha=3.0)
    table = unique_contribution(model, trials, {"true": [0]}, channels=["Cz"])
    expected = prediction_map(model, trials)["Cz"].to_numpy()
    np.testing.assert_array_equal(table["r_full"], expected)
    with pytest.raises(ValueError, match=r"channels \['Oz'\] are none of \['Fz', 'Cz'\]"):
        unique_contribution(model, trials, {"true": [0]}, channels=["Oz"])


def test_bands_and_lags_of_what_stays_are_kept():
    model = ForwardTRF(bands=[1, 2, 1], lags=[(0, 0.1), (0, 0.2), (0, 0.3), (0, 0.4)])
    assert without_columns(model, [1]).bands == [1, 1, 1]
    assert without_columns(model, [1]).lags == [(0, 0.1), (0, 0.3), (0, 0.4)]
    assert without_columns(model, [0, 3]).bands is None
    named = ForwardTRF(lags={1: (0, 0.1), 3: (0, 0.3)})
    assert without_columns(named, [0, 1]).lags == {1: (0, 0.3)}
    assert without_columns(named, [1, 3]).lags is None
    with pytest.raises(ValueError, match="by numbers of columns"):
        without_columns(ForwardTRF(lags={"words": (0, 0.1)}), [0])


@pytest.mark.parametrize(
    ("predictors", "message"),
    [
        ({}, "at least one predictor"),
        ({"a": []}, r"has the columns \[\], expected some of 0 to 1"),
        ({"a": [2]}, r"has the columns \[2\], expected some of 0 to 1"),
        ({"a": [-1]}, r"has the columns \[-1\]"),
        ({"a": [0, 1]}, "has all 2 columns"),
    ],
)
def test_bad_predictors_are_refused(rng, predictors, message):
    with pytest.raises(ValueError, match=message):
        unique_contribution(ForwardTRF(0, 0.1, SFREQ), listeners(rng), predictors)
