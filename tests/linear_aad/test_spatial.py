import sys

import numpy as np
import pytest
from scipy.stats import binom
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV, LeaveOneGroupOut, cross_val_score

from cocktailparty import Trial
from cocktailparty.preprocessing import bandpass
from linear_aad.spatial import FILTER_BANK, SpatialDecoder

ALPHA = {"bands": [(8, 13)], "n_components": 1, "train_window": 1.0}
METHODS = ["csp", "riemann"]


def listen(rng, gain=2.0, n_trials=12, n_directions=2, duration=20, n_channels=8):
    """Alpha of one source for each direction, stronger by a gain where attention is directed."""
    n_times = duration * 64
    mixing = rng.normal(size=(n_channels, n_channels))
    patterns = rng.normal(size=(n_directions, n_channels))
    trials = []
    for i in range(n_trials):
        k = i % n_directions
        gains = np.ones(n_directions)
        gains[k] = gain
        alpha = bandpass(rng.normal(size=(n_times, n_directions)), 64, 9, 12)
        eeg = rng.normal(size=(n_times, n_channels)) @ mixing + 6 * (alpha * gains) @ patterns
        eeg -= eeg.mean(axis=1, keepdims=True)  # average reference: channels are dependent
        stimuli = rng.random((n_directions, n_times))
        story = f"story {i // n_directions}"
        trials.append(Trial(10e-6 * eeg, stimuli, 64, attended=k, story=story, name=f"{i}"))
    return trials, patterns - patterns.mean(axis=1, keepdims=True)


def right(decoder, trials, window):
    return np.concatenate(
        [decoder.window_scores(t, window).argmax(axis=1) == t.attended for t in trials]
    )


def within_chance(correct, p=0.5):
    low, high = binom.interval(0.99, len(correct), p)
    return low <= np.sum(correct) <= high


def decoder_of(method, **parameters):
    if method == "riemann":
        pytest.importorskip("pyriemann")
    return SpatialDecoder(method=method, **{**ALPHA, **parameters})


@pytest.fixture(scope="module")
def trials():
    return listen(np.random.default_rng(2))[0]


@pytest.mark.parametrize("method", METHODS)
def test_lateralised_power_is_decoded_on_unseen_trials(trials, method):
    decoder = decoder_of(method).fit(trials[:8])
    assert right(decoder, trials[8:], 1.0).mean() > 0.8
    assert right(decoder, trials[8:], 5.0).mean() > 0.9
    np.testing.assert_array_equal(decoder.predict(trials[8:]), [0, 1, 0, 1])


def test_the_default_filter_bank_finds_the_band(trials):
    decoder = SpatialDecoder().fit(trials[:8])
    assert right(decoder, trials[8:], 5.0).mean() > 0.9
    assert FILTER_BANK[:3] == ((1, 4), (2, 6), (4, 8))
    assert FILTER_BANK[-1] == (26, 30)
    assert decoder.filters_.shape == decoder.patterns_.shape == (14, 6, 8)
    # Far above the band nothing depends on direction, whatever the filters let through.
    above = SpatialDecoder(**{**ALPHA, "bands": [(22, 30)]}).fit(trials[:8])
    assert within_chance(right(above, trials[8:], 1.0))


@pytest.mark.parametrize("method", METHODS)
def test_without_an_effect_there_is_chance(rng, method):
    trials, _ = listen(rng, gain=1.0)
    decoder = decoder_of(method)
    correct = np.concatenate(
        [right(clone(decoder).fit(trials[:6]), trials[6:], 1.0),
         right(clone(decoder).fit(trials[6:]), trials[:6], 1.0)]
    )  # fmt: skip
    assert len(correct) == 240
    assert within_chance(correct)


def test_shuffled_labels_give_chance(rng, trials):
    # Windows of a trial go right or wrong together, so that trials are counted.
    correct = []
    for _ in range(12):
        labels = rng.permutation([t.attended for t in trials])
        train, test = rng.permutation(12).reshape(2, 6)
        if len(set(labels[train])) < 2:
            continue
        decoder = SpatialDecoder(**ALPHA).fit([trials[i] for i in train], labels[train])
        correct += (decoder.predict([trials[i] for i in test]) == labels[test]).tolist()
    assert len(correct) > 60
    assert within_chance(correct)


@pytest.mark.parametrize("method", METHODS)
def test_more_than_two_directions(rng, method):
    trials, _ = listen(rng, gain=3.0, n_directions=3)
    decoder = decoder_of(method).fit(trials[:9])
    scores = decoder.window_scores(trials[9], window=5)
    assert scores.shape == (4, 3)
    assert right(decoder, trials[9:], 5.0).mean() > 0.8


def test_patterns_are_those_of_the_sources(rng):
    trials, patterns = listen(rng, gain=3.0)
    decoder = SpatialDecoder(**ALPHA).fit(trials)
    assert decoder.patterns_.shape == (1, 2, 8)
    for found, truth in zip(decoder.patterns_[0], patterns, strict=True):
        assert abs(np.corrcoef(found, truth)[0, 1]) > 0.95


@pytest.mark.parametrize("method", METHODS)
def test_features_and_scores_by_hand(trials, method):
    decoder = decoder_of(method, shrinkage=0.1).fit(trials[:8])
    eeg = bandpass(trials[9].eeg, 64, 8, 13)
    window = eeg[128:256]
    covariance = window.T @ window / 128
    covariance = 0.9 * covariance + 0.1 * np.trace(covariance) / 8 * np.eye(8)
    if method == "csp":
        features = [[np.log(w @ covariance @ w) for w in decoder.filters_[0]]]
    else:
        values, vectors = np.linalg.eigh(decoder.tangent_spaces_[0].reference_)
        whitener = vectors / np.sqrt(values) @ vectors.T
        values, vectors = np.linalg.eigh(whitener @ covariance @ whitener)
        logarithm = vectors * np.log(values) @ vectors.T
        weights = np.sqrt(2) * np.ones((8, 8)) + (1 - np.sqrt(2)) * np.eye(8)
        features = [(weights * logarithm)[np.triu_indices(8)]]
    p = decoder.classifier_.predict_proba(features)[0]
    scores = decoder.window_scores(trials[9], window=2.0, hop=1.0)
    assert scores.shape == (19, 2)
    np.testing.assert_allclose(scores[2], np.log(p / (1 - p)), rtol=1e-6)


@pytest.mark.parametrize("method", METHODS)
def test_scores_of_three_directions_are_log_odds(rng, method):
    trials, _ = listen(rng, n_directions=3)
    scores = decoder_of(method).fit(trials).window_scores(trials[0], 1.0)
    np.testing.assert_allclose(np.sum(1 / (1 + np.exp(-scores)), axis=1), 1.0)


def test_sweep_is_the_same_as_single_windows(trials):
    decoder = SpatialDecoder(**ALPHA).fit(trials[:4])
    sweep = decoder.window_sweep(trials[5], [0.5, 3, 20, 21])
    for window in (0.5, 3, 20):
        np.testing.assert_array_equal(sweep[window], decoder.window_scores(trials[5], window))
    assert sweep[3].shape == (6, 2)
    assert sweep[21].shape == (0, 2)


def test_only_the_eeg_and_the_labels_count(trials):
    decoder = SpatialDecoder(**ALPHA).fit(trials[:4])
    other = [t.replace(stimuli=t.stimuli[:, ::-1], eeg=3e6 * t.eeg) for t in trials]
    before = [t.eeg.copy() for t in other]
    again = SpatialDecoder(**ALPHA).fit(other[:4], [t.attended for t in trials[:4]])
    expected = decoder.window_scores(trials[5], 1.0)
    np.testing.assert_allclose(again.window_scores(other[5], 1.0), expected, rtol=1e-6, atol=1e-9)
    for trial, eeg in zip(other, before, strict=True):
        np.testing.assert_array_equal(trial.eeg, eeg)
    single = [t.replace(eeg=t.eeg.astype(np.float32)) for t in trials]
    rough = SpatialDecoder(**ALPHA).fit(single[:4]).window_scores(single[5], 1.0)
    np.testing.assert_allclose(rough, expected, rtol=1e-3, atol=1e-3)


def test_tools_of_scikit_learn_work_on_trials(trials):
    attended = [t.attended for t in trials]
    stories = [t.story for t in trials]
    decoder = SpatialDecoder(**ALPHA)
    assert clone(decoder).get_params() == decoder.get_params()
    scores = cross_val_score(decoder, trials, attended, groups=stories, cv=LeaveOneGroupOut())
    assert len(scores) == 6
    assert scores.mean() > 0.9
    search = GridSearchCV(decoder, {"bands": [[(8, 13)], [(16, 30)]]}, cv=LeaveOneGroupOut())
    search.fit(trials, attended, groups=stories)
    assert search.best_params_ == {"bands": [(8, 13)]}


def test_pyriemann_is_asked_for_by_name(trials, monkeypatch):
    monkeypatch.setitem(sys.modules, "pyriemann.tangentspace", None)
    with pytest.raises(ImportError, match=r"pip install 'cocktailparty\[spatial\]'"):
        SpatialDecoder(method="riemann", **ALPHA).fit(trials)


BAD = {
    "rate too low for the default bank": (
        lambda ts: SpatialDecoder(sfreq=32).fit([t.replace(sfreq=32) for t in ts]),
        r"bands: 12-16 Hz cannot be cut out of EEG at 32 Hz .* higher rate",
    ),
    "another rate": (
        lambda ts: SpatialDecoder(sfreq=128).fit(ts),
        "64 Hz but the decoder was made for sfreq=128",
    ),
    "band upside down": (lambda ts: fit(ts, bands=[(13, 8)]), "bands: 13-8 Hz .* must lie below"),
    "one band without a list": (lambda ts: fit(ts, bands=(8, 13)), r"bands must be pairs"),
    "no band": (lambda ts: fit(ts, bands=[]), r"bands must be pairs"),
    "single direction": (lambda ts: fit(ts[::2]), r"direction\(s\) \[1\] are attended in no"),
    "one stimulus": (
        lambda ts: fit([t.replace(stimuli=t.stimuli[:1], attended=0) for t in ts]),
        r"trials have \[1\] stimuli, expected one for each direction",
    ),
    "unlabelled": (
        lambda ts: fit([ts[0].replace(attended=None), *ts[1:]]),
        r"trials \[0\] have no attended label",
    ),
    "too short for the filter": (
        lambda ts: fit([*ts, ts[0].crop(0, 1)]),
        r"trials\[12\] lasts 1 s, but the filter needs",
    ),
    "too short for the window": (
        lambda ts: fit(ts, train_window=30.0),
        r"trials\[0\] lasts 20 s, shorter than train_window=30 s",
    ),
    "empty window": (lambda ts: fit(ts, train_window=0.0), "train_window=0 s holds no sample"),
    "shrinkage": (lambda ts: fit(ts, shrinkage=1.5), "shrinkage must lie between 0 and 1"),
    "dependent channels": (lambda ts: fit(ts, shrinkage=0.0), "channels are linearly dependent"),
    "riemann without shrinkage": (
        lambda ts: fit(ts, method="riemann", shrinkage=0.0),
        "above 0 for 'riemann', got 0.0",
    ),
    "unknown method": (lambda ts: fit(ts, method="lda"), "method must be one of .* got 'lda'"),
    "too many components": (
        lambda ts: fit(ts, n_components=5),
        "n_components=5 for each of 2 directions .* there are 8",
    ),
    "no components": (lambda ts: fit(ts, n_components=0), "n_components=0"),
    "not fitted": (lambda ts: SpatialDecoder().predict(ts), "not fitted"),
    "window too long": (
        lambda ts: fit(ts[:4]).window_scores(ts[5], 21.0),
        "window=21 s is longer than the trial, which lasts 20 s",
    ),
    "no hop": (lambda ts: fit(ts[:4]).window_scores(ts[5], 2.0, 0.0), "hop=0 s holds no sample"),
    "fewer channels": (
        lambda ts: fit(ts[:4]).predict([ts[5].replace(eeg=ts[5].eeg[:, :5])]),
        "'story 2/5' has 5 channels but the decoder was fitted on 8",
    ),
    "no stimuli": (
        lambda ts: fit(ts[:4]).window_scores(ts[5].replace(stimuli=None, attended=None)),
        "has 0 stimuli but the decoder knows 2 directions",
    ),
}


def fit(trials, **parameters):
    return SpatialDecoder(**{**ALPHA, **parameters}).fit(trials)


@pytest.mark.parametrize("case", BAD)
def test_bad_input_is_named(trials, case):
    call, message = BAD[case]
    with pytest.raises(ValueError, match=message):
        call(trials)
