import numpy as np
import pytest
from sklearn.base import clone
from sklearn.utils.estimator_checks import parametrize_with_checks

from cocktailparty.datasets import simulate_two_talkers
from cocktailparty.decoding.checks import check_attention_decoder
from cocktailparty.decoding.saving import load_model, save_model
from linear_aad import AttentionDecoder, BackwardTRF, PopulationTRF
from linear_aad.lagged.moments import lag_matrix

LAGS = {"tmin": 0.0, "tmax": 3 / 64, "sfreq": 64}
EXPECTED_FAILURES = {
    "check_methods_sample_order_invariance": "a lagged model depends on the order of the samples",
    "check_methods_subset_invariance": "a lagged model sees the neighbours of a sample",
}


@parametrize_with_checks(
    [PopulationTRF(**LAGS, alpha=1e-3)], expected_failed_checks=lambda _: EXPECTED_FAILURES
)
def test_scikit_learn_contract(estimator, check):
    check(estimator)


@pytest.fixture(scope="module")
def signals():
    """Three subjects with mixtures of their own, four trials each, with offsets."""
    rng = np.random.default_rng(0)
    common = rng.normal(size=(2, 5))
    x, y, names = [], [], []
    for name in ("a", "b", "c"):
        own = common + 0.8 * rng.normal(size=common.shape)
        for i in range(4):
            s = rng.normal(size=(250 + 10 * i, 2)) + 3
            eeg = np.roll(s, 2, axis=0) @ own + 2 * rng.normal(size=(len(s), 5)) + i
            x, y, names = [*x, eeg], [*y, s], [*names, name]
    return x, y, names


def centred_normal_equations(x, y, lags):
    """Products of lagged trials without their means, about the mean of all."""
    lagged = np.concatenate([lag_matrix(s - s.mean(axis=0), lags) for s in x])
    targets = np.concatenate([s - s.mean(axis=0) for s in y])
    lagged = lagged - lagged.mean(axis=0)
    products = lagged.T @ lagged
    return products, lagged.T @ targets, np.mean(np.diag(products)) * np.eye(len(products))


def test_models_have_a_closed_form(signals):
    x, y, names = signals
    model = PopulationTRF(**LAGS, alpha=0.1, shrinkage=2.0).fit(x, y, names)
    xx, xy, unit = centred_normal_equations(x, y, model.lags_)
    average = np.linalg.solve(xx + 0.1 * unit, xy)
    np.testing.assert_allclose(model.coef_.reshape(2, -1).T, average, atol=1e-10)
    for name, coef in zip(model.subjects_, model.subject_coef_, strict=True):
        own = [i for i, n in enumerate(names) if n == name]
        xx, xy, unit = centred_normal_equations(
            [x[i] for i in own], [y[i] for i in own], model.lags_
        )
        expected = np.linalg.solve(xx + 2.0 * unit, xy + 2.0 * unit @ average)
        np.testing.assert_allclose(coef.reshape(2, -1).T, expected, atol=1e-10)
    predicted = np.concatenate(model.predict(x))
    np.testing.assert_allclose(predicted.mean(axis=0), np.concatenate(y).mean(axis=0), atol=0.02)


def test_infinite_shrinkage_or_one_subject_is_ridge(signals):
    x, y, names = signals
    ridge = BackwardTRF(**LAGS, alpha=0.1, alpha_convention="relative").fit(x, y)
    for model in (
        PopulationTRF(**LAGS, alpha=0.1).fit(x, y),
        PopulationTRF(**LAGS, alpha=0.1, shrinkage=np.inf).fit(x, y, names),
    ):
        np.testing.assert_allclose(model.coef_, ridge.coef_, atol=1e-10)
        np.testing.assert_allclose(model.subject_coef_[-1], ridge.coef_, atol=1e-10)
        np.testing.assert_allclose(model.patterns_, ridge.patterns_, rtol=1e-8)
        np.testing.assert_allclose(
            np.concatenate(model.predict(x)), np.concatenate(ridge.predict(x)), atol=1e-10
        )


def test_patterns_are_of_all_channels_where_components_describe_them(signals):
    x, y, names = signals
    model = PopulationTRF(**LAGS, alpha=0.1, n_components=3).fit(x, y, names)
    lagged = np.concatenate([lag_matrix(s - s.mean(axis=0), model.lags_) for s in x])
    made = lagged @ model.coef_.reshape(2, -1).T
    cross = np.cov(lagged.T, made.T)[:20, 20:]
    expected = cross @ np.linalg.inv(np.cov(made.T))
    np.testing.assert_allclose(model.patterns_.reshape(2, -1).T, expected, rtol=1e-8, atol=1e-12)


def test_no_shrinkage_is_a_model_of_each_subject(signals):
    x, y, names = signals
    model = PopulationTRF(**LAGS, alpha=0.1, shrinkage=0.0).fit(x, y, names)
    alone = BackwardTRF(**LAGS, alpha=0.0).fit(x[4:8], y[4:8])
    np.testing.assert_allclose(model.subject_coef_[1], alone.coef_, atol=1e-8)


def test_penalties_are_those_that_left_out_trials_prefer(signals):
    """One trial of each subject at a time, if groups say so; compared with a loop of fits."""
    x, y, names = signals
    groups = [i % 4 for i in range(12)]
    alphas, shrinkages = [1e-3, 1e-1, 1e1], [0.01, 0.3, 10.0, np.inf]
    model = PopulationTRF(**LAGS, alpha=alphas, shrinkage=shrinkages).fit(x, y, names, groups)

    def score(alpha, shrinkage, together):
        """Correlations of what is left out, of all subjects together or one by one."""
        found = []
        for k in range(4):
            train, test = ([i for i in range(12) if (i % 4 == k) == out] for out in (False, True))
            one = PopulationTRF(**LAGS, alpha=alpha, shrinkage=shrinkage)
            one.fit([x[i] for i in train], [y[i] for i in train], [names[i] for i in train])
            made = one.predict([x[i] for i in test], [names[i] for i in test])
            true = [y[i] - y[i].mean(axis=0) for i in test]
            if together:
                made, true = [np.concatenate(made)], [np.concatenate(true)]
            for p, s in zip(made, true, strict=True):
                found.append([np.corrcoef(p[:, f], s[:, f])[0, 1] for f in (0, 1)])
        return np.mean(found)

    averages = [score(alpha, np.inf, True) for alpha in alphas]
    assert model.alpha_ == alphas[int(np.argmax(averages))]
    own = [score(model.alpha_, shrinkage, False) for shrinkage in shrinkages]
    assert model.shrinkage_ == shrinkages[int(np.argmax(own))]
    assert 0 < model.shrinkage_ < np.inf


def test_new_subjects_get_the_average(signals):
    x, y, names = signals
    model = PopulationTRF(**LAGS, alpha=0.1, shrinkage=1.0).fit(x, y, names)
    average, new, own = (model.predict(x[:1], s)[0] for s in (None, ["new"], ["a"]))
    np.testing.assert_array_equal(new, average)
    assert np.abs(own - average).max() > 0.01
    r = [np.corrcoef(own[:, f], y[0][:, f])[0, 1] for f in (0, 1)]
    np.testing.assert_allclose(model.correlations(x[:1], y[:1], ["a"]), r, atol=1e-12)
    assert model.score(x[:1], y[:1], ["a"]) == pytest.approx(np.mean(r))
    assert model.score(x[:1], y[:1]) != pytest.approx(np.mean(r))
    again = model.predict(x[:1], ["b"])[0]
    assert np.abs(own - again).max() > 0.01


def test_it_learns_what_a_subject_has_of_its_own(signals):
    """Better than the average, and than what each has alone with few data."""
    x, y, names = signals
    train, test = ([i for i in range(12) if (i % 4 < 2) == kept] for kept in (True, False))

    def r(**options):
        model = PopulationTRF(**LAGS, alpha=1e-2, **options)
        model.fit(*([signals[j][i] for i in train] for j in range(3)))
        made = model.predict([x[i] for i in test], [names[i] for i in test])
        true = [y[i] for i in test]
        return np.mean(
            [np.corrcoef(p.ravel(), s.ravel())[0, 1] for p, s in zip(made, true, strict=True)]
        )

    assert r() > r(shrinkage=np.inf) + 0.01


@pytest.fixture(scope="module")
def trials():
    found = []
    for seed, name in enumerate(("anna", "ben")):
        options = {"n_trials": 5, "n_channels": 5, "duration": 30, "snr": -18}
        for i, trial in enumerate(simulate_two_talkers(**options, random_state=seed).trials):
            found.append(trial.replace(subject=name, story=f"{name} {i}"))
    return found


@pytest.fixture(scope="module")
def decoder(trials):
    train = [trial for i, trial in enumerate(trials) if i % 5 < 4]
    return AttentionDecoder(PopulationTRF(tmax=0.2, alpha=[1e-3, 1e-1])).fit(train)


def test_a_decoder_tells_it_whose_trials_they_are(trials, decoder):
    regressor = decoder.regressor_
    assert regressor.subjects_ == ["anna", "ben"]
    for trial in trials[4::5]:
        made = decoder.reconstruct([trial])[0]
        np.testing.assert_array_equal(made, regressor.predict([trial.eeg], [trial.subject])[0])
        new = decoder.reconstruct([trial.replace(subject="new")])[0]
        np.testing.assert_array_equal(new, regressor.predict([trial.eeg])[0])
    assert decoder.score(trials[4::5]) == 1
    assert decoder.window_scores(trials[4], 10.0).shape == (3, 2)


def test_stories_are_left_out_together(trials, monkeypatch):
    told = []

    def fit(self, X, y, subjects=None, groups=None):
        told.append((subjects, groups))
        return original(self, X, y, subjects, groups)

    original = PopulationTRF.fit
    monkeypatch.setattr(PopulationTRF, "fit", fit)
    model = PopulationTRF(tmax=0.1, alpha=0.1)
    AttentionDecoder(model).fit(trials)
    AttentionDecoder(model).fit([trial.replace(story="") for trial in trials])
    names = [trial.subject for trial in trials]
    assert told == [(names, [trial.story for trial in trials]), (names, None)]


def test_common_checks_of_attention_decoders(trials):
    """With two subjects in training; the catalogue's own check has one."""
    model = PopulationTRF(tmax=0.2, alpha=[1e-3, 1e-1])
    mixed = [trials[i + 5 * s] for i in range(4) for s in (0, 1)]
    check_attention_decoder(AttentionDecoder(model), mixed, refuses=("one_trial",))


def test_a_saved_model_is_the_same(trials, decoder, tmp_path):
    save_model(decoder, tmp_path / "model.safetensors")
    loaded = load_model(tmp_path / "model.safetensors")
    scores = decoder.decision_function(trials)
    np.testing.assert_array_equal(loaded.decision_function(trials), scores)
    train = [trial for i, trial in enumerate(trials) if i % 5 < 4]
    np.testing.assert_array_equal(clone(decoder).fit(train).decision_function(trials), scores)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"alpha": -1}, "alpha must be one or several numbers >= 0"),
        ({"alpha": "ledoit-wolf"}, "alpha must be one or several numbers >= 0"),
        ({"shrinkage": []}, "shrinkage must be one or several numbers >= 0"),
        ({"n_splits": 1}, "n_splits must be an integer of at least 2, got 1"),
        ({"n_components": 0.5}, "n_components must be an integer of at least 1"),
    ],
)
def test_parameters_out_of_range(signals, options, message):
    with pytest.raises(ValueError, match=message):
        PopulationTRF(**LAGS, **options).fit(*signals)


def test_what_cannot_be_left_out_is_refused(signals):
    x, y, names = signals
    model = PopulationTRF(**LAGS)
    with pytest.raises(ValueError, match="takes at least 2 trials"):
        model.fit(x[:1], y[:1])
    with pytest.raises(ValueError, match="takes at least 2 trials"):
        model.fit(x, y, names, ["one"] * 12)
    with pytest.raises(ValueError, match="subjects has 2 names, expected one for each of 12"):
        model.fit(x, y, ["a", "b"])
    with pytest.raises(ValueError, match="groups has 3 items, expected one for each of 12"):
        model.fit(x, y, names, [0, 1, 2])
