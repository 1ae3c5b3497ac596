import numpy as np
import pytest

from cocktailparty.recordings.clock import clock_drift


def test_clock_drift_recovers_200_ppm_over_ten_minutes(rng):
    audio = np.arange(0, 600, 10) + rng.uniform(0, 5, size=60)
    eeg = np.round((17.3 + 1.0002 * audio) * 1024) / 1024  # as an amplifier at 1024 Hz stamps them
    drift = clock_drift(eeg, audio)
    assert abs(drift.scale - 1.0002) < 1e-6
    assert abs(drift.offset - 17.3) < 1e-3
    assert drift.residual < 1.5 / 1024


def test_clock_drift_is_exact_for_a_late_start_and_shows_a_late_trigger():
    audio = 1e6 + np.arange(10.0)
    drift = clock_drift(2 + 0.9999 * audio, audio)
    assert drift.scale == pytest.approx(0.9999, abs=1e-9)
    assert drift.offset == pytest.approx(2, abs=1e-3)
    assert drift.residual < 1e-8
    late = audio.copy()
    late[4] += 0.1
    assert 0.08 < clock_drift(late, audio).residual < 0.1


@pytest.mark.parametrize(
    ("eeg", "audio", "match"),
    [
        ([1, 2, 3], [1, 2], "onsets_eeg has 3 triggers but onsets_audio has 2"),
        ([1], [1], "onsets_eeg must hold the times of at least 2"),
        ([1, 2], [2, 1], "onsets_audio must be finite and rising"),
        ([1, np.nan], [1, 2], "onsets_eeg must be finite and rising"),
    ],
)
def test_clock_drift_refuses_triggers_that_do_not_pair(eeg, audio, match):
    with pytest.raises(ValueError, match=match):
        clock_drift(eeg, audio)
