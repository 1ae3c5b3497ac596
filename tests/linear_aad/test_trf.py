import numpy as np
import pytest
from mtrf.model import TRF
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV
from sklearn.utils.estimator_checks import parametrize_with_checks

from linear_aad import BackwardTRF, ForwardTRF
from linear_aad.lagged.moments import lag_matrix

# check_fit2d_1sample, which lagged regressors may fail as well, passes: the error says n_samples=1.
EXPECTED_FAILURES = {
    "check_methods_sample_order_invariance": "a lagged model depends on the order of the samples",
    "check_methods_subset_invariance": "a lagged model sees the neighbours of a sample",
}


@parametrize_with_checks(
    [BackwardTRF(tmin=0.0, tmax=3 / 64), BackwardTRF(tmin=-0.02, tmax=0.02, alpha=0.1,
     alpha_convention="relative"), ForwardTRF(tmin=-0.02, tmax=0.02),
     ForwardTRF(tmin=-0.02, tmax=0.02, averaging="models", fit_intercept=False)],
    expected_failed_checks=lambda estimator: EXPECTED_FAILURES,
)  # fmt: skip
def test_scikit_learn_contract(estimator, check):
    check(estimator)


def listener(rng, n_trials=4, n_channels=3, n_features=1, dtype=np.float64):
    stimuli = [rng.random((300 + 20 * i, n_features)).astype(dtype) for i in range(n_trials)]
    mixing = rng.normal(size=(n_features, n_channels))
    eeg = [
        (np.roll(s, 6, axis=0) @ mixing + rng.normal(size=(len(s), n_channels))).astype(dtype)
        for s in stimuli
    ]
    return eeg, stimuli


@pytest.mark.parametrize("regularization", [1e-2, 1e2, 1e6])
def test_same_model_as_mtrfpy(rng, regularization):
    eeg, stimuli = listener(rng, n_features=2)
    theirs = TRF(direction=-1)
    # Their backward lags count from the EEG to the stimulus, hence the other sign.
    theirs.train(stimuli, eeg, 64, 0.0, 0.25, regularization)
    ours = BackwardTRF(0.0, 0.25, 64, regularization, alpha_convention="mtrfpy", remove_mean=False)
    ours.fit(eeg, stimuli)
    assert len(theirs.times) == len(ours.lags_) == 17
    predicted, _ = theirs.predict(stimuli, eeg)
    for a, b in zip(ours.predict(eeg), predicted, strict=True):
        np.testing.assert_allclose(a, b, atol=1e-9)
    # weights: (channels, lags, features), lags from late to early, times the sampling rate
    weights = np.transpose(theirs.weights[:, ::-1], (2, 0, 1)) / 64
    np.testing.assert_allclose(ours.coef_, weights, rtol=1e-8, atol=1e-12)


@pytest.mark.parametrize("regularization", [1e-2, 1e2, 1e6])
def test_same_forward_model_as_mtrfpy(rng, regularization):
    eeg, stimuli = listener(rng, n_features=2)
    theirs = TRF(direction=1)
    theirs.train(stimuli, eeg, 64, -0.125, 0.25, regularization)
    ours = ForwardTRF(-0.125, 0.25, 64, regularization, "mtrfpy", remove_mean=False)
    ours.fit(stimuli, eeg)
    # weights: (features, lags, channels), times the sampling rate
    expected = theirs.weights.transpose(0, 2, 1) / 64
    np.testing.assert_allclose(ours.coef_, expected, rtol=1e-8, atol=1e-12)
    predicted, r = theirs.predict(stimuli, eeg, average=False)
    for a, b in zip(ours.predict(stimuli), predicted, strict=True):
        np.testing.assert_allclose(a, b, atol=1e-9)
    np.testing.assert_allclose(ours.correlations(stimuli, eeg), r, atol=1e-9)
    assert ours.score(stimuli, eeg) == pytest.approx(np.mean(r), abs=1e-9)


def test_the_forward_model_finds_the_true_response(rng):
    truth = rng.normal(size=(2, 3, 8))
    stimuli = [rng.normal(size=(2000, 2)) for _ in range(4)]
    eeg = [
        0.1 * rng.normal(size=(2000, 3))
        + sum(np.convolve(s[:, f], truth[f, c])[:2000, None] * np.eye(3)[c]
              for f in range(2) for c in range(3))
        for s in stimuli
    ]  # fmt: skip
    trf = ForwardTRF(0.0, 7 / 64, 64, alpha=[1e-3, 1.0, 1e5]).fit(stimuli, eeg)
    np.testing.assert_allclose(trf.coef_, truth, atol=0.01)
    assert trf.cv_scores_.shape == (3, 4)
    assert trf.alpha_ < 1e5


def test_smooth_responses_are_found_with_less_data_by_the_laplacian(rng):
    truth = np.hanning(27)[1:-1] * np.sin(np.arange(25) / 3)
    stimuli = [rng.normal(size=(150, 1)) for _ in range(3)]
    eeg = [np.convolve(s[:, 0], truth)[:150, None] + 5 * rng.normal(size=(150, 1)) for s in stimuli]
    error = {}
    for penalty in ("ridge", "laplacian"):
        trf = ForwardTRF(0, 24 / 64, 64, np.logspace(-1, 5, 13), penalty=penalty).fit(stimuli, eeg)
        error[penalty] = np.linalg.norm(trf.coef_[0, 0] - truth) / np.linalg.norm(truth)
    assert error["laplacian"] < 0.85 * error["ridge"]


def test_patterns_of_bands_and_models_are_covariances_too(rng):
    eeg, stimuli = listener(rng)
    lagged = np.concatenate([lag_matrix(x - x.mean(axis=0), np.arange(7)) for x in eeg])
    for options in ({"bands": (1, 2)}, {"averaging": "models"}, {"penalty": "laplacian"}):
        trf = BackwardTRF(0, 0.1, 64, alpha=[1.0, 1e3], **options).fit(eeg, stimuli)
        reconstruction = np.concatenate(trf.predict(eeg))[:, 0]
        covariance = np.cov(np.c_[lagged, reconstruction].T, bias=True)[:-1, -1]
        np.testing.assert_allclose(
            trf.patterns_.ravel(), covariance / reconstruction.var(), atol=1e-10
        )


@pytest.mark.parametrize(("tmin", "tmax", "peak"), [(0.0, 0.2, 6), (-0.2, -0.01, None)])
def test_positive_lags_mean_that_the_brain_answers_later(rng, tmin, tmax, peak):
    eeg, stimuli = listener(rng, n_trials=10)
    trf = BackwardTRF(tmin, tmax, 64, alpha=1.0).fit(eeg[:6], stimuli[:6])
    score = trf.score(eeg[6:], stimuli[6:])
    if peak is None:
        assert abs(score) < 0.1
    else:
        assert score > 0.3
        assert trf.lags_[np.abs(trf.coef_[0, 0]).argmax()] == peak
        assert trf.lags_[np.abs(trf.patterns_[0, 0]).argmax()] == peak


def test_score_is_the_mean_correlation_of_trials_and_features(rng):
    eeg, stimuli = listener(rng, n_features=2)
    trf = BackwardTRF(0, 0.2, 64, alpha=1.0).fit(eeg, stimuli)
    expected = [
        np.corrcoef(p[:, f], s[:, f])[0, 1]
        for p, s in zip(trf.predict(eeg), stimuli, strict=True)
        for f in range(2)
    ]
    assert trf.score(eeg, stimuli) == pytest.approx(np.mean(expected))


def test_the_best_penalty_is_chosen_on_left_out_trials(rng):
    eeg, stimuli = listener(rng, n_trials=5, n_channels=6)
    alphas = [1e-3, 1e1, 1e2, 1e6]
    trf = BackwardTRF(0, 0.2, 64, alpha=alphas).fit(eeg, stimuli)
    assert trf.cv_scores_.shape == (4, 5)
    assert trf.alpha_ == alphas[trf.cv_scores_.mean(axis=1).argmax()]
    for k in range(5):
        others = [i for i in range(5) if i != k]
        model = BackwardTRF(0, 0.2, 64, alpha=1e1).fit(
            [eeg[i] for i in others], [stimuli[i] for i in others]
        )
        assert trf.cv_scores_[1, k] == pytest.approx(model.score([eeg[k]], [stimuli[k]]), abs=1e-12)
    single = BackwardTRF(0, 0.2, 64, alpha=trf.alpha_).fit(eeg, stimuli)
    np.testing.assert_array_equal(single.coef_, trf.coef_)
    assert not hasattr(single, "cv_scores_")


def test_patterns_are_covariances_with_the_reconstruction(rng):
    eeg, stimuli = listener(rng, n_trials=1)
    trf = BackwardTRF(0, 0.1, 64, alpha=1.0).fit(eeg, stimuli)
    reconstruction = trf.predict(eeg)[0][:, 0]
    for i, lag in enumerate(trf.lags_):
        centred = eeg[0] - eeg[0].mean(axis=0)
        shifted = np.r_[centred[lag:], np.zeros((lag, 3))]
        covariance = np.cov(np.c_[shifted, reconstruction].T, bias=True)[:3, 3]
        np.testing.assert_allclose(trf.patterns_[0, :, i], covariance / reconstruction.var())


def test_shapes_follow_the_input(rng):
    eeg, stimuli = listener(rng, dtype=np.float32)
    flat = [s[:, 0] for s in stimuli]
    trf = BackwardTRF(0, 0.1, 64, alpha=1.0)
    predicted = clone(trf).fit(eeg, stimuli).predict(eeg)
    assert [p.shape for p in predicted] == [s.shape for s in stimuli]
    assert predicted[0].dtype == np.float32
    assert [p.shape for p in clone(trf).fit(eeg, flat).predict(eeg)] == [s.shape for s in flat]
    assert clone(trf).fit(eeg[0], flat[0]).predict(eeg[1]).shape == flat[1].shape
    short = np.stack([x[:300] for x in eeg]), np.stack([s[:300] for s in stimuli])
    assert len(clone(trf).fit(*short).predict(short[0])) == 4
    whole = clone(trf).fit(*short)
    np.testing.assert_array_equal(whole.coef_, clone(trf).fit(list(short[0]), list(short[1])).coef_)


def test_single_precision_agrees_with_double(rng):
    eeg, stimuli = listener(rng)
    double = BackwardTRF(0, 0.2, 64, alpha=10.0).fit(eeg, stimuli)
    single = BackwardTRF(0, 0.2, 64, alpha=10.0).fit(
        [x.astype(np.float32) for x in eeg], [s.astype(np.float32) for s in stimuli]
    )
    np.testing.assert_allclose(single.coef_, double.coef_, atol=1e-5)


def test_inputs_are_not_touched(rng):
    eeg, stimuli = listener(rng)
    before = [x.copy() for x in (*eeg, *stimuli)]
    BackwardTRF(0, 0.2, 64, alpha=[1.0, 10.0]).fit(eeg, stimuli).predict(eeg)
    for x, old in zip((*eeg, *stimuli), before, strict=True):
        np.testing.assert_array_equal(x, old)


def test_grid_search_splits_whole_trials(rng):
    eeg, stimuli = listener(rng, n_trials=6)
    search = GridSearchCV(BackwardTRF(0, 0.1, 64), {"tmax": [0.02, 0.2]}, cv=3)
    assert search.fit(eeg, stimuli).best_params_ == {"tmax": 0.2}


BAD = {
    "lags longer than the trial": (
        {"tmax": 10.0},
        None,
        r"reach 640 samples \(10 s\) but trial 0 has",
    ),
    "tmax before tmin": ({"tmin": 0.5}, None, "from tmin to a later tmax"),
    "rate zero": ({"sfreq": 0}, None, "sfreq must be a positive"),
    "negative penalty": ({"alpha": -1}, None, "one or several numbers >= 0, got -1"),
    "no penalty at all": ({"alpha": []}, None, "one or several numbers"),
    "unknown convention": ({"alpha_convention": "x"}, None, "alpha_convention must be one of"),
    "one trial, two penalties": (
        {"alpha": [1, 2]},
        lambda x, y: (x[:1], y[:1]),
        "takes at least 2 trials",
    ),
    "no trials": ({}, lambda x, y: ([], []), "no trials were given"),
    "too few stimuli": ({}, lambda x, y: (x, y[:-1]), "X has 4 trials but y has 3"),
    "lengths disagree": (
        {},
        lambda x, y: ([x[0][:-1], *x[1:]], y),
        "inconsistent numbers of samples",
    ),
    "channels disagree": ({}, lambda x, y: ([*x[:3], x[3][:, :2]], y), "expecting 3 features"),
    "features disagree": (
        {},
        lambda x, y: (x, [*y[:3], np.c_[y[3], y[3]]]),
        "differ in their number of features",
    ),
    "NaN": ({}, lambda x, y: ([x[0] * np.nan, *x[1:]], y), "contains NaN"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_input_is_named(rng, case):
    parameters, change, message = BAD[case]
    eeg, stimuli = listener(rng)
    if change is not None:
        eeg, stimuli = change(eeg, stimuli)
    with pytest.raises(ValueError, match=message):
        BackwardTRF(**{"tmax": 0.1, **parameters}).fit(eeg, stimuli)


def test_agrees_with_peers_on_real_recordings(shared_data):
    folder = shared_data("eeg/dtu_single_talker")
    trials = [np.load(path) for path in sorted(folder.glob("DTU_S7_*.npz"))]

    def z(x):
        return ((x - x.mean(axis=0)) / x.std(axis=0)).astype(float)

    eeg, envelopes = [z(t["eeg"]) for t in trials], [z(t["envelope"]) for t in trials]
    trf = BackwardTRF(0.0, 25 / 64, 64, alpha=[0.1, 1e3], alpha_convention="mtrfpy")
    scores = trf.fit(eeg, envelopes).cv_scores_.mean(axis=1)
    # published with the data, from mTRFpy; all trials carry one stimulus, see the set's README
    np.testing.assert_allclose(scores, [0.210, 0.282], atol=6e-4)
