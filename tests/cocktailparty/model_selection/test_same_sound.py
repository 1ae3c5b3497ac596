import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from scipy.ndimage import gaussian_filter1d
from scipy.signal import butter, resample_poly, sosfiltfilt

from cocktailparty import datasets
from cocktailparty.model_selection.excerpts import degrees_of_freedom
from cocktailparty.model_selection.same_sound import SoundIndex

RATE, N = 64, 3840
BAND = butter(2, [1, 9], "bandpass", fs=RATE, output="sos")
seeds = st.integers(0, 2**32 - 1)


def later(x, samples):
    """The same sound some samples later, continued by its mirror image."""
    mirrored = np.concatenate([x, x[::-1]])
    turn = np.exp(-2j * np.pi * np.fft.rfftfreq(len(mirrored)) * samples)
    return np.fft.irfft(np.fft.rfft(mirrored) * turn, len(mirrored))[: len(x)]


def noisy(rng, x, snr=15.0):
    return x + rng.normal(size=x.shape) * x.std() * 10 ** (-snr / 20)


def syllables(rng, n=N):
    """Up to 32 Hz, most of it slow, with pauses, like the envelope of speech."""
    slow = gaussian_filter1d(rng.normal(size=n), 4)
    fast = gaussian_filter1d(rng.normal(size=n), 1)
    return np.maximum(slow / slow.std() + 0.5 * fast / fast.std() + 0.5, 0)


def onsets(rng, rate):
    times = np.cumsum(rng.exponential(1 / rate, size=400)) * RATE
    track = np.zeros(N)
    track[times[times < N].astype(int)] = 1
    return track


def beats(rng, rate, jitter=0.0):
    times = np.arange(rng.uniform(0, 1 / rate), N / RATE, 1 / rate)
    times += jitter * rng.normal(size=len(times))
    track = np.zeros(N)
    track[np.clip((times * RATE).astype(int), 0, N - 1)] = 1
    return track


def white(rng):
    return np.abs(rng.normal(size=N))


def band_passed(rng):
    return sosfiltfilt(BAND, syllables(rng))


def found(a, b):
    return SoundIndex(RATE).delays([a.reshape(len(a), -1)], [b.reshape(len(b), -1)])


@pytest.mark.parametrize("sound", [syllables, white, band_passed])
@given(seed=seeds, shift=st.floats(-0.5, 0.5), snr=st.sampled_from([15.0, np.inf]))
@settings(max_examples=20)
def test_repeats_with_fractional_delay_and_noise_are_found(sound, seed, shift, snr):
    rng = np.random.default_rng(seed)
    x = sound(rng)
    ((pair, delay),) = found(x, noisy(rng, later(x, shift), snr)).items()
    assert pair == (0, 0)
    assert delay == pytest.approx(-shift, abs=0.75)


@given(
    seed=seeds,
    start=st.integers(0, N - 6 * RATE),
    place=st.integers(0, N - 6 * RATE),
    shift=st.floats(0, 1),
)
@example(seed=0, start=0, place=0, shift=0.25)
@settings(max_examples=30)
def test_short_pieces_are_found_at_any_position(seed, start, place, shift):
    rng = np.random.default_rng(seed)
    x, y = white(rng), white(rng)
    y[place : place + 5 * RATE] = later(x, shift)[start : start + 5 * RATE]
    assert found(x, y)[0, 0] == pytest.approx(start - place - shift, abs=0.75)
    assert found(y, x)[0, 0] == pytest.approx(place - start + shift, abs=0.75)


@pytest.mark.parametrize(
    "sound",
    [
        *(lambda rng, rate=rate: onsets(rng, rate) for rate in (0.2, 0.3, 0.5, 1, 3)),
        *(lambda rng, rate=rate: beats(rng, rate) for rate in (1, 2, 2.3, 4)),
        lambda rng: beats(rng, rng.uniform(0.8, 4)),
        lambda rng: beats(rng, 2, jitter=0.02),
        lambda rng: beats(rng, 4, jitter=0.01),
        lambda rng: beats(rng, 2) * rng.uniform(0.5, 1, N),
        lambda rng: gaussian_filter1d(onsets(rng, 0.5), 3),
        lambda rng: 1 + np.sin(2 * np.pi * 4 * np.arange(N) / RATE + rng.uniform(0, 6)),
        lambda rng: np.cumsum(rng.normal(size=N)),
        lambda rng: sosfiltfilt(BAND, beats(rng, 2, jitter=0.02)),
        lambda rng: sosfiltfilt(BAND, onsets(rng, 2.5)),
        syllables,
        white,
        band_passed,
    ],
)
def test_independent_sounds_are_not_taken_for_one(rng, sound):
    sounds = [sound(rng)[:, None] for _ in range(16)]
    assert SoundIndex(RATE).delays(sounds[:8], sounds[8:]) == {}


@pytest.mark.parametrize("rate", [0.3, 0.5, 1, 3])
def test_copied_onsets_are_found(rng, rate):
    for _ in range(5):
        x = onsets(rng, rate)
        assert found(x, x) == {(0, 0): 0.0}


@pytest.mark.parametrize("rate", [1.0, 2.5, 5.0])
@pytest.mark.parametrize("shift", [0.25, 0.5, 7.4])
def test_onsets_that_fall_on_other_samples_are_found(rng, rate, shift):
    """The same words, cut at another trigger: each onset is rounded anew."""
    for _ in range(5):
        times = np.cumsum(rng.exponential(RATE / rate, size=1000))
        times, sizes = times[times < 59 * RATE], rng.gamma(2, size=1000)
        first, second = np.zeros((2, 60 * RATE))
        first[np.round(times).astype(int)] = sizes[: len(times)]
        second[np.round(times + shift).astype(int)] = sizes[: len(times)]
        (delay,) = SoundIndex(RATE).delays([first[:, None]], [second[:, None]]).values()
        assert delay == pytest.approx(-shift, abs=1)


def test_few_degrees_of_freedom_are_no_evidence(rng):
    regular = [beats(rng, rate) for rate in (1, 2, 4)]
    assert np.all(degrees_of_freedom(np.stack(regular)) < 8)
    for track in regular:
        assert found(track, np.roll(track, 32)) == {}
    # Half the samples of white noise count as independent, or more.
    assert N / 4 < degrees_of_freedom(rng.normal(size=(1, N)))[0] < N
    assert degrees_of_freedom(np.full((1, N), 0.1)) == [0]


@given(seed=seeds, feature=st.integers(0, 3), n_features=st.integers(4, 6))
@settings(max_examples=20)
def test_a_repeat_in_one_feature_is_found(seed, feature, n_features):
    rng = np.random.default_rng(seed)
    x, y = (np.stack([white(rng) for _ in range(n_features)], axis=1) for _ in range(2))
    assert found(x, y) == {}
    y[:, feature] = x[:, feature]
    assert found(x, y) == {(0, 0): 0.0}


def test_features_whose_sum_is_constant_are_compared(rng):
    x, y = (np.eye(5)[rng.integers(0, 5, N)] for _ in range(2))
    assert found(x, x) == {(0, 0): 0.0}
    assert found(x, y) == {}


def test_a_comparison_is_remembered(rng, monkeypatch):
    index = SoundIndex(RATE)
    x, y = syllables(rng)[:, None], syllables(rng)[:, None]
    first = index.delays([x, y], [x])
    monkeypatch.setattr("cocktailparty.model_selection.same_sound.search", None)
    assert first == index.delays([x.copy(), y.copy()], [x]) == {(0, 0): 0.0}
    assert index.delays([x], [y, x]) == {(0, 1): 0.0}


def test_real_speech_of_other_stories_is_told_apart_and_repeats_are_found(shared_data, rng):
    trials = datasets.load(shared_data("eeg/two_talker_teoh"))
    sounds = [resample_poly(s[:, 0], 1, 2) for trial in trials for s in trial.stimuli]
    for made in (sounds, [sosfiltfilt(BAND, x) for x in sounds]):
        one = [x[:, None] for x in made]
        other = [noisy(rng, later(x, 0.5))[:, None] for x in made]
        same = {(k, k) for k in range(len(made))}
        assert set(SoundIndex(RATE).delays(one, other)) == same


def whole_sound(seed, n=900, n_features=1):
    return np.abs(np.random.default_rng(seed).normal(size=(n, n_features)))


def places(*sounds):
    return SoundIndex(RATE).places(sounds)


@given(st.integers(0, 300), st.integers(250, 600), st.floats(0.1, 10), st.booleans())
@settings(max_examples=20, deadline=None)
def test_excerpts_are_found_at_any_delay_and_scale(start, n, scale, first):
    """Whether the excerpt or the whole comes first."""
    whole, other = whole_sound(0), whole_sound(1)
    excerpt = scale * whole[start : start + n] + 1
    if first:
        assert places(excerpt, other, whole) == [(0, 0), (1, 0), (0, -start)]
    else:
        assert places(whole, other, excerpt) == [(0, 0), (1, 0), (0, start)]


def test_stimuli_that_overlap_at_one_end_share_a_time_axis():
    whole = whole_sound(0)
    assert places(whole[:600], whole[300:]) == [(0, 0), (0, 300)]


def test_copies_are_one_sound_and_pauses_are_none(rng):
    quiet = whole_sound(2)
    quiet[:300] = 0.5
    other = whole_sound(3)
    other[300:600] = 0.5
    assert places(quiet, other, quiet.copy()) == [(0, 0), (1, 0), (0, 0)]
    regular = beats(rng, 2)[:, None]
    assert places(regular, other, regular.copy()) == [(0, 0), (1, 0), (0, 0)]


def test_all_bands_together_tell_a_sound():
    bands = whole_sound(0, n_features=4)
    assert places(bands, whole_sound(1, n_features=4), bands[100:500])[2] == (0, 100)


def test_a_sound_that_ties_two_others_makes_them_one():
    whole = whole_sound(0, n=2000)
    first, last, middle = whole[:900], whole[1100:], whole[500:1500]
    assert places(first, last, middle) == [(0, 0), (0, 1100), (0, 500)]


def test_bands_whose_sum_is_constant_tell_a_sound():
    one_hot = np.eye(4)[np.random.default_rng(0).integers(0, 4, 900)]
    other = np.eye(4)[np.random.default_rng(1).integers(0, 4, 900)]
    assert places(one_hot, other, one_hot[100:700]) == [(0, 0), (1, 0), (0, 100)]


def test_five_seconds_of_speech_are_found_wherever_they_are(shared_data, rng):
    stories = datasets.load(shared_data("eeg/two_talker_teoh"))
    sounds = [resample_poly(s[:, 0], 1, 2) for trial in stories for s in trial.stimuli]
    n, pairs = 5 * RATE, []
    for k in range(40):
        x, y = sounds[k % 6], sounds[(k + 1 + k // 6 % 5) % 6].copy()
        start, place = rng.integers(0, N - n, 2)
        moved = later(x, rng.uniform(-0.5, 0.5))
        y[place : place + n] = moved[start : start + n] * (y.std() / x.std())
        pairs.append((x, rng.uniform(1e-3, 1e3) * y + rng.normal(), start - place))
    met = [found(x, y).get((0, 0), np.inf) for x, y, _ in pairs]
    assert sum(abs(d - p[2]) < 1 for d, p in zip(met, pairs, strict=True)) >= 38


def test_a_search_of_many_is_that_of_each_pair(rng):
    sounds = [white(rng)[: int(n), None] for n in rng.integers(700, N, size=8)]
    sounds += [np.concatenate([sounds[i][100:500], syllables(rng, 900)[:, None]]) for i in range(4)]
    together = SoundIndex(RATE).delays(sounds, sounds)
    alone = {
        (i, j): delay
        for i, a in enumerate(sounds)
        for j, b in enumerate(sounds)
        for delay in SoundIndex(RATE).delays([a], [b]).values()
    }
    assert together == pytest.approx(alone)
    assert {(i, 8 + i) for i in range(4)} <= set(together)


def test_silence_and_what_is_short_share_nothing(rng):
    silent, constant = np.zeros((2 * RATE, 1)), np.full((N, 1), 0.3)
    some = [silent, constant, silent[:3], white(rng)[:5, None], white(rng)[:1, None]]
    assert SoundIndex(RATE).delays(some, [*some, white(rng)[:, None]]) == {}
