from types import SimpleNamespace

import numpy as np
import pytest
import soundfile
from scipy.signal import resample_poly
from sklearn.base import clone

from cnmf import ContrastiveNMF
from cnmf.steering import NeuroSteeredSeparator
from cocktailparty import Trial
from cocktailparty.features import stft
from cocktailparty.metrics import bss_eval, si_sdr

RATE, SFREQ = 8000, 64


def two_sounds(rng, duration=20.0):
    """A bright and a dark sound that come and go by themselves, and their envelopes at 64 Hz."""
    n_times = round(duration * SFREQ)
    envelopes = np.repeat(rng.random((2, n_times // 8)) ** 3, 8, axis=1)
    noise = np.fft.rfft(rng.normal(size=(2, n_times * RATE // SFREQ)))
    cut = noise.shape[1] // 4
    noise[0, :cut] = 0
    noise[1, cut:] = 0
    return np.fft.irfft(noise) * np.repeat(envelopes, RATE // SFREQ, axis=1), envelopes


def listening(rng, attended, duration=20.0, audio_sfreq=RATE):
    sounds, envelopes = two_sounds(rng, duration)
    eeg = envelopes[attended][:, None] * [1.0, -2.0, 0.5] + rng.normal(size=(len(envelopes[0]), 3))
    audio = sounds.sum(axis=0)
    return Trial(
        eeg, envelopes, SFREQ, attended=attended, audio=audio, audio_sfreq=audio_sfreq
    ), sounds


class LeastSquares:
    """Smallest decoder that keeps the contract of lists."""

    def get_params(self, deep=True):
        return {}

    def fit(self, X, y):
        self.coef_ = np.linalg.lstsq(np.concatenate(X), np.concatenate(y), rcond=None)[0]
        return self

    def predict(self, X):
        return [x @ self.coef_ for x in X]


class Reconstructor(LeastSquares):
    """Smallest decoder that keeps the contract of attention decoders."""

    def fit(self, trials, attended):
        chosen = [t.stimuli[k] for t, k in zip(trials, attended, strict=True)]
        return super().fit([t.eeg for t in trials], chosen)

    def reconstruct(self, trials):
        return self.predict([t.eeg for t in trials])


@pytest.fixture(scope="module")
def trials():
    rng = np.random.default_rng(1)
    return [listening(rng, i % 2)[0] for i in range(4)]


@pytest.mark.parametrize("attended", [0, 1])
@pytest.mark.parametrize("decoder", [LeastSquares(), Reconstructor()])
def test_the_attended_sound_comes_out(trials, decoder, attended, rng):
    trial, sounds = listening(rng, attended)
    separator = NeuroSteeredSeparator(decoder, n_components=6, random_state=0).fit(trials)
    unlabelled = trial.replace(stimuli=None, attended=None)
    parts = separator.separate(unlabelled)
    assert parts.shape == (2, len(trial.audio))
    np.testing.assert_allclose(parts.sum(axis=0), trial.audio, atol=1e-9)
    assert si_sdr(sounds[attended], parts[0]) > 10
    assert si_sdr(sounds[1 - attended], parts[1]) > 10
    assert separator.attention_.confidence > 0.95


def test_the_decoder_learns_the_attended_stimulus(trials):
    separator = NeuroSteeredSeparator(LeastSquares()).fit(trials)
    targets = [trial.stimuli[trial.attended] for trial in trials]
    expected = LeastSquares().fit([trial.eeg for trial in trials], targets).coef_
    np.testing.assert_array_equal(separator.decoder_.coef_, expected)
    other = separator.fit(trials, [1 - trial.attended for trial in trials]).decoder_
    assert np.abs(other.coef_ - expected).max() > 0.01


def test_the_stimuli_of_a_test_trial_are_not_looked_at(trials, rng):
    trial, _ = listening(rng, 0)
    separator = NeuroSteeredSeparator(LeastSquares(), n_components=4, random_state=0).fit(trials)
    swapped = trial.replace(stimuli=trial.stimuli[::-1], attended=1)
    np.testing.assert_array_equal(separator.predict(trial), separator.separate(swapped)[0])


@pytest.mark.parametrize("audio_sfreq", [8000, 11025])
@pytest.mark.parametrize("n_channels", [0, 2])
def test_any_rate_any_guide_rate_and_stereo(rng, audio_sfreq, n_channels):
    sounds, envelopes = two_sounds(rng)
    sounds = resample_poly(sounds, audio_sfreq // 25, RATE // 25, axis=1)
    mixture = sounds.sum(axis=0).astype(np.float32)
    audio = np.stack([mixture, -0.5 * mixture], axis=1) if n_channels else mixture
    before = audio.copy()
    separator = NeuroSteeredSeparator(n_components=4, random_state=0)
    parts = separator.separate_by_guide(audio, audio_sfreq, envelopes[0], SFREQ)
    assert parts.dtype == np.float32
    assert parts.shape == (2, *audio.shape)
    np.testing.assert_allclose(parts.sum(axis=0), audio, atol=1e-5)
    first = parts[0, :, 0] if n_channels else parts[0]
    assert si_sdr(sounds[0], first) > 10
    np.testing.assert_array_equal(audio, before)


def test_a_guide_of_several_features_and_another_rate(rng):
    sounds, envelopes = two_sounds(rng)
    guide = np.repeat(envelopes[1], 2)[:, None] * [1.0, 3.0] + [0.0, 5.0]
    separator = NeuroSteeredSeparator(n_components=4, random_state=0)
    parts = separator.separate_by_guide(sounds.sum(axis=0), RATE, guide, 2 * SFREQ)
    assert si_sdr(sounds[1], parts[0]) > 10


def test_without_evidence_the_output_is_close_to_the_mixture(rng):
    sounds, _ = two_sounds(rng, 5.0)
    mixture = sounds.sum(axis=0)
    separator = NeuroSteeredSeparator(n_components=6, random_state=0)
    losses, confidences = [], []
    for _ in range(12):
        guide = rng.normal(size=5 * SFREQ)
        attended = separator.separate_by_guide(mixture, RATE, guide, SFREQ)[0]
        losses.append(si_sdr(sounds[0], attended) - si_sdr(sounds[0], mixture))
        confidences.append(separator.attention_.confidence)
    assert np.median(np.abs(losses)) < 0.5
    assert np.median(confidences) < 0.5
    constant = separator.separate_by_guide(mixture, RATE, np.full(5 * SFREQ, 0.3), SFREQ)
    assert si_sdr(mixture, constant[0]) > 30
    assert separator.attention_.confidence == 0


class Bands:
    """Separator that splits at a quarter of the band of a sound."""

    def separate(self, mixture, sfreq):
        spectrum = np.fft.rfft(mixture)
        low = np.arange(len(spectrum)) < len(spectrum) // 4
        return np.fft.irfft(np.stack([spectrum * low, spectrum * ~low]), len(mixture))


def test_parts_of_a_separator_or_given(trials, rng):
    trial, sounds = listening(rng, 0)
    separator = NeuroSteeredSeparator(LeastSquares(), Bands()).fit(trials)
    attended, rest = separator.separate(trial)
    assert separator.attention_.chosen.tolist() == [1]
    assert separator.steered_.lag == separator.lag_
    assert si_sdr(sounds[0], attended) > 20
    np.testing.assert_allclose(attended + rest, trial.audio, atol=1e-9)
    guide = separator.reconstruct(trial)
    again = separator.separate_by_guide(trial.audio, RATE, guide, SFREQ, parts=sounds)
    assert separator.attention_.chosen.tolist() == [0]
    assert si_sdr(sounds[0], again[0]) > 20
    short = NeuroSteeredSeparator(separator=Bands())
    short.separator.separate = lambda mixture, sfreq: [mixture[:-5], mixture]
    with pytest.raises(ValueError, match="separator Bands returned parts of"):
        short.separate_by_guide(trial.audio, RATE, guide, SFREQ)
    with pytest.raises(ValueError, match="FunctionSeparator"):
        NeuroSteeredSeparator(separator=len).separate_by_guide(trial.audio, RATE, guide, SFREQ)


class Talkers:
    """Separator that knows talkers by their names, as `deep.ASAMSeparator`."""

    def __init__(self, names=("low", "high")):
        self.names = names

    def separate(self, mixture, sfreq):
        found = Bands().separate(mixture, sfreq)
        return {
            name: SimpleNamespace(presence=0.9, waveform=x)
            for name, x in zip(self.names, found, strict=False)
        }


def test_talkers_by_name_are_parts(trials, rng):
    trial, sounds = listening(rng, 0)
    separator = NeuroSteeredSeparator(LeastSquares(), Talkers()).fit(trials)
    assert si_sdr(sounds[0], separator.predict(trial)) > 20
    separator.separator = Talkers(["low"])
    with pytest.raises(ValueError, match="separator Talkers found 'low' in the mixture"):
        separator.predict(trial)


def test_a_late_guide_is_told_of_and_can_be_made_up_for(rng):
    sounds, envelopes = two_sounds(rng)
    late, mixture = np.roll(envelopes[0], 16), sounds.sum(axis=0)
    separator = NeuroSteeredSeparator(n_components=4, random_state=0)
    with pytest.warns(UserWarning, match="as if it were 0.2. s late"):
        separator.separate_by_guide(mixture, RATE, late, SFREQ)
    assert separator.lag_ == 0
    known = NeuroSteeredSeparator(n_components=4, random_state=0, lag=0.25)
    assert si_sdr(sounds[0], known.separate_by_guide(mixture, RATE, late, SFREQ)[0]) > 10
    assert known.lag_ == 0.25


def test_silence(rng):
    separator = NeuroSteeredSeparator(n_components=4, random_state=0)
    parts = separator.separate_by_guide(np.zeros(RATE), RATE, rng.random(SFREQ), SFREQ)
    assert not np.any(parts)
    assert separator.attention_.confidence == 0


def test_real_drums_are_found(shared_data, rng):
    """Real hits at random moments: a beat, every other song of its tempo would follow as well."""
    folder, length = shared_data("separation/drumkit_808"), 4000
    stems = np.zeros((3, 48 * length))
    for stem, name in zip(stems, ("kick", "snare", "hihat"), strict=True):
        audio, rate = soundfile.read(folder / f"{name}.wav")
        hit = resample_poly(audio, 160, 441)
        hit = np.roll(hit, -max(np.argmax(np.abs(hit)) - 200, 0))[:length]
        for i in rng.choice(48, 16, replace=False):
            stem[i * length : (i + 1) * length] = hit
    snare, mixture = stems[1], stems.sum(axis=0)
    guide = np.abs(stft(snare, 1024, 250)).sum(axis=1)[: -(-len(snare) // 250)]
    assert rate == 44100
    separator = NeuroSteeredSeparator(random_state=0)
    attended, rest = separator.separate_by_guide(mixture, 16000, guide, 64)
    references = np.array([snare, mixture - snare])
    before = bss_eval(references, np.array([mixture, mixture]))[0][0]
    after = bss_eval(references, np.array([attended, rest]))[0][0]
    assert after > before + 10
    assert separator.attention_.p_value < 0.01


def test_same_seed_same_bits_and_clone(rng):
    sounds, envelopes = two_sounds(rng, 5.0)
    separator = NeuroSteeredSeparator(LeastSquares(), n_components=3, window=0.05, random_state=3)
    again = clone(separator)
    arguments = (sounds.sum(axis=0), RATE, envelopes[0], SFREQ)
    np.testing.assert_array_equal(
        separator.separate_by_guide(*arguments), again.separate_by_guide(*arguments)
    )
    assert separator.activations_.shape[1] == 3
    assert separator.n_fft_ == 400
    X = np.abs(stft(arguments[0], 400, separator.hop_))
    nmf = ContrastiveNMF(3, 1, contrast_weight=0, init="random", max_iter=100, random_state=3)
    np.testing.assert_allclose(nmf.fit(X).activations_, separator.activations_, rtol=1e-6)


def test_impossible_input_is_refused(trials, rng):
    audio, guide = rng.normal(size=RATE), rng.random(SFREQ)
    separator = NeuroSteeredSeparator(n_components=4)
    for arguments, message in (
        ((audio, RATE, guide[:50], SFREQ), "guide lasts 0.78125 s"),
        ((audio, RATE, guide * np.nan, SFREQ), "guide has 64 NaN"),
        ((audio * np.inf, RATE, guide, SFREQ), "audio has 8000 NaN or infinite"),
        ((audio[None, None], RATE, guide, SFREQ), "guide lasts|audio must have shape"),
        ((audio, 0, guide, SFREQ), "audio_sfreq must be a positive"),
        ((audio, RATE, guide, -1), "sfreq must be a positive"),
        ((audio, RATE, guide[None, None], SFREQ), "guide must have shape"),
    ):
        with pytest.raises(ValueError, match=message):
            separator.separate_by_guide(*arguments)
    for n_components in (1, 19):
        with pytest.raises(ValueError, match="n_components must be from 2 to 18"):
            NeuroSteeredSeparator(n_components=n_components).separate_by_guide(
                audio, RATE, guide, SFREQ
            )
    with pytest.raises(ValueError, match="decoder must be given"):
        separator.fit(trials)
    fitted = NeuroSteeredSeparator(LeastSquares(), n_components=4).fit(trials)
    with pytest.raises(ValueError, match="no audio"):
        fitted.separate(trials[0].replace(audio=None))


def test_a_quiet_mixture_in_single_precision(rng):
    sounds, envelopes = two_sounds(rng, 4.0)
    audio = sounds.sum(axis=0).astype(np.float32)
    separator = NeuroSteeredSeparator(n_components=3, max_iter=20, random_state=0)
    expected = separator.separate_by_guide(audio, RATE, envelopes[0], SFREQ)
    weights = separator.attention_.weights
    quiet = separator.separate_by_guide(audio * np.float32(2**-80), RATE, envelopes[0], SFREQ)
    np.testing.assert_allclose(separator.attention_.weights, weights, atol=1e-4)
    atol = 1e-4 * np.abs(expected).max()
    np.testing.assert_allclose(quiet * np.float32(2**80), expected, atol=atol)
