"""Every function that takes arrays takes columns of pandas, and refuses masked values."""

import numpy as np
import pandas as pd
import pytest

from cnmf import ContrastiveNMF, NeuroSteeredSeparator
from cocktailparty import Trial, features, metrics, preprocessing
from cocktailparty.datasets import neural_drive, simulate_eeg
from cocktailparty.datasets.readers import triggers
from cocktailparty.evaluation import clusters
from cocktailparty.recordings.audio.reading import sound_features
from cocktailparty.recordings.clock import clock_drift
from deep import ArrayExamples
from linear_aad import AttentionDecoder, BackwardTRF

RNG = np.random.default_rng(0)
EEG, ENVELOPE, AUDIO = RNG.normal(size=(640, 3)), RNG.random(640), RNG.normal(size=8000)
SOUNDS = np.stack([ENVELOPE, ENVELOPE[::-1]])
PLAYED = np.stack([AUDIO, AUDIO[::-1]])
SCORES = np.stack([np.arange(9.0), np.ones(9) * 3], axis=1)
POWERS = RNG.random((40, 12))
RESPONSES = RNG.normal(size=(6, 3, 4))
TRIALS = [Trial(EEG, SOUNDS, 64, attended=k) for k in (0, 1)]
NMF = ContrastiveNMF(4, 2, max_iter=3, tol=0.0, random_state=0)
STEERED = NeuroSteeredSeparator(n_components=2, max_iter=3, random_state=0)
TRF = BackwardTRF(tmax=0.05, alpha=1.0)
LABELS = np.array([0, 1])

# What takes `c(x)`, an array in the container that is tried, and returns an array.
USES = {
    "EEG of a trial": lambda c: Trial(c(EEG), None, 64).eeg,
    "rows of stimuli": lambda c: Trial(EEG, c(SOUNDS), 64).stimuli,
    "list of stimuli": lambda c: Trial(EEG, [c(s) for s in SOUNDS], 64).stimuli,
    "audio": lambda c: Trial(EEG, None, 64, audio=c(AUDIO), audio_sfreq=800).audio,
    "speech_envelope": lambda c: features.speech_envelope(c(AUDIO), 8000, 64),
    "gammatone": lambda c: features.gammatone(c(AUDIO), 8000, c(np.array([200.0, 300.0]))),
    "resample": lambda c: features.resample(c(ENVELOPE), 64, 32),
    "onsets": lambda c: features.onsets(c(ENVELOPE), 64),
    "stft": lambda c: features.stft(c(AUDIO)),
    "sound_features": lambda c: sound_features(c(ENVELOPE), 64),
    "waveform": lambda c: sound_features((c(AUDIO), 8000), 64),
    "bandpass": lambda c: preprocessing.bandpass(c(ENVELOPE), 64, 1, 9),
    "interpolate": lambda c: preprocessing.interpolate(c(EEG), [50.5, 60.0]),
    "positions": lambda c: preprocessing.interpolate(EEG, c(np.array([50.5, 60.0]))),
    "window_scores": lambda c: metrics.window_scores(c(ENVELOPE), c(SOUNDS), 64, 2),
    "list of sounds": lambda c: metrics.window_scores(ENVELOPE, [c(s) for s in SOUNDS], 64, 2),
    "decidable_windows": lambda c: metrics.decidable_windows(c(SOUNDS), 64, 2),
    "window_accuracy": lambda c: metrics.window_accuracy(c(SCORES)),
    "decision_shares": lambda c: metrics.decision_shares(c(SCORES)),
    "mesd": lambda c: metrics.mesd(c(np.array([1.0, 9])), c(np.array([0.6, 0.8]))).mesd,
    "si_sdr": lambda c: metrics.si_sdr(c(AUDIO), c(AUDIO + np.cos(AUDIO))),
    "bss_eval": lambda c: metrics.bss_eval(c(PLAYED), [c(x) for x in PLAYED[::-1] + PLAYED])[0],
    "circular_shift_null": lambda c: (
        metrics.circular_shift_null(
            lambda s: float(s[0][0]), [c(ENVELOPE)], n_shifts=3, random_state=0
        ).null
    ),
    "clock_drift": lambda c: clock_drift(c(np.arange(3.0)), c(np.arange(3.0) * 2)).scale,
    "pulse_onsets": lambda c: triggers.pulse_onsets(c(np.array([1, 1, 0, 0, 1])), 2),
    "biosemi_onsets": lambda c: triggers.biosemi_onsets(c(np.array([253, 253, 254, 253])), 2),
    "neural_drive": lambda c: neural_drive(c(ENVELOPE), 64),
    "simulate_eeg": lambda c: simulate_eeg(
        [c(s) for s in SOUNDS], 0, 64, c(RNG.normal(size=(3, 4)) * 0 + 1.0), random_state=0
    ),
    "labels of fit": lambda c: AttentionDecoder(TRF).fit(TRIALS, c(LABELS)).regressor_.coef_,
    "labels of score": lambda c: AttentionDecoder(TRF).fit(TRIALS).score(TRIALS, c(LABELS)),
    "factorisation": lambda c: NMF.fit_transform(c(POWERS), c(POWERS[:, 0])),
    "transform": lambda c: NMF.fit(POWERS, POWERS[:, 0]).transform(c(POWERS)),
    "separate": lambda c: NMF.fit(c(POWERS), POWERS[:, 0]).separate(c(POWERS)),
    "steered": lambda c: STEERED.separate_by_guide(c(AUDIO), 8000, c(np.arange(64.0)), 64),
    "examples": lambda c: ArrayExamples({"x": c(EEG)}).take(np.arange(2), None)["x"],
}
ONLY_ARRAYS = {
    "cluster_test": lambda c: clusters.cluster_test(c(RESPONSES), range(4), n_permutations=9).t
}
CONVERGENCE = "ignore::sklearn.exceptions.ConvergenceWarning"


def table(x):
    return pd.Series(x) if np.ndim(x) == 1 else pd.DataFrame(x)


def hidden(x):
    mask = np.zeros(np.shape(x), dtype=bool)
    mask.flat[1] = True
    return np.ma.array(x, mask=mask)


@pytest.mark.filterwarnings("error", CONVERGENCE)
@pytest.mark.parametrize("use", USES)
def test_columns_and_tables_are_arrays(use):
    found, expected = USES[use](table), USES[use](np.asarray)
    np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-12)
    # Whatever pandas holds, results are arrays.
    assert type(found) is type(expected)


@pytest.mark.filterwarnings("error", CONVERGENCE)
def test_a_factorisation_compares_names_where_both_sides_have_some():
    named = pd.DataFrame(POWERS, columns=[f"{k} Hz" for k in range(12)])
    fitted = NMF.fit(named, named["0 Hz"])
    expected = fitted.transform(named)
    for same in (POWERS, pd.DataFrame(POWERS)):
        np.testing.assert_array_equal(fitted.transform(same), expected)
        fitted.separate(same)
    with pytest.raises(ValueError, match="feature names should match"):
        fitted.transform(named[named.columns[::-1]])
    with pytest.raises(ValueError, match="X has 5 features, but ContrastiveNMF is expecting 12"):
        fitted.transform(POWERS[:, :5])


@pytest.mark.filterwarnings(CONVERGENCE)
@pytest.mark.parametrize("use", USES | ONLY_ARRAYS)
def test_what_lies_under_a_mask_is_never_used(use):
    call = (USES | ONLY_ARRAYS)[use]
    with pytest.raises(ValueError, match=r"has 1 masked value\(s\): fill them"):
        call(hidden)
    np.testing.assert_array_equal(call(np.ma.array), call(np.asarray))
