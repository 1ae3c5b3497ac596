import numpy as np
import pytest
from scipy.stats import kurtosis

from deep.audio import corruptions
from deep.audio.corruptions import LEVELS, corrupted, with_ratio

SFREQ = 8000
TIME = np.arange(4000) / SFREQ
TONE = 0.3 * np.sin(2 * np.pi * 500 * TIME)
NOISE = np.random.default_rng(9).normal(size=12000)


def spectrum_peak(x):
    return np.abs(np.fft.rfft(x * np.hanning(len(x)))).argmax() * SFREQ / len(x)


def added(kind, level, **options):
    return corrupted([TONE], SFREQ, kind, level, **options)[0] - TONE


@pytest.mark.parametrize("kind", ["gaussian", "uniform", "coloured", "recorded"])
def test_noise_has_the_ratio_that_was_asked_for_and_no_offset(kind):
    noise = NOISE + 5 if kind == "recorded" else None
    for decibels in (10, 3):
        error = added(kind, (decibels, decibels), noise=noise)
        ratio = 10 * np.log10(np.mean(TONE**2) / np.mean(error**2))
        assert ratio == pytest.approx(decibels, abs=1e-3)
        assert abs(error.mean()) < 1e-6
    excess = {"gaussian": 0, "uniform": -1.2}.get(kind)
    if excess is not None:
        assert kurtosis(error) == pytest.approx(excess, abs=0.2)


def test_levels_are_drawn_between_their_ends():
    clips = 60 * [TONE]
    for level in (1, 2):
        found = corrupted(clips, SFREQ, "gaussian", level)
        ratios = [10 * np.log10(np.mean(TONE**2) / np.mean((x - TONE) ** 2)) for x in found]
        low, high = LEVELS["gaussian"][level - 1]
        assert low <= min(ratios) < low + 0.3 * (high - low)
        assert high - 0.3 * (high - low) < max(ratios) <= high + 1e-5


def test_pitch_and_tempo_change_by_what_was_drawn():
    for seed in range(3):
        pitch = spectrum_peak(corrupted([TONE], SFREQ, "pitch", (12, 12), seed=seed)[0])
        assert min(abs(pitch - 250), abs(pitch - 1000)) < 10
        slow = corrupted([TONE], SFREQ, "stretch", (20, 20), seed=seed)[0]
        assert spectrum_peak(slow) == pytest.approx(500, abs=10)
        assert min(abs(len(slow) - 4000 / 1.2), abs(len(slow) - 4000 / 0.8)) < 2


def test_bands_clipping_and_rooms_do_what_they_say():
    both = TONE + 0.3 * np.sin(2 * np.pi * 3000 * TIME)
    low = corrupted([both], SFREQ, "band", (0.4, 0.4))[0]
    power = np.abs(np.fft.rfft(low)) ** 2
    assert power[1400:1600].sum() < 1e-3 * power[200:300].sum()
    cut = corrupted([NOISE], SFREQ, "clipping", (0.25, 0.25))[0]
    assert np.mean(np.abs(cut) == np.abs(cut).max()) == pytest.approx(0.25, abs=1e-3)
    impulse = np.zeros(8000)
    impulse[0] = 1
    room = corrupted([impulse], SFREQ, "reverberation", (0.5, 0.5))[0]
    assert room[0] == 1
    assert np.sum(room[1:] ** 2) == pytest.approx(1, abs=0.1)
    early, late = np.mean(room[1:401] ** 2), np.mean(room[2001:2401] ** 2)
    # A quarter of a second later it is 30 dB weaker.
    assert 10 * np.log10(early / late) == pytest.approx(30, abs=1.5)
    assert np.abs(room[4100:]).max() < 1e-5


def test_a_clip_is_corrupted_by_seed_and_place_alone():
    clips = [TONE, NOISE[:3000], TONE[:2000]]
    for kind in LEVELS:
        options = {"noise": NOISE} if kind == "recorded" else {}
        first = corrupted(clips, SFREQ, kind, **options)
        again = corrupted([*clips[:2], NOISE[:999]], SFREQ, kind, **options)
        assert all(np.array_equal(x, y) for x, y in zip(first[:2], again[:2], strict=True))
        assert all(x.dtype == np.float32 and np.isfinite(x).all() for x in first)
        if kind not in ("band", "clipping"):
            other = corrupted(clips, SFREQ, kind, seed=1, **options)
            assert not np.array_equal(first[1], other[1])
        if kind != "stretch":
            assert [len(x) for x in first] == [4000, 3000, 2000]


def test_results_are_kept(tmp_path, monkeypatch):
    clips = [TONE, NOISE[:300]]
    first = corrupted(clips, SFREQ, "gaussian", cache=tmp_path)
    assert len(list(tmp_path.iterdir())) == 1

    def never(*args):
        raise AssertionError("computed again")

    monkeypatch.setitem(corruptions._KINDS, "gaussian", never)
    again = corrupted(clips, SFREQ, "gaussian", cache=tmp_path)
    assert all(np.array_equal(x, y) for x, y in zip(first, again, strict=True))
    with pytest.raises(AssertionError, match="computed again"):
        corrupted(clips, SFREQ, "gaussian", 1, cache=tmp_path)


def test_silent_noise_adds_nothing():
    assert np.array_equal(with_ratio(TONE, np.ones(4000), 3), TONE)
    assert corrupted([], SFREQ, "gaussian") == []


@pytest.mark.parametrize(
    ("kind", "level", "options", "message"),
    [
        ("rain", 1, {}, r"kind must be one of \['band'"),
        ("gaussian", 3, {}, "level must be 1, 2 or a range"),
        ("gaussian", (5, 2), {}, "level must be 1, 2 or a range"),
        ("recorded", 1, {}, "kind='recorded' needs noise"),
        ("gaussian", 1, {"noise": NOISE}, "noise is for kind='recorded'"),
        ("recorded", 1, {"noise": NOISE[:100]}, "noise has 100 samples, fewer than the longest"),
    ],
)
def test_what_cannot_be_is_refused(kind, level, options, message):
    with pytest.raises(ValueError, match=message):
        corrupted([TONE], SFREQ, kind, level, **options)
    with pytest.raises(ValueError, match=r"clips\[1\] holds NaN"):
        corrupted([TONE, np.full(9, np.nan)], SFREQ, "gaussian")
    with pytest.raises(ValueError, match=r"clips\[0\] is int64 of shape"):
        corrupted([np.arange(9)], SFREQ, "gaussian")
