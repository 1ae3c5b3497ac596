import tracemalloc
import warnings

import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st

from cocktailparty.metrics import bss_eval, nsdr, si_sdr

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    mir_eval = pytest.importorskip("mir_eval.separation")


def peer(references, estimates):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)
        return mir_eval.bss_eval_sources(references, estimates, compute_permutation=False)[:3]


def coloured(rng, shape):
    """Noise whose bands differ in power by some 60 dB, as in music."""
    x = rng.normal(size=shape)
    spectrum = np.fft.rfft(x, axis=-1)
    return np.fft.irfft(spectrum / (1 + np.arange(spectrum.shape[-1]) / 20) ** 1.5, shape[-1])


@settings(max_examples=6)
@given(
    n_sources=st.integers(2, 3),
    n_samples=st.integers(1600, 2501),
    leak=st.floats(0, 1),
    noise=st.floats(1e-3, 1),
    seed=st.integers(0, 999),
)
def test_equals_mir_eval(n_sources, n_samples, leak, noise, seed):
    rng = np.random.default_rng(seed)
    references = coloured(rng, (n_sources, n_samples))
    estimates = references + leak * rng.normal(size=(n_sources, n_sources)) @ references
    estimates = estimates + noise * references.std() * rng.normal(size=references.shape)
    estimates[0] = np.convolve(estimates[0], [0.2, 1, -0.5])[:n_samples]
    for ours, theirs in zip(
        bss_eval(references, estimates), peer(references, estimates), strict=True
    ):
        np.testing.assert_allclose(ours, theirs, rtol=0, atol=1e-6)


def test_equals_mir_eval_on_music(shared_data):
    folder = shared_data("separation/edm_loops")
    drums, bass = (soundfile.read(folder / f"{name}.wav")[0][:20000] for name in ("drums", "bass"))
    estimates = np.array([drums + 0.3 * bass, bass + 0.5 * np.roll(drums, 100)])
    estimates += 0.01 * np.random.default_rng(0).normal(size=estimates.shape)
    for ours, theirs in zip(
        bss_eval([drums, bass], estimates), peer(np.array([drums, bass]), estimates), strict=True
    ):
        np.testing.assert_allclose(ours, theirs, rtol=0, atol=1e-6)


def test_a_filter_is_forgiven_and_a_gain_changes_nothing(rng):
    references = rng.normal(size=(2, 6000))
    references[:, 5000:] = 0
    filtered = np.array([np.convolve(s, rng.normal(size=400))[:6000] for s in references])
    assert bss_eval(references, filtered)[0].min() > 100
    estimates = references + rng.normal(size=references.shape)
    for one, other in zip(
        bss_eval(references, estimates), bss_eval(references, -3 * estimates), strict=True
    ):
        np.testing.assert_allclose(one, other, atol=1e-9)


def test_silence_and_single_sources(rng):
    voice, piano, silent = rng.normal(size=(3, 3000)) * [[1], [1], [0]]
    estimates = np.array([voice + 0.1 * piano, piano + voice, voice])
    three = bss_eval([voice, piano, silent], estimates)
    two = bss_eval([voice, piano], estimates[:2])
    for with_silence, without in zip(three, two, strict=True):
        np.testing.assert_array_equal(with_silence[:2], without)
        assert np.isnan(with_silence[2])
    assert np.isnan(bss_eval([voice, piano], [silent, piano])).tolist() == [[True, False]] * 3
    sdr, sir, sar = bss_eval([voice], [voice + 0.1 * piano])
    assert sir == np.inf
    assert sdr == pytest.approx(sar)
    assert 19 < sdr[0] < 22
    assert np.isnan(bss_eval([silent], [voice])).all()


@pytest.mark.parametrize("filtered", [[1.0], [-2.0], [0.5, 0.3, -0.2]])
def test_sources_that_are_copies_of_each_other(rng, filtered):
    voice, noise = rng.normal(size=(2, 3000))
    voice[-100:] = 0
    copy = np.convolve(voice, filtered)[:3000]
    with pytest.warns(UserWarning, match="references 0 and 1 are the same sound"):
        sdr, sir, sar = bss_eval([voice, copy], [voice + 0.1 * noise, voice])
    assert sdr[0] == pytest.approx(bss_eval([voice], [voice + 0.1 * noise])[0][0], abs=1e-3)
    assert sar[0] == pytest.approx(sdr[0], abs=1e-3)
    assert np.isnan(sir).all()


def test_copies_leave_the_interference_of_a_third_source(rng):
    voice, piano = rng.normal(size=(2, 2000))
    with pytest.warns(UserWarning, match="references 0 and 2 are the same sound"):
        sir = bss_eval([voice, piano, voice], [voice + 0.1 * piano, piano, voice + piano])[1]
    assert sir[0] == pytest.approx(20, abs=2)


def test_sources_that_merely_resemble_each_other_are_no_copies(rng):
    voice, noise = rng.normal(size=(2, 3000))
    sir = bss_eval([voice, voice + 1e-3 * noise], [voice + 0.1 * noise, voice])[1]
    assert np.isfinite(sir).all()


@pytest.mark.parametrize("shape", [(2000, 2), (2000, 1), (100_000, 2), (300, 200), (41, 5000)])
def test_samples_first_is_refused_before_memory_is_taken(rng, shape):
    x = rng.normal(size=shape)

    def refused():
        for function, arguments in ((bss_eval, (x, x)), (nsdr, (x, x, x.sum(axis=1)))):
            with pytest.raises(ValueError, match=r"\(n_sources, n_samples\), .* references\.T"):
                function(*arguments)

    refused()  # what is imported once stays
    tracemalloc.start()
    refused()
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert most < 10 * x.nbytes + 1e6
    with pytest.raises(ValueError, match=r"transposed: pass estimates\.T"):
        bss_eval(rng.normal(size=(2, 1000)), rng.normal(size=(1000, 2)))


def test_many_estimates_at_once_and_float32(rng):
    references = rng.normal(size=(2, 2000))
    estimates = references + rng.normal(size=(3, 2, 2000))
    together = bss_eval(references, estimates)
    for i in range(3):
        for all_, one in zip(together, bss_eval(references, estimates[i]), strict=True):
            np.testing.assert_array_equal(all_[i], one)
    before = estimates.copy()
    low = bss_eval(references.astype(np.float32), estimates.astype(np.float32))
    np.testing.assert_allclose(low, together, atol=1e-4)
    assert low[0].dtype == np.float64
    np.testing.assert_array_equal(estimates, before)


def test_gain_over_the_mixture(rng):
    references = rng.normal(size=(2, 2000))
    mixture = references.sum(axis=0)
    np.testing.assert_array_equal(nsdr(references, np.stack([mixture, mixture]), mixture), 0)
    estimates = references + 0.1 * rng.normal(size=references.shape)
    gain = bss_eval(references, estimates)[0] - bss_eval(references, np.stack([mixture] * 2))[0]
    np.testing.assert_array_equal(nsdr(references, estimates, mixture), gain)


@given(gain=st.floats(-100, 100).filter(lambda g: abs(g) > 1e-3), seed=st.integers(0, 99))
def test_si_sdr_against_the_angle(gain, seed):
    reference, noise = np.random.default_rng(seed).normal(size=(2, 300))
    estimate = gain * (reference + noise)
    cosine = reference @ estimate / np.linalg.norm(reference) / np.linalg.norm(estimate)
    expected = -20 * np.log10(abs(np.tan(np.arccos(cosine))))
    assert si_sdr(reference, estimate) == pytest.approx(expected)


def test_si_sdr_at_the_ends():
    assert np.isnan(si_sdr([0.0, 0.0], [1.0, 0.0]))
    assert np.isnan(si_sdr([1.0, 0.0], [0.0, 0.0]))
    assert si_sdr([1.0, 0.0], [2.0, 0.0]) == np.inf
    assert si_sdr([1.0, 0.0], [0.0, 1.0]) == -np.inf
    assert si_sdr(np.eye(2), np.ones((2, 2))).tolist() == [0.0, 0.0]


def test_bad_arrays_are_refused(rng):
    x = rng.normal(size=(2, 100))
    for function, arguments, message in (
        (bss_eval, (x[0], x), "references must have shape"),
        (bss_eval, (x, x[:, :50]), "estimates must have shape"),
        (bss_eval, (x, np.full_like(x, np.nan)), "estimates has 200 NaN"),
        (bss_eval, (x.astype(complex), x), "references must hold real numbers"),
        (bss_eval, (x[:, :0], x), "references must hold at least one sample"),
        (nsdr, (x, x, x), "mixture must have shape"),
        (si_sdr, (x, x[0]), "must have one shape"),
    ):
        with pytest.raises(ValueError, match=message):
            function(*arguments)
