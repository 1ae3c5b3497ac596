import json
import sys

import numpy as np
import pytest

from cocktailparty.datasets.corpora import madeeg
from cocktailparty.features import speech_envelope
from cocktailparty.model_selection.leakage import check_no_leak
from cocktailparty.model_selection.splits import folds
from tests.cocktailparty.datasets.miniatures import truncate
from tests.cocktailparty.datasets.originals import AUDIO_SFREQ, followed, write_madeeg

h5py = pytest.importorskip("h5py")
pytest.importorskip("yaml")

FILE = "madeeg_preprocessed.hdf5"
LABELS = "madeeg_preprocessed.yaml"


def hilbert(audio, audio_sfreq, sfreq):
    return speech_envelope(audio, audio_sfreq, sfreq, method="hilbert")


def _read(dataset):
    with pytest.raises((TypeError, ValueError)):  # as in the published file: NumPy has no such type
        dataset.dtype  # noqa: B018
    values = np.empty(dataset.shape)
    dataset.id.read(h5py.h5s.ALL, h5py.h5s.ALL, values, h5py.h5t.NATIVE_DOUBLE)
    return values


def test_the_eeg_follows_the_target(tmp_path, rng):
    write_madeeg(tmp_path, rng)
    trials = madeeg.load(tmp_path, envelope=hilbert, reference=None)
    assert [trial.subject for trial in trials] == ["0001"] * 4 + ["0007"] * 4
    assert [trial.n_stimuli for trial in trials[:4]] == [2, 2, 2, 3]
    assert [trial.attended for trial in trials[:4]] == [0, 1, 1, 2]
    for trial in trials:
        stimulus, correlation = followed(trial)
        assert stimulus == trial.attended
        assert correlation > 0.9
        assert trial.channel_names[:2] == ("E0", "E1")
        assert (trial.sfreq, trial.duration, trial.audio) == (64, 6, None)


def test_a_story_split_keeps_pieces_apart(tmp_path, rng):
    write_madeeg(tmp_path, rng)
    trials = madeeg.load(tmp_path, envelope=hilbert)
    assert [trial.story for trial in trials[:4]] == ["classique-morceau1"] * 2 + [
        "classique-morceau2"
    ] * 2
    for fold in folds(trials, madeeg.CORPUS.default_cv):
        check_no_leak(fold)


def test_ensemble_and_subjects_are_chosen(tmp_path, rng):
    write_madeeg(tmp_path, rng)
    (trial,) = madeeg.load(tmp_path, ensemble="trio", subjects=["0007"], envelope=hilbert)
    assert trial.name == "classique_morceau2_trio_CoFlBa_theme1_stereo_Ba"
    with pytest.raises(ValueError, match=r"ensemble must be one of .* got 'solo'"):
        madeeg.load(tmp_path, ensemble="solo")
    with pytest.raises(ValueError, match="has 0001, 0007; name one or more"):
        madeeg.load(tmp_path, subjects=["0006"])


def test_mixture_is_kept_on_request(tmp_path, rng):
    write_madeeg(tmp_path, rng, subjects=("0001",))
    trial = madeeg.load(tmp_path, mixture=True, envelope=hilbert)[0]
    assert trial.audio.shape == (6 * AUDIO_SFREQ,)
    assert trial.audio_sfreq == AUDIO_SFREQ
    # The left channel is the sum of both instruments, the right one the first of them.
    with h5py.File(tmp_path / FILE) as file:
        first, second = _read(file[f"0001/{trial.name}/soli"])[:2]
    np.testing.assert_allclose(trial.audio, first + second / 2, rtol=0, atol=1e-12)


def test_equal_solos_are_analysed_once(tmp_path, rng):
    write_madeeg(tmp_path, rng)
    analysed = []

    def counted(*arguments):
        analysed.append(1)
        return hilbert(*arguments)

    assert len(madeeg.load(tmp_path, envelope=counted)) == 8
    assert len(analysed) == 5


@pytest.mark.parametrize(("module", "package"), [("h5py", "h5py"), ("yaml", "pyyaml")])
def test_missing_libraries_are_named(tmp_path, rng, monkeypatch, module, package):
    write_madeeg(tmp_path, rng)
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(ImportError, match=f"pip install {package}"):
        madeeg.load(tmp_path)


@pytest.mark.parametrize("file", [FILE, LABELS])
def test_missing_file_is_named(tmp_path, rng, file):
    write_madeeg(tmp_path, rng)
    (tmp_path / file).unlink()
    assert madeeg.CORPUS.detect(tmp_path)
    with pytest.raises(FileNotFoundError, match=f"{file} is missing"):
        madeeg.load(tmp_path)


@pytest.mark.parametrize("file", [FILE, LABELS])
def test_truncated_file_is_named(tmp_path, rng, file):
    write_madeeg(tmp_path, rng)
    truncate(tmp_path / file)
    with pytest.raises(OSError, match=f"{file} cannot be read as"):
        madeeg.load(tmp_path)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"target": "Vx"}, "has the target 'Vx', which is none of its instruments"),
        ({"instruments": ["Co", "Fl", "Ba", "Vx"]}, r"soli has 3 rows for \['Co', 'Fl', 'Ba', 'Vx"),
        ({"instruments": ["Co", "Fl", "Ba"]}, r"soli: audio is constant"),
        ({"eeg_info": {"sfreq": 256, "ch_names": ["Cz"]}}, r"shape \(n_times, 1\), got"),
        ({"wav_info": {"sfreq": 60}}, r"soli: sfreq=64 Hz must lie below audio_sfreq=60 Hz"),
    ],
)
def test_wrong_labels_are_refused(tmp_path, rng, changes, message):
    write_madeeg(tmp_path, rng, subjects=("0001",), changes=changes)
    with pytest.raises(ValueError, match=message):
        madeeg.load(tmp_path)


def test_labels_of_another_set_are_refused(tmp_path, rng):
    write_madeeg(tmp_path, rng)
    (tmp_path / LABELS).write_text("- 1\n- 2\n")
    with pytest.raises(ValueError, match="must map subjects to their trials"):
        madeeg.load(tmp_path)
    (tmp_path / LABELS).write_text(json.dumps({"0001": {"duo": {"target": "Co"}}}))
    with pytest.raises(ValueError, match=r"0001/duo has no \['instruments', "):
        madeeg.load(tmp_path)


def test_trial_that_the_signals_lack_is_named(tmp_path, rng):
    write_madeeg(tmp_path, rng)
    with h5py.File(tmp_path / FILE, "a") as file:
        del file["0007/classique_morceau1_duo_CoFl_theme1_stereo_Co"]
    with pytest.raises(ValueError, match=r"0007/classique_morceau1_.*_Co has no 'response'"):
        madeeg.load(tmp_path, envelope=hilbert)


def test_nan_is_refused(tmp_path, rng):
    write_madeeg(tmp_path, rng, subjects=("0001",))
    name = "0001/classique_morceau1_duo_CoFl_theme1_stereo_Co/response"
    with h5py.File(tmp_path / FILE, "a") as file:
        del file[name]
        file[name] = np.full((20, 6 * 256), np.nan)
    with pytest.raises(ValueError, match=r".*the EEG has 30720 NaN"):
        madeeg.load(tmp_path, envelope=hilbert)
