import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cocktailparty.datasets import neural_drive
from cocktailparty.datasets.simulation.drive import speech_like_envelope


@pytest.fixture
def envelope():
    return speech_like_envelope(640, 64, random_state=0)


def test_seed_decides_the_envelope(envelope):
    np.testing.assert_array_equal(envelope, speech_like_envelope(640, 64, random_state=0))
    assert envelope.std() == pytest.approx(1)


def test_without_nonlinearity_the_drive_is_the_envelope(envelope):
    drive = neural_drive(envelope, 64, 0)
    np.testing.assert_array_equal(drive, envelope)
    assert drive is not envelope


def test_drive_follows_its_formula(envelope):
    level, onsets = envelope[0], [0.0]
    keep = np.exp(-1 / (0.5 * 64))
    for before, now in itertools.pairwise(envelope):
        level = keep * level + (1 - keep) * before
        rate = max(0, now - before) * 64 / (level + 0.1 * envelope.mean())
        onsets.append(rate**2 / (rate**2 + 900))
    mixed = 0.3 * envelope / envelope.std() + 0.7 * np.array(onsets) / np.std(onsets)
    np.testing.assert_allclose(neural_drive(envelope, 64, 0.7), mixed / mixed.std())


@given(st.integers(0, 2**31), st.floats(0, 1), st.floats(1e-3, 1e3))
def test_drive_keeps_size_and_sign_and_scales_with_the_sound(seed, nonlinearity, scale):
    envelope = speech_like_envelope(320, 64, random_state=seed)
    drive = neural_drive(envelope, 64, nonlinearity)
    assert drive.min() >= 0
    assert drive.std() == pytest.approx(1)
    np.testing.assert_allclose(neural_drive(scale * envelope, 64, nonlinearity), scale * drive)


def test_brain_does_not_know_the_future(envelope):
    # A later sound changes the drive before it by scale alone.
    later = envelope.copy()
    later[400:] = later[400:][::-1]
    one, other = neural_drive(envelope, 64)[:400], neural_drive(later, 64)[:400]
    np.testing.assert_allclose(one * (other.max() / one.max()), other, rtol=1e-9, atol=1e-12)


def test_falls_leave_the_brain_silent_and_a_pause_makes_it_sensitive():
    envelope = np.concatenate([np.full(64, s) for s in (0.1, 1.0, 0.5, 0.8, 0.01, 0.31)])
    drive = neural_drive(envelope, 64)
    np.testing.assert_array_equal(np.flatnonzero(drive), [64, 192, 320])
    # Both last rises are of 0.3: the second comes after a second of near silence.
    assert drive[320] > 1.3 * drive[192]
    # Saturation: the first is three times as large as that, and gives hardly more.
    assert drive[320] < drive[64] < 1.5 * drive[320]


def test_stimuli_and_features_are_taken_one_by_one():
    stimuli = np.stack([speech_like_envelope(128, 64, seed) for seed in range(6)])
    stimuli = stimuli.reshape(2, 3, 128).swapaxes(1, 2)
    stimuli.setflags(write=False)
    drive = neural_drive(stimuli, 64, 0.5)
    for s, f in np.ndindex(2, 3):
        np.testing.assert_allclose(drive[s, :, f], neural_drive(stimuli[s, :, f], 64, 0.5))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"nonlinearity": 1.5}, "nonlinearity must be from 0 to 1, got 1.5"),
        ({"nonlinearity": np.nan}, "nonlinearity must be from 0 to 1, got nan"),
        ({"sfreq": 0}, "sfreq must be a positive number of hertz, got 0"),
        ({"envelope": 3.0}, r"envelope has shape \(\), expected"),
        ({"envelope": [1.0, np.nan]}, "envelope has 1 NaN"),
        ({"envelope": [1.0, -2.0]}, "values down to -2, expected none below 0"),
        ({"envelope": np.ones(9)}, "envelope is constant"),
        ({"envelope": np.arange(9.0, 0, -1)}, "part of the envelope that rises is constant"),
    ],
)
def test_wrong_envelopes_are_refused(envelope, changes, message):
    with pytest.raises(ValueError, match=message):
        neural_drive(**{"envelope": envelope, "sfreq": 64, **changes})
