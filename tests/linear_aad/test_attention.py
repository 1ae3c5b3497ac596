import numpy as np
import pytest
from sklearn.model_selection import GridSearchCV, LeaveOneGroupOut, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

from cocktailparty import datasets
from cocktailparty.metrics import window_scores
from linear_aad import AttentionDecoder, BackwardTRF, LassoTRF

TRF = BackwardTRF(0.0, 0.3, 64, alpha=1e-2, alpha_convention="relative")


@pytest.fixture(scope="module")
def trials():
    return datasets.simulate_two_talkers(n_trials=12, n_channels=8, snr=-20, random_state=3).trials


@pytest.fixture(scope="module")
def decoder(trials):
    return AttentionDecoder(TRF).fit(trials[:8])


def test_only_the_attended_stimulus_is_learnt(trials, decoder):
    regressor = BackwardTRF(**TRF.get_params()).fit(
        [t.eeg for t in trials[:8]], [t.stimuli[t.attended] for t in trials[:8]]
    )
    np.testing.assert_array_equal(decoder.regressor_.coef_, regressor.coef_)
    flipped = AttentionDecoder(TRF).fit(trials[:8], [1 - t.attended for t in trials[:8]])
    assert not np.allclose(flipped.regressor_.coef_, regressor.coef_)


def test_scores_are_correlations_with_the_reconstruction(trials, decoder):
    trial = trials[9]
    reconstruction = decoder.reconstruct([trial])[0]
    expected = window_scores(reconstruction, trial.stimuli, 64, 10, 5)
    np.testing.assert_array_equal(decoder.window_scores(trial, 10, 5), expected)
    assert decoder.window_scores(trial).shape == (12, 2)
    sweep = decoder.window_sweep(trial, [5, 90])
    np.testing.assert_array_equal(sweep[5], decoder.window_scores(trial, 5))
    assert sweep[90].shape == (0, 2)


def test_the_largest_score_over_the_trial_wins(trials, decoder):
    test = trials[8:]
    scores = decoder.decision_function(test)
    whole = [decoder.window_scores(t, t.duration)[0] for t in test]
    np.testing.assert_array_equal(scores, whole)
    np.testing.assert_array_equal(decoder.predict(test), scores.argmax(axis=1))
    labels = [t.attended for t in test]
    assert decoder.score(test, labels) == np.mean(decoder.predict(test) == labels)
    assert decoder.score(test) == decoder.score(test, labels)


def test_a_trial_may_have_fewer_stimuli(trials, decoder):
    alone = trials[8].replace(stimuli=trials[8].stimuli[:1], attended=0)
    scores = decoder.decision_function([trials[9], alone])
    assert scores[1, 1] == -np.inf
    assert decoder.predict([alone])[0] == 0


def test_tools_of_scikit_learn_work_on_trials(trials):
    attended = [t.attended for t in trials]
    stories = [t.story for t in trials]
    decoder = AttentionDecoder(TRF)
    scores = cross_val_score(decoder, trials, attended, groups=stories, cv=LeaveOneGroupOut())
    assert len(scores) == len(set(stories))
    assert scores.mean() > 0.8
    search = GridSearchCV(
        decoder, {"regressor__alpha": [1e-2, 1e1], "regressor__tmax": [0.01, 0.3]},
        cv=LeaveOneGroupOut(),
    )  # fmt: skip
    search.fit(trials, attended, groups=stories)
    assert search.best_params_["regressor__tmax"] == 0.3
    assert search.predict(trials).shape == (12,)

    crop = FunctionTransformer(lambda trials: [t.crop(0, 30) for t in trials])
    pipeline = make_pipeline(crop, decoder).fit(trials[:8])
    direct = AttentionDecoder(TRF).fit([t.crop(0, 30) for t in trials[:8]])
    np.testing.assert_array_equal(
        pipeline.decision_function(trials[8:]),
        direct.decision_function([t.crop(0, 30) for t in trials[8:]]),
    )
    assert len(cross_val_score(make_pipeline(crop, decoder), trials, attended, cv=3)) == 3


def test_bad_input_is_named(trials, decoder):
    other = trials[8].replace(sfreq=32)
    unlabelled = trials[0].replace(attended=None)
    fresh = AttentionDecoder(TRF)
    for call, error, message in (
        (lambda: fresh.fit([other]), ValueError, "32 Hz but the decoder was made for sfreq=64"),
        (lambda: decoder.predict([other]), ValueError, "sampled at 32 Hz"),
        (lambda: fresh.fit([unlabelled, trials[1]]), ValueError, r"trials \[0\] have no attended"),
        (lambda: decoder.score([unlabelled]), ValueError, "have no attended label"),
        (lambda: fresh.fit(trials[0]), TypeError, "wrap it in a list"),
        (lambda: fresh.fit(trials[:4], [0, 1, 2, 0]), ValueError, r"attended\[2\]=2"),
        (lambda: decoder.window_scores(trials[8], 100), ValueError, "longer than"),
        (lambda: fresh.predict(trials), ValueError, "not fitted"),
        (
            lambda: decoder.predict([trials[8].replace(eeg=trials[8].eeg[:, :5],
                                                       channel_names=None)]),
            ValueError,
            "has 5 channels but the decoder was fitted on 8",
        ),
        (
            lambda: decoder.predict([trials[8].replace(stimuli=None, attended=None)]),
            ValueError,
            "there are no stimuli",
        ),
    ):  # fmt: skip
        with pytest.raises(error, match=message):
            call()


def test_versions_of_the_stimuli_are_trained_together(trials):
    moved = [[np.roll(t.stimuli, 100 * i, axis=1) for t in trials[:4]] for i in range(2)]
    first, second = AttentionDecoder(TRF).fit_many(trials[:4], moved)
    again = [t.replace(stimuli=own) for t, own in zip(trials[:4], moved[1], strict=True)]
    for found, data in ((first, trials[:4]), (second, again)):
        alone = AttentionDecoder(TRF).fit(data)
        np.testing.assert_allclose(found.regressor_.coef_, alone.regressor_.coef_, atol=1e-12)
        np.testing.assert_array_equal(found.classes_, alone.classes_)


def test_regressors_that_train_one_at_a_time_do_not_offer_more():
    assert hasattr(AttentionDecoder(TRF), "fit_many")
    assert not hasattr(AttentionDecoder(LassoTRF()), "fit_many")
