import pickle

import equinox as eqx
import jax
import numpy as np
import pytest
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import PredefinedSplit

from cocktailparty.datasets import simulate_two_talkers
from cocktailparty.decoding.saving import load_model, save_model
from cocktailparty.evaluation.comparing import compare
from cocktailparty.metrics import chance_level
from deep import SigLIPDecoder, Training

# As small as it can be: what takes time is compiling. Of the trials below 38 windows are held out,
# for which batches of 19 need one program.
SMALL = {
    "window": 2.0, "tmax": 0.25, "n_hidden": 4, "max_epochs": 3,
    "training": Training(batch_size=19), "eeg_gain": 0.005, "random_state": 0,
}  # fmt: skip
THESIS = {"preset": "thesis", "kernels": [3], "n_embedding": 4, "n_reconstructor": 4}


def listeners(n_subjects=2, n_trials=6, **options):
    options = {"duration": 20.0, "n_channels": 6, "snr": -14.0, "random_state": 0} | options
    return simulate_two_talkers(n_subjects, n_trials, **options).trials


@pytest.fixture(scope="module")
def trials():
    return listeners()


@pytest.fixture(scope="module")
def training(trials):
    """As many for all decoders, so that their programs are the same."""
    return [t for t in trials if t.name != "trial-06"]


@pytest.fixture(scope="module")
def fitted(training):
    return SigLIPDecoder(**SMALL).fit(training)


@pytest.fixture(scope="module")
def thesis(training):
    return SigLIPDecoder(**SMALL | THESIS | {"max_epochs": 1}).fit(training)


@pytest.fixture(scope="module")
def test(trials):
    return [t for t in trials if t.name == "trial-06"]


def right(decoder, trials, window=2.0):
    found = [np.argmax(decoder.window_scores(t, window), axis=1) == t.attended for t in trials]
    return np.concatenate(found)


def test_simulated_listeners_are_decoded(fitted, test):
    correct = right(fitted, test)
    assert correct.mean() > chance_level(len(correct))
    assert fitted.score(test) == 1
    assert fitted.predict(test).tolist() == [t.attended for t in test]


@pytest.mark.parametrize("which", ["fitted", "thesis"])
def test_shapes_and_sweep(which, request, test):
    decoder = request.getfixturevalue(which)
    trial = test[0]
    assert decoder.window_scores(trial, 2.0).shape == (10, 2)
    assert decoder.window_scores(trial, 2.0, hop=1.0).shape == (19, 2)
    sweep = decoder.window_sweep(trial, [2, 5, 60])
    assert [scores.shape for scores in sweep.values()] == [(10, 2), (4, 2), (0, 2)]
    for window in (2, 5):
        np.testing.assert_allclose(sweep[window], decoder.window_scores(trial, window), atol=1e-6)
    assert decoder.decision_function(test).shape == (2, 2)
    reconstructions = decoder.reconstruct(test)
    assert [r.shape for r in reconstructions] == [(1280, 1)] * 2
    assert all(np.isfinite(r).all() and r.std() > 0 for r in reconstructions)


def test_scores_follow_the_order_of_the_stimuli(fitted, thesis, test):
    for decoder in (fitted, thesis):
        swapped = test[0].replace(stimuli=test[0].stimuli[::-1])
        np.testing.assert_allclose(
            decoder.window_scores(swapped, 2.0),
            decoder.window_scores(test[0], 2.0)[:, ::-1],
            atol=1e-5,
        )


def test_listeners_who_were_not_in_training(fitted, thesis, test):
    for decoder in (fitted, thesis):
        stranger = test[0].replace(subject="nobody")
        scores = decoder.window_scores(stranger, 2.0)
        assert np.isfinite(scores).all()
        assert not np.array_equal(scores, decoder.window_scores(test[0], 2.0))
    rows = thesis.network_.arrays["subjects.weight"]
    np.testing.assert_allclose(rows[-1], rows[:-1].mean(0), atol=1e-6)


def test_the_best_epoch_is_restored(training):
    """Steps so large that it gets worse: the start, or an early epoch, is kept."""
    wild = SigLIPDecoder(**SMALL | {"max_epochs": 4})
    wild.set_params(training=Training(batch_size=19, learning_rate=0.5, patience=2))
    wild.fit(training)
    losses = [wild.start_loss_, *wild.history_["val_loss"]]
    assert wild.best_epoch_ == np.argmin(losses) - 1


def test_shuffled_labels_give_chance():
    """Training on labels that say nothing; what is attended in test trials is a coin."""
    rng = np.random.default_rng(0)
    many = listeners(2, 12, random_state=3, unattended_gain=1.0)
    many = [t.replace(attended=int(rng.integers(2))) for t in many]
    decoder = SigLIPDecoder(**SMALL).fit(many[::2])
    correct = right(decoder, many[1::2])
    assert 1 - chance_level(len(correct), alpha=0.005) < correct.mean()
    assert correct.mean() < chance_level(len(correct), alpha=0.005)


def test_clones_pickles_and_files_give_the_same(fitted, thesis, training, test, tmp_path):
    for decoder in (fitted, thesis):
        expected = decoder.window_scores(test[0], 2.0), decoder.reconstruct(test)[0]
        save_model(decoder, tmp_path / "model.safetensors")
        for copy in (
            pickle.loads(pickle.dumps(decoder)),
            load_model(tmp_path / "model.safetensors"),
        ):
            np.testing.assert_array_equal(copy.window_scores(test[0], 2.0), expected[0])
            np.testing.assert_array_equal(copy.reconstruct(test)[0], expected[1])
    again = clone(fitted).fit(training)
    np.testing.assert_array_equal(
        again.window_scores(test[0], 2.0), fitted.window_scores(test[0], 2.0)
    )
    with pytest.raises(NotFittedError):
        clone(fitted).predict(test)


def test_partial_fit_moves_what_is_the_new_listeners_own(fitted, test):
    decoder = pickle.loads(pickle.dumps(fitted))
    before = {k: v.copy() for k, v in decoder.network_.arrays.items()}
    scores = decoder.window_scores(test[0], 2.0)
    new = [t.replace(subject="new") for t in listeners(1, 4, random_state=9)]
    decoder.partial_fit(new)
    after = decoder.network_.arrays
    assert before.keys() == after.keys()
    for name, array in before.items():
        if name == "subjects.weight":
            # The new one comes before the average, and nobody else's matrix moves.
            np.testing.assert_array_equal(after[name][[0, 1, 3]], array)
        else:
            np.testing.assert_array_equal(after[name], array)
    np.testing.assert_array_equal(decoder.window_scores(test[0], 2.0), scores)
    own = decoder.window_scores(new[0], 2.0)
    stranger = decoder.window_scores(new[0].replace(subject="other"), 2.0)
    assert np.isfinite(own).all()
    assert not np.array_equal(own, stranger)
    decoder.partial_fit(new[:2])
    assert len(decoder.inputs_.subjects) == 3


def test_without_a_network_of_the_eeg_a_new_listener_gets_a_ridge_model(trials, training):
    """The default: what is reconstructed is linear in the EEG, up to a constant."""
    decoder = SigLIPDecoder(**SMALL | {"eeg_gain": 0.0, "max_epochs": 1}).fit(training)
    first, second = trials[0].eeg, trials[1].eeg
    single, mixed = (
        [decoder.reconstruct([trials[0].replace(eeg=eeg)])[0] for eeg in eegs]
        for eegs in ([first, second], [(first + second) / 2, 2 * first - second])
    )
    np.testing.assert_allclose(mixed[0], (single[0] + single[1]) / 2, rtol=0, atol=1e-3)
    np.testing.assert_allclose(mixed[1], 2 * single[0] - single[1], rtol=0, atol=1e-3)
    new = [t.replace(subject="new") for t in listeners(1, 4, random_state=9)]
    before = decoder.n_parameters_
    stranger = decoder.window_scores(new[0], 2.0)
    decoder.partial_fit(new)
    assert decoder.n_parameters_ == before  # a ridge model is solved, not trained
    assert decoder.inputs_.subjects[-1] == "new"
    assert not np.array_equal(decoder.window_scores(new[0], 2.0), stranger)
    with pytest.raises(ValueError, match="new have ridge models already"):
        decoder.partial_fit(new)


@pytest.mark.parametrize(
    "settings",
    [
        {"eeg_gain": 0.0},
        {},
        {"eeg_gain": 0.0, "contrast_weight": 0.0},
        {"network": "linear", "contrast_weight": 0.0},
    ],
)
def test_what_is_counted_is_what_steps_change(training, settings):
    """Of random weights, so that none has a gradient of zero by its place alone."""
    decoder = SigLIPDecoder(**SMALL | settings | {"max_epochs": 1}).fit(training)
    model, state = decoder.network_.restored(decoder.architecture)
    rng = np.random.default_rng(1)
    model = jax.tree.map(
        lambda x: rng.normal(size=x.shape).astype(x.dtype) if eqx.is_inexact_array(x) else x, model
    )
    trainer = decoder.resolved()
    labels = np.array([t.attended for t in training])
    recordings, parts = decoder.inputs_.segments(training, labels, decoder._n_window)
    if decoder._lagged:
        decoder.inputs_.fit_ridge(recordings, parts, decoder._n_lags, set())
    examples, *_ = decoder._split(trainer, recordings, parts)
    batch = {k: jax.numpy.asarray(v) for k, v in examples.take(np.arange(6), None).items()}
    task = decoder._task(trainer)
    gradient_of = eqx.filter_jit(eqx.filter_grad(lambda *args: task(*args)[0]))
    gradient = gradient_of(model, state, batch, jax.random.key(2))
    changed = [g for g in jax.tree.leaves(gradient) if np.any(g)]
    assert decoder.n_parameters_ == sum(g.size for g in changed) > 0


def test_any_number_of_stimuli_and_bands():
    """One sound is told from itself at another time, beside trials of three; two bands each."""
    made = [
        t.replace(stimuli=np.stack([t.stimuli[..., 0] ** 2, t.stimuli[..., 0]], axis=-1))
        for t in listeners(2, 3, n_talkers=3)
    ]
    made[::2] = [t.replace(stimuli=t.stimuli[[t.attended]], attended=0) for t in made[::2]]
    options = {"max_epochs": 1, "target": 1, "eeg_gain": 0.0}
    decoder = SigLIPDecoder(**SMALL | options).fit(made)
    scores = decoder.decision_function(made[:2])
    assert scores.shape == (2, 3)
    assert np.isneginf(scores[0, 1:]).all()
    assert decoder.reconstruct(made[:1])[0].shape == (1280, 1)


@pytest.mark.parametrize("network", ["vlaai", "linear"])
def test_ablations_decode(network, training):
    options = SMALL | {"max_epochs": 1, "n_hidden": 2}
    decoder = SigLIPDecoder(network=network, contrast_weight=0.0, **options).fit(training)
    assert np.isfinite(decoder.window_scores(training[0], 2.0)).all()
    with pytest.raises(ValueError, match="has nothing of a listener's own to learn"):
        decoder.partial_fit(training[:1])


def test_evaluation_takes_it(trials):
    """With listeners left out."""
    decoder = SigLIPDecoder(**SMALL | {"max_epochs": 1})
    splitter = PredefinedSplit([-1] * 10 + [0, 0])
    table = compare({"siglip": decoder}, trials, cv=splitter, windows=[2])
    assert table["n_windows"].sum() == 20
    assert table["accuracy"].mean() > 0.5


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            {"preset": "best"},
            r"preset must be one of \['default', 'stacked', 'thesis'\], got 'best'",
        ),
        ({"network": "cnn"}, "network must be one of .*got 'cnn'"),
        ({"overlap": 1.0}, r"overlap must be at least 0 and less than 1, got 1\.0"),
        ({"contrast_weight": -1.0}, "contrast_weight must not be negative"),
        ({"channel_dropout": 1.0}, "channel_dropout must be at least 0 and less than 1"),
        ({"window": 30.0}, r"trials\[0\] lasts 20 s, shorter than window=30 s"),
        ({"window": 0.1}, "holds 6 samples at 64 Hz, expected at least 16"),
        ({"training": Training(learning_rate=-1.0)}, "learning_rate must be positive"),
        ({"max_epochs": 0}, "max_epochs must be an integer of at least 1"),
    ],
)
def test_what_cannot_be_is_refused(options, message, trials):
    with pytest.raises(ValueError, match=message):
        SigLIPDecoder(**SMALL | options).fit(trials)


def test_a_trial_too_short_to_hold_something_out_is_refused(test):
    with pytest.raises(ValueError, match="needs at least 2 groups of examples"):
        SigLIPDecoder(**SMALL).fit([test[0].crop(0, 3)])
