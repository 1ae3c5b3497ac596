import mne
import numpy as np
import pytest

from cocktailparty.recordings.eeg import read_eeg
from cocktailparty.recordings.formats.edf_records import has_pauses
from cocktailparty.recordings.trials import trial_from_raw
from tests.cocktailparty.edffiles import write_edf

SFREQ, SECONDS = 128, 40
NAMES = ["Fz", "Cz"]
TIMES = np.arange(SECONDS) + np.where(np.arange(SECONDS) < 12, 0.25, 100.75)
PAUSE = (12, 112.5)  # seconds after the start


@pytest.fixture
def eeg(rng):
    return 20 * rng.normal(size=(2, SECONDS * SFREQ))


@pytest.fixture
def sounds(rng):
    return [rng.random(10 * 64) for _ in range(2)]


def write(file, eeg, times=TIMES, kind="EDF+D", notes=((5.75, "near"), (120.25, "far"))):
    arguments = {"bdf": file.suffix == ".bdf", "kind": kind, "times": times, "notes": notes}
    write_edf(file, eeg, [SFREQ] * 2, NAMES, **arguments)
    return file


@pytest.mark.parametrize(("name", "kind"), [("a.edf", "EDF+D"), ("a.bdf", "BDF+D")])
def test_records_lie_at_their_times(tmp_path, eeg, sounds, name, kind):
    raw = read_eeg(write(tmp_path / name, eeg, kind=kind))
    assert raw.times[-1] == pytest.approx(SECONDS - 12 + PAUSE[1] - 1 / SFREQ)
    data = 1e6 * raw.get_data()
    start, stop = (round(moment * SFREQ) for moment in PAUSE)
    np.testing.assert_allclose(data[:, :start], eeg[:, : 12 * SFREQ], atol=0.06)
    np.testing.assert_array_equal(data[:, start:stop], 0)
    np.testing.assert_allclose(data[:, stop:], eeg[:, 12 * SFREQ :], atol=0.06)
    # Annotations have the same clock, and none is lost.
    marks = dict(zip(raw.annotations.description, raw.annotations.onset, strict=True))
    assert marks == {"near": 5.5, "far": 120, "BAD_ACQ_SKIP": 12}
    assert trial_from_raw(raw, sounds, 113.0).provenance["eeg_file"] == name
    assert trial_from_raw(raw, sounds, 2.0).provenance["eeg_unit"] == "V"
    for onset in (5.0, 12.0, 50.0, 110.0):
        with pytest.raises(ValueError, match=r"interrupted at 12\.000 s \('BAD_ACQ_SKIP'"):
            trial_from_raw(raw, sounds, onset)


def test_the_trial_after_a_pause_is_that_of_its_time(tmp_path, eeg, sounds):
    info = mne.create_info(NAMES, SFREQ, "eeg")
    after = mne.io.RawArray(1e-6 * eeg[:, 12 * SFREQ :], info, verbose="WARNING")
    raw = read_eeg(write(tmp_path / "a.edf", eeg))
    expected = trial_from_raw(after, sounds, 3.0)
    trial = trial_from_raw(raw, sounds, PAUSE[1] + 3.0)
    np.testing.assert_allclose(trial.eeg, expected.eeg, atol=1e-7)


def test_what_mne_reads_without_the_pauses_is_refused(tmp_path, eeg, sounds):
    file = write(tmp_path / "a.edf", eeg, notes=())
    for preload in (False, True):
        raw = mne.io.read_raw_edf(file, preload=preload, verbose="WARNING")
        with pytest.raises(ValueError, match=r"a\.edf has pauses \(EDF\+D\).*read_eeg"):
            trial_from_raw(raw, sounds, 20.0)


@pytest.mark.parametrize("kind", ["EDF+C", "EDF+D"])
def test_records_that_follow_each_other_are_read_as_ever(tmp_path, eeg, sounds, kind):
    # Times of records are rounded by some recorders.
    times = np.arange(SECONDS) + 0.003 * np.sin(np.arange(SECONDS))
    file = write(tmp_path / "a.edf", eeg, times, kind, notes=())
    assert has_pauses(file) == (kind == "EDF+D")
    raw = read_eeg(file)
    assert not raw.preload
    assert trial_from_raw(raw, sounds, 8.0).duration == 10


def test_impossible_times_are_told(tmp_path, eeg):
    back = np.where(np.arange(SECONDS) < 5, np.arange(SECONDS), np.arange(SECONDS) - 3.0)
    with pytest.raises(OSError, match="data record 5 begins at 2 s, before the end of the one at"):
        read_eeg(write(tmp_path / "back.edf", eeg, back, notes=()))
    far = np.where(np.arange(SECONDS) < 5, np.arange(SECONDS), np.arange(SECONDS) + 1e8)
    with pytest.raises(ValueError, match=r"pauses of 1e\+08 s in all, which would not fit"):
        read_eeg(write(tmp_path / "far.edf", eeg, far, notes=()))
    file = write(tmp_path / "none.edf", eeg, notes=())
    content = file.read_bytes()
    first = content.index(b"+0.25\x14\x14")
    file.write_bytes(content[:first] + b"#" + content[first + 1 :])
    with pytest.raises(OSError, match="data record 0 does not say when it begins"):
        read_eeg(file)
