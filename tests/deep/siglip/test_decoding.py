import pickle

import numpy as np
import pytest
from sklearn.exceptions import NotFittedError

from cocktailparty.metrics import window_scores
from deep import SigLIPDecoder
from tests.deep.siglip.test_estimator import SMALL, listeners


@pytest.fixture(scope="module")
def trials():
    return listeners()


@pytest.fixture(scope="module")
def decoder(trials):
    return SigLIPDecoder(**SMALL | {"max_epochs": 1}).fit(
        [t for t in trials if t.name != "trial-06"]
    )


@pytest.fixture
def trial(trials):
    return trials[-1]


def test_a_sweep_gives_the_scores_of_every_window(decoder, trial):
    sweep = decoder.window_sweep(trial, [2, 5.5, 60])
    for window in (2, 5.5):
        np.testing.assert_allclose(sweep[window], decoder.window_scores(trial, window), atol=1e-6)
    assert sweep[60].shape == (0, 2)


def test_windows_overlap_by_the_hop(decoder, trial):
    scores = decoder.window_scores(trial, 4.0, hop=0.5)
    assert scores.shape == (33, 2)
    np.testing.assert_allclose(scores[::8], decoder.window_scores(trial, 4.0), atol=1e-6)
    for hop in (0.0, -1.0, float("nan")):
        with pytest.raises(ValueError, match="hop must be a positive number of seconds, got"):
            decoder.window_scores(trial, 4.0, hop=hop)


def test_the_reconstruction_looks_at_the_eeg_alone(decoder, trial):
    other = trial.replace(stimuli=trial.stimuli[::-1, ::-1])
    np.testing.assert_array_equal(decoder.reconstruct([other])[0], decoder.reconstruct([trial])[0])


def test_a_trial_in_pieces_is_the_same_as_in_one(decoder, trial):
    """Cutting is not seen: a later start gives the same reconstruction, up to its last lags."""
    eeg = trial.eeg.copy()
    for piece in np.split(eeg, [256, 1024]):  # a trial loses its own mean, and so does a part
        piece -= piece.mean(axis=0)
    trial = trial.replace(eeg=eeg)
    whole, part = decoder.reconstruct([trial, trial.crop(4.0, 16.0)])
    n_lags = 17
    np.testing.assert_allclose(part[:-n_lags], whole[256:1024][:-n_lags], atol=1e-4)


def test_without_contrast_the_reconstruction_decides(decoder, trial):
    plain = pickle.loads(pickle.dumps(decoder)).set_params(contrast_weight=0.0)
    np.testing.assert_allclose(
        plain.window_scores(trial, 2.0),
        window_scores(plain.reconstruct([trial])[0], trial.stimuli, 64, 2.0),
        atol=1e-5,
    )


def test_trials_that_do_not_fit_are_refused(decoder, trial):
    fewer = trial.replace(eeg=trial.eeg[:, :5], channel_names=None)
    with pytest.raises(ValueError, match="has 5 channels, the decoder was trained with 6"):
        decoder.window_scores(fewer)
    with pytest.raises(ValueError, match="sampled at 32 Hz"):
        decoder.reconstruct([trial.replace(sfreq=32.0)])
    with pytest.raises(ValueError, match=r"window=60 s must hold at least 2 samples and not be"):
        decoder.window_scores(trial, 60.0)


def test_nothing_is_decided_before_a_fit(trial):
    for decide in ("window_scores", "reconstruct"):
        with pytest.raises(NotFittedError):
            getattr(SigLIPDecoder(), decide)(trial if decide == "window_scores" else [trial])
