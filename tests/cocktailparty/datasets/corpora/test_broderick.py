import numpy as np
import pytest

from cocktailparty.datasets.corpora import broderick
from cocktailparty.electrodes.biosemi import BIOSEMI_128
from tests.cocktailparty.datasets.miniatures import save, truncate
from tests.cocktailparty.datasets.originals import (
    write_broderick_cocktail_party,
    write_broderick_natural_speech,
)

LOADERS = {
    broderick.load_cocktail_party: write_broderick_cocktail_party,
    broderick.load_natural_speech: write_broderick_natural_speech,
}
each = pytest.mark.parametrize(("load", "write"), LOADERS.items())


def test_cocktail_party_stimuli_keep_their_order(tmp_path, rng):
    envelopes = write_broderick_cocktail_party(tmp_path, rng)
    trials = broderick.load_cocktail_party(tmp_path)
    assert [trial.subject for trial in trials[::3]] == ["Subject2", "Subject17", "Subject18"]
    assert [trial.attended for trial in trials] == [0] * 6 + [1] * 3
    assert [trial.story for trial in trials[:3]] == ["run-01", "run-02", "run-10"]
    for trial, run in zip(trials, (1, 2, 10) * 3, strict=True):
        assert trial.name == f"{trial.subject}_Run{run}"
        assert (trial.sfreq, trial.channel_names) == (128, BIOSEMI_128)
        # The EEG is the shortest.
        expected = [envelopes[tale, run][:635] for tale in ("20000", "Journey")]
        np.testing.assert_array_equal(trial.stimuli[..., 0], expected)


def test_natural_speech_has_one_stimulus(tmp_path, rng):
    envelopes = write_broderick_natural_speech(tmp_path, rng)
    trials = broderick.load_natural_speech(tmp_path, subjects=["Subject2"])
    assert [trial.subject for trial in trials] == ["Subject2"] * 3
    for trial, run in zip(trials, (1, 2, 10), strict=True):
        np.testing.assert_array_equal(trial.stimuli[0, :, 0], envelopes[run][:635])
        assert (trial.attended, trial.story) == (0, f"run-{run:02d}")


@each
def test_mastoids_are_subtracted_on_request(tmp_path, rng, load, write):
    write(tmp_path, rng)
    recorded, referenced = load(tmp_path)[0], load(tmp_path, reference="mastoids")[0]
    removed = recorded.eeg - referenced.eeg
    np.testing.assert_allclose(removed, removed[:, :1].repeat(128, axis=1), rtol=0, atol=1e-6)
    assert removed.std() > 0.5
    with pytest.raises(ValueError, match=r"None or 'mastoids', got 'Cz'"):
        load(tmp_path, reference="Cz")


@each
def test_missing_files_are_named(tmp_path, rng, load, write):
    with pytest.raises(FileNotFoundError, match=r"EEG/Subject1/Subject1_Run1\.mat"):
        load(tmp_path)
    write(tmp_path, rng)
    sound = next((tmp_path / "Stimuli").rglob("*_*.mat"))
    sound.unlink()
    with pytest.raises(FileNotFoundError, match=rf"{sound.name} is missing"):
        load(tmp_path)


@each
def test_truncated_file_is_named(tmp_path, rng, load, write):
    write(tmp_path, rng)
    truncate(tmp_path / "EEG" / "Subject2" / "Subject2_Run10.mat")
    with pytest.raises(OSError, match=r"Subject2_Run10\.mat"):
        load(tmp_path)


@each
@pytest.mark.parametrize(
    ("variables", "message"),
    [
        ({"eegData": np.ones((635, 64))}, r"Run2\.mat: eegData must have 128 channels"),
        ({"eegData": np.full((635, 128), np.nan)}, r"trial 'Subject2_Run2': eeg has 81280 NaN"),
        ({"eeg": np.ones((635, 128))}, r"Run2\.mat has no variable \['eegData'\]"),
    ],
)
def test_wrong_content_is_refused(tmp_path, rng, load, write, variables, message):
    write(tmp_path, rng)
    save(tmp_path / "EEG" / "Subject2", "Subject2_Run2.mat", **variables)
    with pytest.raises(ValueError, match=message):
        load(tmp_path)
    with pytest.raises(ValueError, match=r"has Subject\d+, "):
        load(tmp_path, subjects=["Subject99"])
