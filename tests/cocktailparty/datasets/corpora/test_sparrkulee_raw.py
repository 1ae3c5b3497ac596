import gzip
import tempfile
from pathlib import Path

import numpy as np
import pytest

from cocktailparty import datasets
from cocktailparty.datasets.corpora import sparrkulee_raw
from cocktailparty.datasets.readers import triggers
from cocktailparty.electrodes.biosemi import BIOSEMI_64
from cocktailparty.features import speech_envelope
from tests.cocktailparty.datasets.miniatures import truncate
from tests.cocktailparty.datasets.originals import AUDIO_SFREQ, followed, write_sparrkulee
from tests.cocktailparty.datasets.rawfiles import (
    BANKS,
    DRIFT,
    EXTERNAL,
    ONSET,
    write_events,
    write_npz_gz,
    write_sparrkulee_raw,
)

SESSION = Path("sub-001", "ses-shortstories01", "eeg")
FIRST = "sub-001_ses-shortstories01_task-listeningActive_run-01"
ONE = {"subjects": (1,), "sounds": ("audiobook_1",)}


def hilbert(audio, audio_sfreq, sfreq):
    return speech_envelope(audio, audio_sfreq, sfreq, method="hilbert")


def load(folder, **arguments):
    return sparrkulee_raw.load(folder, envelope=hilbert, **{"reference": None, **arguments})


def shift_at(trial, start, stop):
    """Samples by which the stimulus has to move between two moments to fit the EEG best."""
    eeg, stimulus = trial.eeg[:, -1] - trial.eeg[:, 0], trial.stimuli[0, :, 0]
    inside = slice(round(start * trial.sfreq), round(stop * trial.sfreq))
    shifts = range(-16, 17)
    fits = [np.corrcoef(eeg[inside], np.roll(stimulus, shift)[inside])[0, 1] for shift in shifts]
    return shifts[int(np.argmax(fits))]


def test_eeg_and_sound_stay_aligned_to_the_end(tmp_path, rng):
    write_sparrkulee_raw(tmp_path, rng, seconds=30, **ONE)
    # Twice the usual rate: half a sample at 64 Hz would show.
    (trial,) = load(tmp_path, sfreq=128)
    assert (trial.duration, trial.sfreq) == (30, 128)
    assert [shift_at(trial, t, t + 6) for t in (0.5, 12, 23.5)] == [0, 0, 0]
    assert followed(trial)[1] > 0.95


def test_without_the_correction_the_end_would_be_late(tmp_path, rng, monkeypatch):
    write_sparrkulee_raw(tmp_path, rng, seconds=30, **ONE)
    monkeypatch.setattr(
        sparrkulee_raw,
        "align_clocks",
        lambda *onsets: triggers.align_clocks(*onsets)._replace(scale=1.0),
    )
    (trial,) = load(tmp_path, sfreq=128)
    expected = DRIFT * 26.5 * 128
    assert abs(shift_at(trial, 23.5, 29.5) - expected) < 1.5
    assert expected > 10


def test_channels_and_units_are_those_of_the_cap(tmp_path, rng):
    rhythm = write_sparrkulee_raw(tmp_path, rng, **ONE)["audiobook_1"]
    (trial,) = load(tmp_path, l_freq=None, h_freq=None)
    assert trial.channel_names == BIOSEMI_64
    assert trial.eeg.mean() == pytest.approx(5000e-6, rel=0.01)
    # Each channel follows with its own gain, of 20 to 60 microvolts.
    heard = np.interp(np.arange(trial.n_times) / 64, np.arange(len(rhythm)) / 1024, rhythm)
    slopes = np.polyfit(heard, trial.eeg, 1)[0]
    np.testing.assert_allclose(slopes, 20e-6 * np.linspace(1, 3, 64), rtol=0.05)


@pytest.mark.parametrize("names", [(*BANKS, *EXTERNAL), BIOSEMI_64])
def test_sockets_are_renamed_and_external_electrodes_optional(tmp_path, rng, names):
    write_sparrkulee_raw(tmp_path, rng, names=names, **ONE)
    (trial,) = load(tmp_path, reference="average")
    assert trial.channel_names == BIOSEMI_64
    np.testing.assert_allclose(trial.eeg.mean(axis=1), 0, atol=1e-12)
    assert followed(trial)[1] > 0.9


def test_external_electrodes_can_be_the_reference(tmp_path, rng):
    write_sparrkulee_raw(tmp_path, rng, **ONE)
    (plain,) = load(tmp_path)
    (trial,) = load(tmp_path, reference=["EXG1", "EXG2"])
    assert trial.channel_names == BIOSEMI_64
    removed = plain.eeg - trial.eeg
    np.testing.assert_allclose(removed, removed[:, :1].repeat(64, axis=1), rtol=0, atol=1e-10)
    assert removed.std() > 1e-5


def test_each_run_meets_its_sound_and_versions_share_a_story(tmp_path, rng):
    write_sparrkulee_raw(tmp_path, rng)
    trials = load(tmp_path)
    assert [trial.subject for trial in trials] == ["sub-001"] * 3 + ["sub-002"] * 3
    assert [trial.story for trial in trials] == ["audiobook_1", "audiobook_1", "podcast_10"] * 2
    assert trials[0].name == FIRST
    for trial in trials:
        assert followed(trial)[1] > 0.9
        assert (trial.attended, trial.n_stimuli, trial.duration) == (0, 1, 8)
    others = [trials[0].replace(stimuli=trial.stimuli) for trial in trials[1:3]]
    assert max(followed(other)[1] for other in others) < 0.8


def test_unpacked_files_are_read_in_place_of_packed_ones(tmp_path, rng):
    write_sparrkulee_raw(tmp_path, rng, **ONE)
    (packed,) = load(tmp_path)
    for file in (*tmp_path.rglob("*Active*.gz"), *tmp_path.rglob("*audiobook_1.npz.gz")):
        file.with_suffix("").write_bytes(gzip.decompress(file.read_bytes()))
        file.write_bytes(b"damaged")
    (unpacked,) = load(tmp_path)
    np.testing.assert_array_equal(packed.eeg, unpacked.eeg)
    np.testing.assert_array_equal(packed.stimuli, unpacked.stimuli)


def test_nothing_is_left_in_the_temporary_folder(tmp_path, rng, monkeypatch):
    corpus, temporary = tmp_path / "corpus", tmp_path / "temporary"
    temporary.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(temporary))
    write_sparrkulee_raw(corpus, rng, **ONE)
    assert len(load(corpus)) == 1
    assert not list(temporary.iterdir())
    truncate(corpus / SESSION / f"{FIRST}_eeg.bdf.gz")
    with pytest.raises(OSError, match=rf"{FIRST}_eeg\.bdf\.gz cannot be unpacked"):
        load(corpus)
    assert not list(temporary.iterdir())


def test_eeg_that_stops_before_the_sound_ends_the_trial(tmp_path, rng):
    write_sparrkulee_raw(tmp_path, rng, eeg_seconds=9, **ONE)
    (trial,) = load(tmp_path, sfreq=256)
    # 9 s less the onset, on the slower clock of the sound.
    assert trial.duration == pytest.approx((9 - ONSET) / (1 + DRIFT), abs=1 / 256)
    assert followed(trial)[1] > 0.9


def test_triggers_that_do_not_fit_are_refused_and_can_be_left_out(tmp_path, rng):
    write_sparrkulee_raw(tmp_path, rng, subjects=(1,), missing_triggers=1)
    with pytest.raises(ValueError, match=rf"{FIRST}_eeg.*has 7 triggers, the sound 8: .*skip=\['"):
        load(tmp_path)
    runs = [FIRST.replace("run-01", f"run-0{run}") for run in (1, 2, 3)]
    assert load(tmp_path, skip=runs) == []
    with pytest.raises(ValueError, match=r"skip names recording\(s\) \['run-01'\]"):
        load(tmp_path, skip="run-01")


def test_missing_files_are_named(tmp_path, rng):
    with pytest.raises(FileNotFoundError, match=r"has no file sub-001/.*_eeg\.bdf\.gz: download"):
        load(tmp_path)
    write_sparrkulee_raw(tmp_path, rng, **ONE)
    for file, message in (
        (tmp_path / "stimuli" / "eeg" / "t_audiobook_1.npz.gz", "t_audiobook_1.npz.gz is missing"),
        (tmp_path / SESSION / f"{FIRST}_events.tsv", "_events.tsv is missing, which says what"),
    ):
        file.unlink()
        with pytest.raises(FileNotFoundError, match=message):
            load(tmp_path)


def test_damaged_sound_is_named(tmp_path, rng):
    write_sparrkulee_raw(tmp_path, rng, **ONE)
    truncate(tmp_path / "stimuli" / "eeg" / "audiobook_1.npz.gz")
    with pytest.raises(OSError, match=r"audiobook_1\.npz\.gz cannot be read as a NumPy file"):
        load(tmp_path)


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"audio": np.ones((50, 2)), "fs": 8000}, r"one channel `audio` .* shape \(50, 2\) and"),
        ({"audio": np.ones(50), "fs": [1, 2]}, r"got arrays of shape \(50,\) and \(2,\)"),
        ({"audio": np.ones(50)}, r"has no variable \['fs'\]"),
        ({"audio": np.full(9000, np.nan), "fs": AUDIO_SFREQ}, r"npz\.gz: audio has 9000 NaN"),
    ],
)
def test_wrong_sound_is_refused(tmp_path, rng, arrays, message):
    write_sparrkulee_raw(tmp_path, rng, **ONE)
    write_npz_gz(tmp_path / "stimuli" / "eeg" / "audiobook_1.npz.gz", **arrays)
    with pytest.raises(ValueError, match=message):
        load(tmp_path)


@pytest.mark.parametrize(
    ("sound", "n_rows"), [("eeg/audiobook_1.npz.gz", 0), ("eeg/audiobook_1.npz.gz", 2), ("x/", 1)]
)
def test_wrong_events_are_refused(tmp_path, rng, sound, n_rows):
    write_sparrkulee_raw(tmp_path, rng, **ONE)
    file = tmp_path / SESSION / f"{FIRST}_events.tsv"
    write_events(file, sound, n_rows)
    if sound == "x/":
        file.write_text(file.read_text().replace("x/t_", "n/a"))
    with pytest.raises(ValueError, match=r"_events\.tsv must have one row with stim_file and trig"):
        load(tmp_path)


def test_dead_electrode_is_refused_unless_it_is_not_picked(tmp_path, rng, monkeypatch):
    def follow_but_one(rhythm, n_channels, rng):
        eeg = follow(rhythm, n_channels, rng)
        eeg[:, 5] = 1
        return eeg

    from tests.cocktailparty.datasets import rawfiles

    follow = rawfiles.follow
    monkeypatch.setattr(rawfiles, "follow", follow_but_one)
    write_sparrkulee_raw(tmp_path, rng, **ONE)
    with pytest.raises(ValueError, match=rf"{FIRST}.*channel\(s\) \['F5'\] are constant"):
        load(tmp_path, reference="average")
    (trial,) = load(tmp_path, picks=["Fz", "Cz", "Pz"])
    assert trial.channel_names == ("Fz", "Cz", "Pz")


@pytest.mark.parametrize("names", [BIOSEMI_64[::-1], BIOSEMI_64[:32]])
def test_other_caps_are_refused(tmp_path, rng, names):
    padded = (*names, *EXTERNAL, *(f"GSR{i}" for i in range(64 - len(names))))
    write_sparrkulee_raw(tmp_path, rng, names=padded, **ONE)
    with pytest.raises(ValueError, match=r"must have the 64 electrodes of the cap, from Fp1 or A1"):
        load(tmp_path)


def test_file_that_is_no_bdf_is_named(tmp_path, rng):
    write_sparrkulee_raw(tmp_path, rng, **ONE)
    file = tmp_path / SESSION / f"{FIRST}_eeg.bdf.gz"
    file.write_bytes(gzip.compress(b"something else"))
    with pytest.raises(OSError, match=rf"eeg.{FIRST}_eeg\.bdf\.gz: EEG file .* cannot be read"):
        load(tmp_path)


def test_a_folder_with_derivatives_is_raw_only_by_name(tmp_path, rng):
    write_sparrkulee_raw(tmp_path, rng, **ONE)
    assert datasets.detect(tmp_path).key == "sparrkulee-raw"
    write_sparrkulee(tmp_path, rng)
    assert datasets.detect(tmp_path).key == "sparrkulee"
    assert len(datasets.load(tmp_path)) == 6
    (trial,) = datasets.load(tmp_path, "sparrkulee-raw", envelope=hilbert)
    assert trial.name == FIRST
