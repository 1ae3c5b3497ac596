import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.signal import welch
from scipy.stats import skew

from cocktailparty.datasets import (
    neural_drive,
    simulate_eeg,
    simulate_trf,
    simulate_two_talkers,
)
from cocktailparty.electrodes.biosemi import biosemi_names, head_positions
from cocktailparty.evaluation.comparing import compare
from linear_aad import AttentionDecoder, BackwardTRF


def lagged(signal, n_lags):
    """Columns signal(t), signal(t - 1), ... with silence before the start."""
    columns = [np.concatenate([np.zeros(k), signal[: len(signal) - k]]) for k in range(n_lags)]
    return np.stack(columns, axis=1)


def correlation(a, b):
    return np.corrcoef(np.ravel(a), np.ravel(b))[0, 1]


@pytest.fixture(scope="module")
def listeners():
    return simulate_two_talkers(n_subjects=2, n_trials=10, random_state=1)


# What is simulated: one trial


def test_brain_answers_after_the_sound(rng):
    trf = rng.normal(size=(4, 6))
    impulse = np.zeros((1, 64))
    impulse[0, 20] = 1
    eeg = simulate_eeg(impulse, 0, 64, trf, snr=np.inf)
    np.testing.assert_allclose(eeg[20:26], trf.T)
    np.testing.assert_array_equal(np.delete(eeg, np.s_[20:26], axis=0), 0)


@given(st.data())
def test_response_is_the_sum_of_convolutions(data):
    rng = np.random.default_rng(data.draw(st.integers(0, 2**31)))
    n_stimuli, n_features, n_channels = (data.draw(st.integers(1, 3)) for _ in range(3))
    n_times, n_lags = data.draw(st.integers(2, 40)), data.draw(st.integers(1, 50))
    stimuli = rng.normal(size=(n_stimuli, n_times, n_features))
    trf = rng.normal(size=(n_features, n_channels, n_lags))
    attended = data.draw(st.integers(0, n_stimuli - 1))
    gain = data.draw(st.floats(0, 1))
    eeg = simulate_eeg(stimuli, attended, 64, trf, unattended_gain=gain, snr=np.inf)
    expected = np.zeros((n_times, n_channels))
    for s, f, c in np.ndindex(n_stimuli, n_features, n_channels):
        response = np.convolve(stimuli[s, :, f], trf[f, c])[:n_times]
        expected[:, c] += response * (1 if s == attended else gain)
    np.testing.assert_allclose(eeg, expected, atol=1e-12)


@pytest.mark.parametrize("snr", [-25.0, 0.0, 10.0])
def test_noise_has_the_power_that_was_asked_for(rng, snr):
    stimuli, trf = rng.random((2, 640)), simulate_trf(16, 64, random_state=0)
    clean = simulate_eeg(stimuli, 1, 64, trf, snr=np.inf, unattended_gain=0)
    noisy = simulate_eeg(stimuli, 1, 64, trf, snr=snr, unattended_gain=0, random_state=0)
    power = np.var(clean, axis=0).mean() / np.var(noisy - clean, axis=0).mean()
    assert 10 * np.log10(power) == pytest.approx(snr)


def test_noise_is_pink_and_shared_by_neighbours(rng):
    n_times, names = 64 * 600, biosemi_names(32)
    eeg = simulate_eeg(rng.random((1, n_times)), 0, 64, np.eye(32)[:, :1], snr=-80, random_state=0)
    freqs, density = welch(eeg, 64, nperseg=1024, axis=0)
    band = (freqs >= 1) & (freqs <= 20)
    slope = np.polyfit(np.log(freqs[band]), np.log(density[band].mean(axis=1)), 1)[0]
    assert slope == pytest.approx(-1, abs=0.1)
    places = head_positions(names)
    distance = np.linalg.norm(places[:, None] - places, axis=2)
    expected = np.where(distance > 0, 0.9 * np.exp(-2 * distance**2), 1)
    assert np.abs(np.corrcoef(eeg.T) - expected).max() < 0.1


def test_noise_follows_the_channels_that_are_named(rng):
    # The same two channels are neighbours or not, by name alone.
    stimuli, trf = rng.random((1, 6400)), np.ones((2, 1))
    near, far = (
        simulate_eeg(stimuli, 0, 64, trf, channel_names=names, snr=-80, random_state=0)
        for names in (["Cz", "FCz"], ["T7", "T8"])
    )
    assert correlation(*near.T) > 0.5 > 0.3 > abs(correlation(*far.T))


def test_inputs_are_left_alone(rng):
    stimuli, trf = rng.random((2, 64)), rng.random((4, 3))
    stimuli.setflags(write=False)
    trf.setflags(write=False)
    simulate_eeg(stimuli, 0, 64, trf)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"attended": 2}, "attended=2 is not an index into 2 stimuli"),
        ({"attended": -1}, "attended=-1 is not an index"),
        ({"stimuli": np.ones((2, 64, 3))}, r"stimuli have shape \(2, 64, 3\) and trf \(1, 4, 5\)"),
        ({"trf": np.ones(5)}, r"trf \(5,\), expected"),
        ({"stimuli": np.full((2, 64), np.nan)}, "stimuli has 128 NaN"),
        ({"trf": np.full((4, 5), np.inf)}, "trf has 20 NaN"),
        ({"stimuli": np.zeros((2, 64))}, "stimulus 0 is attended but gives no response"),
        ({"snr": -np.inf}, "snr must be a number"),
        ({"snr": np.nan}, "snr must be a number"),
        ({"channel_names": ["Cz"]}, "1 channel_names for 4 channels"),
        ({"trf": np.ones((65, 5))}, "n_channels must be 1 to 64, got 65"),
    ],
)
def test_wrong_trials_are_refused(rng, changes, message):
    arguments = {"stimuli": rng.random((2, 64)), "attended": 0, "sfreq": 64, "trf": np.ones((4, 5))}
    with pytest.raises(ValueError, match=message):
        simulate_eeg(**{**arguments, **changes})


# What is simulated: the response


def test_response_has_its_peaks_at_fronto_central_channels():
    trf = simulate_trf(64, 256, random_state=3)
    names = biosemi_names(64)
    front = [names.index(name) for name in ("Fz", "FCz", "FC1", "FC2", "Cz")]
    course = trf[front].mean(axis=0)
    assert np.argmin(course) / 256 == pytest.approx(0.1, abs=0.015)
    assert np.argmax(course[40:]) / 256 + 40 / 256 == pytest.approx(0.18, abs=0.03)
    strongest = names[np.argmin(trf[:, np.argmin(course)])]
    assert strongest.startswith(("AF", "F", "C"))
    back = [names.index(name) for name in ("Iz", "P9", "P10")]
    assert trf[back, np.argmin(course)].mean() > 0
    assert np.abs(trf).max() == pytest.approx(1e-6)


def test_lags_reach_to_the_end():
    # 0.3 * 10 is a little below 3 in floating point.
    assert simulate_trf(4, 10, tmax=0.3).shape == (4, 4)
    assert simulate_trf(4, 64).shape == (4, 26)
    assert simulate_trf(4, 64, tmax=0).shape == (4, 1)


def test_listeners_differ_a_bit(listeners):
    assert 0.5 < correlation(*listeners.trf) < 0.99


# What is simulated: listeners


def test_response_can_be_recovered():
    listeners = simulate_two_talkers(
        n_trials=6, n_channels=16, snr=0, unattended_gain=0.3, random_state=2
    )
    n_lags = len(listeners.lags)
    np.testing.assert_allclose(listeners.lags, np.arange(n_lags) / 64)
    past, eeg = [], []
    for trial in listeners.trials:
        followed, ignored = trial.stimuli[[trial.attended, 1 - trial.attended], :, 0]
        past.append(np.hstack([lagged(followed, n_lags), lagged(ignored, n_lags)]))
        eeg.append(trial.eeg)
    x, y = np.concatenate(past), np.concatenate(eeg)
    x, y = x - x.mean(axis=0), y - y.mean(axis=0)
    found = np.linalg.solve(x.T @ x + 100 * np.eye(x.shape[1]), x.T @ y).T
    truth = listeners.trf[0]
    assert correlation(found[:, :n_lags], truth) > 0.95
    gain = np.vdot(found[:, n_lags:], truth) / np.vdot(truth, truth)
    assert gain == pytest.approx(0.3, abs=0.1)


def test_attended_talker_can_be_decoded(listeners):
    trials = listeners.trials[:10]
    # EEG from the sound to 0.3 s later, at every other channel.
    answers = [
        np.hstack([lagged(channel[::-1], 20)[::-1] for channel in trial.eeg.T[::2]])
        for trial in trials
    ]
    followed = [trial.stimuli[trial.attended, :, 0] for trial in trials]
    covariances = [x.T @ x for x in answers]
    products = [x.T @ (y - y.mean()) for x, y in zip(answers, followed, strict=True)]
    r_attended, r_unattended = [], []
    for i, trial in enumerate(trials):
        train = [k for k, other in enumerate(trials) if other.story != trial.story]
        covariance = sum(covariances[k] for k in train)
        ridge = 0.01 * np.trace(covariance) / len(covariance) * np.eye(len(covariance))
        weights = np.linalg.solve(covariance + ridge, sum(products[k] for k in train))
        for half in np.split(np.arange(trial.n_times), 2):
            r = [correlation(answers[i][half] @ weights, s[half, 0]) for s in trial.stimuli]
            r_attended.append(r[trial.attended])
            r_unattended.append(r[1 - trial.attended])
    assert 0.65 <= np.mean(np.greater(r_attended, r_unattended)) <= 0.95
    assert np.mean(r_attended) > 2 * np.mean(r_unattended) > 0


def test_envelopes_are_speech_like(listeners):
    envelopes = np.array([s[:, 0] for trial in listeners.trials for s in trial.stimuli])
    assert envelopes.min() > 0
    assert skew(envelopes.ravel()) > 0.5
    freqs, density = welch(envelopes, 64, nperseg=512, axis=1)
    density = density.mean(axis=0)
    centres = 2.0 ** np.arange(-1, 4.5, 0.5)
    octaves = [density[(freqs >= c / 2**0.5) & (freqs < c * 2**0.5)].sum() for c in centres]
    assert 2.8 < centres[np.argmax(octaves)] < 5.7
    band = (freqs >= 4) & (freqs <= 24)
    assert np.polyfit(np.log(freqs[band]), np.log(density[band]), 1)[0] < -1
    # Pauses: stretches of a fifth of a second and more that are nearly silent.
    quiet = envelopes < 0.1 * envelopes.mean(axis=1, keepdims=True)
    runs = np.lib.stride_tricks.sliding_window_view(quiet, 13, axis=1).all(axis=2)
    assert 0.02 < runs.mean() < 0.3
    r = np.corrcoef(envelopes) - np.eye(len(envelopes))
    assert np.abs(r).max() < 0.2


def test_short_windows_are_never_constant(listeners):
    envelopes = np.array([s[:, 0] for trial in listeners.trials for s in trial.stimuli])
    windows = np.lib.stride_tricks.sliding_window_view(envelopes, 8, axis=1)
    assert np.ptp(windows, axis=2).min() > 0


def test_eeg_has_the_size_of_eeg(listeners):
    sizes = [np.sqrt(np.var(trial.eeg, axis=0).mean()) for trial in listeners.trials]
    assert 10e-6 < min(sizes) < max(sizes) < 20e-6


@pytest.mark.parametrize("snr", [10.0, np.inf])
def test_eeg_has_the_size_of_eeg_without_much_noise(snr):
    trial = simulate_two_talkers(n_trials=1, n_channels=8, snr=snr, random_state=0).trials[0]
    assert 10e-6 < np.sqrt(np.var(trial.eeg, axis=0).mean()) < 20e-6


@pytest.mark.parametrize(("n_talkers", "n_trials"), [(1, 3), (2, 20), (2, 7), (3, 9)])
def test_attention_is_balanced(n_talkers, n_trials):
    trials = simulate_two_talkers(
        n_trials=n_trials, duration=2, n_channels=2, n_talkers=n_talkers, random_state=0
    ).trials
    assert {trial.n_stimuli for trial in trials} == {n_talkers}
    counts = np.bincount([trial.attended for trial in trials], minlength=n_talkers)
    assert counts.max() - counts.min() <= 1


def test_attention_is_in_random_order():
    orders = {
        tuple(
            trial.attended
            for trial in simulate_two_talkers(duration=1, n_channels=1, random_state=seed).trials
        )
        for seed in range(5)
    }
    assert len(orders) == 5


def test_labels(listeners):
    first, *_, last = listeners.trials
    assert (first.subject, first.story, first.name) == ("sub-01", "story-1", "trial-01")
    assert (last.subject, last.story, last.name) == ("sub-02", "story-5", "trial-10")
    assert first.channel_names == biosemi_names(32)
    stories = [trial.story for trial in listeners.trials[:10]]
    assert stories == sorted(stories)
    assert set(np.unique(stories, return_counts=True)[1]) == {2}


def test_there_are_no_more_stories_than_trials():
    trials = simulate_two_talkers(n_trials=3, duration=1, n_channels=1).trials
    assert [trial.story for trial in trials] == ["story-1", "story-2", "story-3"]


@pytest.mark.parametrize("kind", [int, np.random.default_rng, np.random.RandomState])
def test_seed_decides_everything(kind):
    first, second, third = (
        simulate_two_talkers(n_trials=2, duration=2, n_channels=2, random_state=kind(seed)).trials
        for seed in (5, 5, 6)
    )
    for same, again, other in zip(first, second, third, strict=True):
        np.testing.assert_array_equal(same.eeg, again.eeg)
        np.testing.assert_array_equal(same.stimuli, again.stimuli)
        assert not np.allclose(same.stimuli, other.stimuli)


def test_more_subjects_do_not_change_the_first():
    one, two = (
        simulate_two_talkers(n, n_trials=2, duration=2, n_channels=2, random_state=0)
        for n in (1, 2)
    )
    np.testing.assert_array_equal(one.trials[1].eeg, two.trials[1].eeg)


# What is simulated: a brain that is not linear


def test_a_linear_brain_is_the_default_and_stays_as_it_was():
    listeners, same = (
        simulate_two_talkers(2, n_trials=4, duration=10, n_channels=6, random_state=3, **given)
        for given in ({}, {"nonlinearity": 0.0})
    )
    assert listeners.nonlinearity == 0
    first, *_, last = listeners.trials
    np.testing.assert_array_equal(first.eeg, same.trials[0].eeg)
    # Numbers of the first release of the simulation.
    np.testing.assert_allclose(first.eeg[100, :2], [4.85749844e-06, -3.00646098e-06])
    np.testing.assert_allclose(last.stimuli[0, 100], 0.57195356, rtol=1e-6)
    np.testing.assert_allclose(last.eeg[200, 1], -3.1848158560759016e-05)


@pytest.mark.parametrize("nonlinearity", [0.5, 1.0])
def test_eeg_is_the_response_to_the_drive(nonlinearity):
    settings = {"n_trials": 2, "duration": 20, "n_channels": 4, "random_state": 0}
    linear = simulate_two_talkers(**settings)
    listeners = simulate_two_talkers(**settings, snr=np.inf, nonlinearity=nonlinearity)
    assert listeners.nonlinearity == nonlinearity
    for trial, same in zip(listeners.trials, linear.trials, strict=True):
        np.testing.assert_array_equal(trial.stimuli, same.stimuli)
        drive = neural_drive(trial.stimuli, 64, nonlinearity)
        eeg = simulate_eeg(drive, trial.attended, 64, listeners.trf[0], snr=np.inf)
        np.testing.assert_allclose(trial.eeg, eeg, atol=1e-12)
    size = np.sqrt(np.mean([np.var(trial.eeg, axis=0).mean() for trial in listeners.trials]))
    assert 10e-6 < size < 20e-6


def test_linear_decoders_follow_a_nonlinear_brain_only_in_part():
    listeners = simulate_two_talkers(
        n_trials=15, n_channels=16, snr=-27, nonlinearity=1, random_state=0
    )
    driven = [
        trial.replace(stimuli=neural_drive(trial.stimuli, 64, 1)) for trial in listeners.trials
    ]
    ridge = {"": AttentionDecoder(BackwardTRF(0, 0.3, 64, 0.01, alpha_convention="relative"))}
    envelope, drive = (compare(ridge, t, windows=[3]) for t in (listeners.trials, driven))
    right = [table.n_correct.sum() / table.n_windows.sum() for table in (envelope, drive)]
    assert right[0] > 0.57  # chance: 0.55
    assert right[1] > right[0] + 0.06
    assert drive.r_attended.mean() > 1.3 * envelope.r_attended.mean()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"n_subjects": 0}, "n_subjects must be at least 1, got 0"),
        ({"n_trials": 0}, "n_trials must be at least 1, got 0"),
        ({"n_talkers": 0}, "n_talkers must be at least 1, got 0"),
        ({"n_stories": 0}, "n_stories must be at least 1, got 0"),
        ({"n_channels": 65}, "n_channels must be 1 to 64, got 65"),
        ({"duration": 0.01}, "duration must be at least two samples long, got 0.01 s"),
        ({"nonlinearity": -0.1}, "nonlinearity must be from 0 to 1, got -0.1"),
        ({"sfreq": 8}, "sfreq must be at least 16 Hz for syllables and responses, got 8"),
    ],
)
def test_wrong_numbers_are_refused(changes, message):
    with pytest.raises(ValueError, match=message):
        simulate_two_talkers(**changes)
