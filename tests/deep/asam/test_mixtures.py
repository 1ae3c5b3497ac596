from dataclasses import replace

import numpy as np
import pytest

from deep.asam.mixtures import Mixtures, MixtureSettings, n_voices
from tests.deep.asam.tiny import SFREQ, voice

SETTINGS = MixtureSettings(SFREQ, 4000, 4000, speeds=(), absent=0.0)
# Constants tell whose utterance and which one a sample is from.
MARKED = [np.full(8000, i + 1, np.float32) for i in range(5)]


def mixtures(waves, names, **settings):
    numbers = {name: i for i, name in enumerate(sorted(set(names)))}
    return Mixtures(waves, names, numbers, replace(SETTINGS, **settings), 10)


def talking(**settings):
    waves = [voice(f, seed=i).astype(np.float32) for f in (200, 500, 900) for i in range(2)]
    return mixtures(waves, ["a", "a", "b", "b", "c", "c"], **settings)


def test_sources_add_up_to_the_mixture_and_cues_are_valid():
    batch = talking().take(np.arange(6), np.random.default_rng(0))
    assert batch["source"].shape == batch["cue"].shape == (6, 2, 4000)
    np.testing.assert_allclose(batch["source"].sum(1), batch["mixture"], atol=1e-5)
    np.testing.assert_allclose(np.square(batch["mixture"]).mean(1), 1, rtol=1e-4)
    assert (batch["there"] == 1).all()
    assert (batch["talker"][:, 0] != batch["talker"][:, 1]).all()
    for cue, n in zip(batch["cue"].reshape(12, -1), batch["n_cue"].ravel(), strict=True):
        assert SFREQ // 2 <= n <= 4000
        assert not cue[n:].any()
        assert np.square(cue[:n]).mean() == pytest.approx(1, rel=1e-3)


def test_the_cue_is_never_the_target(monkeypatch):
    own = mixtures(MARKED, ["a", "a", "a", "b", "b"])
    cut = []
    whole = Mixtures._cut

    def spy(self, wave, *rest):
        cut.append(float(wave[0]))
        return whole(self, wave, *rest)

    monkeypatch.setattr(Mixtures, "_cut", spy)
    own.take(np.arange(50), np.random.default_rng(0))
    pairs = np.array(cut).reshape(-1, 2)
    assert len(pairs) == 100
    assert (pairs[:, 0] != pairs[:, 1]).all()
    # And cue and target are of the same talker.
    assert ((pairs[:, 0] <= 3) == (pairs[:, 1] <= 3)).all()


def test_a_single_utterance_is_divided():
    ramp = np.arange(1, 8001, dtype=np.float32)
    divided = mixtures([ramp, *MARKED[:2]], ["a", "b", "b"])
    first, second = divided.talkers[0]
    assert first.max() < second.min()
    assert len(first) + len(second) == 8000


def test_levels_are_within_the_range():
    batch = talking(snr=(3.0, 6.0)).take(np.arange(20), np.random.default_rng(1))
    power = np.square(batch["source"]).mean(2)
    level = 10 * np.log10(power[:, 0] / power[:, 1])
    assert level.min() > 2.99
    assert level.max() < 6.01
    assert np.ptp(level) > 1


def test_an_absent_talker_is_asked_for():
    batch = talking(absent=1.0).take(np.arange(20), np.random.default_rng(0))
    assert (batch["there"] == [1, 0]).all()
    assert not batch["source"][:, 1].any()
    assert (batch["talker"][:, 0] != batch["talker"][:, 1]).all()
    # With nobody left to ask for, all who are asked for are there.
    two = mixtures(MARKED[:4], ["a", "a", "b", "b"], absent=1.0)
    assert (two.take(np.arange(5), np.random.default_rng(0))["there"] == 1).all()


def test_two_or_three_talkers():
    batch = talking(n_talkers=(2, 3)).take(np.arange(30), np.random.default_rng(0))
    counts = (batch["there"] == 1).sum(1)
    assert set(counts) == {2, 3}
    # A place that is left over asks for the one who is silent.
    assert (batch["there"].min(1) == np.where(counts == 2, 0, 1)).all()
    four = mixtures(MARKED, ["a", "a", "b", "b", "c"], n_talkers=(2, 3))
    assert four.take(np.arange(3), np.random.default_rng(0))["mixture"].shape == (3, 4000)


def test_noise_is_in_half_of_the_mixtures_at_its_level():
    batch = talking(noise=(5.0, 5.0)).take(np.arange(100), np.random.default_rng(0))
    speech = batch["source"].sum(1)
    noise = np.square(batch["mixture"] - speech).mean(1)
    noisy = noise > 1e-6
    assert 30 < noisy.sum() < 70
    ratio = 10 * np.log10(np.square(speech).mean(1)[noisy] / noise[noisy])
    np.testing.assert_allclose(ratio, 5, atol=0.01)


def test_another_speed_is_another_voice():
    changed = talking(speeds=(0.8, 1.25))
    assert changed.n_numbers == 3
    assert n_voices(3, changed.settings) == 9
    batch = changed.take(np.arange(200), np.random.default_rng(0))
    numbers = batch["talker"].ravel()
    assert set(numbers) == set(range(9))
    assert 0.1 < (numbers >= 3).mean() < 0.4

    def peak(x):
        return np.abs(np.fft.rfft(x)).argmax() * SFREQ / len(x)

    for source, number in zip(batch["source"].reshape(-1, 4000), numbers, strict=True):
        factor = (1, 0.8, 1.25)[number // 3]
        assert peak(source) == pytest.approx(factor * (200, 500, 900)[number % 3], abs=30)


def test_the_same_batch_again_and_another_one():
    own = talking()
    fixed = [own.take(np.arange(3), None)["mixture"] for _ in range(2)]
    np.testing.assert_array_equal(*fixed)
    drawn = [own.take(np.arange(3), np.random.default_rng(i))["mixture"] for i in (0, 0, 1)]
    np.testing.assert_array_equal(*drawn[:2])
    assert not np.array_equal(drawn[0], drawn[2])
    assert own.digest() == talking().digest() != talking(snr=(0.0, 0.0)).digest()


def test_talkers_with_many_utterances_are_heard_more_often():
    own = mixtures([*MARKED, *MARKED], ["a"] * 8 + ["b", "c"])
    assert own.weights.tolist() == [64 / 66, 1 / 66, 1 / 66]


def test_too_few_talkers_are_refused():
    with pytest.raises(ValueError, match="mixtures of 3 talkers need as many, got 2: 'a', 'b'"):
        mixtures(MARKED[:2], ["a", "b"], n_talkers=(2, 3))


def test_an_utterance_shorter_than_the_mixture_lies_in_silence():
    own = mixtures([voice(f, 0.3).astype(np.float32) for f in (200, 900)], ["a", "b"])
    batch = own.take(np.arange(4), np.random.default_rng(0))
    assert (np.abs(batch["source"]) > 0).mean() < 0.4
    assert batch["n_cue"].max() == 1200
