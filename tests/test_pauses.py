"""A talker may pause: stretches of valid trials are trained on, tested and tracked."""

import numpy as np
import pytest

from cocktailparty import datasets, evaluation
from cocktailparty.decoding.trained import train_model
from linear_aad import (
    AdaptiveDecoder,
    AttentionDecoder,
    AttentionTracker,
    BackwardTRF,
    CCADecoder,
    LassoTRF,
    SpatialDecoder,
    StackedTRF,
)

LAGS = {"tmax": 0.2, "sfreq": 64}
RIDGE = AttentionDecoder(BackwardTRF(**LAGS, alpha=0.01, alpha_convention="relative"))
DECODERS = {
    "ridge": RIDGE,
    "choice": AttentionDecoder(BackwardTRF(**LAGS, alpha=[0.01, 0.1], alpha_convention="relative")),
    "lasso": AttentionDecoder(LassoTRF(**LAGS, alpha=[0.1, 0.01])),
    "cca": CCADecoder(**LAGS, alpha=0.01),
    "adaptive": AdaptiveDecoder(
        BackwardTRF(**LAGS, alpha="ledoit-wolf"), segment=10, random_state=0
    ),
    "stacked": StackedTRF(**LAGS, alpha=0.01),
    "spatial": SpatialDecoder(sfreq=64, bands=((4, 8),), n_components=1, train_window=5),
    "tracker": AttentionTracker(RIDGE, window=5),
}


@pytest.fixture(scope="module")
def trials():
    found = datasets.simulate_two_talkers(
        n_trials=4, n_channels=6, duration=60, snr=-5, random_state=0
    ).trials
    paused = []
    for trial in found:
        # The talker who is not attended says nothing from 10 to 40 s.
        stimuli = trial.stimuli.copy()
        stimuli[1 - trial.attended, 640:2560] = 0.0
        paused.append(trial.replace(stimuli=stimuli))
    return paused


@pytest.mark.parametrize("name", DECODERS)
def test_stretches_with_a_pause_are_split_off(trials, name):
    table = evaluation.compare({name: DECODERS[name]}, trials, "time", [5], n_splits=4)
    # 3 windows in each of 4 stretches of 4 trials, none of which is left out.
    assert table["n_windows"].sum() == 48
    assert table["n_undecidable"].sum() == 0
    if name != "spatial":  # there is no direction in this EEG
        assert table["n_correct"].sum() > 40


def test_trackers_and_shift_tests_take_them(trials):
    tracker = DECODERS["tracker"].fit(trials[1:])
    assert tracker.track(trials[0].crop(12, 38)).probability.shape == (5, 2)
    scores = tracker.window_scores(trials[0], window=10, hop=5)
    assert np.isfinite(scores).all()
    assert (scores.argmax(axis=1) == trials[0].attended).all()
    model = train_model(DECODERS["tracker"], trials[1:])
    assert set(model.decode(trials[0], window=10)["chosen"]) == {trials[0].attended}
    options = {"n_splits": 4, "n_shifts": 3, "random_state": 0}
    assert evaluation.circular_shift_test(RIDGE, trials, "time", **options).p_value == 0.25
