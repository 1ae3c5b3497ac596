"""Listeners who are decoded one by one may differ in channels, their order and the rate."""

import numpy as np
import optuna
import pytest

from cocktailparty import datasets, evaluation, model_selection
from cocktailparty.evaluation.tested_trials import units
from cocktailparty.model_selection.leakage import shared_stimuli, sound_index, stimuli_at
from cocktailparty.preprocessing import preprocess
from cocktailparty.report.comparison import compare_and_report
from cocktailparty.search import search
from deep import SigLIPDecoder
from linear_aad import AttentionDecoder, BackwardTRF, CCADecoder, ForwardTRF, prediction_map

RIDGE = AttentionDecoder(BackwardTRF(tmax=0.2, alpha=0.01, alpha_convention="relative"))


class AtOwnRate(AttentionDecoder):
    """Takes the rate from the trials, as `deep.SigLIPDecoder` does."""

    def fit(self, trials, attended=None):
        self.regressor = self.regressor.set_params(sfreq=trials[0].sfreq)
        return super().fit(trials, attended)


def without(trial, k, **changes):
    """Leave a channel out, and reverse the order of the others."""
    kept = [i for i in range(trial.n_channels)[::-1] if i != k]
    names = None if trial.channel_names is None else [trial.channel_names[i] for i in kept]
    return trial.replace(
        eeg=trial.eeg[:, kept],
        channel_names=names,
        channel_positions=None,
        **changes,
    )


@pytest.fixture(scope="module")
def first():
    return datasets.simulate_two_talkers(
        n_trials=4, n_channels=6, duration=30, snr=-10, random_state=0
    ).trials


@pytest.fixture(scope="module")
def trials(first):
    return [*first, *(without(trial, 2, subject="B") for trial in first)]


@pytest.mark.parametrize("cv", ["trial", "time", "story"])
def test_a_comparison_gives_what_each_listener_gives_alone(trials, cv):
    decoders = {"ridge": RIDGE, "cca": CCADecoder(tmax=0.2)}
    options = {"windows": [5], "n_splits": 3}
    table = evaluation.compare(decoders, trials, cv, **options)
    alone = [evaluation.compare(decoders, part, cv, **options) for part in (trials[:4], trials[4:])]
    columns = ["decoder", "subject", "fold", "accuracy", "r_attended"]
    found = table[columns].sort_values(columns[:3]).reset_index(drop=True)
    rows = [row for each in alone for row in each[columns].to_dict("records")]
    expected = type(found)(rows).sort_values(columns[:3]).reset_index(drop=True)
    assert found.equals(expected)
    assert set(found["subject"]) == {"sub-01", "B"}


def test_a_neural_decoder_takes_them_one_by_one_and_no_others(trials):
    decoders = {"siglip": SigLIPDecoder(window=2.0, max_epochs=1, random_state=0)}
    table = evaluation.compare(decoders, trials, "time", [5], n_splits=2)
    assert set(table["subject"]) == {"sub-01", "B"}
    fitted = decoders["siglip"].fit(trials[:4])
    with pytest.raises(ValueError, match="the trial has 5 channels, the decoder was trained with"):
        fitted.window_scores(trials[4], 5.0)


def test_a_fold_that_mixes_listeners_names_the_channels(trials, first):
    order = [without(trial, None, subject="C") for trial in first]
    name, last = first[0].channel_names[2], first[0].channel_names[-1]
    for others, message in (
        (
            trials[4:],
            rf"fold 'sub-01' mixes .* it has {name} besides\. Keep .* cv='trial', 'story'",
        ),
        (order, rf"fold 'sub-01' mixes .* order: channel 0 is .* and '{last}'\. Bring the columns"),
        (
            [t.replace(sfreq=128, subject="D") for t in first],
            "fold 'sub-01' mixes .* sfreq=64 but .* has 128",
        ),
    ):
        for split in (model_selection.folds, lambda t, cv: evaluation.compare({"a": RIDGE}, t, cv)):
            with pytest.raises(ValueError, match=message):
                split([*first, *others], "subject")
    with pytest.raises(ValueError, match=r"trials\[4\] \(B/.*it lacks " + name):
        RIDGE.fit(trials)
    nameless = [t.replace(channel_names=None) for t in trials]
    with pytest.raises(ValueError, match=r"n_channels=5 but .* has 6: .* Keep the channels"):
        RIDGE.fit(nameless)
    with pytest.raises(ValueError, match="fold 'B' mixes recordings that differ"):
        search(RIDGE, trials, {}, cv="trial", holdout="subject")


def test_search_shift_test_map_and_report_take_them(trials, first, tmp_path, undrawn):
    space = {"regressor__alpha": optuna.distributions.FloatDistribution(1e-3, 1.0)}
    options = {"window": 5.0, "cv": "trial", "n_trials": 1, "min_folds": 9}
    result = search(RIDGE, trials, space, holdout="story", allow_shared_stimuli=True, **options)
    assert result.n_folds == 6
    assert result.held_out.n_windows == 12
    assert evaluation.circular_shift_test(RIDGE, trials, n_shifts=3, random_state=0).p_value == 0.25
    table = prediction_map(ForwardTRF(tmax=0.2, alpha=1.0), trials)
    assert list(table.columns) == list(first[0].channel_names)
    missing = table.isna()
    assert missing.loc["B"].all().tolist() == [False, False, True, False, False, False]
    assert not missing.loc["sub-01"].any().any()
    nameless = [t.replace(channel_names=None, channel_positions=None) for t in trials]
    with pytest.raises(ValueError, match="give all of them channel_names"):
        prediction_map(ForwardTRF(tmax=0.2, alpha=1.0), nameless)
    report = compare_and_report({"ridge": RIDGE}, trials, tmp_path, cv="trial", windows=[5]).report
    assert "1 with other channels left out" in report.read_text(encoding="utf-8")


def test_rates_of_their_own_and_sounds_that_are_the_same(first):
    slow = [t.replace(subject="B") for t in preprocess(first, 32, l_freq=None, h_freq=None)]
    table = evaluation.compare({"ridge": AtOwnRate(RIDGE.regressor)}, [*first, *slow], "trial", [5])
    assert table.groupby("subject")["accuracy"].mean().min() > 0.8
    # The same sounds at another rate are found: units of the test, and leaks.
    assert units([*first, *slow]).unit == [0, 1, 2, 3, 0, 1, 2, 3]
    assert shared_stimuli(first, slow) == [(i, i) for i in range(4)]
    index = sound_index([*first, *slow])
    assert index.sfreq == 32
    assert stimuli_at(first[0], 32)[0] is stimuli_at(first[0], 32)[0]
    np.testing.assert_array_equal(stimuli_at(slow[0], 32)[1], slow[0].stimuli[1])


def test_trials_of_several_rates_are_brought_to_one(first):
    mixed = [first[0], first[1].replace(sfreq=128), without(first[2], 0)]
    assert [t.sfreq for t in preprocess(mixed, None, None, 9)] == [64, 128, 64]
    assert {t.sfreq for t in preprocess(mixed, 32, None, 9)} == {32}
    with pytest.raises(ValueError, match=r"h_freq=40 Hz must lie below half .* of 64 Hz"):
        preprocess(mixed, None, None, 40)
