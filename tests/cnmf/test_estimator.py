import pickle

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer
from sklearn.utils.estimator_checks import parametrize_with_checks

from cnmf import ContrastiveNMF
from cnmf.objective import beta_exponent, divergence
from cocktailparty.separation import wiener_masks

BETAS = ["itakura-saito", 0.5, "kullback-leibler", 1.5, "frobenius", 3]


@pytest.fixture
def mixture(rng):
    activations = rng.uniform(size=(80, 5)) ** 4
    x = activations @ rng.gamma(0.4, size=(5, 24)) + 1e-3
    return x, activations[:, :2]


def model(**options):
    return ContrastiveNMF(**{"n_components": 5, "n_attended": 2, "random_state": 0} | options)


NO_GUIDE = "transform has no guide, as new frames have none, and fit had one: they differ"
ONE_COMPONENT = "the check sets n_components=1, which leaves nothing for the other sounds"


@parametrize_with_checks(
    [ContrastiveNMF(4, 2, max_iter=20, random_state=0)],
    expected_failed_checks=lambda _: {
        "check_transformer_general": NO_GUIDE,
        "check_transformer_data_not_an_array": NO_GUIDE,
        "check_dont_overwrite_parameters": ONE_COMPONENT,
        "check_methods_sample_order_invariance": ONE_COMPONENT,
        "check_methods_subset_invariance": ONE_COMPONENT,
        "check_fit2d_1sample": ONE_COMPONENT,
        "check_fit2d_1feature": ONE_COMPONENT,
        "check_fit2d_predict1d": ONE_COMPONENT,
    },
)
def test_scikit_learn_contract(estimator, check):
    check(estimator)


def test_shapes_and_attributes(mixture):
    x, y = mixture
    nmf = model().fit(x, y)
    assert nmf.activations_.shape == (80, 5)
    assert nmf.components_.shape == (5, 24)
    assert nmf.cost_.shape == (nmf.n_iter_,)
    assert nmf.n_features_in_ == 24
    assert divergence(x, nmf.activations_ @ nmf.components_, 1.0) < 0.05 * x.sum()


@pytest.mark.parametrize("beta_loss", BETAS)
def test_scale_and_size_of_the_spectrogram_do_not_matter(mixture, beta_loss):
    x, y = mixture
    options = {"sparsity_activations": 0.1, "sparsity_components": 0.1, "max_iter": 30, "tol": 0}
    nmf = model(beta_loss=beta_loss, **options).fit(x, y)
    for c in (1e-3, 1e3):
        scaled = model(beta_loss=beta_loss, **options).fit(c * x, 7 * c * y)
        np.testing.assert_allclose(scaled.activations_, nmf.activations_, rtol=0, atol=1e-8)
        np.testing.assert_allclose(
            scaled.components_, c * nmf.components_, rtol=1e-6, atol=1e-8 * c
        )
    # Twice as long: the same activations twice, templates as loud as before.
    start = {"activations": np.full((80, 5), 0.5), "components": nmf.components_}
    start["activations"][:, :2] += y
    once = model(beta_loss=beta_loss, **options).fit(x, y, **start)
    start["activations"] = np.tile(start["activations"], (2, 1))
    twice = model(beta_loss=beta_loss, **options).fit(
        np.tile(x, (2, 1)), np.tile(y, (2, 1)), **start
    )
    expected = np.tile(once.activations_, (2, 1)) / 2**0.5
    np.testing.assert_allclose(twice.activations_, expected, rtol=0, atol=1e-8)


def test_absolute_weights_are_those_of_the_formula(mixture):
    x, y = mixture
    relative = model(contrast_weight=0.1).fit(x, y)
    absolute = model(contrast_weight=0.1 * x.sum() / 2, penalty_scale="absolute").fit(x, y)
    np.testing.assert_allclose(absolute.activations_, relative.activations_, rtol=1e-9)


@pytest.mark.parametrize("contrast", ["paired", "all-pairs"])
def test_contrast_draws_attended_components_to_the_guide(mixture, contrast):
    x, y = mixture
    unit = y / np.linalg.norm(y, axis=0)
    similarity = [
        model(contrast=contrast, contrast_weight=weight, init="random").fit(x, y).activations_.T
        @ unit
        for weight in (0.0, 0.1, 3.0)
    ]
    drawn = [np.trace(s) if contrast == "paired" else np.sum(s[:2] ** 2) for s in similarity]
    pushed = [s[2:].sum() for s in similarity]
    assert drawn[0] < drawn[1] < drawn[2]
    assert pushed[0] > pushed[2]


def test_paired_components_do_not_collapse_as_all_pairs_do(mixture):
    x, y = mixture
    paired, collapsed = (
        model(contrast=contrast, contrast_weight=10.0).fit(x, y).activations_[:, :2]
        for contrast in ("paired", "all-pairs")
    )
    assert collapsed[:, 0] @ collapsed[:, 1] > 0.99
    assert paired[:, 0] @ paired[:, 1] < 0.8


def test_sparsity_makes_sparse(mixture):
    x, y = mixture
    sums = [
        model(sparsity_activations=weight).fit(x, y).activations_.sum() for weight in (0, 0.3, 3)
    ]
    assert sums[0] > sums[1] > sums[2]


def test_parts_add_up_exactly(mixture):
    x, y = mixture
    for dtype in (np.float64, np.float32):
        nmf = model().fit(x.astype(dtype), y)
        parts = nmf.separate(x.astype(dtype))
        assert parts.shape == (2, 80, 24)
        assert parts.dtype == dtype
        np.testing.assert_array_equal(parts[0] + parts[1], x.astype(dtype))
        assert parts.min() >= 0
        a, w = nmf.activations_, nmf.components_
        share = (a[:, :2] @ w[:2]) / (a @ w)
        np.testing.assert_allclose(parts[0], x * share, rtol=1e-5, atol=1e-6)


def test_separate_needs_the_frames_that_were_fitted(mixture):
    x, y = mixture
    nmf = model().fit(x[:50], y[:50])
    with pytest.raises(ValueError, match=r"pass activations=nmf.transform\(X\)"):
        nmf.separate(x)
    parts = nmf.separate(x, activations=nmf.transform(x))
    np.testing.assert_array_equal(parts.sum(axis=0), x)


def test_parts_have_the_masks_of_any_separation(mixture):
    x, y = mixture
    nmf = model().fit(x, y)
    weights = np.zeros((2, nmf.n_components))
    weights[0, : nmf.n_attended] = weights[1, nmf.n_attended :] = 1
    masks = wiener_masks(nmf.activations_, nmf.components_, weights)
    np.testing.assert_allclose(nmf.separate(x), masks * x, atol=1e-12 * x.max())


def test_new_frames_are_explained_by_the_same_templates(mixture):
    x, y = mixture
    nmf = model(tol=0, max_iter=400).fit(x[:50], y[:50])
    found = nmf.transform(x[50:])
    assert divergence(x[50:], found @ nmf.components_, 1.0) < 0.05 * x[50:].sum()
    # Frames do not know of each other.
    np.testing.assert_allclose(nmf.transform(x[50:60]), found[:10], rtol=1e-6, atol=1e-9)
    # Convex problem: the guided activations of the fit cannot be better.
    guided = divergence(x[:50], nmf.activations_ @ nmf.components_, 1.0)
    assert divergence(x[:50], nmf.transform(x[:50]) @ nmf.components_, 1.0) <= guided * (1 + 1e-3)


def test_a_stream_keeps_its_templates(mixture):
    x, y = mixture
    nmf = model().partial_fit(x[:50], y[:50])
    templates = nmf.components_.copy()
    np.testing.assert_array_equal(templates, model().fit(x[:50], y[:50]).components_)
    nmf.partial_fit(x[50:])
    np.testing.assert_array_equal(nmf.components_, templates)
    np.testing.assert_array_equal(nmf.activations_, nmf.transform(x[50:]))
    np.testing.assert_array_equal(nmf.separate(x[50:]).sum(axis=0), x[50:])


def test_a_batch_is_its_mixtures(mixture, rng):
    x, y = mixture
    batch, guides = np.stack([x, 5 * x[::-1], x**1.5]), np.stack([y, y[::-1], y])
    options = {"tol": 0, "max_iter": 25}
    together = model(**options).fit(batch, guides)
    assert together.cost_.shape == (25, 3)
    parts, new = together.separate(batch), together.transform(batch)
    for i in range(3):
        alone = model(**options).fit(batch[i], guides[i])
        np.testing.assert_allclose(together.activations_[i], alone.activations_, rtol=1e-8)
        np.testing.assert_allclose(together.components_[i], alone.components_, rtol=1e-8)
        np.testing.assert_allclose(together.cost_[:, i], alone.cost_, rtol=1e-10)
        np.testing.assert_allclose(parts[:, i], alone.separate(batch[i]), rtol=1e-7)
        np.testing.assert_allclose(new[i], alone.transform(batch[i]), rtol=1e-6, atol=1e-9)


def test_fixed_parts_stay_up_to_a_gain(mixture, rng):
    x, y = mixture
    templates = rng.uniform(0.1, 1, (5, 24))
    kept = np.array([[True], [False], [True], [False], [False]])
    nmf = model().fit(x, y, components=templates, fixed_components=kept)
    gains = nmf.components_ / templates
    assert np.ptp(gains[[0, 2]], axis=1).max() < 1e-9
    assert np.ptp(gains[[1, 3, 4]], axis=1).min() > 1e-3
    course = rng.uniform(0.1, 1, (80, 5))
    nmf = model().fit(x, y, activations=course, fixed_activations=kept[:, 0])
    unit = course / np.linalg.norm(course, axis=0)
    np.testing.assert_allclose(nmf.activations_[:, [0, 2]], unit[:, [0, 2]], rtol=1e-9)
    assert np.abs(nmf.activations_ - unit)[:, [1, 3, 4]].max() > 1e-3


def test_inputs_stay_and_precision_is_kept(mixture):
    for dtype in (np.float64, np.float32):
        x, y = (part.astype(dtype) for part in mixture)
        kept = x.copy(), y.copy()
        nmf = model().fit(x, y)
        nmf.separate(x)
        nmf.transform(x)
        np.testing.assert_array_equal(x, kept[0])
        np.testing.assert_array_equal(y, kept[1])
        assert nmf.activations_.dtype == nmf.components_.dtype == dtype
        assert nmf.transform(x).dtype == dtype
    assert model().fit((100 * mixture[0]).astype(int), mixture[1]).components_.dtype == np.float64
    x, y = (part.astype(np.float32) for part in mixture)
    single, double = model(tol=0).fit(x, y), model(tol=0).fit(*mixture)
    np.testing.assert_allclose(single.cost_, double.cost_, rtol=1e-3)


def test_the_same_seed_gives_the_same_bits(mixture):
    x, y = mixture
    for init in ("guide", "random", "blind"):
        one, other = (model(init=init).fit(x, y) for _ in range(2))
        np.testing.assert_array_equal(one.activations_, other.activations_)
        np.testing.assert_array_equal(one.components_, other.components_)
        different = model(init=init, random_state=1).fit(x, y)
        assert np.abs(different.components_ - one.components_).max() > 1e-6
    np.testing.assert_array_equal(model().fit_transform(x, y), model().fit(x, y).activations_)


@pytest.mark.parametrize("beta_loss", BETAS[1:])
def test_silence_is_finite(beta_loss, rng):
    y = rng.uniform(size=(20, 2))
    for x in (np.zeros((20, 6)), np.pad(rng.uniform(size=(4, 6)), ((8, 8), (0, 0)))):
        nmf = model(beta_loss=beta_loss, sparsity_components=0.1).fit(x, y)
        for values in (nmf.activations_, nmf.components_, nmf.cost_, nmf.transform(x)):
            assert np.isfinite(values).all()
        np.testing.assert_array_equal(nmf.separate(x).sum(axis=0), x)


def test_a_guide_of_one_envelope_is_enough(mixture):
    x, y = mixture
    flat = model().fit(x, y[:, 0])
    np.testing.assert_array_equal(flat.activations_, model().fit(x, y[:, :1]).activations_)


def test_it_can_be_cloned_stored_and_watched(mixture, capsys):
    x, y = mixture
    nmf = model(verbose=True, tol=0, max_iter=30)
    assert clone(nmf).get_params() == nmf.get_params()
    seen = []
    nmf.fit(x, y, callback=lambda n, *_: seen.append(n))
    assert seen == [10, 20, 30]
    assert "30/30" in capsys.readouterr().err
    stored = pickle.loads(pickle.dumps(nmf))
    np.testing.assert_array_equal(stored.transform(x), nmf.transform(x))


def test_components_belong_to_their_batch(mixture):
    x, y = mixture
    nmf = model().fit(x, y)
    with pytest.raises(ValueError, match="pass as many mixtures as were fitted"):
        nmf.transform(np.stack([x, x]))
    with pytest.raises(ValueError, match="80 features, but ContrastiveNMF is expecting 24"):
        nmf.transform(x.T)


@pytest.mark.parametrize("scale", [1e-35, 1e-25, 1e-15, 1e-5, 1e5, 1e9, 1e30])
@pytest.mark.parametrize("beta_loss", BETAS)
def test_single_precision_gives_one_model_at_any_loudness(mixture, beta_loss, scale):
    x, y = mixture
    x = x / x.mean()
    options = {"sparsity_activations": 0.1, "sparsity_components": 0.1, "max_iter": 40, "tol": 0}
    expected = model(beta_loss=beta_loss, **options).fit(x.astype(np.float32), y)
    loud = (x * scale).astype(np.float32)
    nmf = model(beta_loss=beta_loss, **options).fit(loud, y)
    np.testing.assert_allclose(nmf.activations_, expected.activations_, atol=1e-3)
    components = nmf.components_.astype(float) / scale
    np.testing.assert_allclose(components, expected.components_, rtol=0.01, atol=1e-3)
    factor = scale ** beta_exponent(beta_loss)
    np.testing.assert_allclose(nmf.cost_ / factor, expected.cost_, rtol=0.01)
    # Learnt at one loudness, used at another.
    found, heard = (
        expected.inverse_transform(expected.transform(each).astype(float) / c)
        for each, c in ((x.astype(np.float32), 1.0), (loud, scale))
    )
    beta = beta_exponent(beta_loss)
    assert divergence(x, heard, beta) < 1.02 * divergence(x, found, beta)
    np.testing.assert_allclose(
        nmf.separate(loud).astype(float) / scale, expected.separate(x.astype("f4")), atol=1e-3
    )


def test_double_precision_beyond_the_range_of_squares(mixture):
    x, y = mixture
    for beta_loss in ("itakura-saito", "frobenius"):
        expected = model(beta_loss=beta_loss, max_iter=30).fit(x, y)
        for scale in (2.0**-700, 2.0**700):
            nmf = model(beta_loss=beta_loss, max_iter=30).fit(x * scale, y)
            np.testing.assert_array_equal(nmf.activations_, expected.activations_)
            np.testing.assert_array_equal(nmf.components_, expected.components_ * scale)


def test_mixtures_of_a_batch_have_their_own_loudness(mixture):
    x, y = (array.astype(np.float32) for array in mixture)
    alone = model(max_iter=20).fit(x, y)
    scales = np.array([1, 1e-20, 1e12], dtype=np.float32)
    batch = model(max_iter=20).fit(x * scales[:, None, None], np.stack([y] * 3))
    for activations, components, scale in zip(
        batch.activations_, batch.components_, scales, strict=True
    ):
        np.testing.assert_allclose(activations, alone.activations_, atol=1e-4)
        np.testing.assert_allclose(components / scale, alone.components_, rtol=1e-3, atol=1e-4)


def test_what_is_given_and_told_has_the_loudness_of_the_spectrogram(mixture):
    x, y = mixture
    templates = model(max_iter=20).fit(x, y).components_
    kept = np.zeros((5, 24), dtype=bool)
    kept[:2] = True
    costs = []
    for scale in (1.0, 1e-25):
        told = []
        nmf = model(max_iter=10, penalty_scale="absolute", contrast_weight=0.5 * scale).fit(
            x * scale, y, components=templates * scale, fixed_components=kept,
            callback=lambda *now, told=told: told.append(now[1:]),
        )  # fmt: skip
        (cost, activations, components) = told[-1]
        np.testing.assert_array_equal(components, nmf.components_)
        np.testing.assert_array_equal(activations, nmf.activations_)
        assert cost == nmf.cost_[-1]
        gains = nmf.components_[:2] / templates[:2] / scale
        np.testing.assert_allclose(gains, gains[:, :1] * np.ones(24))
        costs.append(nmf.cost_ / scale)
    np.testing.assert_allclose(costs[0], costs[1], rtol=1e-9)


def test_an_absolute_weight_that_no_number_holds_is_refused(mixture):
    x, y = mixture
    nmf = model(penalty_scale="absolute", beta_loss="frobenius")
    with pytest.raises(ValueError, match=r"contrast_weight=0\.1 outweighs.*relative"):
        nmf.fit((x * 1e-25).astype(np.float32), y)


def test_in_a_pipeline_as_scikit_learn_does(mixture):
    x, y = mixture
    nmf = model(max_iter=20).set_output(transform="pandas").fit(x, y)
    names = [f"contrastivenmf{k}" for k in range(5)]
    assert nmf.get_feature_names_out().tolist() == names
    table = nmf.transform(x)
    assert table.columns.tolist() == names
    spectrogram = nmf.inverse_transform(table)
    np.testing.assert_array_equal(spectrogram, table.to_numpy() @ nmf.components_)
    assert divergence(x, spectrogram, 1.0) < 0.05 * x.sum()
    frame = pd.DataFrame(x, index=np.arange(100, 180))
    pipeline = make_pipeline(FunctionTransformer(), nmf).set_output(transform="pandas")
    found = pipeline.fit(frame, y).transform(frame)
    assert found.index.tolist() == frame.index.tolist()
    assert pipeline[-1].get_feature_names_out().tolist() == names
    np.testing.assert_allclose(pipeline.inverse_transform(found), spectrogram, rtol=1e-6)


def test_activations_that_belong_to_other_components_are_refused(mixture):
    x, y = mixture
    nmf = model(max_iter=5).fit(x, y)
    for wrong in (x, x[0], x[None]):
        with pytest.raises(ValueError, match=r"expected activations of shape \(n_frames, 5\)"):
            nmf.inverse_transform(wrong)
    batch = model(max_iter=5).fit(np.stack([x, x]), np.stack([y, y]))
    assert batch.inverse_transform(batch.activations_).shape == (2, 80, 24)
