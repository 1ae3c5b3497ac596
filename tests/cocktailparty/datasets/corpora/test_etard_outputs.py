import numpy as np
import pytest

from cocktailparty.datasets import load_etard_outputs
from tests.cocktailparty.datasets.miniatures import truncate, write_etard


def test_attended_envelope_comes_first(tmp_path, rng):
    stimuli = write_etard(tmp_path, rng)
    outputs = load_etard_outputs(tmp_path)
    assert [(output.condition, output.subject) for output in outputs] == [
        ("fM", "YH00"),
        ("fM", "YH01"),
        ("fW", "YH00"),
        ("fW", "YH01"),
    ]
    for output in outputs:
        assert output.sfreq == 125
        np.testing.assert_array_equal(output.stimuli, stimuli[output.condition])
        file = tmp_path / f"{output.condition}_predictions_{output.subject}_ridge.npy"
        np.testing.assert_array_equal(output.reconstruction, np.load(file))


def test_folder_without_outputs_is_refused(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"such as fM_predictions_YH00_ridge\.npy"):
        load_etard_outputs(tmp_path)


def test_missing_envelope_is_named(tmp_path, rng):
    write_etard(tmp_path, rng)
    (tmp_path / "fW_unattended_truth.npy").unlink()
    with pytest.raises(FileNotFoundError, match=r"fW_unattended_truth\.npy"):
        load_etard_outputs(tmp_path)


def test_truncated_file_is_named(tmp_path, rng):
    write_etard(tmp_path, rng)
    truncate(tmp_path / "fM_predictions_YH01_ridge.npy")
    with pytest.raises(OSError, match=r"fM_predictions_YH01_ridge\.npy"):
        load_etard_outputs(tmp_path)


@pytest.mark.parametrize("shape", [(1249,), (1250, 1)])
def test_envelope_of_another_shape_is_refused(tmp_path, rng, shape):
    write_etard(tmp_path, rng)
    np.save(tmp_path / "fM_attended_truth.npy", np.ones(shape))
    with pytest.raises(ValueError, match=r"fM_predictions_YH00_ridge\.npy has shape \(1250,\)"):
        load_etard_outputs(tmp_path)


def test_real_outputs_give_the_published_correlations(shared_data):
    outputs = load_etard_outputs(shared_data("eeg/etard_two_talker_outputs"))
    assert len(outputs) == 8
    r = [
        [np.corrcoef(output.reconstruction, stimulus)[0, 1] for stimulus in output.stimuli]
        for output in outputs
    ]
    np.testing.assert_allclose(np.mean(r, axis=0), [0.081, 0.025], atol=5e-4)
