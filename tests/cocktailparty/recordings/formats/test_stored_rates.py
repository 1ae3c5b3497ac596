import mne
import numpy as np
import pytest

from cocktailparty.recordings.eeg import Continuous, read_eeg
from cocktailparty.recordings.trials import trial_from_raw, trials_from_epochs, trials_from_raw
from tests.cocktailparty.edffiles import write_edf, write_gdf

SECONDS, SFREQ = 40, 128
NAMES = ["Fz", "Cz", "Pz"]
ONSET = 5.3  # between two data records, and between two samples


@pytest.fixture
def eeg(rng):
    """Microvolts of three channels."""
    return 20 * rng.normal(size=(3, SECONDS * SFREQ))


@pytest.fixture
def sounds(rng):
    return [rng.random(20 * 64) for _ in range(2)]


def alone(eeg):
    """What a file of these channels and no others would hold."""
    info = mne.create_info(NAMES, SFREQ, "eeg")
    return mne.io.RawArray(1e-6 * eeg, info, verbose="WARNING")


def write(file, eeg, rng, others=(("EMG", 1024),), **arguments):
    """Write the EEG after its faster companions, so that no channel is at its place by chance."""
    names, rates = [[*column] for column in zip(*others, strict=True)]
    signals = [*(100 * rng.normal(size=SECONDS * rate) for rate in rates), *eeg]
    function = write_gdf if file.suffix == ".gdf" else write_edf
    if file.suffix == ".gdf":
        arguments = {"gains": [0.5] * len(rates) + [0.1, 0.2, 0.05]}
    elif file.suffix == ".bdf":
        arguments |= {"bdf": True}
    function(file, signals, rates + [SFREQ] * 3, names + NAMES, **arguments)
    return read_eeg(file)


def test_mne_still_mistakes_one_moment_for_another(eeg, rng, tmp_path):
    # Where this fails, cocktailparty.recordings.formats.stored_rates is not needed any more.
    raw = write(tmp_path / "a.edf", eeg, rng)
    first = round(ONSET * 1024)
    with pytest.warns(RuntimeWarning, match="mixed sampling frequencies"):
        part = raw.get_data(["Fz"], first, first + 8 * 1024, verbose="WARNING")
    start = round(ONSET * SFREQ)
    r = np.corrcoef(part[0, : 8 * SFREQ : 8], eeg[0, start : start + SFREQ])[0, 1]
    assert abs(r) < 0.5


@pytest.mark.parametrize("name", ["a.edf", "a.bdf", "a.gdf", "plus.edf"])
@pytest.mark.parametrize("reference", ["average", ["Cz"]])
def test_faster_channels_do_not_touch_the_eeg(name, reference, eeg, rng, sounds, tmp_path):
    raw = write(tmp_path / name, eeg, rng, kind="EDF+C" if name == "plus.edf" else "")
    assert raw.info["sfreq"] == 1024
    arguments = {"reference": reference, "picks": NAMES}
    expected = trial_from_raw(alone(eeg), sounds, ONSET, **arguments)
    trial = trial_from_raw(raw, sounds, ONSET, **arguments)
    # One step of the stored integers is 0.1 microvolts.
    np.testing.assert_allclose(trial.eeg, expected.eeg, atol=1e-7)
    assert trial.provenance["eeg_sfreq"] == SFREQ
    several = trials_from_raw(raw, [ONSET, 15.01], [sounds, sounds], **arguments)
    np.testing.assert_array_equal(several[0].eeg, trial.eeg)
    assert not raw.preload


def test_cropped_picked_renamed_and_joined_recordings_keep_their_moments(
    eeg, rng, sounds, tmp_path
):
    raw = write(tmp_path / "a.edf", eeg, rng)
    expected = trial_from_raw(alone(eeg), sounds, ONSET, reference=None).eeg
    cropped = raw.copy().crop(2.75, 38.3)
    picked = raw.copy().pick(["Pz", "Cz", "Fz"]).rename_channels({"Fz": "EMG"})
    joined = mne.concatenate_raws([raw.copy().crop(1.3, 3), raw.copy()], verbose="WARNING")
    before = (joined._raw_lengths[0]) / 1024
    for changed, onset, names in [
        (cropped, ONSET - 2.75, NAMES),
        (picked, ONSET, ["EMG", "Cz", "Pz"]),
        (joined, before + ONSET, NAMES),
    ]:
        trial = trial_from_raw(changed, sounds, onset, picks=names, reference=None)
        np.testing.assert_allclose(trial.eeg, expected, atol=1e-7)
    view = Continuous(joined, NAMES)
    joined.set_annotations(None)  # what is known of the files does not hang on them
    assert view.span(before * 1024 - 1) == (0, before * 1024)
    assert view.span(before * 1024) == (before * 1024, len(joined.times))


def test_channels_of_several_rates_are_read_together(rng, sounds, tmp_path):
    t = {rate: np.arange(SECONDS * rate) / rate for rate in (128, 256, 1024)}
    signals = [100 * np.sin(2 * np.pi * 4 * t[rate] + rate) for rate in t]
    write_edf(tmp_path / "a.edf", signals, list(t), ["slow", "mid", "fast"])
    raw = read_eeg(tmp_path / "a.edf")
    trial = trial_from_raw(raw, sounds, ONSET, reference=None)
    moments = ONSET + np.arange(20 * 64) / 64
    wanted = [1e-4 * np.sin(2 * np.pi * 4 * moments + rate) for rate in t]
    np.testing.assert_allclose(trial.eeg.T, wanted, atol=5e-7)
    loaded = trial_from_raw(raw.load_data(), sounds, ONSET, reference=None)
    np.testing.assert_allclose(trial.eeg, loaded.eeg, atol=5e-7)


def test_triggers_faster_than_all_others_do_not_stretch_time(eeg, rng, sounds, tmp_path):
    status = np.zeros(SECONDS * 1024)
    status[3 * 1024 :] = 5 / 32  # a trigger of 5
    signals = [*eeg, status]
    write_edf(tmp_path / "a.bdf", signals, [SFREQ] * 3 + [1024], [*NAMES, "Status"], bdf=True)
    raw = read_eeg(tmp_path / "a.bdf")
    assert raw.times[-1] == pytest.approx(SECONDS, abs=0.01)
    assert raw.get_channel_types() == ["eeg"] * 3 + ["stim"]
    expected = trial_from_raw(alone(eeg), sounds, ONSET)
    np.testing.assert_allclose(trial_from_raw(raw, sounds, ONSET).eeg, expected.eeg, atol=1e-7)
    # A recording that was opened by MNE has the wrong length, but the right moments.
    stretched = mne.io.read_raw_bdf(tmp_path / "a.bdf", verbose="WARNING")
    assert stretched.times[-1] > 7 * SECONDS
    np.testing.assert_allclose(
        trial_from_raw(stretched, sounds, ONSET).eeg, expected.eeg, atol=1e-7
    )


def test_equal_rates_are_read_as_before(eeg, rng, sounds, tmp_path):
    raw = write(tmp_path / "a.edf", eeg, rng, others=[("EMG", SFREQ)])
    expected = trial_from_raw(alone(eeg), sounds, ONSET).eeg
    np.testing.assert_allclose(
        trial_from_raw(raw, sounds, ONSET, picks=NAMES).eeg, expected, atol=1e-7
    )


def test_what_cannot_be_read_rightly_is_refused(eeg, rng, sounds, tmp_path):
    raw = write(tmp_path / "a.edf", eeg, rng)
    events = np.array([[round(ONSET * 1024), 0, 1]])
    epochs = mne.Epochs(raw, events, tmin=0, tmax=21, baseline=None, verbose="WARNING")
    with pytest.raises(ValueError, match="channels have unequal rates"):
        trials_from_epochs(epochs, [sounds])
    projected = raw.copy().pick(NAMES).set_eeg_reference(projection=True, verbose="WARNING")
    projected.apply_proj(verbose="WARNING")
    with pytest.raises(ValueError, match="projectors are applied"):
        trial_from_raw(projected, sounds, ONSET, picks=NAMES)


def test_channels_that_mne_confuses_are_refused(eeg, sounds, tmp_path):
    write_gdf(tmp_path / "a.gdf", [10 * eeg[0], *eeg], [SFREQ] * 4, ["EMG", *NAMES])
    confused = mne.io.read_raw_gdf(tmp_path / "a.gdf", exclude=["EMG"], verbose="WARNING")
    # Where this fails, MNE was mended, and the check is to go.
    assert confused.get_data(["Fz"]).std() > 5 * eeg.std() * 1e-6
    with pytest.raises(ValueError, match=r"a\.gdf was read with exclude or include"):
        trial_from_raw(confused, sounds, ONSET)
    with pytest.raises(ValueError, match="choose by picks"):
        read_eeg(tmp_path / "a.gdf", include=NAMES)
    assert trial_from_raw(read_eeg(tmp_path / "a.gdf"), sounds, ONSET, picks=NAMES).n_channels == 3
