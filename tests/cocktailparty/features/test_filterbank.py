from itertools import pairwise

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.signal import sosfreqz

from cocktailparty.features import (
    erb_bandwidths,
    erb_frequencies,
    gammatone,
    gammatone_sos,
    mel_bank,
)

RATES = [8000, 11025, 16000, 22050, 44100, 48000]
FREQUENCIES = np.array([50.0, 100.0, 150.0, 400.0, 1000.0, 2000.0, 3000.0, 3700.0])


def click(sfreq):
    samples = np.zeros(sfreq // 2)
    samples[0] = 1.0
    return samples


@pytest.mark.parametrize(("f_min", "f_max", "spacing"), [(150, 4000, 1.5), (50, 8000, 1.0)])
def test_neighbours_are_one_step_of_integrated_bandwidth_apart(f_min, f_max, spacing):
    frequencies = erb_frequencies(f_min, f_max, spacing)
    edges = [f_min, *frequencies, f_max]
    steps = [quad(lambda f: 1 / (24.7 + 0.107939 * f), *pair)[0] for pair in pairwise(edges)]
    np.testing.assert_allclose(steps[1:-1], spacing, rtol=1e-9)
    assert steps[0] == pytest.approx(steps[-1])
    assert 0 <= steps[0] < spacing / 2


def test_bands_of_the_leuven_chain():
    assert len(erb_frequencies(150, 4000)) == 15
    np.testing.assert_array_equal(erb_frequencies(1000, 1000), [1000.0])
    # Table values of Glasberg & Moore's formula.
    np.testing.assert_allclose(erb_bandwidths([100, 1000, 4000]), [35.5, 132.6, 456.5], atol=0.1)


@pytest.mark.parametrize("sfreq", RATES)
def test_impulse_response_is_the_analytic_gammatone(sfreq):
    responses = gammatone(click(sfreq), sfreq, FREQUENCIES)
    time = np.arange(sfreq // 2)[:, None] / sfreq
    bandwidth = 1.019 * 24.7 * (4.37e-3 * FREQUENCIES + 1)
    analytic = time**3 * np.exp(-2 * np.pi * bandwidth * time)
    analytic *= np.cos(2 * np.pi * FREQUENCIES * time)
    norms = np.linalg.norm(analytic, axis=0) * np.linalg.norm(responses, axis=0)
    assert np.all(np.sum(analytic * responses, axis=0) / norms > 0.999)


@pytest.mark.parametrize("sfreq", RATES)
def test_gain_is_one_at_the_centre_and_nowhere_larger(sfreq):
    for sections, frequency in zip(gammatone_sos(FREQUENCIES, sfreq), FREQUENCIES, strict=True):
        grid = np.append(np.linspace(1, sfreq / 2, 20000), frequency)
        gain = np.abs(sosfreqz(sections, grid, fs=sfreq)[1])
        assert gain[-1] == pytest.approx(1, rel=1e-9)
        assert gain.max() < 1.001
        poles = np.concatenate([np.roots(section[3:]) for section in sections])
        assert np.all(np.abs(poles) < 1)


@pytest.mark.parametrize("sfreq", RATES)
def test_magnitudes_agree_with_the_gammatone_package(sfreq):
    filters = pytest.importorskip("gammatone.filters")
    # The peer's carrier is two samples late against its envelope, which moves phases but hardly
    # magnitudes, save near Nyquist where the band meets its mirror image.
    frequencies = FREQUENCIES[sfreq / 3 > FREQUENCIES]
    peer = filters.erb_filterbank(click(sfreq), filters.make_erb_filters(sfreq, frequencies)).T
    ours = gammatone(click(sfreq), sfreq, frequencies)
    difference = np.abs(np.fft.rfft(ours, axis=0)) - np.abs(np.fft.rfft(peer, axis=0))
    assert np.abs(difference).max() < 80 / sfreq


def test_low_bands_stay_stable_in_long_audio(rng):
    subbands = gammatone(rng.normal(size=4 * 48000), 48000, [50.0, 150.0])
    # White noise of unit power through a filter of gain one: power = noise bandwidth / Nyquist.
    power = np.var(subbands, axis=0) * 24000 / erb_bandwidths([50.0, 150.0])
    np.testing.assert_allclose(power, 1, atol=0.35)


def test_digital_silence_leaves_no_subnormal_numbers(rng):
    audio = np.zeros(10 * 8000)
    audio[:800] = rng.normal(size=800)
    tail = np.abs(gammatone(audio, 8000, [60.0, 500.0])[-8000:])
    assert tail.max() < 1e-19
    assert tail.min() > np.finfo(float).tiny


def test_float32_is_filtered_in_float64(rng):
    audio = rng.normal(size=8000).astype(np.float32)
    audio.flags.writeable = False
    subbands = gammatone(audio, 48000, [50.0, 4000.0])
    assert subbands.dtype == np.float32
    exact = gammatone(audio.astype(float), 48000, [50.0, 4000.0])
    np.testing.assert_allclose(subbands, exact, rtol=1e-6, atol=1e-12)


def test_mel_triangles_sum_to_one_between_the_outer_peaks():
    bank = mel_bank(16000, n_fft=1024, n_bands=20, f_min=200, f_max=6000)
    assert bank.shape == (513, 20)
    frequencies = np.arange(513) * 16000 / 1024
    peaks = frequencies[np.argmax(bank, axis=0)]
    between = (frequencies > peaks[0] + 16) & (frequencies < peaks[-1] - 16)
    np.testing.assert_allclose(bank[between].sum(axis=1), 1, atol=1e-6)
    assert np.all(bank[(frequencies < 200) | (frequencies > 6000)] == 0)
    # Slaney's scale: linear, 200/3 Hz a mel, up to 1 kHz, then 27 mel for a factor of 6.4.
    mels = np.where(
        peaks < 1000, peaks * 3 / 200, 15 + 27 * np.log(np.maximum(peaks, 1) / 1000) / np.log(6.4)
    )
    ends = np.array([3.0, 15 + 27 * np.log(6) / np.log(6.4)])
    np.testing.assert_allclose(mels, np.linspace(*ends, 22)[1:-1], atol=0.15)


@pytest.mark.parametrize(
    ("call", "match"),
    [
        (lambda: erb_frequencies(0, 4000), "f_min must be a positive number of hertz, got 0"),
        (lambda: erb_frequencies(500, 400), "f_min=500 Hz lies above f_max=400 Hz"),
        (lambda: erb_frequencies(150, 4000, 0), "spacing must be a positive number of ERB, got 0"),
        (lambda: gammatone_sos([100, 4000], 8000), "between 0 and sfreq / 2 = 4000 Hz, got 100"),
        (lambda: gammatone_sos([0.0], 8000), "between 0 and sfreq / 2"),
        (lambda: gammatone_sos([np.nan], 8000), "between 0 and sfreq / 2"),
        (lambda: gammatone_sos(100.0, 8000), r"frequencies must have shape \(n_bands,\), got \(\)"),
        (lambda: gammatone(np.ones((9, 2)), 8000, [100.0]), "audio must have shape"),
        (lambda: mel_bank(8000, 0), "n_fft=0 must be at least 2"),
        (lambda: mel_bank(8000, 200, f_max=5000), "f_max=5000 Hz .* set f_max=4000 or less"),
        (lambda: mel_bank(8000, 200, n_bands=250), "250 bands .* too narrow .* of 40 Hz: lower n_"),
    ],
)
def test_impossible_banks_are_refused(call, match):
    with pytest.raises(ValueError, match=match):
        call()
