import numpy as np
import pytest
from scipy.linalg import eigh
from sklearn.base import clone
from sklearn.cross_decomposition import CCA
from sklearn.model_selection import GridSearchCV, LeaveOneGroupOut, cross_val_score

from cocktailparty import Trial, datasets, evaluation
from cocktailparty.metrics import window_scores
from linear_aad import AttentionDecoder, BackwardTRF
from linear_aad.canonical import canonical_filters, combination
from linear_aad.cca import CCADecoder
from linear_aad.lagged.moments import lag_matrix

SMALL = CCADecoder(0, 0.05, 64, 0, 0.05, n_components=2, alpha=1e-2, train_window=2)


@pytest.fixture(scope="module")
def trials():
    return datasets.simulate_two_talkers(n_trials=12, n_channels=8, snr=-25, random_state=3).trials


def small_trials(seed=0, n_trials=4, n_channels=3, n_features=1, n_stimuli=2):
    """Short trials that follow their attended stimulus four samples late."""
    rng = np.random.default_rng(seed)
    mixing = rng.normal(size=(n_features, n_channels))
    made = []
    for i in range(n_trials):
        stimuli = rng.normal(size=(n_stimuli, 400 + 10 * i, n_features))
        attended = int(rng.integers(n_stimuli))
        response = np.roll(stimuli[attended], 4, axis=0) @ mixing
        eeg = response + rng.normal(size=response.shape)
        made.append(Trial(eeg, stimuli, 64, attended=attended, story=f"story-{i}"))
    return made


def lagged(decoder, trials):
    """Lagged EEG and lagged attended stimulus of all trials, one after another, centred."""
    x = np.concatenate([lag_matrix(t.eeg, decoder.lags_) for t in trials])
    y = np.concatenate([lag_matrix(t.stimuli[t.attended], -decoder.stimulus_lags_) for t in trials])
    return x - x.mean(axis=0), y - y.mean(axis=0)


def fitted(n_features=1, n_components=3, alpha=1e-10, **kind):
    trials = small_trials(n_features=n_features)
    decoder = CCADecoder(
        0,
        4 / 64,
        64,
        0,
        2 / 64,
        n_components,
        alpha,
        1e-10,
        train_window=2,
        remove_mean=False,
        **kind,
    )
    return decoder.fit(trials), trials


@pytest.mark.parametrize("n_features", [1, 2])
def test_canonical_correlations_solve_the_generalised_eigenproblem(n_features):
    decoder, trials = fitted(n_features)
    x, y = lagged(decoder, trials)
    nothing_x, nothing_y = np.zeros((x.shape[1],) * 2), np.zeros((y.shape[1],) * 2)
    between = np.block([[nothing_x, x.T @ y], [y.T @ x, nothing_y]])
    within = np.block([[x.T @ x, 0 * x.T @ y], [0 * y.T @ x, y.T @ y]])
    expected = eigh(between, within, eigvals_only=True)[::-1][:3]
    np.testing.assert_allclose(decoder.correlations_, expected, atol=1e-6)


def test_same_components_as_scikit_learn():
    decoder, trials = fitted()
    x, y = lagged(decoder, trials)
    u, v = CCA(n_components=3, max_iter=10000, tol=1e-14, scale=False).fit_transform(x, y)
    ours = np.concatenate([decoder.transform(t)[0] for t in trials])
    theirs = [np.corrcoef(a, b)[0, 1] for a, b in zip(u.T, v.T, strict=True)]
    np.testing.assert_allclose(decoder.correlations_, theirs, atol=1e-6)
    for a, b in zip(ours.T, u.T, strict=True):
        assert abs(np.corrcoef(a, b)[0, 1]) == pytest.approx(1, abs=1e-5)


def test_same_correlations_as_meegkit():
    cca = pytest.importorskip("meegkit.cca", exc_type=ImportError)
    decoder, trials = fitted(n_features=2)
    z = np.hstack(lagged(decoder, trials))
    a, b, r = cca.nt_cca(C=z.T @ z, m=decoder.coef_eeg_[0].size)
    np.testing.assert_allclose(decoder.correlations_, np.ravel(r)[:3], atol=1e-6)
    ours = decoder.coef_eeg_.reshape(3, -1), decoder.coef_stimulus_.reshape(3, -1)
    for coefficients, theirs in zip(ours, (a, b), strict=True):
        for k, filter_ in enumerate(coefficients):
            cosine = filter_ @ theirs[:, k] / np.linalg.norm(filter_) / np.linalg.norm(theirs[:, k])
            assert abs(cosine) == pytest.approx(1, abs=1e-6)


@pytest.mark.parametrize("combine", ["lda", "dprime"])
def test_without_stimulus_lags_it_is_ridge_regression(combine):
    trials = small_trials()
    cca = CCADecoder(0, 0.1, 64, 0, 0, 1, 0.05, 0.0, combine, train_window=2).fit(trials[:3])
    trf = BackwardTRF(0, 0.1, 64, alpha=0.05, alpha_convention="relative")
    ridge = AttentionDecoder(trf).fit(trials[:3])
    np.testing.assert_allclose(
        cca.window_scores(trials[3], 2, 0.5), ridge.window_scores(trials[3], 2, 0.5), atol=1e-10
    )
    ratio = cca.coef_eeg_ / ridge.regressor_.coef_
    np.testing.assert_allclose(ratio, ratio[0, 0, 0])
    ratio = cca.patterns_ / ridge.regressor_.patterns_
    np.testing.assert_allclose(ratio, ratio[0, 0, 0])


def test_positive_lags_mean_late_eeg_and_past_stimulus():
    trials = small_trials(n_trials=6)  # the EEG answers after 4 samples
    found = {(4, 0), (0, 4), (2, 2), (6, -2)}
    for first, first_stimulus in (*found, (3, 0), (-4, 0), (0, -4)):
        eeg_lag, stimulus_lag = first / 64, first_stimulus / 64
        decoder = CCADecoder(eeg_lag, eeg_lag, 64, stimulus_lag, stimulus_lag, 1, train_window=2)
        assert (decoder.fit(trials).correlations_[0] > 0.4) == ((first, first_stimulus) in found)


def test_weights_come_from_trials_that_the_filters_have_not_seen():
    trials = small_trials(n_trials=3, n_stimuli=3)
    decoder = clone(SMALL).set_params(combine="lda", remove_mean=False).fit(trials)
    differences = []
    for i, left_out in enumerate(trials):
        x, y = lagged(decoder, [t for j, t in enumerate(trials) if j != i])
        n = len(x)
        a, b, _ = canonical_filters(x.T @ x / n, y.T @ y / n, x.T @ y / n, 2, 1e-2, 1e-2)
        u = lag_matrix(left_out.eeg, decoder.lags_) @ a
        v = [lag_matrix(s, -decoder.stimulus_lags_) @ b for s in left_out.stimuli]
        scores = np.stack(
            [window_scores(u[:, k], np.stack([s[:, k] for s in v]), 64, 2) for k in range(2)], -1
        )
        others = np.delete(scores, left_out.attended, axis=1)
        differences.append((scores[:, [left_out.attended]] - others).reshape(-1, 2))
    weights, dprime = combination(np.concatenate(differences), "lda")
    np.testing.assert_allclose(decoder.weights_, weights, rtol=1e-7)
    np.testing.assert_allclose(decoder.cv_scores_, [dprime])


def test_scores_are_weighted_correlations_of_components(trials):
    decoder = CCADecoder(alpha=0.1).fit(trials[:8])
    trial = trials[9]
    eeg, stimuli = decoder.transform(trial)
    start = 640
    correlations = np.array(
        [[np.corrcoef(eeg[start:1280, k], s[start:1280, k])[0, 1] for k in range(3)]
         for s in stimuli]
    )  # fmt: skip
    scores = decoder.window_scores(trial, 10, hop=5)
    assert scores.shape == (11, 2)
    np.testing.assert_allclose(scores[2], correlations @ decoder.weights_)
    sweep = decoder.window_sweep(trial, [5, 90])
    np.testing.assert_allclose(sweep[5], decoder.window_scores(trial))
    assert sweep[90].shape == (0, 2)
    whole = [decoder.window_scores(t, t.duration)[0] for t in trials[8:]]
    np.testing.assert_array_equal(decoder.decision_function(trials[8:]), whole)


def test_channel_mixing_scale_and_order_of_trials_do_not_matter(rng):
    trials = small_trials()
    decoder = clone(SMALL).set_params(alpha=0.0, alpha_stimulus=0.0).fit(trials)
    scores = decoder.decision_function(trials)
    mixing = rng.normal(size=(3, 3))
    changes = {
        "mixing": [t.replace(eeg=1e-6 * t.eeg @ mixing) for t in trials],
        "sign and scale": [t.replace(stimuli=-7.0 * t.stimuli) for t in trials],
    }
    for changed in changes.values():
        other = clone(decoder).fit(changed)
        np.testing.assert_allclose(other.correlations_, decoder.correlations_, atol=1e-8)
        np.testing.assert_allclose(other.decision_function(changed), scores, atol=1e-8)
    other = clone(decoder).fit(trials[::-1])
    np.testing.assert_allclose(other.coef_eeg_, decoder.coef_eeg_, atol=1e-10)
    np.testing.assert_allclose(other.decision_function(trials), scores, atol=1e-10)


def test_simulated_attention_is_decoded_and_shuffled_labels_are_not(trials):
    decoder = CCADecoder(alpha=[1e-2, 1e-1], n_folds=4)
    table = evaluation.compare({"cca": decoder}, trials, cv="story", windows=[5, 30])
    counts = table.groupby("window")[["n_correct", "n_windows"]].sum()
    accuracy = counts["n_correct"] / counts["n_windows"]
    assert accuracy[5] > 0.75
    assert accuracy[30] > 0.9
    # Half of the labels are wrong, so that whichever talker is followed is no help.
    labels = [t.attended ^ (i % 2) for i, t in enumerate(trials)]
    shuffled = [t.replace(attended=k) for t, k in zip(trials, labels, strict=True)]
    null = evaluation.compare({"cca": decoder}, shuffled, cv="story", windows=[5])
    assert abs(null["n_correct"].sum() / null["n_windows"].sum() - 0.5) < 0.15


def test_several_features_and_talkers():
    trials = small_trials(n_trials=8, n_features=3, n_stimuli=3)
    decoder = clone(SMALL).fit(trials[:5])
    assert decoder.coef_stimulus_.shape == (2, 3, 4)
    np.testing.assert_array_equal(decoder.classes_, [0, 1, 2])
    assert decoder.window_scores(trials[6], 2).shape == (3, 3)
    assert decoder.score(trials[5:]) == 1.0
    relabelled = clone(SMALL).fit(trials[:5], [(t.attended + 1) % 3 for t in trials[:5]])
    assert not np.allclose(relabelled.coef_eeg_, decoder.coef_eeg_)
    alone = trials[5].replace(stimuli=trials[5].stimuli[:1], attended=0)
    assert decoder.decision_function([trials[6], alone])[1, 1] == -np.inf


def test_single_talkers_compete_with_the_same_sound_later():
    trials = [t.replace(stimuli=t.stimuli[[t.attended]], attended=0) for t in small_trials()]
    decoder = clone(SMALL).fit(trials)
    assert decoder.cv_scores_[0] > 1
    with pytest.raises(ValueError, match="the 0 that the training trials hold"):
        clone(SMALL).set_params(train_window=4).fit(trials)


def test_the_best_penalty_of_left_out_trials_is_taken(trials):
    alphas = [1e-4, 1e-1, 1e3]
    decoder = CCADecoder(alpha=alphas, n_folds=3).fit(trials[:9])
    one_by_one = [clone(decoder).set_params(alpha=alpha).fit(trials[:9]) for alpha in alphas]
    np.testing.assert_allclose(decoder.cv_scores_, [d.cv_scores_[0] for d in one_by_one])
    best = int(decoder.cv_scores_.argmax())
    assert decoder.alpha_ == alphas[best]
    np.testing.assert_allclose(decoder.coef_eeg_, one_by_one[best].coef_eeg_)
    np.testing.assert_allclose(decoder.weights_, one_by_one[best].weights_)
    each = CCADecoder(n_folds=100).fit(trials[:3])
    np.testing.assert_array_equal(each.weights_, CCADecoder().fit(trials[:3]).weights_)


def test_tools_of_scikit_learn_work_on_trials():
    trials = small_trials(n_trials=6)
    attended = [t.attended for t in trials]
    stories = [t.story for t in trials]
    assert clone(SMALL).get_params() == SMALL.get_params()
    scores = cross_val_score(SMALL, trials, attended, groups=stories, cv=LeaveOneGroupOut())
    np.testing.assert_array_equal(scores, np.ones(6))
    short = clone(SMALL).set_params(stimulus_tmax=0.0, n_components=1)
    search = GridSearchCV(short, {"tmax": [0.0, 4 / 64]}, cv=LeaveOneGroupOut())
    assert search.fit(trials, attended, groups=stories).best_params_["tmax"] == 4 / 64


def test_single_precision_is_promoted_and_inputs_stay(trials):
    single = [
        t.replace(eeg=t.eeg.astype(np.float32), stimuli=t.stimuli.astype(np.float32))
        for t in trials[:4]
    ]
    kept = [t.eeg.copy() for t in single]
    decoder = CCADecoder().fit(single)
    assert decoder.coef_eeg_.dtype == decoder.decision_function(single).dtype == np.float64
    double = CCADecoder().fit(trials[:4])
    np.testing.assert_allclose(decoder.correlations_, double.correlations_, rtol=1e-4)
    for trial, eeg in zip(single, kept, strict=True):
        np.testing.assert_array_equal(trial.eeg, eeg)


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"tmax": 8.0}, r"reach 8 s but trials\[0\] lasts 6.25 s"),
        ({"stimulus_tmax": 8.0}, "reach 8 s"),
        ({"tmax": -1.0}, "tmin to a later tmax"),
        ({"sfreq": 32.0}, "64 Hz but the decoder was made for sfreq=32"),
        ({"n_components": 5}, "between 1 and 4"),
        ({"n_components": 0}, "between 1 and 4"),
        ({"alpha": []}, "alpha must hold numbers >= 0"),
        ({"alpha": [0.1, -1]}, "alpha must hold numbers >= 0"),
        ({"alpha_stimulus": np.nan}, "alpha_stimulus must hold numbers >= 0, got nan"),
        ({"combine": "mean"}, "combine must be one of"),
        ({"train_window": 0}, "train_window must be a positive"),
        ({"train_window": 60}, "the 0 that the training trials hold: shorten train_window"),
        ({"n_folds": 1}, "n_folds must be at least 2"),
    ],
)
def test_bad_parameters_are_named(parameters, message):
    with pytest.raises(ValueError, match=message):
        clone(SMALL).set_params(**parameters).fit(small_trials())


def test_bad_trials_are_named():
    trials = small_trials()
    decoder = clone(SMALL).fit(trials)
    twice = [t.replace(eeg=np.hstack([t.eeg, t.eeg])) for t in trials]
    unlabelled = trials[0].replace(attended=None)
    for call, message in (
        (lambda: clone(SMALL).fit(trials[:1]), "at least 2 trials, got 1"),
        (lambda: clone(SMALL).fit([unlabelled, trials[1]]), "have no attended label"),
        (lambda: clone(SMALL).fit(trials, [0, 1, 2, 0]), r"attended\[2\]=2"),
        (lambda: clone(SMALL).set_params(alpha=0).fit(twice), "EEG is linearly dependent at alpha"),
        (lambda: clone(SMALL).predict(trials), "not fitted"),
        (lambda: decoder.predict(twice), "n_channels=6, the decoder was fitted .* n_channels=3"),
        (lambda: decoder.predict(small_trials(n_features=2)), "n_features=2, the decoder was"),
        (lambda: decoder.window_scores(trials[0], 7), "longer than"),
        (lambda: decoder.predict([trials[0].replace(sfreq=32)]), "sampled at 32 Hz"),
        (
            lambda: decoder.window_scores(trials[0].replace(stimuli=None, attended=None), 2),
            "there are no stimuli",
        ),
    ):
        with pytest.raises(ValueError, match=message):
            call()
