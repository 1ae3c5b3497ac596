import itertools
import warnings
from types import SimpleNamespace

import jax
import numpy as np
import pytest
import soundfile
from sklearn.base import clone
from sklearn.exceptions import NotFittedError

from cocktailparty.decoding.saving import load_model, save_model
from cocktailparty.recordings.audio.clips import AudioClip
from deep import ASAMSeparator
from tests.deep.asam.tiny import SFREQ, separator, voice, voices

WAVES, NAMES = voices()
MIXTURE = WAVES[0] + WAVES[2]
OTHER = voice(3000)


@pytest.fixture(scope="module")
def trained():
    return separator().fit(WAVES, NAMES)


@pytest.fixture
def asam(trained):
    """A copy of the trained one that a test may change."""
    copy = clone(trained)
    vars(copy).update(vars(trained))
    return copy


def test_fit_remembers_all_talkers(trained):
    assert trained.memory_.names == ("ann", "bob")
    assert trained.memory_.values.shape == (2, 4)
    np.testing.assert_allclose(np.linalg.norm(trained.memory_.values, axis=1), 1, rtol=1e-5)
    assert trained.n_iter_ == 1
    assert {"gain", "voices", "presence"} <= set(trained.history_)
    assert trained.n_parameters_ > 0
    assert len(trained.voices_.keys) == 2 + 16 + 1
    again = separator().fit(WAVES, NAMES)
    assert again.memory_.values.tobytes() == trained.memory_.values.tobytes()


def test_predictions_are_as_long_as_the_mixtures(trained):
    mixtures = [MIXTURE, np.tile(MIXTURE, 5), MIXTURE[:80]]
    found = trained.predict(mixtures, cue=["ann", WAVES[3], "bob"])
    assert [x.shape for x in found] == [(8000,), (40000,), (80,)]
    assert all(x.dtype == np.float32 and np.isfinite(x).all() for x in found)
    presence = trained.predict_presence(mixtures, cue=["ann", "bob", "ann"])
    assert ((presence > 0) & (presence < 1)).all()
    assert trained.attention(MIXTURE, "ann").shape == (63, 129)


def test_enrolling_changes_nobody_else_by_a_bit(asam):
    before = asam.predict([MIXTURE], cue=["ann"])[0]
    ann = asam.voices_.recall("ann")
    network = asam.network_
    with jax.log_compiles(), warnings.catch_warnings():
        warnings.simplefilter("error")
        asam.enroll(OTHER, "cleo")
    assert asam.memory_.names == ("ann", "bob", "cleo")
    assert asam.network_ is network
    assert asam.voices_.recall("ann").tobytes() == ann.tobytes()
    assert asam.predict([MIXTURE], cue=["ann"])[0].tobytes() == before.tobytes()
    assert asam.memory_.ages.tolist() == [2, 1, 0]
    # A stimulus that was never heard is no talker.
    asam.predict([MIXTURE], cue=[OTHER])
    assert asam.memory_.names == ("ann", "bob", "cleo")


def test_enrolling_compiles_nothing(asam, caplog):
    with jax.log_compiles():
        asam.enroll(OTHER, "cleo").enroll(OTHER[:2500], "dora").enroll(np.tile(OTHER, 3), "cleo")
        asam.forget("dora")
    assert not [r for r in caplog.records if "Compiling" in r.getMessage()]


def test_a_name_recalls_what_a_stimulus_gives(asam):
    asam.enroll(OTHER, "cleo")
    by_name, by_voice = asam.predict([MIXTURE, MIXTURE], cue=["cleo", OTHER])
    assert by_name.tobytes() == by_voice.tobytes()


def test_separate_names_who_is_there(asam):
    everybody = asam.separate(MIXTURE, threshold=0.0)
    assert set(everybody) == {"ann", "bob"}
    presences = [talker.presence for talker in everybody.values()]
    assert presences == sorted(presences, reverse=True)
    expected = asam.predict([MIXTURE], cue=["ann"])[0]
    np.testing.assert_allclose(everybody["ann"].waveform, expected, atol=1e-5)
    assert asam.separate(MIXTURE, threshold=1.0) == {}
    assert list(asam.separate(MIXTURE, speakers=["bob"], threshold=0.0)) == ["bob"]
    fast = np.repeat(MIXTURE, 2)[:-1]
    at_its_rate = asam.separate(fast, 16000, threshold=0.0)
    assert at_its_rate["ann"].waveform.shape == fast.shape
    with pytest.raises(ValueError, match="sfreq=4000 is less than"):
        asam.separate(MIXTURE, 4000)


def test_the_oldest_gives_way_and_is_named(trained):
    full = clone(trained)
    vars(full).update(vars(trained))
    full.voices_ = type(full.voices_).empty(2, 4)
    full.enroll(OTHER, "a").enroll(WAVES[0], "b")
    with pytest.warns(UserWarning, match="memory is full: 'a', who .* gave the slot to 'c'"):
        full.enroll(WAVES[2], "c")
    assert set(full.memory_.names) == {"b", "c"}


def test_a_saved_separator_gives_the_same_bits(asam, tmp_path):
    asam.enroll(OTHER, "cleo")
    save_model(asam, tmp_path / "model.safetensors")
    loaded = load_model(tmp_path / "model.safetensors")
    assert loaded.memory_.names == asam.memory_.names
    assert loaded.memory_.ages.tolist() == asam.memory_.ages.tolist()
    for cue in ("cleo", OTHER):
        one, other = (x.predict([MIXTURE], cue=[cue])[0] for x in (asam, loaded))
        assert one.tobytes() == other.tobytes()
    loaded.enroll(WAVES[0], "dora")
    assert "dora" not in asam.memory_.names


def test_files_are_mixtures_cues_and_utterances(asam, tmp_path):
    path = tmp_path / "cleo.wav"
    soundfile.write(path, OTHER, SFREQ, subtype="FLOAT")
    found = asam.predict([MIXTURE], cue=[path])[0]
    np.testing.assert_array_equal(found, asam.predict([MIXTURE], cue=[OTHER])[0])
    asam.enroll(AudioClip(str(path), 0.0, 0.5), "cleo").predict([path], cue=["cleo"])
    soundfile.write(tmp_path / "slow.wav", OTHER, 4000)
    with pytest.raises(ValueError, match=r"cue\[0\] .*slow.wav.* has a rate of 4000 Hz"):
        asam.predict([MIXTURE], cue=[tmp_path / "slow.wav"])


@pytest.mark.parametrize(
    ("mixtures", "cue", "error", "says"),
    [
        ([MIXTURE], ["cleo"], ValueError, "no talker is called 'cleo'; known: 'ann', 'bob'"),
        ([MIXTURE], [OTHER[:1999]], ValueError, r"cue\[0\] lasts 0.25 s .*at least 0.25 s"),
        ([MIXTURE], [0 * OTHER], ValueError, r"cue\[0\] is silent"),
        ([MIXTURE], [3], ValueError, r"cue\[0\] has shape \(\)"),
        ([MIXTURE, MIXTURE], ["ann"], ValueError, "1 cues for 2 mixtures"),
        ([MIXTURE], "ann", ValueError, "one cue for each mixture"),
        ([0 * MIXTURE], ["ann"], ValueError, r"mixtures\[0\] is silent"),
        ([MIXTURE * np.nan], ["ann"], ValueError, r"mixtures\[0\] holds NaN"),
        ([np.stack([MIXTURE] * 2, 1)], ["ann"], ValueError, r"mixtures\[0\] has shape \(8000, 2\)"),
        (MIXTURE, ["ann"], ValueError, "mixtures must be a list"),
    ],
)
def test_bad_input_of_predict(trained, mixtures, cue, error, says):
    with pytest.raises(error, match=says):
        trained.predict(mixtures, cue=cue)


@pytest.mark.parametrize(
    ("waves", "names", "error", "says"),
    [
        (WAVES, ["ann"] * 4, ValueError, "all utterances are of 'ann'"),
        (WAVES, NAMES[:3], ValueError, "3 speakers for 4 utterances"),
        (WAVES, [1, 1, 2, 2], TypeError, "must be a string, got 1"),
        ([*WAVES, OTHER[:2100]], [*NAMES, "cleo"], ValueError, r"utterances\[4\], the only one"),
        ([*WAVES[:3], np.r_[WAVES[3], np.inf]], NAMES, ValueError, r"utterances\[3\] holds NaN"),
    ],
)
def test_bad_input_of_fit(waves, names, error, says):
    with pytest.raises(error, match=says):
        separator().fit(waves, names)


def test_bad_input_of_enroll(asam):
    with pytest.raises(TypeError, match="must be a string, got 3"):
        asam.enroll(OTHER, 3)
    with pytest.raises(ValueError, match=r"waveform lasts 0.0125 s"):
        asam.enroll(OTHER[:100], "cleo")
    with pytest.raises(ValueError, match="no talker is called 'cleo'"):
        asam.forget("cleo")
    with pytest.raises(ValueError, match="nobody to look for"):
        asam.forget("ann").forget("bob").separate(MIXTURE)


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"preset": "big"}, r"preset must be one of \['default', 'paper'\], got 'big'"),
        ({"sfreq": 8}, "sfreq must be at least 1000 Hz"),
        ({"n_channels": 0}, "n_channels must be an integer of at least 1, got 0"),
        ({"n_layers": (1, 0)}, "n_layers must be"),
        ({"n_slots": 0}, "n_slots must be an integer of at least 1, got 0"),
        ({"preset": "paper", "n_voice": 5}, "n_voice must be even"),
        ({"n_mixtures": 5}, "n_mixtures=5 of an epoch are less than a batch of 6"),
        ({"cue_duration": 0.1}, "cue_duration must be at least 0.25 s"),
        ({"snr": (3, -3)}, "snr must be the smallest and the largest level"),
        ({"speeds": (3.0,)}, "speeds must be factors from 0.5 to 2"),
        ({"n_talkers": 1}, "n_talkers must be at least 2"),
        ({"n_talkers": 3}, "mixtures of 3 talkers need as many, got 2"),
        ({"training": {"max_minutes": -1}}, "max_minutes must be positive"),
        ({"training": {"validation_fraction": 0.1}}, "validation_fraction must be 0, as all utter"),
    ],
)
def test_settings_are_checked_before_any_work(settings, says):
    with pytest.raises(ValueError, match=says):
        separator(**settings).fit(WAVES, NAMES)


def test_settings_stay_as_they_were_given(trained):
    assert trained.get_params()["training__batch_size"] is None
    assert trained.training.learning_rate is None
    assert trained.max_epochs == 1


def test_nothing_works_before_fit():
    with pytest.raises(NotFittedError):
        ASAMSeparator().predict([MIXTURE], cue=["ann"])
    with pytest.raises(NotFittedError):
        ASAMSeparator().enroll(OTHER, "cleo")
    assert not hasattr(ASAMSeparator(), "memory_")


@pytest.mark.slow
def test_going_on_keeps_all_voices(asam):
    ann = asam.voices_.recall("ann")
    before = asam.predict([MIXTURE], cue=["ann"])[0]
    # A single step is the first of the warming up, whose rate is zero.
    asam.set_params(max_epochs=3).partial_fit([OTHER, WAVES[2]], ["cleo", "bob"])
    assert asam.memory_.names == ("ann", "bob", "cleo")
    assert asam.voices_.recall("ann").tobytes() == ann.tobytes()
    assert not np.array_equal(asam.predict([MIXTURE], cue=["ann"])[0], before)


def test_minutes_decide_how_many_epochs_there_are(monkeypatch):
    # By this clock three steps take ten minutes, and an epoch of two steps 400 s: the half-hour
    # holds four, and is never over by the clock on the wall, however busy the machine is.
    seconds = itertools.count(step=600)
    clock = SimpleNamespace(perf_counter=lambda: next(seconds))
    monkeypatch.setattr("deep.asam.planning.time", clock)
    short = separator({"max_minutes": 30, "batch_size": 2}, n_mixtures=4, max_epochs=1000)
    short.fit(WAVES, NAMES)
    assert short.n_iter_ == 4
    # The rate has fallen by the end.
    assert short.history_["learning_rate"][-1] < 0.5 * max(short.history_["learning_rate"])


@pytest.mark.slow
def test_tones_are_told_apart_by_their_cue():
    utterances = [voice(f, 3.0, seed=i) for f in (200, 900, 2000) for i in range(3)]
    names = [name for name in "abc" for _ in range(3)]
    asam = separator(n_channels=32, n_voice=16, n_layers=(1, 2), n_mixtures=60, max_epochs=30)
    asam.fit(utterances, names)
    a, b = voice(200, 3.0, seed=8), voice(900, 3.0, seed=9)
    from cocktailparty.metrics import si_sdr

    for cue, target, other in (("a", a, b), ("b", b, a), (voice(200, seed=11), a, b)):
        found = asam.predict([a + b], cue=[cue])[0]
        assert si_sdr(target, found) > 10
        assert si_sdr(other, found) < -5
    there = asam.separate(a + b)
    assert set(there) == {"a", "b"}
    assert asam.predict_presence([a + b], cue=["c"])[0] < 0.5
    silent = asam.predict([a + b], cue=["c"])[0]
    assert np.square(silent).mean() < 0.1 * np.square(a + b).mean()


@pytest.mark.slow
def test_ten_minutes_take_no_more_memory_than_their_waveforms(trained):
    import resource

    mixture = np.tile(MIXTURE, 600).astype(np.float32)
    trained.predict([mixture[:80000]], cue=["ann"])
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    found = trained.predict([mixture], cue=["ann"])[0]
    assert found.shape == mixture.shape
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * 1024
    assert grown < 12 * mixture.nbytes
