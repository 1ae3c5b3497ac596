import tracemalloc

import numpy as np
import pytest

from cnmf import ContrastiveNMF, NeuroSteeredSeparator
from cnmf.components import find_components
from cocktailparty.separation.masking import magnitude, spectrogram

N_FFT, HOP = 256, 128


def factorisation(seed=0):
    return ContrastiveNMF(3, 1, contrast_weight=0, init="random", max_iter=30, random_state=seed)


@pytest.fixture
def audio(rng):
    """Two beats of noise in different bands, left and right."""
    beats = rng.random((2, 40)).repeat(400, axis=1) ** 3
    high = np.diff(rng.normal(size=16001))
    low = np.cumsum(rng.normal(size=16000)) / 20
    return np.stack([beats[0] * high + 0.1 * beats[1] * low, beats[1] * low], axis=1)


def test_short_mixtures_are_factorised_as_a_whole(audio):
    nmf = factorisation()
    expected = nmf.fit_transform(magnitude(spectrogram(audio, N_FFT, HOP)))
    for block in (7, 1000):
        found = find_components(audio, factorisation(), N_FFT, HOP, block=block)
        np.testing.assert_allclose(found.activations, expected, rtol=1e-9, atol=1e-12)
        np.testing.assert_allclose(found.components, nmf.components_, rtol=1e-9, atol=1e-12)
        np.testing.assert_allclose(found.positions.sum(axis=1), 1)


def test_blocks_change_nothing_about_long_mixtures(audio, tmp_path):
    np.save(tmp_path / "audio.npy", audio)
    mapped = np.load(tmp_path / "audio.npy", mmap_mode="r")
    whole, *others = (
        find_components(sound, factorisation(), N_FFT, HOP, sample=50, block=block)
        for sound, block in ((audio, 1000), (audio, 7), (mapped, 33))
    )
    assert whole.activations.shape == (126, 3)
    for found in others:
        for name in ("activations", "components", "gram", "positions"):
            a, b = getattr(found, name), getattr(whole, name)
            np.testing.assert_allclose(a, b, rtol=1e-6, atol=1e-9 * np.abs(b).max())


def test_the_setting_of_the_factorisation_is_as_it_was(audio):
    nmf = factorisation()
    find_components(audio, nmf, N_FFT, HOP, sample=50)
    assert nmf.tol == factorisation().tol


def test_pieces_are_the_whole_separation(audio):
    guide = np.random.default_rng(1).random(128)
    separator = NeuroSteeredSeparator(n_components=4, max_iter=20, window=0.032, random_state=0)
    whole = separator.separate_by_guide(audio, 8000, guide, 64)
    pieces = list(separator.blocks_by_guide(audio, 8000, guide, 64))
    np.testing.assert_allclose(np.concatenate(pieces, axis=1), whole, rtol=0, atol=1e-12)
    np.testing.assert_allclose(whole.sum(axis=0), audio, atol=1e-9)


def test_groups_are_chosen_instead_of_components(audio):
    # The guide is what the left sound does.
    guide = np.abs(audio[:, 0]).reshape(-1, 125).mean(axis=1)
    separator = NeuroSteeredSeparator(
        n_components=6, n_sources=2, max_iter=50, window=0.032, random_state=0
    )
    attended, rest = separator.separate_by_guide(audio, 8000, guide, 64)
    assert set(separator.groups_) == {0, 1}
    for group in (0, 1):
        assert np.ptp(separator.attention_.weights[separator.groups_ == group]) == 0
    left = [np.square(x[:, 0]).mean() / np.square(x).sum(axis=1).mean() for x in (attended, rest)]
    assert left[0] > left[1]


def test_memory_hardly_grows_with_the_mixture(rng, monkeypatch):
    """A second more takes a tenth of its spectrogram at most."""
    monkeypatch.setattr("cnmf.steering.SAMPLE", 320)
    separator = NeuroSteeredSeparator(n_components=4, max_iter=3, window=0.032, random_state=0)

    def peak(seconds):
        audio = rng.normal(size=(8000 * seconds, 2)).astype(np.float32)
        guide = rng.random(64 * seconds)
        tracemalloc.start()
        for block in separator.blocks_by_guide(audio, 8000, guide, 64):
            assert block.dtype == np.float32
        most = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return most

    peak(20)  # whatever is made once
    slope = (peak(80) - peak(20)) / 60
    spectrogram_of_a_second = 2 * 64 * 129 * 8
    assert slope < 0.1 * spectrogram_of_a_second


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"n_components": 19}, r"n_components must be from 2 to 18, got 19: every set"),
        ({"n_components": 65, "n_sources": 2}, "n_components must be from 2 to 64, got 65"),
        ({"n_sources": 1}, "n_sources must be from 2 to 8, and at most n_components"),
        ({"n_components": 3, "n_sources": 4}, "at most n_components=3, or None, got 4"),
    ],
)
def test_impossible_numbers_are_refused_before_any_work(settings, message):
    with pytest.raises(ValueError, match=message):
        NeuroSteeredSeparator(**settings).separate_by_guide(np.ones(8000), 8000, np.ones(64), 64)
