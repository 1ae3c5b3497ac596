import numpy as np
import pytest
from scipy.io import loadmat

from cocktailparty.datasets.corpora import kul as kul_aad
from cocktailparty.features import speech_envelope
from cocktailparty.model_selection.leakage import check_no_leak, shared_stimuli
from cocktailparty.model_selection.splits import folds
from cocktailparty.recordings.audio.reading import read_audio
from tests.cocktailparty.datasets.miniatures import row_of_cells, save, truncate
from tests.cocktailparty.datasets.originals import (
    followed,
    noise_in_rhythm,
    write_kul_aad,
    write_wav,
)


def hilbert(audio, audio_sfreq, sfreq):
    return speech_envelope(audio, audio_sfreq, sfreq, method="hilbert")


def rewrite(folder, index, **changes):
    """Change or remove (None) fields of one trial of S1."""
    trials = loadmat(folder / "S1.mat", struct_as_record=False)["trials"]
    record = trials[0, index][0, 0]
    fields = {name: getattr(record, name) for name in record._fieldnames} | changes
    trials[0, index] = {name: value for name, value in fields.items() if value is not None}
    save(folder, "S1.mat", trials=trials)


def test_the_eeg_follows_the_dry_sound_at_the_attended_ear(tmp_path, rng):
    write_kul_aad(tmp_path, rng)
    trials = kul_aad.load(tmp_path, envelope=hilbert)
    assert [trial.subject for trial in trials] == ["S1"] * 6 + ["S2"] * 6
    assert [trial.story for trial in trials[:6]] == ["part1", "part2"] * 3
    assert {trial.attended for trial in trials} == {0, 1}
    assert [trial.name for trial in trials[:2]] == ["S1-01-hrtf", "S1-02-dry"]
    for trial in trials:
        stimulus, correlation = followed(trial)
        assert stimulus == trial.attended
        # The files of head-related filtering hold other noise: nothing but the dry ones can fit.
        assert correlation > 0.9
        assert (trial.sfreq, trial.n_channels, trial.channel_names[47]) == (64, 64, "Cz")
    # The sounds go on after the EEG has ended.
    assert [trial.duration for trial in trials[:6]] == [7, 7, 7, 7, 5, 5]


def test_a_story_split_holds_out_all_repetitions_of_a_sound(tmp_path, rng):
    write_kul_aad(tmp_path, rng, n_subjects=1)
    trials = kul_aad.load(tmp_path, envelope=hilbert)
    # By trial, the same sounds would be on both sides.
    assert shared_stimuli(trials[:1], trials[2:3])
    assert shared_stimuli(trials[:1], trials[4:5])
    parts = folds(trials, kul_aad.CORPUS.default_cv)
    assert [len(fold.test) for fold in parts] == [3, 3]
    for fold in parts:
        check_no_leak(fold)


def test_eeg_and_stimuli_are_at_the_rate_and_in_the_band_that_is_asked_for(tmp_path, rng):
    write_kul_aad(tmp_path, rng, n_subjects=1)
    plain = kul_aad.load(
        tmp_path, sfreq=32, l_freq=None, h_freq=None, envelope=hilbert, reference=None
    )[1]
    assert plain.eeg.shape == (7 * 32, 64)
    names = loadmat(tmp_path / "S1.mat")["trials"][0, 1]["stimuli"][0, 0].ravel()
    for stimulus, name in zip(plain.stimuli, names, strict=True):
        expected = hilbert(*read_audio(tmp_path / "stimuli" / name.item()), 32)
        np.testing.assert_array_equal(stimulus, expected[: 7 * 32])
    filtered = kul_aad.load(tmp_path, sfreq=32, l_freq=2, h_freq=8, envelope=hilbert)[1]
    spectrum = np.abs(np.fft.rfft(filtered.stimuli[0, :, 0]))
    frequencies = np.fft.rfftfreq(7 * 32, 1 / 32)
    assert spectrum[frequencies > 12].max() < 0.02 * spectrum.max()


def test_reference_is_chosen(tmp_path, rng):
    write_kul_aad(tmp_path, rng, n_subjects=1)
    recorded = kul_aad.load(tmp_path, envelope=hilbert, reference=None)[0]
    trial = kul_aad.load(tmp_path, envelope=hilbert, reference=["Cz"])[0]
    assert "Cz" not in trial.channel_names
    others = [i for i, name in enumerate(recorded.channel_names) if name != "Cz"]
    expected = recorded.eeg[:, others] - recorded.eeg[:, [47]]
    np.testing.assert_allclose(trial.eeg, expected, rtol=0, atol=1e-9)


def test_subjects_are_chosen_and_sounds_are_analysed_once(tmp_path, rng):
    write_kul_aad(tmp_path, rng)
    analysed = []

    def counted(*arguments):
        analysed.append(1)
        return hilbert(*arguments)

    trials = kul_aad.load(tmp_path, envelope=counted)
    assert len(analysed) == 8
    (one,) = {trial.subject for trial in kul_aad.load(tmp_path, subjects=["S2"], envelope=hilbert)}
    assert one == "S2"
    assert len(trials) == 12
    with pytest.raises(ValueError, match=r"subjects=\['S3'\]: .* has S1, S2; name one or more"):
        kul_aad.load(tmp_path, subjects=["S3"])


def test_missing_files_are_named(tmp_path, rng):
    with pytest.raises(FileNotFoundError, match=r"such as S1\.mat"):
        kul_aad.load(tmp_path)
    write_kul_aad(tmp_path, rng, n_subjects=1)
    (tmp_path / "stimuli" / "part2_track1_dry.wav").unlink()
    with pytest.raises(FileNotFoundError, match=r"part2_track1_dry\.wav is missing: unpack stim"):
        kul_aad.load(tmp_path, envelope=hilbert)


def test_truncated_file_is_named(tmp_path, rng):
    write_kul_aad(tmp_path, rng, n_subjects=1)
    truncate(tmp_path / "S1.mat")
    with pytest.raises(OSError, match=r"S1\.mat"):
        kul_aad.load(tmp_path)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"attended_ear": "X"}, r"trials\{2\}\.attended_ear must be 'L' or 'R', got 'X'"),
        ({"attended_ear": 1}, r"attended_ear must be text, got"),
        ({"stimuli": None}, r"S1\.mat: trials\{2\} has no field \['stimuli'\]"),
        ({"stimuli": row_of_cells(["part1_track1_dry.wav"])}, "must name two sounds of one part"),
        (
            {"stimuli": row_of_cells(["part1_track1_dry.wav", "part2_track2_dry.wav"])},
            "two sounds of one part",
        ),
        ({"stimuli": row_of_cells(["a.wav", "b.wav"])}, r"got \['a\.wav', 'b\.wav'\]"),
        ({"FileHeader": {"Rate": 128}}, r"FileHeader has no field \['SampleRate'\]"),
        ({"FileHeader": {"SampleRate": np.ones(2)}}, "SampleRate must be a number"),
        ({"RawData": np.ones((900, 64))}, r"RawData must be a struct"),
        ({"RawData": {"EegData": np.ones((900, 63))}}, r"numbers of shape \(n_times, 64\), got"),
        (
            {"RawData": {"EegData": np.full((900, 64), np.nan)}},
            r"trials\{2\}: .*the EEG has .* NaN",
        ),
        (
            {"RawData": {"EegData": np.ones((900, 64))}},
            r"trials\{2\}: .*channel\(s\) .* constant",
        ),
        ({"RawData": {"EegData": np.eye(128, 64)}}, r"trials\{2\}: .* filter needs more than"),
    ],
)
def test_wrong_content_is_refused(tmp_path, rng, changes, message):
    write_kul_aad(tmp_path, rng, n_subjects=1)
    rewrite(tmp_path, 1, **changes)
    with pytest.raises(ValueError, match=message):
        kul_aad.load(tmp_path, envelope=hilbert, reference=None)


def test_silent_sound_is_named(tmp_path, rng):
    write_kul_aad(tmp_path, rng, n_subjects=1)
    sound, _ = noise_in_rhythm(rng, 8)
    write_wav(tmp_path / "stimuli" / "part1_track2_dry.wav", 0 * sound)
    with pytest.raises(ValueError, match=r"part1_track2_dry\.wav: audio is constant"):
        kul_aad.load(tmp_path, envelope=hilbert)


def test_file_without_trials_is_named(tmp_path, rng):
    write_kul_aad(tmp_path, rng, n_subjects=1)
    save(tmp_path, "S1.mat", data=np.ones(3))
    with pytest.raises(ValueError, match=r"S1\.mat has no variable \['trials'\]"):
        kul_aad.load(tmp_path)
