import pickle
from contextlib import contextmanager

import equinox as eqx
import jax
import numpy as np
import pytest
import soundfile
from sklearn.base import clone
from sklearn.exceptions import NotFittedError

from cocktailparty.decoding.saving import load_model, save_model
from deep import TestTimeAdapter
from deep.adaptation.objective import Objective
from tests.deep.contrastive.sounds import SFREQ, classifier, clips

X, Y, VOICES = clips()
NOISE = np.random.default_rng(1)
NOISY = [(x + 0.5 * NOISE.normal(size=len(x))).astype(np.float32) for x in clips(24, 3)[0]]

#: Without guards, so that every call adapts; as many clips in a batch as in the training.
OPEN = {"gate": None, "min_clips": 1, "batch_size": 8, "collapse": None, "objective": "entropy"}


@pytest.fixture(scope="module")
def plain():
    return classifier().fit(X, Y)


@pytest.fixture(scope="module")
def contrasted():
    return classifier("scl").fit(X, Y)


def adapter(fitted, **options):
    return TestTimeAdapter(fitted, **OPEN | options)


@contextmanager
def compilations():
    """Count programs that XLA compiles."""
    seen = []

    def listen(event, duration, **more):
        if event.endswith("backend_compile_duration"):
            seen.append(event)

    jax.monitoring.register_event_duration_secs_listener(listen)
    try:
        yield seen
    finally:
        jax.monitoring.unregister_event_duration_listener(listen)


def learnt(fitted):
    """Weights and statistics of an adapter, by name."""
    return fitted.adapted_classifier().network_.arrays


def changed(fitted, before):
    return {
        name for name, array in learnt(fitted).items() if not np.array_equal(array, before[name])
    }


def test_before_the_first_clip_it_predicts_as_the_classifier_does(plain, contrasted):
    for fitted in (plain, contrasted):
        fresh = adapter(fitted)
        expected = fitted.predict_proba(X[:5])
        np.testing.assert_array_equal(fresh.predict_proba(X[:5]), expected)
        np.testing.assert_array_equal(fresh.predict(X), fitted.predict(X))
        assert fresh.score(X, Y) == fitted.score(X, Y)
        assert fresh.classes_.tolist() == ["high", "low"]
        # And so do the programs of the adapter, whatever the head is, as long as nothing moved.
        closed = adapter(fitted, gate=1e9).partial_fit(NOISY)
        np.testing.assert_allclose(closed.predict_proba(X[:5]), expected, atol=1e-5)
        assert {row["gate"] for row in closed.history_} == {"waiting", "closed"}


def test_a_stream_moves_the_adapter_and_never_the_classifier(plain):
    before = {name: array.copy() for name, array in plain.network_.arrays.items()}
    restored = [np.array(a) for a in jax.tree.leaves(plain._network()) if eqx.is_array(a)]
    expected = plain.predict_proba(X)
    adapted = adapter(plain).partial_fit(NOISY[:8]).partial_fit(NOISY[8:])
    assert not np.allclose(adapted.predict_proba(X), expected, atol=1e-4)
    for name, array in plain.network_.arrays.items():
        np.testing.assert_array_equal(array, before[name])
    now = [np.array(a) for a in jax.tree.leaves(plain._network()) if eqx.is_array(a)]
    assert all(np.array_equal(a, b) for a, b in zip(now, restored, strict=True))
    np.testing.assert_array_equal(plain.predict_proba(X), expected)
    assert [row["n_clips"] for row in adapted.history_] == [8, 8, 8]
    assert [row["n_steps"] for row in adapted.history_] == [1, 1, 1]
    # A prediction changes nothing, and is that of each clip alone.
    first = adapted.predict_proba(X)
    np.testing.assert_array_equal(adapted.predict_proba(X), first)
    np.testing.assert_allclose(adapted.predict_proba(X[3:4])[0], first[3], atol=1e-5)
    # The same stream gives the same adapter.
    again = clone(adapted).partial_fit(NOISY[:8]).partial_fit(NOISY[8:])
    np.testing.assert_array_equal(again.predict_proba(X), first)


def test_reset_goes_back_bit_for_bit(plain):
    adapted = adapter(plain)
    adapted.partial_fit(NOISY[:16])
    first = adapted.predict_proba(X)
    adapted.reset()
    np.testing.assert_array_equal(adapted.predict_proba(X), plain.predict_proba(X))
    assert not hasattr(adapted, "history_")
    assert not changed(adapted, plain.network_.arrays)
    adapted.partial_fit(NOISY[:16])
    np.testing.assert_array_equal(adapted.predict_proba(X), first)
    # The guards go back in the same way.
    adapted._go_back()
    assert not changed(adapted, plain.network_.arrays)


@pytest.mark.parametrize("statistics", ["stored", "tracked"])
def test_only_what_is_named_moves(plain, statistics):
    before = plain.network_.arrays
    norms = {n for n in before if ".norm" in n and n.endswith(("weight", "bias"))}
    norms -= {n for n in before if n.startswith("state")}
    moved = {n for n in before if n.startswith("state")} if statistics == "tracked" else set()
    for parameters, names in (
        ("norm", norms), (lambda name: name == "head.bias", {"head.bias"}),
    ):  # fmt: skip
        adapted = adapter(plain, parameters=parameters, statistics=statistics)
        adapted.partial_fit(NOISY[:8])
        assert changed(adapted, before) == names | moved
    adapted = adapter(plain, objective=None).partial_fit(NOISY[:8])
    assert changed(adapted, before) == {n for n in before if n.startswith("state")}


def test_tracked_statistics_are_those_of_the_whole_sample(plain):
    """At the first norm, which sees the clips as they are: closed form, ragged parts."""
    mean, variance = (plain.network_.arrays[f"state.encoder.norm.index.{i}"] for i in (0, 1))
    levels = jax.vmap(plain._network()[0].encoder.front)
    x = plain._clips(NOISY).take(np.arange(13), None)["x"]
    levels = np.asarray(levels(x), float)
    adapted = adapter(plain, objective=None, source_weight=7)
    adapted.partial_fit(NOISY[:3]).partial_fit(NOISY[3:13])
    found = learnt(adapted)
    expected = (7 * mean + levels.mean(1).sum(0)) / 20
    np.testing.assert_allclose(found["state.encoder.norm.index.0"], expected, rtol=1e-4)
    second = (7 * (variance + mean**2) + np.square(levels).mean(1).sum(0)) / 20
    np.testing.assert_allclose(found["state.encoder.norm.index.1"], second - expected**2, rtol=1e-3)
    # The last batch alone, and what is mixed with the training.
    for statistics, weight in (("batch", 0), ("mixed", 7)):
        adapted.set_params(statistics=statistics).reset()
        adapted.partial_fit(NOISY[8:]).partial_fit(NOISY[:5])
        expected = (weight * mean + levels[:5].mean(1).sum(0)) / (weight + 5)
        np.testing.assert_allclose(
            learnt(adapted)["state.encoder.norm.index.0"], expected, rtol=1e-4
        )


def test_ragged_batches_compile_nothing_new(plain):
    adapted = adapter(plain, gate=0.0, objective="nuclear")
    adapted.partial_fit(NOISY[:16])
    adapted.predict(X[:5])
    with compilations() as seen:
        for size in (1, 3, 8, 11, 24):
            adapted.partial_fit(NOISY[:size])
            adapted.predict(NOISY[:size])
    assert adapted.history_[-1]["n_steps"] == 1
    assert not seen
    with compilations() as seen:
        jax.jit(lambda x: x + 3.21)(np.ones(7))
    assert seen  # the counter counts


def test_the_gate_opens_in_noise_and_closes_again(plain):
    adapted = adapter(plain, gate="auto", objective=None, window=16)
    adapted.partial_fit(X)
    assert {row["gate"] for row in adapted.history_} == {"waiting", "closed"}
    assert not changed(adapted, plain.network_.arrays)
    adapted.partial_fit(NOISY)
    assert adapted.history_[-1]["gate"] == "open"
    assert adapted.history_[-1]["distance"] > adapted.history_[-1]["threshold"]
    assert changed(adapted, plain.network_.arrays)
    adapted.partial_fit(X)
    assert "gate" in [row["reset"] for row in adapted.history_]
    assert adapted.history_[-1]["gate"] == "closed"
    assert not changed(adapted, plain.network_.arrays)


def test_small_batches_are_gathered_before_a_gradient(plain):
    adapted = adapter(plain, min_clips=8)
    for first in range(0, 20, 4):
        adapted.partial_fit(NOISY[first : first + 4])
    assert [row["n_steps"] for row in adapted.history_] == [0, 1, 0, 1, 0]


def test_a_pull_keeps_weights_near_the_source(plain):
    def away(**options):
        adapted = adapter(plain, learning_rate=0.05, statistics="stored", **options)
        for _ in range(4):
            adapted.partial_fit(NOISY[:8])
        before = plain.network_.arrays
        return sum(np.abs(array - before[name]).sum() for name, array in learnt(adapted).items())

    assert away(pull=100.0) < 0.7 * away(pull=0.0)


def test_a_collapse_is_undone(plain):
    """Entropy alone, with a far too large step, sends all clips to one class."""
    options = {"parameters": "all", "learning_rate": 5.0, "optimizer": "sgd", "pull": 0.0}
    wild = adapter(plain, **options)
    safe = adapter(plain, collapse=0.9, **options)
    for one in (wild, safe):
        for _ in range(6):
            one.partial_fit(NOISY[:8])
    assert {row["reset"] for row in wild.history_} == {None}
    assert len(set(wild.predict(NOISY))) == 1
    assert "collapse" in {row["reset"] for row in safe.history_}


def test_a_step_that_is_not_finite_is_undone(plain):
    adapted = adapter(plain, learning_rate=1e30, optimizer="sgd", parameters="all")
    adapted.partial_fit(NOISY[:8]).partial_fit(NOISY[:8])
    assert "not finite" in {row["reset"] for row in adapted.history_}
    assert np.isfinite(adapted.predict_proba(X)).all()


def test_a_whole_set_is_adapted_to_in_passes_and_stops(plain, tmp_path):
    adapted = adapter(plain, max_epochs=3, objective="information").fit(NOISY)
    assert [row["epoch"] for row in adapted.history_] == list(range(len(adapted.history_)))
    chosen = [row for row in adapted.history_ if row["chosen"]]
    assert len(chosen) == 1
    assert chosen[0]["information"] == max(row["information"] for row in adapted.history_)
    # Without a stop it is the last one.
    assert adapter(plain, max_epochs=2, patience=None).fit(NOISY).history_[-1]["chosen"]
    # A gate that stays closed leaves the classifier alone.
    closed = adapter(plain, gate=1e9).fit(NOISY)
    assert not changed(closed, plain.network_.arrays)


def test_a_killed_fit_goes_on_and_ends_the_same(plain, tmp_path, monkeypatch):
    options = {"max_epochs": 3, "objective": "information", "patience": None}
    expected = adapter(plain, **options).fit(NOISY)
    killed = adapter(plain, checkpoint=str(tmp_path), **options)
    from deep.adaptation import offline

    real = offline._pass

    def dying(settings, stream, clips, epoch):
        if epoch == 3:
            raise KeyboardInterrupt
        return real(settings, stream, clips, epoch)

    monkeypatch.setattr(offline, "_pass", dying)
    with pytest.raises(KeyboardInterrupt):
        killed.fit(NOISY)
    assert len(list(tmp_path.iterdir())) == 1
    epochs = []

    def counted(settings, stream, clips, epoch):
        epochs.append(epoch)
        return real(settings, stream, clips, epoch)

    monkeypatch.setattr(offline, "_pass", counted)
    killed.fit(NOISY)
    assert epochs == [3]
    np.testing.assert_array_equal(killed.predict_proba(X), expected.predict_proba(X))
    assert killed.history_ == expected.history_
    assert not list(tmp_path.iterdir())


def test_pickle_and_clone_in_mid_stream(plain, tmp_path):
    adapted = adapter(plain, gate=0.0).partial_fit(NOISY[:20])
    copied = pickle.loads(pickle.dumps(adapted))
    np.testing.assert_array_equal(copied.predict_proba(X), adapted.predict_proba(X))
    for one in (adapted, copied):
        one.partial_fit(NOISY[20:]).partial_fit(NOISY[:9])
    np.testing.assert_array_equal(copied.predict_proba(X), adapted.predict_proba(X))
    assert copied.history_ == adapted.history_
    fresh = clone(adapted)
    assert not hasattr(fresh, "history_")
    assert fresh.classifier is plain
    np.testing.assert_array_equal(fresh.predict_proba(X), plain.predict_proba(X))
    save_model(adapted.adapted_classifier(), tmp_path / "model.safetensors")
    loaded = load_model(tmp_path / "model.safetensors")
    np.testing.assert_allclose(loaded.predict_proba(X), adapted.predict_proba(X), atol=1e-5)
    # A classifier from a file adapts as well: it has its spectra.
    assert adapter(loaded, gate="auto", objective=None).partial_fit(NOISY).history_


def test_labels_are_refused(plain):
    for call in (adapter(plain).partial_fit, adapter(plain).fit):
        with pytest.raises(TypeError, match="adaptation takes no labels"):
            call(X, Y)


def replaced(index, clip):
    return [*NOISY[:index], clip, *NOISY[index + 1 :]]


@pytest.mark.parametrize(
    ("X", "message"),
    [
        ([], "X holds no clips"),
        (replaced(2, np.full(600, np.nan)), r"X\[2\] holds NaN or infinity"),
        (replaced(1, np.zeros(600)), r"X\[1\] is constant, so there is nothing to hear"),
        (replaced(4, NOISY[4][:50]), r"X\[4\] has 50 samples, shorter than a frame"),
        (NOISY[0], r"give \[clip\]"),
    ],
)
def test_clips_that_cannot_be_used_change_nothing(plain, X, message):
    adapted = adapter(plain).partial_fit(NOISY[:8])
    before = learnt(adapted)
    for call in (adapted.partial_fit, adapted.predict, adapted.fit):
        with pytest.raises(ValueError, match=message):
            call(X)
    assert not changed(adapted, before)
    assert len(adapted.history_) == 1


def test_other_rates_single_and_clipped_clips_and_streams_of_one_class(plain, tmp_path):
    soundfile.write(tmp_path / "a.wav", NOISY[0], 2 * SFREQ)
    with pytest.raises(ValueError, match=r"a.wav has a rate of 8000 Hz, expected sfreq=4000"):
        adapter(plain).partial_fit([tmp_path / "a.wav"])
    adapted = adapter(plain, objective="nuclear")
    adapted.partial_fit(NOISY[:1])
    adapted.partial_fit([np.clip(100 * x, -1, 1) for x in NOISY])
    adapted.partial_fit(NOISY[::2]).partial_fit(NOISY[::2])
    assert np.isfinite(adapted.predict_proba(NOISY)).all()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"objective": "surprise"}, r"objective must be one of \['column', 'entropy'"),
        ({"objective": None, "statistics": "stored"}, "adapt nothing: use the classifier itself"),
        ({"statistics": "exact"}, r"statistics must be one of \('tracked'"),
        ({"parameters": lambda name: False}, r"parameters chooses none of the arrays \['encoder"),
        ({"parameters": "bias"}, "parameters must be 'norm', 'all' or a function of a name"),
        ({"gate": "wide"}, "gate must be 'auto', a distance or None"),
        ({"gate": -1}, "gate must be 'auto', a distance or None"),
        ({"min_clips": 0}, "min_clips must be an integer of at least 1"),
        ({"memory_size": 4, "min_clips": 8}, "memory_size=4 holds fewer clips than min_clips=8"),
        ({"pull": -1}, "pull must not be negative"),
        ({"collapse": 1.5}, "collapse must be between 0 and 1"),
        ({"learning_rate": 0}, "learning_rate must be positive"),
    ],
)
def test_settings_that_cannot_be_are_refused(plain, options, message):
    adapted = adapter(plain, **options)
    with pytest.raises(ValueError, match=message):
        adapted.partial_fit(NOISY[:8])
    assert not hasattr(adapted, "history_")


def test_what_is_no_fitted_classifier_is_refused(plain):
    with pytest.raises(NotFittedError):
        adapter(classifier()).partial_fit(NOISY)
    with pytest.raises(NotFittedError):
        adapter(classifier()).predict(NOISY)
    with pytest.raises(TypeError, match="classifier must be a ContrastiveAudioClassifier, got str"):
        adapter("model").predict(NOISY)
    with pytest.raises(RuntimeError, match="online=False: call fit"):
        adapter(plain, online=False).partial_fit(NOISY)
    old = pickle.loads(pickle.dumps(plain))
    del old.spectra_
    with pytest.raises(ValueError, match="has no spectra of its training clips"):
        adapter(old, gate="auto").partial_fit(NOISY)


def test_objectives_are_weighted_sums():
    with pytest.raises(ValueError, match="q must be positive, got 0"):
        Objective(generalized=1, q=0)
    with pytest.raises(ValueError, match="form must be one of"):
        Objective(nuclear=1, form="frobenius")
    with pytest.raises(ValueError, match="all weights of the objective are zero"):
        Objective()
    with pytest.raises(ValueError, match="the weight entropy must not be negative"):
        Objective(entropy=-1)
