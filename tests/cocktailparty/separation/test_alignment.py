import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cocktailparty.separation.alignment import frame_grid, on_frames


@given(
    audio_sfreq=st.sampled_from([8000, 16000, 22050, 44100, 48000]),
    sfreq=st.floats(1, 600),
    window=st.floats(0.02, 0.2),
)
def test_grid_is_invertible_and_near_the_rate_of_the_guide(audio_sfreq, sfreq, window):
    n_fft, hop = frame_grid(audio_sfreq, sfreq, window)
    assert n_fft % 2 == 0
    assert abs(n_fft / audio_sfreq - window) <= (1 + 1e-9) / audio_sfreq
    assert n_fft // 16 <= hop <= n_fft // 2
    step = audio_sfreq / sfreq
    if n_fft / 16 <= step:  # frames at the rate of the guide or a whole multiple of it
        times = max(1, round(step / hop))
        assert abs(hop - step / times) <= 0.5 + 1e-9


def test_whole_ratios_are_met_exactly():
    assert frame_grid(16000, 64) == (1024, 250)
    assert frame_grid(48000, 64) == (3072, 750)
    assert frame_grid(8000, 10, 0.064) == (512, 200)  # four frames for a sample of the guide
    with pytest.raises(ValueError, match=r"window=0.001 s is 8 samples"):
        frame_grid(8000, 64, 0.001)


@pytest.mark.parametrize(("sfreq", "audio_sfreq"), [(64, 44100), (256, 16000), (20, 8000)])
def test_a_slow_wave_keeps_its_time(sfreq, audio_sfreq):
    _, hop = frame_grid(audio_sfreq, sfreq)
    rate = audio_sfreq / hop
    guide = np.sin(2 * np.pi * 1.5 * np.arange(round(60 * sfreq)) / sfreq)
    n_frames = round(60 * rate) + 1
    found = on_frames(guide, sfreq, rate, n_frames)
    expected = np.sin(2 * np.pi * 1.5 * np.arange(n_frames) / rate)
    # not truncated: also after a minute there is no drift
    np.testing.assert_allclose(found[200:-200], expected[200:-200], atol=2e-3)


def test_equal_rates_change_nothing_but_the_mean(rng):
    guide = rng.normal(size=50)
    np.testing.assert_allclose(on_frames(guide, 64, 64, 50), guide - guide.mean(), atol=1e-12)
    assert len(on_frames(guide, 64, 64, 48)) == 48
    assert not np.any(on_frames(np.full(50, 0.1), 64, 64.1, 51))
