"""A rate that a file stores in single precision is the rate that everybody types."""

import warnings

import mne
import numpy as np
import pytest
from sklearn.base import clone
from sklearn.linear_model import LinearRegression

from cocktailparty import Trial, datasets, evaluation
from cocktailparty.decoding.trained import train_model
from cocktailparty.metrics import window_scores
from cocktailparty.preprocessing import preprocess
from cocktailparty.recordings.trials import trial_from_raw
from cocktailparty.separation.alignment import on_frames
from linear_aad import (
    AdaptiveDecoder,
    AttentionDecoder,
    AttentionTracker,
    BackwardTRF,
    CCADecoder,
    ForwardTRF,
    LaggedRegressor,
    LassoTRF,
    PopulationTRF,
    SpatialDecoder,
    StackedTRF,
    nested_leave_one_out,
    shift_test,
)

RATE, STORED = 51.2, float(np.float32(51.2))


@pytest.fixture(scope="module")
def trials():
    found = datasets.simulate_two_talkers(
        n_trials=6, n_channels=4, duration=60, snr=-5, sfreq=RATE, random_state=0
    ).trials
    # Half of them came through a file.
    return [t.replace(sfreq=STORED) if i % 2 else t for i, t in enumerate(found)]


LAGS = {"tmax": 0.2, "sfreq": RATE}
DECODERS = {
    "ridge": AttentionDecoder(BackwardTRF(**LAGS, alpha=1e-2, alpha_convention="relative")),
    "cca": CCADecoder(**LAGS, alpha=1e-2),
    "adaptive": AdaptiveDecoder(BackwardTRF(**LAGS, alpha="ledoit-wolf"), random_state=0),
    "spatial": SpatialDecoder(sfreq=RATE, bands=((4, 8),), n_components=1),
    "population": AttentionDecoder(PopulationTRF(**LAGS, alpha=1e-2)),
    "stacked": StackedTRF(**LAGS, alpha=1e-2),
    "tracker": AttentionTracker(
        AttentionDecoder(BackwardTRF(**LAGS, alpha=1e-2, alpha_convention="relative")), window=5
    ),
}


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("name", DECODERS)
def test_every_decoder_takes_both(trials, name):
    labels = [0, 1, 0, 1, 0, 1]
    exact = [trial.replace(sfreq=RATE) for trial in trials]
    scores = DECODERS[name].fit(trials, labels).decision_function(trials)
    expected = DECODERS[name].fit(exact, labels).decision_function(exact)
    np.testing.assert_allclose(scores, expected, rtol=1e-4)


def test_a_window_as_long_as_the_trial_fits(trials):
    short = trials[1].crop(0, 30)
    assert short.duration < 30  # but for rounding
    decoder = DECODERS["ridge"].fit(trials)
    table = evaluation.compare({"ridge": decoder}, [t.crop(0, 30) for t in trials], "trial", [30])
    assert len(table) == 6
    model = train_model(DECODERS["tracker"], trials[2:])
    assert len(model.decode(short, window=30)) == 1
    assert DECODERS["tracker"].fit(trials).window_scores(short, 30).shape == (1, 2)


def test_what_has_the_rate_already_is_not_resampled(rng):
    trial = Trial(rng.normal(size=(1024, 2)), rng.random((2, 1024)), STORED)
    (same,) = preprocess([trial], sfreq=RATE, l_freq=None, h_freq=None)
    np.testing.assert_array_equal(same.eeg, trial.eeg)
    assert same.sfreq == RATE
    guide = rng.random(64)
    centred = guide - guide.mean()
    np.testing.assert_allclose(on_frames(guide, STORED, RATE, 64), centred, atol=1e-12)


def test_trials_of_a_file_go_with_trials_of_arrays(tmp_path, rng):
    info = mne.create_info(["Fz", "Cz"], RATE, "eeg")
    mne.io.RawArray(1e-6 * rng.normal(size=(2, 2048)), info, verbose=False).save(
        tmp_path / "x_raw.fif", verbose=False
    )
    raw = mne.io.read_raw_fif(tmp_path / "x_raw.fif", verbose=False)
    assert raw.info["sfreq"] != RATE
    sounds = rng.random((2, 1024))
    own = raw.info["sfreq"]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        kept = trial_from_raw(raw, list(sounds), sfreq=own, reference=None, l_freq=None)
    other = kept.replace(sfreq=RATE)
    assert DECODERS["ridge"].fit([kept, other], [0, 1]).predict([other, kept]).shape == (2,)


NO_RATE = {
    "backward": lambda rate, x, y: BackwardTRF(sfreq=rate).fit(x, y),
    "lags of each input": lambda rate, x, y: BackwardTRF(sfreq=rate, lags={0: (0, 0.1)}).fit(x, y),
    "forward": lambda rate, x, y: ForwardTRF(sfreq=rate).fit(y, x),
    "lasso": lambda rate, x, y: LassoTRF(sfreq=rate, alpha=0.1).fit(x, y),
    "regressor": lambda rate, x, y: LaggedRegressor(LinearRegression(), sfreq=rate).fit(x, y),
    "nested": lambda rate, x, y: nested_leave_one_out(
        BackwardTRF(sfreq=rate, alpha=[1.0, 2.0]), x, y
    ),
    "shifts": lambda rate, x, y: shift_test(BackwardTRF(sfreq=rate), x, y),
    "simulation": lambda rate, x, y: datasets.simulate_two_talkers(sfreq=rate),
    "response": lambda rate, x, y: datasets.simulate_trf(sfreq=rate),
    "drive": lambda rate, x, y: datasets.neural_drive(np.abs(y[0]), rate),
    "windows": lambda rate, x, y: window_scores(y[0], y[0][None], rate, 5),
}


@pytest.mark.parametrize("rate", [None, "64", 0, np.nan, True])
@pytest.mark.parametrize("use", NO_RATE)
def test_what_is_no_rate_is_named(rng, use, rate):
    x, y = [rng.normal(size=(640, 2)) for _ in range(4)], [rng.normal(size=640) for _ in range(4)]
    with pytest.raises(
        ValueError, match=f"^sfreq must be a positive number of hertz, got {rate!r}"
    ):
        NO_RATE[use](rate, x, y)


@pytest.mark.parametrize("rate", [None, "64", -1])
@pytest.mark.parametrize("name", DECODERS)
def test_a_decoder_without_a_rate_names_it(trials, name, rate):
    decoder = clone(DECODERS[name])
    own = [key for key in decoder.get_params() if key.split("__")[-1] == "sfreq"]
    decoder.set_params(**dict.fromkeys(own, rate))
    with pytest.raises(
        ValueError, match=f"^sfreq must be a positive number of hertz, got {rate!r}"
    ):
        decoder.fit(trials, [0, 1, 0, 1, 0, 1])


def test_lags_that_are_no_numbers_are_named(rng):
    x, y = rng.normal(size=(640, 2)), rng.normal(size=640)
    for lags in ({"tmin": None}, {"tmax": None}, {"tmax": "1"}, {"tmax": np.inf}, {"tmax": -1}):
        with pytest.raises(ValueError, match="lags must run from tmin to a later tmax"):
            BackwardTRF(**lags).fit(x, y)
