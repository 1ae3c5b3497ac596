import numpy as np
import pandas as pd
import pytest
from sklearn.model_selection import GridSearchCV, KFold, LeaveOneGroupOut, cross_val_score
from sklearn.pipeline import Pipeline

from cocktailparty import datasets, evaluation
from cocktailparty.decoding import (
    AttentionTracker,
    TrialBand,
    TrialPipeline,
    TrialZScore,
    load_model,
    save_model,
    train_model,
)
from cocktailparty.decoding.pipeline import as_decoder
from cocktailparty.search import search
from linear_aad import AttentionDecoder, BackwardTRF

RIDGE = AttentionDecoder(BackwardTRF(0, 0.2, 32, alpha=1e-2, alpha_convention="relative"))
STEPS = [("band", TrialBand(1, 8)), ("z", TrialZScore()), ("decoder", RIDGE)]


@pytest.fixture(scope="module")
def trials():
    return datasets.simulate_two_talkers(
        n_trials=6, duration=20.0, n_channels=4, n_stories=3, snr=-16, sfreq=32, random_state=3
    ).trials


def by_hand(trials):
    return TrialZScore().fit_transform(TrialBand(1, 8).fit_transform(trials))


def test_it_is_the_decoder_on_changed_trials(trials):
    pipeline = Pipeline(STEPS).fit(trials[:4])
    fitted = TrialPipeline(STEPS).fit(trials[:4])
    direct = RIDGE.__class__(**RIDGE.get_params(deep=False)).fit(by_hand(trials[:4]))
    expected = direct.decision_function(by_hand(trials))
    np.testing.assert_array_equal(fitted.decision_function(trials), expected)
    np.testing.assert_array_equal(fitted.predict(trials), direct.predict(by_hand(trials)))
    np.testing.assert_array_equal(
        fitted.window_scores(trials[5], 5.0), direct.window_scores(by_hand(trials)[5], 5.0)
    )
    # What scikit-learn has of its own agrees.
    np.testing.assert_array_equal(pipeline.predict(trials), fitted.predict(trials))
    assert pipeline.score(trials) == fitted.score(trials)


def test_compare_takes_a_pipeline_of_scikit_learn(trials):
    table = evaluation.compare({"p": Pipeline(STEPS)}, trials, "story", [5, 20])
    expected = evaluation.compare({"p": RIDGE}, by_hand(trials), "story", [5, 20])
    columns = ["decoder", "fold", "window", "n_windows", "n_correct", "r_attended"]
    pd.testing.assert_frame_equal(table[columns], expected[columns])


def test_a_band_is_tuned_nested_saved_loaded_and_decoded(trials, tmp_path):
    def space(trial):
        return {"band__h_freq": trial.suggest_categorical("h_freq", [4.0, 8.0])}

    result = search(Pipeline(STEPS), trials, space, n_trials=2, holdout="story", random_state=0)
    best = result.best_settings["band__h_freq"]
    settings = {"param_grid": {"band__h_freq": [4.0, 8.0]}, "cv": KFold(2)}
    nested = GridSearchCV(Pipeline(STEPS), **settings).fit(
        trials[:4], [trial.attended for trial in trials[:4]]
    )
    assert nested.best_params_["band__h_freq"] in (4.0, 8.0)
    groups = [trial.story for trial in trials]
    scores = cross_val_score(
        GridSearchCV(Pipeline(STEPS), **settings), trials, [t.attended for t in trials],
        groups=groups, cv=LeaveOneGroupOut(),
    )  # fmt: skip
    assert scores.shape == (3,)
    tuned = Pipeline(STEPS).set_params(band__h_freq=best)
    tracker = AttentionTracker(tuned, window=1.0, cv="trial")
    model = train_model(tracker, trials[:5], l_freq=None, h_freq=None)
    model.save(tmp_path / "model.safetensors")
    loaded = type(model).load(tmp_path / "model.safetensors")
    assert loaded.tracker.decoder_.named_steps["band"].h_freq == best
    pd.testing.assert_frame_equal(model.decode(trials[5], 5.0), loaded.decode(trials[5], 5.0))


def test_a_fitted_pipeline_is_saved_and_loaded(trials, tmp_path):
    pipeline = Pipeline(STEPS).fit(trials[:4])
    save_model(pipeline, tmp_path / "p.safetensors")
    loaded = load_model(tmp_path / "p.safetensors")
    np.testing.assert_array_equal(loaded.predict(trials), pipeline.predict(trials))
    np.testing.assert_array_equal(
        loaded.decision_function(trials), as_decoder(pipeline).decision_function(trials)
    )


def test_steps_may_be_switched_off(trials):
    off = TrialPipeline([("band", "passthrough"), ("z", None), ("decoder", RIDGE)]).fit(trials[:4])
    alone = AttentionDecoder(RIDGE.regressor).fit(trials[:4])
    np.testing.assert_array_equal(off.decision_function(trials), alone.decision_function(trials))


def test_what_is_no_decoder_at_the_end_is_refused(trials):
    with pytest.raises(AttributeError, match="window_sweep"):
        TrialPipeline([("band", TrialBand()), ("z", TrialZScore())]).window_sweep(trials[0], [5.0])
    assert as_decoder(RIDGE) is RIDGE
