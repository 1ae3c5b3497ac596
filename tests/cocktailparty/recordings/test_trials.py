import mne
import numpy as np
import pytest
import soundfile

from cocktailparty.features import speech_envelope
from cocktailparty.preprocessing import bandpass
from cocktailparty.recordings.trials import (
    clock_drift,
    event_times,
    trial_from_raw,
    trials_from_epochs,
    trials_from_raw,
)
from cocktailparty.suspicions import RecordingWarning

SFREQ, AUDIO_SFREQ = 256, 8192
MONTAGE = mne.channels.make_standard_montage("biosemi32")


def make_raw(data, bads=()):
    """Recording of (n_times, n_channels) in volts."""
    info = mne.create_info(MONTAGE.ch_names[: data.shape[1]], SFREQ, "eeg")
    raw = mne.io.RawArray(data.T, info, verbose="ERROR")
    raw.set_montage(MONTAGE, on_missing="ignore")
    raw.info["bads"] = list(bads)
    return raw


def noise_eeg(rng, duration, n_channels=4):
    return 1e-5 * rng.normal(size=(round(duration * SFREQ), n_channels))


def slow_noise(rng, times):
    """Sum of sinusoids from 2 to 8 Hz: known at any time, and inside the pass band."""
    frequencies, phases = rng.uniform(2, 8, size=40), rng.uniform(0, 2 * np.pi, size=40)
    return lambda t: np.sin(2 * np.pi * frequencies * t[:, None] + phases).mean(axis=1)


def lag(x, y):
    """Delay of y against x in samples, from the slope of the phase of their cross-spectrum."""
    spectrum = np.fft.rfft(y) * np.conj(np.fft.rfft(x))
    index = np.arange(spectrum.size)
    coarse = np.fft.irfft(spectrum, len(x)).argmax()
    spectrum *= np.exp(2j * np.pi * index * coarse / len(x))
    weight = np.abs(spectrum)
    phase = np.angle(spectrum)
    return coarse - (weight * phase * index).sum() / (weight * index**2).sum() * len(x) / 2 / np.pi


@pytest.fixture(scope="module")
def speech():
    """Noise with a syllable-like envelope, 20 s."""
    rng = np.random.default_rng(5)
    t = np.arange(20 * AUDIO_SFREQ) / AUDIO_SFREQ
    modulation = 1 + 3 * slow_noise(rng, t)(t)
    return (np.clip(modulation, 0.05, None) * rng.normal(size=t.size)).astype(np.float32)


def hilbert(audio, audio_sfreq, sfreq):
    return speech_envelope(audio, audio_sfreq, sfreq, method="hilbert")


# --- alignment ------------------------------------------------------------------------------------


@pytest.mark.parametrize("onset", [3.0, 4.321])
def test_eeg_that_is_the_delayed_envelope_lands_at_its_lag(rng, speech, onset):
    delay = 0.15
    envelope = speech_envelope(speech, AUDIO_SFREQ, SFREQ)[:, 0]
    times = np.arange(30 * SFREQ) / SFREQ
    response = np.interp(times - onset - delay, np.arange(envelope.size) / SFREQ, envelope)
    raw = make_raw(1e-6 * response[:, None] * [1.0, -2.0, 0.5])
    trial = trial_from_raw(raw, [(speech, AUDIO_SFREQ)], onset, attended=0)
    assert (trial.n_times, trial.n_channels) == (1280, 3)
    inner = slice(128, -128)
    measured = lag(trial.stimuli[0, inner, 0], -trial.eeg[inner, 1])
    assert abs(measured - delay * 64) < 0.1


def test_values_are_those_of_the_signal_at_the_trials_own_times(rng):
    signal = slow_noise(rng, None)
    raw = make_raw(2e-6 * signal(np.arange(30 * SFREQ) / SFREQ)[:, None] * [1.0, 1.5])
    trial = trial_from_raw(raw, [], onset=5.4321, duration=10, reference=None)
    expected = 2e-6 * signal(5.4321 + np.arange(640) / 64)
    np.testing.assert_allclose(trial.eeg[:, 0], expected, atol=0.005 * np.abs(expected).max())


def test_a_drifting_clock_is_corrected_to_the_end(rng):
    signal, drift = slow_noise(rng, None), 1.0002
    amplifier = np.arange(620 * SFREQ) / SFREQ  # times by the amplifier's clock
    raw = make_raw(1e-6 * signal((amplifier - 5) / drift)[:, None])
    triggers = np.arange(0, 600, 5.0) + rng.uniform(0, 4, size=120)
    seen = np.round((5 + drift * triggers) * SFREQ) / SFREQ
    clock = clock_drift(seen, triggers)
    stimulus = signal(np.arange(600 * 64) / 64)
    arguments = {"onset": clock.offset, "reference": None}
    trial = trial_from_raw(raw, [stimulus], eeg_clock=clock.scale, **arguments)
    end = slice(-30 * 64 - 128, -128)
    assert abs(lag(trial.stimuli[0, end, 0], trial.eeg[end, 0])) / 64 < 1e-3
    # Uncorrected, the two part by 120 ms.
    late = trial_from_raw(raw, [stimulus], **arguments)
    assert lag(late.stimuli[0, end, 0], late.eeg[end, 0]) / 64 == pytest.approx(0.117, abs=0.01)


# --- filtering ------------------------------------------------------------------------------------


def test_the_band_is_kept_and_the_rest_removed_up_to_the_ends_of_the_trial():
    t = np.arange(30 * SFREQ) / SFREQ
    waves = np.stack([np.sin(2 * np.pi * f * t) for f in (4, 30, 50)], axis=1)
    with pytest.warns(RecordingWarning, match="F7'. are less than 1/20"):  # mains and nothing else
        trial = trial_from_raw(make_raw(1e-5 * waves), [], onset=5, duration=10, reference=None)
    inside = 1e-5 * waves[5 * SFREQ : 15 * SFREQ : 4]
    np.testing.assert_allclose(trial.eeg[:, 0], inside[:, 0], atol=1e-7)
    assert np.abs(trial.eeg[:, 1:]).max() < 1e-7  # 40 dB below


def test_a_trial_equals_the_filtered_continuous_recording(rng):
    """The chain of MNE-Python on the whole recording, at the rate of the recording."""
    data = noise_eeg(rng, 30)
    trial = trial_from_raw(make_raw(data), [], onset=5, duration=10)
    raw = make_raw(data).set_eeg_reference("average", verbose="ERROR")
    expected = raw.filter(1, 9, verbose="ERROR").get_data().T[5 * SFREQ : 15 * SFREQ : 4]
    np.testing.assert_allclose(trial.eeg, expected, atol=0.01 * expected.std())
    np.testing.assert_allclose(trial.eeg.sum(axis=1), 0, atol=1e-15)


def test_stimuli_pass_the_same_filter_unless_told_otherwise(rng, speech):
    raw = make_raw(noise_eeg(rng, 30))
    envelope = hilbert(speech, AUDIO_SFREQ, 64)
    arguments = {"sounds": [(speech, AUDIO_SFREQ)], "envelope": hilbert, "duration": 15}
    filtered = trial_from_raw(raw, **arguments)
    # Filtered before it is cut: at 15 s the filter sees what follows.
    np.testing.assert_allclose(
        filtered.stimuli[0], bandpass(envelope, 64, 1, 9)[: 15 * 64], rtol=1e-5, atol=1e-6
    )
    plain = trial_from_raw(raw, filter_stimuli=False, **arguments)
    np.testing.assert_array_equal(plain.stimuli[0], envelope[: 15 * 64])


def test_the_filter_does_not_reach_across_a_join(rng):
    loud, quiet = noise_eeg(rng, 10) * 1e6, noise_eeg(rng, 20)
    joined = mne.concatenate_raws([make_raw(loud), make_raw(quiet)], verbose="ERROR")
    alone = trial_from_raw(make_raw(quiet), [], duration=15)
    np.testing.assert_allclose(
        trial_from_raw(joined, [], onset=10, duration=15).eeg, alone.eeg, atol=1e-12
    )
    with pytest.raises(ValueError, match=r"interrupted at 10\.000 s \('BAD boundary'"):
        trial_from_raw(joined, [], duration=12)


# --- sounds and lengths ---------------------------------------------------------------------------


def test_files_labels_and_mixture_arrive_in_the_trial(rng, speech, tmp_path):
    for name, sound in (("a", speech), ("b", speech[::-1])):
        soundfile.write(tmp_path / f"{name}.wav", 0.1 * sound, AUDIO_SFREQ, subtype="FLOAT")
    raw = make_raw(noise_eeg(rng, 30), bads=["Fp1"])
    trial = trial_from_raw(
        raw,
        [tmp_path / "a.wav", str(tmp_path / "b.wav")],
        onset=2,
        attended=1,
        audio=(speech + speech[::-1], AUDIO_SFREQ),
        envelope=hilbert,
        subject="S1",
        story="tale",
        name="t1",
    )
    assert repr(trial) == (
        "Trial('S1/tale/t1', 20.0 s at 64 Hz, 3 channels, 2 stimuli x 1 feature, attended 1)"
    )
    assert trial.channel_names == tuple(MONTAGE.ch_names[1:4])
    assert (trial.audio.size, trial.audio_sfreq) == (20 * AUDIO_SFREQ, AUDIO_SFREQ)
    for stimulus, sound in zip(trial.stimuli, (speech, speech[::-1]), strict=True):
        expected = bandpass(hilbert(0.1 * sound, AUDIO_SFREQ, 64), 64, 1, 9)
        np.testing.assert_allclose(stimulus, expected, atol=1e-6)


def test_the_shortest_sound_decides_the_length_within_the_tolerance(rng):
    raw = make_raw(noise_eeg(rng, 30))
    sounds = [rng.random(1280), rng.random(1260)]
    audio = (rng.normal(size=round(19.8 * 1000)), 1000)
    assert trial_from_raw(raw, sounds).n_times == 1260
    assert trial_from_raw(raw, sounds, onset=10.4).n_times == 1255  # 19.6 s of EEG are left
    with_mixture = trial_from_raw(raw, [rng.random(1280)], audio=audio)
    assert with_mixture.n_times == np.ceil(19.8 * 64)
    assert with_mixture.audio.size == 19800
    sounds[1] = rng.random(1240)
    with pytest.raises(ValueError, match=r"differ by more than 0.5 s: .*sounds\[1\] 19.375 s"):
        trial_from_raw(raw, sounds)
    with pytest.raises(ValueError, match=r"trial 't': lengths differ .* EEG after the onset 10\.0"):
        trial_from_raw(raw, sounds[:1], onset=20, name="t")
    assert trial_from_raw(raw, sounds, duration=19).n_times == 19 * 64


@pytest.mark.parametrize(
    ("arguments", "match"),
    [
        ({"onset": 30.0}, "onset=30 s lies outside the recording of 30 s"),
        ({"onset": -1.0}, "onset=-1 s lies outside"),
        ({"duration": 21.0}, "duration=21 s is longer than the material"),
        ({"duration": 0}, "duration must be a positive number"),
        ({"duration": 2.0, "onset": 28.0}, r"the EEG of the trial lasts 5.3 s, but .* 6.59 s"),
        ({"attended": 2}, "attended=2 is not an index into 2 sounds"),
        ({"eeg_clock": 200e-6}, "eeg_clock=0.0002 must be close to 1"),
        ({"h_freq": 40}, "h_freq=40 Hz must lie below half the sampling rate of 64 Hz"),
        ({"sfreq": 0}, "sfreq must be a positive number"),
    ],
)
def test_impossible_requests_are_named(rng, arguments, match):
    raw = make_raw(noise_eeg(rng, 30))
    sounds = [rng.random(1280), rng.random(1280)]
    if "onset" in arguments and "duration" in arguments:
        arguments = {**arguments, "l_freq": 0.5}
    with pytest.raises(ValueError, match=match):
        trial_from_raw(raw, sounds, **arguments)


def test_sounds_must_agree_in_features_and_be_longer_than_the_filter(rng):
    raw = make_raw(noise_eeg(rng, 30))
    with pytest.raises(ValueError, match=r"different numbers of features: \[1, 2\]"):
        trial_from_raw(raw, [rng.random((640, 1)), rng.random((640, 2))])
    with pytest.raises(ValueError, match=r"sounds\[0\] lasts 2 s, but the filter needs"):
        trial_from_raw(raw, [rng.random(128)])


def test_samples_that_are_not_finite_are_refused_only_where_they_are_needed(rng):
    data = noise_eeg(rng, 30)
    data[20 * SFREQ, 1] = np.nan
    raw = make_raw(data)
    channel = raw.ch_names[1]
    told = rf"the EEG has 1 NaN or infinite value\(s\) in channel\(s\) \['{channel}'\], "
    told += r"between 20\.000 and 20\.000 s of the recording, {} the trial from {:g} to {:g} s"
    with pytest.raises(ValueError, match=told.format("inside", 15, 25)):
        trial_from_raw(raw, [], onset=15, duration=10)
    for onset, duration in ((9, 10), (21.5, 8)):
        beyond = told.format("outside of", onset, onset + duration)
        reach = r"reach of its filter, which looks at 1\.64 s before it"
        with pytest.raises(ValueError, match=f"trial 'x': {beyond} but within the {reach}"):
            trial_from_raw(raw, [], onset=onset, duration=duration, name="x")
    assert trial_from_raw(raw, [], onset=5, duration=10).n_times == 640
    # As the message says: the filter stops at what is marked bad.
    raw.set_annotations(mne.Annotations([20], [0.01], ["BAD_nan"]))
    assert trial_from_raw(raw, [], onset=9, duration=10).n_times == 640
    assert trial_from_raw(raw, [], onset=21.5, duration=8).n_times == 512


# --- many trials ----------------------------------------------------------------------------------


def test_trials_from_raw_are_the_single_trials(rng, speech, tmp_path):
    soundfile.write(tmp_path / "a.wav", 0.1 * speech, AUDIO_SFREQ, subtype="FLOAT")
    raw = make_raw(noise_eeg(rng, 40)).crop(3, None)
    onsets, stories = [1.0, 15.0], ["x", "y"]
    competing = [[tmp_path / "a.wav", rng.random(640)], [rng.random(640), str(tmp_path / "a.wav")]]
    calls = []

    def counted(*arguments):
        calls.append(arguments)
        return hilbert(*arguments)

    shared = {"duration": 10, "subject": "S1", "envelope": counted}
    trials = trials_from_raw(raw, onsets, competing, attended=[0, 1], story=stories, **shared)
    assert len(calls) == 1
    for i, trial in enumerate(trials):
        single = trial_from_raw(
            raw, competing[i], onsets[i], attended=i, story=stories[i], **shared
        )
        np.testing.assert_array_equal(trial.eeg, single.eeg)
        np.testing.assert_array_equal(trial.stimuli, single.stimuli)
        assert repr(trial) == repr(single)


def test_onsets_may_be_mne_events_of_a_cropped_recording(rng):
    raw = make_raw(noise_eeg(rng, 40))
    raw.set_annotations(mne.Annotations([8.0, 20.0], [0, 0], ["trial", "trial"]))
    raw.crop(5, None)
    events, _ = mne.events_from_annotations(raw, verbose="ERROR")
    sounds = rng.random((2, 1, 640))
    by_events = trials_from_raw(raw, events, sounds)
    by_seconds = trials_from_raw(raw, [3.0, 15.0], sounds)
    for a, b in zip(by_events, by_seconds, strict=True):
        np.testing.assert_array_equal(a.eeg, b.eeg)


def test_epochs_with_margins_equal_the_raw_path(rng):
    raw = make_raw(noise_eeg(rng, 60))
    onsets, sounds = [5.0, 25.0], rng.random((2, 2, 640))
    events = np.array([[round(o * SFREQ), 0, 1] for o in onsets])
    expected = trials_from_raw(raw, onsets, sounds, attended=[0, 1])

    def epoched(tmin, tmax):
        return mne.Epochs(
            raw, events, tmin=tmin, tmax=tmax, baseline=None, preload=True, verbose="ERROR"
        )

    for trial, same in zip(
        trials_from_epochs(epoched(-3, 13), sounds, attended=[0, 1]), expected, strict=True
    ):
        np.testing.assert_allclose(trial.eeg, same.eeg, atol=1e-12)
        np.testing.assert_array_equal(trial.stimuli, same.stimuli)
    # Without margins only the ends differ, by what the filter had to make up.
    for trial, same in zip(trials_from_epochs(epoched(0, 10), sounds), expected, strict=True):
        np.testing.assert_allclose(trial.eeg[120:-120], same.eeg[120:-120], atol=1e-7)
        assert np.abs(trial.eeg[:64] - same.eeg[:64]).max() > 1e-7
    with pytest.raises(ValueError, match=r"the EEG of the trial lasts 3.\d+ s, but the filter"):
        trials_from_epochs(epoched(0, 3), sounds, duration=2.9)


def test_many_trials_are_checked_for_their_numbers(rng):
    raw = make_raw(noise_eeg(rng, 30))
    sounds = rng.random((2, 1, 640))
    with pytest.raises(ValueError, match="sounds has 2 entries for 3 trials"):
        trials_from_raw(raw, [1.0, 5.0, 9.0], sounds)
    with pytest.raises(ValueError, match="attended has 1 entries for 2 trials"):
        trials_from_raw(raw, [1.0, 5.0], sounds, attended=[0])
    with pytest.raises(ValueError, match=r"onsets must have shape .* got \(2, 2\)"):
        trials_from_raw(raw, np.ones((2, 2)), sounds)
    with pytest.raises(TypeError, match="unexpected keyword argument 'atended'"):
        trials_from_raw(raw, [1.0, 5.0], sounds, atended=0)
    with pytest.raises(TypeError, match=r"trial must be a list, got the path b\.wav"):
        trials_from_raw(raw, [1.0, 5.0], [["a.wav"], "b.wav"])
    with pytest.raises(TypeError, match=r"trial must be a list, got the path a\.wav"):
        trial_from_raw(raw, "a.wav")
    with pytest.raises(TypeError, match="epochs must be MNE Epochs, got RawArray"):
        trials_from_epochs(raw, sounds)


# --- facts about MNE that must not become facts about trials -------------------------------------


# The pulse holds no fast frequencies, as if a low-pass had taken them.
@pytest.mark.filterwarnings("ignore::cocktailparty.suspicions.RecordingWarning")
@pytest.mark.parametrize("remainder", [0, 1, 8, 15])
def test_rates_that_divide_do_not_shift_the_eeg(remainder):
    """MNE's own resampling by 16 is 5 ms early where 15 samples remain."""
    sfreq, middle = 1600.0, 30.0
    times = np.arange(60 * 1600 + remainder) / sfreq
    pulse = 1e-5 * np.exp(-0.5 * ((times - middle) / 0.05) ** 2)
    raw = mne.io.RawArray(pulse[None], mne.create_info(1, sfreq, "eeg"), verbose="ERROR")
    trial = trial_from_raw(
        raw, [], 2.0, sfreq=100.0, reference=None, l_freq=None, h_freq=None, duration=57.0
    )
    eeg = trial.eeg[:, 0]
    centre = 2.0 + eeg @ np.arange(len(eeg)) / eeg.sum() / 100.0
    assert centre == pytest.approx(middle, abs=1e-4)
    again = raw.resample(100.0, verbose="ERROR").get_data()[0]
    shift = again @ raw.times / again.sum() - middle
    assert shift == pytest.approx({0: 0, 1: -0.625e-3, 8: -2.5e-3, 15: -5e-3}[remainder], abs=5e-4)


def test_events_stay_where_they_were_in_joined_runs(rng):
    """Joined first and resampled by us, not the other way round: MNE loses time at each join."""
    sfreq, runs = 512.0, []
    for _ in range(20):
        data = np.zeros((1, 5 * 512 + int(rng.integers(1, 8))))
        data[0] = 1e-5 * np.exp(-0.5 * ((np.arange(data.size) / sfreq - 2.0) / 0.05) ** 2)
        run = mne.io.RawArray(data, mne.create_info(1, sfreq, "eeg"), verbose="ERROR")
        runs.append(run.set_annotations(mne.Annotations([2.0], 0.0, ["go"])))
    raw = mne.concatenate_raws(runs, verbose="ERROR")
    onsets = event_times(raw, "go")
    trials = trials_from_raw(
        raw,
        onsets - 0.5,
        [[]] * 20,
        sfreq=64.0,
        duration=1.0,
        reference=None,
        l_freq=None,
        h_freq=None,
    )
    for trial in trials:
        eeg = trial.eeg[:, 0]
        assert eeg @ np.arange(64) / eeg.sum() / 64 == pytest.approx(0.5, abs=1e-3)
