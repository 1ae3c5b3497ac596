import numpy as np
import pytest
from sklearn.exceptions import ConvergenceWarning

from cocktailparty import Trial
from cocktailparty.datasets import simulate_eeg, simulate_trf, simulate_two_talkers
from linear_aad import AttentionDecoder, BackwardTRF, ForwardTRF
from linear_aad.adaptive import AdaptiveDecoder
from linear_aad.lagged.moments import lag_matrix

TRF = BackwardTRF(0.0, 0.25, 64, alpha=1e-2, alpha_convention="relative")
SHRUNK = BackwardTRF(0.0, 0.25, 64, alpha="ledoit-wolf")
SMOOTH = BackwardTRF(0.0, 0.25, 64, alpha=1e-2, alpha_convention="relative", penalty="laplacian")


@pytest.fixture(scope="module")
def trials():
    return simulate_two_talkers(n_trials=70, n_channels=16, random_state=3).trials


@pytest.fixture(scope="module")
def decoder(trials):
    return AdaptiveDecoder(TRF, random_state=0).fit(trials[:30])


def accuracy(decoder, trials, window=30):
    return np.mean([decoder.window_scores(t, window).argmax(axis=1) == t.attended for t in trials])


def halves(trials):
    return [t.crop(a, a + 30) for t in trials for a in (0, 30)]


@pytest.mark.parametrize("trf", [SHRUNK, TRF])
def test_random_starts_end_near_the_supervised_decoder(trials, trf):
    train, test = trials[:30], trials[30:]
    supervised = accuracy(AttentionDecoder(trf).fit(train), test)
    assert supervised > 0.8
    decoder = AdaptiveDecoder(trf, random_state=0).fit(train)
    assert accuracy(decoder, test) > supervised - 0.03
    single = [AdaptiveDecoder(trf, n_init=1, random_state=seed).fit(train) for seed in (1, 2)]
    assert min(accuracy(d, test) for d in single) > supervised - 0.05


def test_attended_labels_are_not_looked_at(trials, decoder):
    train = trials[:30]
    flipped = [t.replace(attended=1 - t.attended) for t in train]
    unknown = [t.replace(attended=None) for t in train]
    for other, attended in ((flipped, None), (unknown, None), (train, [0] * 30)):
        again = AdaptiveDecoder(TRF, random_state=0).fit(other, attended)
        np.testing.assert_array_equal(again.coef_, decoder.coef_)
        np.testing.assert_array_equal(again.labels_, decoder.labels_)
    more = AdaptiveDecoder(TRF, random_state=0).fit(train).partial_fit(trials[30:34])
    blind = AdaptiveDecoder(TRF, random_state=0).fit(unknown)
    blind.partial_fit([t.replace(attended=None) for t in trials[30:34]])
    np.testing.assert_array_equal(more.coef_, blind.coef_)


@pytest.mark.parametrize("trf", [TRF, SHRUNK, SMOOTH])
def test_the_model_is_that_of_the_chosen_stimuli(trials, trf):
    # One trial has a third talker, so that the numbers of stimuli differ.
    train = [*trials[:11], trials[11].replace(stimuli=np.r_[trials[11].stimuli,
                                                            trials[12].stimuli[:1]])]  # fmt: skip
    decoder = AdaptiveDecoder(trf, segment=30, random_state=0).fit(train)
    segments = halves(train)
    assert decoder.labels_.shape == (24,)
    assert np.mean(decoder.labels_ == np.repeat([t.attended for t in train], 2)) > 0.6
    ridge = BackwardTRF(**trf.get_params()).fit(
        [t.eeg for t in segments],
        [t.stimuli[k] for t, k in zip(segments, decoder.labels_, strict=True)],
    )
    for name in ("coef_", "intercept_", "patterns_", "lags_"):
        np.testing.assert_allclose(getattr(decoder, name), getattr(ridge, name), rtol=1e-6)
    np.testing.assert_allclose(
        decoder.reconstruct(trials[20:21])[0], ridge.predict(trials[20].eeg), rtol=1e-6
    )
    assert decoder.classes_.tolist() == [0, 1, 2]
    if trf is SHRUNK:
        assert decoder.alpha_ == pytest.approx(ridge.alpha_)


@pytest.mark.parametrize(("penalty", "alpha"), [("ridge", 1e-2), ("laplacian", 1e2)])
def test_labels_are_what_models_of_all_other_segments_choose(trials, penalty, alpha):
    # The covariance is that of all data, in the decoder as in this oracle.
    segments = halves(trials[:8])
    trf = BackwardTRF(**TRF.get_params()).set_params(penalty=penalty, alpha=alpha)
    decoder = AdaptiveDecoder(trf, segment=30, random_state=0).fit(trials[:8])
    steps = np.diff(np.eye(17), axis=0)
    shape = np.eye(17) if penalty == "ridge" else steps.T @ steps
    lagged = [lag_matrix(t.eeg, decoder.lags_) for t in segments]
    x = np.concatenate(lagged)
    mean = x.mean(axis=0)
    xx = (x - mean).T @ (x - mean)
    inverse = np.linalg.inv(xx + alpha * np.diag(xx).mean() * np.kron(np.eye(16), shape))
    for i, segment in enumerate(segments):
        rest = sum(
            (lagged[j] - mean).T @ segments[j].stimuli[decoder.labels_[j], :, 0]
            for j in range(len(segments))
            if j != i
        )
        r = [np.corrcoef(lagged[i] @ inverse @ rest, s)[0, 1] for s in segment.stimuli[..., 0]]
        assert np.argmax(r) == decoder.labels_[i]


def test_an_initial_decoder_gives_the_first_labels_and_a_share_of_the_weights(trials):
    initial = AttentionDecoder(TRF).fit(trials[30:40])
    coef = initial.regressor_.coef_
    kept = AdaptiveDecoder(TRF, initial, initial_weight=1.0).fit(trials[:10])
    np.testing.assert_allclose(kept.coef_, coef)
    np.testing.assert_array_equal(kept.labels_, initial.predict(trials[:10]))
    half = AdaptiveDecoder(TRF, initial, initial_weight=0.5).fit(trials[:10])
    own = BackwardTRF(**TRF.get_params()).fit(
        [t.eeg for t in trials[:10]],
        [t.stimuli[k] for t, k in zip(trials[:10], half.labels_, strict=True)],
    )
    np.testing.assert_allclose(half.coef_, (coef + own.coef_) / 2, rtol=1e-6)
    free = AdaptiveDecoder(TRF, initial).fit(trials[:10])
    again = AdaptiveDecoder(TRF, initial.regressor_).fit(trials[:10])
    np.testing.assert_array_equal(again.coef_, free.coef_)


@pytest.mark.parametrize("remove_mean", [True, False])
def test_partial_fit_is_weighted_ridge_with_labels_decided_in_advance(trials, remove_mean):
    absolute = BackwardTRF(0.0, 0.1, 64, alpha=1e-8, remove_mean=remove_mean)
    decoder = AdaptiveDecoder(absolute, forgetting=90.0, random_state=0).fit(trials[:10])
    chosen = list(decoder.labels_)
    expected = []
    for k in range(10, 13):
        expected.append(int(decoder.predict([trials[k]])[0]))
        decoder.partial_fit([trials[k]])
        chosen.append(int(decoder.labels_[0]))
    assert chosen[10:] == expected
    # All data of `fit` have the same age.
    age = np.r_[np.full(10, 180.0), 120.0, 60.0, 0.0]
    root = np.exp(-0.5 * age / 90.0)
    rows, targets, level = [], [], 0.0
    for w, t, k in zip(root, trials[:13], chosen, strict=True):
        eeg, y = t.eeg, t.stimuli[k, :, 0]
        if remove_mean:
            level += w**2 * y.mean() / np.sum(root**2)
            eeg, y = eeg - eeg.mean(axis=0), y - y.mean()
        x = lag_matrix(eeg, decoder.lags_)
        rows.append(w * np.c_[x, np.ones(len(x))])
        targets.append(w * y)
    x, y = np.concatenate(rows), np.concatenate(targets)
    ridge = np.diag(np.r_[np.full(x.shape[1] - 1, 1e-8), 0])
    solution = np.linalg.solve(x.T @ x + ridge, x.T @ y)
    np.testing.assert_allclose(decoder.coef_.ravel(), solution[:-1], rtol=1e-5)
    np.testing.assert_allclose(decoder.intercept_, solution[-1] + level, rtol=1e-6)


def test_the_optimal_penalty_follows_the_eeg(trials):
    decoder = AdaptiveDecoder(SHRUNK, forgetting=60.0, random_state=0).fit(trials[:10])
    alpha = decoder.alpha_
    decoder.partial_fit([t.replace(eeg=10 * t.eeg) for t in trials[10:20]])
    assert decoder.alpha_ == pytest.approx(100 * alpha, rel=0.1)
    # It is still near what the new recordings alone would give.
    alone = BackwardTRF(**SHRUNK.get_params()).fit(
        [10 * t.eeg for t in trials[10:20]], [t.stimuli[t.attended] for t in trials[10:20]]
    )
    assert decoder.alpha_ == pytest.approx(alone.alpha_, rel=0.3)
    weights = decoder.coef_
    decoder.partial_fit([trials[20].replace(eeg=10 * trials[20].eeg)])
    assert not np.allclose(decoder.coef_, weights)


def test_a_single_stimulus_counts_as_a_label(trials):
    alone = [t.replace(stimuli=t.stimuli[[t.attended]], attended=0) for t in trials[:12]]
    decoder = AdaptiveDecoder(SHRUNK, random_state=0).fit([*alone, *trials[12:20]])
    assert not decoder.labels_[:12].any()
    truth = [t.attended for t in trials[12:20]]
    assert np.mean(decoder.labels_[12:] == truth) >= 7 / 8
    with pytest.raises(ValueError, match="nothing to find out"):
        AdaptiveDecoder(SHRUNK).fit(alone)


def test_partial_fit_follows_responses_that_drift(trials):
    rng = np.random.default_rng(0)
    first, last = simulate_trf(16, 64, random_state=1), simulate_trf(16, 64, random_state=2)
    last = -np.roll(last, 3, axis=1)
    drifting = []
    for i, t in enumerate(trials):
        mix = min(max((i - 25) / 25, 0), 1)
        eeg = simulate_eeg(t.stimuli, t.attended, 64, (1 - mix) * first + mix * last,
                           snr=-28, random_state=rng)  # fmt: skip
        drifting.append(Trial(eeg, t.stimuli, 64, attended=t.attended))
    fixed = AdaptiveDecoder(TRF, random_state=0).fit(drifting[:25])
    assert accuracy(fixed, drifting[:25]) > 0.85
    adapted = AdaptiveDecoder(TRF, random_state=0, forgetting=600).fit(drifting[:25])
    before = []
    for trial in drifting[25:]:
        before.append(accuracy(adapted, [trial]))
        adapted.partial_fit([trial])
    assert np.mean(before[-15:]) > 0.8
    assert accuracy(fixed, drifting[-15:]) < 0.6


def test_an_unfitted_decoder_may_begin_with_partial_fit(trials, decoder):
    begun = AdaptiveDecoder(TRF, random_state=0).partial_fit(trials[:30])
    np.testing.assert_array_equal(begun.coef_, decoder.coef_)


def test_several_features_are_learnt_together(trials):
    # A second feature that is pure noise must not keep the first from being learnt.
    rng = np.random.default_rng(0)
    double = [
        t.replace(stimuli=np.concatenate([t.stimuli, rng.random(t.stimuli.shape)], axis=2))
        for t in trials[:30]
    ]
    decoder = AdaptiveDecoder(TRF, random_state=0).fit(double)
    assert decoder.coef_.shape == (2, 16, 17)
    assert np.mean(decoder.labels_ == [t.attended for t in double]) > 0.75
    decoder.partial_fit(double[:2])
    assert decoder.reconstruct(double[:1])[0].shape == (3840, 2)


def test_labels_that_do_not_settle_are_reported(trials):
    with pytest.warns(ConvergenceWarning, match="raise max_iter"):
        AdaptiveDecoder(TRF, max_iter=1, random_state=0).fit(trials[:6])


def test_bad_input_is_named(trials, decoder):
    other = BackwardTRF(0.0, 0.1, 64).fit(trials[0].eeg, trials[0].stimuli[0])
    few = [t.replace(eeg=t.eeg[:, :4], channel_names=None) for t in trials[:2]]
    for call, message in (
        (lambda: AdaptiveDecoder(TRF).fit(trials[:1]), "at least 2 are needed"),
        (lambda: AdaptiveDecoder(TRF, segment=0).fit(trials[:2]), "segment must be positive"),
        (lambda: AdaptiveDecoder(TRF, initial_weight=0.1).fit(trials[:2]), "0 without an initial"),
        (lambda: AdaptiveDecoder(TRF, TRF).fit(trials[:2]), "fitted linear decoder"),
        (lambda: AdaptiveDecoder(TRF, other).fit(trials[:2]), "same channels, features and lags"),
        (lambda: AdaptiveDecoder(BackwardTRF(alpha=[1, 2])).fit(trials[:2]), "a single number"),
        (lambda: AdaptiveDecoder(BackwardTRF(alpha="best")).fit(trials[:2]), "'ledoit-wolf' or a"),
        (lambda: AdaptiveDecoder(BackwardTRF(alpha=-1)).fit(trials[:2]), "a single number"),
        (lambda: AdaptiveDecoder(ForwardTRF()).fit(trials[:2]), "regressor must be a BackwardTRF"),
        (
            lambda: AdaptiveDecoder(BackwardTRF(penalty="laplacian", alpha="ledoit-wolf")).fit(
                trials[:2]
            ),
            "penalty='laplacian' of the regressor does not go",
        ),
        (lambda: AdaptiveDecoder(BackwardTRF(bands=[8, 8])).fit(trials[:2]), r"bands=\[8, 8\]"),
        (lambda: AdaptiveDecoder(BackwardTRF(averaging="models")).fit(trials[:2]), "averaging="),
        (lambda: AdaptiveDecoder(BackwardTRF(fit_intercept=False)).fit(trials[:2]), "fit_inter"),
        (
            lambda: AdaptiveDecoder(BackwardTRF(alpha_convention="x")).fit(trials[:2]),
            "alpha_convention must be",
        ),
        (
            lambda: AdaptiveDecoder(TRF).fit([trials[0], trials[1].replace(stimuli=None,
                                                                           attended=None)]),
            r"trials \[1\] have no stimuli",
        ),
        (lambda: AdaptiveDecoder(BackwardTRF(alpha=0)).fit(
            [t.replace(eeg=np.c_[t.eeg, t.eeg[:, :1]], channel_names=None) for t in trials[:2]]
        ), "linearly dependent"),
        (lambda: decoder.predict(few), "n_channels=4, the decoder was fitted to 16"),
        (lambda: decoder.predict([trials[0].replace(sfreq=32)]), "sampled at 32 Hz"),
        (lambda: AdaptiveDecoder(TRF).predict(trials), "not fitted"),
    ):  # fmt: skip
        with pytest.raises(ValueError, match=message):
            call()
