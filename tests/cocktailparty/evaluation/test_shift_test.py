import warnings

import numpy as np
import pytest
from joblib import parallel_config
from scipy.stats import binom
from sklearn.base import BaseEstimator, clone
from sklearn.model_selection import KFold

from cocktailparty import Trial, datasets
from cocktailparty.decoding.base import AttentionDecoderMixin
from cocktailparty.evaluation.shift_test import circular_shift_test, shifted
from cocktailparty.model_selection.splits import folds
from linear_aad import AttentionDecoder, BackwardTRF, CCADecoder

RIDGE = AttentionDecoder(BackwardTRF(0.0, 0.25, 16, alpha=1e-2, alpha_convention="relative"))
CHOOSING = AttentionDecoder(
    BackwardTRF(0.0, 0.25, 16, alpha=[1e-3, 1e0, 1e2], alpha_convention="relative")
)


def listener(rng, n_trials=6, n_times=400, gain=1.0):
    kernel, trials = np.ones(4), []
    for i in range(n_trials):
        sounds = [np.convolve(rng.random(n_times + 3), kernel, "valid") for _ in range(2)]
        eeg = gain * sounds[i % 2][:, None] * [1.0, -0.5, 0.2] + rng.normal(size=(n_times, 3))
        labels = {"attended": i % 2, "subject": f"s{i % 2}", "story": f"{i}", "name": f"t{i}"}
        trials.append(Trial(eeg, sounds, 16, **labels))
    return trials


@pytest.fixture
def trials(rng):
    return listener(rng)


def explicit(decoder, trials, cv, n_shifts, min_shift, seed, **split):
    """Train anew on every shifted copy of the trials, one after the other."""
    rng, scores = np.random.default_rng(seed), []
    rows = [[0] * len(trials)]
    low = round(min_shift * 16)
    rows += [[rng.integers(low, t.n_times - low + 1) for t in trials] for _ in range(n_shifts)]
    for row in rows:
        moved = [
            t.replace(stimuli=np.roll(t.stimuli, by, axis=1))
            for t, by in zip(trials, row, strict=True)
        ]
        scores.append(
            np.mean(
                [
                    clone(decoder).fit(fold.train).window_scores(t, t.duration)[0, t.attended]
                    for fold in folds(moved, cv, **split)
                    for t in fold.test
                ]
            )
        )
    return np.array(scores)


class Slow(AttentionDecoder):
    """The same decoder, which has to be trained on each data set by itself."""

    fit_many = property()


@pytest.mark.parametrize("cv", ["trial", "subject", "time", KFold(2)])
@pytest.mark.parametrize("decoder", [RIDGE, CHOOSING])
def test_all_shifts_at_once_are_what_training_for_each_gives(trials, cv, decoder, monkeypatch):
    split = {"n_splits": 2, "gap": 1.0} if cv == "time" else {}
    options = {"n_shifts": 3, "min_shift": 3.0, "random_state": 7}
    expected = explicit(decoder, trials, cv, 3, 3.0, 7, **split)
    assert expected.std() > 1e-3
    fast = circular_shift_test(decoder, trials, cv, **options, **split)
    slow = circular_shift_test(Slow(decoder.regressor), trials, cv, **options, **split)
    monkeypatch.setattr("cocktailparty.evaluation.shift_test.VERSION_BYTES", 2 * 8 * 6 * 2 * 400)
    parts = circular_shift_test(decoder, trials, cv, **options, **split)
    for test in (fast, slow, parts):
        np.testing.assert_allclose([test.observed, *test.null], expected, atol=1e-10)


def test_shifts_of_a_trial_go_round():
    stimuli = np.arange(12.0).reshape(1, 6, 2)
    np.testing.assert_array_equal(shifted(stimuli, 2), np.roll(stimuli, 2, axis=1))
    assert shifted(stimuli, 0) is stimuli


class Counting(AttentionDecoderMixin, BaseEstimator):
    """A decoder that notes how often it is trained, and may be stopped."""

    trained = 0
    stop_after = np.inf

    def fit(self, trials, attended=None):
        if Counting.trained >= Counting.stop_after:
            raise KeyboardInterrupt
        Counting.trained += 1
        self.mean_ = float(np.mean([t.stimuli[t.attended, :50].mean() for t in trials]))
        return self

    def window_scores(self, trial, window=5.0, hop=None):
        return np.array([[self.mean_, float(trial.stimuli[1, :50].mean())]])


@pytest.fixture
def counting(monkeypatch):
    monkeypatch.setattr(Counting, "trained", 0)
    return monkeypatch


def test_a_test_that_was_interrupted_goes_on(trials, tmp_path, counting):
    options = {"n_shifts": 4, "random_state": 0}
    expected = circular_shift_test(Counting(), trials, **options)
    assert Counting.trained == 6 * 5
    counting.setattr(Counting, "trained", 0)
    counting.setattr(Counting, "stop_after", 7)
    with pytest.raises(KeyboardInterrupt):
        circular_shift_test(Counting(), trials, cache=tmp_path, **options)
    counting.setattr(Counting, "stop_after", np.inf)
    resumed = circular_shift_test(Counting(), trials, cache=tmp_path, **options)
    assert Counting.trained == 6 * 5
    np.testing.assert_array_equal(resumed.null, expected.null)
    assert resumed.observed == expected.observed
    # More shifts begin with those of fewer; other seeds, data and settings begin anew.
    more = circular_shift_test(Counting(), trials, cache=tmp_path, n_shifts=6, random_state=0)
    assert Counting.trained == 6 * 7
    np.testing.assert_array_equal(more.null[:4], expected.null)
    circular_shift_test(Counting(), trials, cache=tmp_path, n_shifts=4, random_state=1)
    assert Counting.trained == 6 * (7 + 4)
    other = [trials[0].replace(eeg=2 * trials[0].eeg), *trials[1:]]
    circular_shift_test(Counting(), other, cache=tmp_path, **options)
    assert Counting.trained == 6 * (7 + 4) + 3 * 5  # one listener of two is another


def test_a_damaged_file_is_computed_again(trials, tmp_path, counting):
    options = {"n_shifts": 2, "random_state": 0, "cache": tmp_path}
    expected = circular_shift_test(Counting(), trials, **options)
    file = next(tmp_path.iterdir())
    file.write_text(file.read_text().replace(".", ",", 1))
    with pytest.warns(UserWarning, match="is damaged"):
        again = circular_shift_test(Counting(), trials, **options)
    np.testing.assert_array_equal(again.null, expected.null)
    assert Counting.trained == 6 * 3 + 3


def test_workers_give_the_same_null(trials):
    options = {"n_shifts": 3, "random_state": 0}
    one = circular_shift_test(RIDGE, trials, **options)
    with parallel_config(backend="threading"):
        two = circular_shift_test(RIDGE, trials, n_jobs=2, **options)
    np.testing.assert_allclose(one.null, two.null, atol=1e-12)


def test_progress_counts_folds(trials, capsys):
    circular_shift_test(RIDGE, trials, n_shifts=3)
    assert capsys.readouterr().err == ""
    circular_shift_test(RIDGE, trials, n_shifts=3, progress=True)
    assert "24/24" in capsys.readouterr().err


def test_a_listener_who_follows_is_found():
    trials = datasets.simulate_two_talkers(
        n_trials=4, duration=40.0, n_channels=8, snr=-20, random_state=5
    ).trials
    decoder = AttentionDecoder(BackwardTRF(0.0, 0.3, 64, alpha=1e-2, alpha_convention="relative"))
    test = circular_shift_test(decoder, trials, n_shifts=39, random_state=0)
    assert test.p_value == 1 / 40
    assert abs(test.null.mean()) < 0.03


def test_decoders_without_a_fast_way_are_tested(trials):
    cca = CCADecoder(sfreq=16, alpha=1.0)
    assert circular_shift_test(cca, trials, n_shifts=3, random_state=0).p_value == 0.25


@pytest.mark.parametrize("n_sets", [25, pytest.param(200, marks=pytest.mark.slow)])
def test_false_alarms_are_few(n_sets):
    # Data sets in which EEG and stimuli belong to different trials; the nominal rate is 5 %.
    rng = np.random.default_rng(77)
    decoder = AttentionDecoder(BackwardTRF(0.0, 0.25, 16, alpha=0.1, alpha_convention="relative"))
    fired = 0
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for _ in range(n_sets):
            trials = [
                Trial(
                    np.cumsum(rng.normal(size=(200, 2)), axis=0) * 0.1 + rng.normal(size=(200, 2)),
                    [np.convolve(rng.random(203), np.ones(4), "valid")],
                    16,
                    attended=0,
                    name=f"t{i}",
                )
                for i in range(3)
            ]
            test = circular_shift_test(decoder, trials, n_shifts=19, random_state=rng)
            fired += test.p_value <= 0.05
    low, high = binom.interval(0.8, n_sets, 0.05)
    assert low <= fired <= high


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"n_shifts": 0}, "n_shifts must be at least 1, got 0"),
        ({"min_shift": 0.0}, "min_shift must be a positive number of seconds"),
        ({"min_shift": 13.0}, r"trials\[0\] \(s0/0/t0\) lasts 25 s, too short to be shifted"),
    ],
)
def test_what_cannot_be_shifted_is_refused(trials, settings, message):
    with pytest.raises(ValueError, match=message):
        circular_shift_test(None, trials, **settings)


def test_scores_that_are_no_numbers_are_refused(trials):
    class Blind(Counting):
        def window_scores(self, trial, window=5.0, hop=None):
            return np.full((1, 2), np.nan)

    with pytest.raises(ValueError, match="NaN"):
        circular_shift_test(Blind(), trials, n_shifts=1)
