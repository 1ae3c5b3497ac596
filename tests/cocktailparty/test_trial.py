import pickle

import array_api_strict
import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cocktailparty import Trial


def make(rng, n_times=640, n_channels=4, n_stimuli=2, **fields):
    fields.setdefault("sfreq", 64)
    return Trial(
        rng.normal(size=(n_times, n_channels)), rng.random((n_stimuli, n_times, 1)), **fields
    )


def test_arrays_are_kept_as_they_come(rng):
    eeg = rng.normal(size=(640, 4)).astype(np.float32)
    stimuli = rng.random((2, 640, 3)).astype(np.float32)
    trial = Trial(eeg, stimuli, sfreq=64, attended=np.int64(1))
    assert trial.eeg is eeg
    assert trial.stimuli is stimuli
    assert (trial.n_times, trial.n_channels, trial.n_stimuli, trial.n_features) == (640, 4, 2, 3)
    assert trial.duration == 10.0
    assert type(trial.attended) is int


def test_stimuli_may_come_as_rows_or_as_a_list(rng):
    eeg, a, b = rng.normal(size=(64, 2)), rng.random(64), rng.random(64)
    expected = np.stack([a, b])[:, :, None]
    for stimuli in (np.stack([a, b]), [a, b], (a, b), [a[:, None], b[:, None]]):
        np.testing.assert_array_equal(Trial(eeg, stimuli, sfreq=64).stimuli, expected)


def test_stimuli_come_in_any_container(rng):
    eeg, a, b = rng.normal(size=(64, 2)), rng.random(64), rng.random(64)
    expected = np.stack([a, b])[:, :, None]
    column = pd.Series([a, b])
    for stimuli in (column, column.to_numpy(), [pd.Series(a), b], [pd.DataFrame({"e": a}), b]):
        np.testing.assert_array_equal(Trial(eeg, stimuli, sfreq=64).stimuli, expected)
    table = pd.DataFrame(eeg, columns=["Fz", "Cz"])
    np.testing.assert_array_equal(Trial(table, [a, b], sfreq=64).eeg, eeg)


def test_values_under_a_mask_are_no_data(rng):
    eeg, a, b = rng.normal(size=(64, 2)), rng.random(64), rng.random(64)
    masked = np.ma.masked_greater(a, 0.9)
    assert masked.mask.any()
    for stimuli in ([masked, b], [b, masked], np.ma.stack([masked, b])):
        with pytest.raises(ValueError, match=r"^trial 'x': stimuli.* has \d+ masked value"):
            Trial(eeg, stimuli, sfreq=64, name="x")
    with pytest.raises(ValueError, match=r"^eeg has 1 masked value"):
        Trial(np.ma.masked_equal(eeg, eeg[3, 1]), [a, b], sfreq=64)
    with pytest.raises(ValueError, match=r"^audio has \d+ masked value"):
        Trial(eeg, [a, b], sfreq=64, audio=masked, audio_sfreq=64)


def test_meg_of_a_second_is_no_transposed_eeg(rng):
    sounds = rng.random((2, 64))
    assert Trial(rng.normal(size=(64, 306)), sounds, sfreq=64).n_channels == 306
    # Names tell what a channel is, however short the trial.
    short = Trial(
        rng.normal(size=(32, 306)),
        sounds[:, :32],
        sfreq=64,
        channel_names=[f"MEG{i}" for i in range(306)],
    )
    assert short.n_times == 32


def pausing(rng, **fields):
    """Trial of 10 s in which stimulus 1 pauses from 2 to 7 s and channel 0 is flat meanwhile."""
    eeg, stimuli = rng.normal(size=(640, 3)), rng.random((2, 640, 1))
    stimuli[1, 128:448] = 0.0
    eeg[128:448, 0] = 1e-6
    return Trial(eeg, stimuli, sfreq=64, attended=1, name="t", **fields)


def test_a_pause_or_a_flat_stretch_may_be_cut_out(rng):
    trial = pausing(rng)
    part = trial.crop(3, 5)
    np.testing.assert_array_equal(part.stimuli, trial.stimuli[:, 192:320])
    # What is made of a part is a part, also in another process.
    for again in (part.crop(0.5, 1), part.replace(subject="x"), pickle.loads(pickle.dumps(part))):
        assert again.replace(story="b").stimuli[1].max() == 0
    assert part.replace(subject="x").subject == "x"
    # Everything else is still checked.
    for change, message in (
        ({"eeg": part.eeg * np.nan}, "eeg has 384 NaN"),
        ({"stimuli": part.stimuli[:, :-1]}, "stimuli have 127 samples but eeg has 128"),
        ({"attended": 2}, "attended=2 is not an index"),
    ):
        with pytest.raises(ValueError, match=f"^trial 't': {message}"):
            part.replace(**change)
    with pytest.raises(TypeError, match=r"a Trial has no \['sound'\], only"):
        part.replace(sound=3)
    # In a whole trial it is a mistake.
    with pytest.raises(ValueError, match=r"eeg channel\(s\) \[0\] are constant"):
        Trial(part.eeg, part.stimuli, 64)
    with pytest.raises(ValueError, match="stimulus 1 is constant"):
        trial.replace(stimuli=trial.stimuli * [[[1]], [[0]]])


def test_integers_become_floats(rng):
    trial = Trial(rng.integers(-9, 9, (64, 2)), rng.integers(0, 9, (1, 64)), sfreq=64)
    assert trial.eeg.dtype == trial.stimuli.dtype == np.float64


def test_other_array_libraries_pass_through(rng):
    eeg = array_api_strict.asarray(rng.normal(size=(64, 2)))
    stimuli = array_api_strict.asarray(rng.random((2, 64)))
    trial = Trial(eeg, stimuli, sfreq=64)
    assert type(trial.stimuli) is type(eeg)
    with pytest.raises(TypeError, match="Multiple namespaces"):
        Trial(eeg, rng.random((2, 64)), sfreq=64)


def test_a_trial_may_have_only_the_mixture(rng):
    trial = Trial(rng.normal(size=(64, 2)), None, sfreq=64, audio=rng.random(8000), audio_sfreq=8e3)
    assert trial.n_stimuli == 0


@given(
    start=st.integers(0, 500),
    length=st.integers(2, 500),
    sfreq=st.sampled_from([10.0, 64.0, 128.0, 100.5]),
)
def test_crop_keeps_everything_aligned(start, length, sfreq):
    rng = np.random.default_rng(0)
    n_times = 1000
    audio = rng.random(round(n_times / sfreq * 8000))
    trial = make(rng, n_times, sfreq=sfreq, audio=audio, audio_sfreq=8000)
    cut = trial.crop(start / sfreq, (start + length) / sfreq)
    np.testing.assert_array_equal(cut.eeg, trial.eeg[start : start + length])
    np.testing.assert_array_equal(cut.stimuli, trial.stimuli[:, start : start + length])
    first = round(start * 8000 / sfreq)
    np.testing.assert_array_equal(cut.audio, audio[first : first + len(cut.audio)])
    assert abs(len(cut.audio) - cut.duration * 8000) <= 1 + 1e-6


@pytest.mark.parametrize(("start", "stop"), [(-1, 5), (5, 5), (0, 11), (9, 3)])
def test_crop_refuses_what_is_not_inside(rng, start, stop):
    with pytest.raises(ValueError, match=r"cannot crop to .* the trial lasts 10 s"):
        make(rng).crop(start, stop)


def test_replace_checks_anew(rng):
    trial = make(rng, attended=0)
    assert trial.replace(attended=1).attended == 1
    with pytest.raises(ValueError, match="attended=2 is not an index into 2 stimuli"):
        trial.replace(attended=2)


def test_label_and_repr_say_what_it_is(rng):
    trial = make(rng, subject="S1", story="A", name="t1", attended=1)
    assert trial.label == "S1/A/t1"
    assert repr(trial) == (
        "Trial('S1/A/t1', 10.0 s at 64 Hz, 4 channels, 2 stimuli x 1 feature, attended 1)"
    )


def with_value(array, value):
    array = array.copy()
    array[tuple(0 for _ in array.shape)] = value
    return array


BAD = {
    "NaN in the EEG": (lambda e, s: {"eeg": with_value(e, np.nan)}, "eeg has 1 NaN or infinite"),
    "inf in the EEG": (lambda e, s: {"eeg": with_value(e, np.inf)}, "eeg has 1 NaN or infinite"),
    "NaN in a stimulus": (lambda e, s: {"stimuli": with_value(s, np.nan)}, "stimuli has 1 NaN"),
    "constant channel": (
        lambda e, s: {"eeg": np.c_[e, np.ones(len(e))]},
        r"eeg channel\(s\) \[3\] are constant",
    ),
    "constant named channel": (
        lambda e, s: {"eeg": np.c_[e, np.ones(len(e))], "channel_names": ["a", "b", "c", "Fz"]},
        r"eeg channel\(s\) \['Fz'\] are constant",
    ),
    "silent stimulus": (lambda e, s: {"stimuli": s * [[[0]], [[1]]]}, "stimulus 0 is constant"),
    "one sample": (lambda e, s: {"eeg": e[:1], "stimuli": s[:, :1]}, r"eeg has 1 sample"),
    "no channels": (lambda e, s: {"eeg": e[:, :0]}, "eeg has no channels"),
    "no features": (lambda e, s: {"stimuli": s[..., :0]}, "stimuli have no features"),
    "lengths disagree": (
        lambda e, s: {"stimuli": s[:, :-3]},
        "stimuli have 61 samples but eeg has 64",
    ),
    "stimuli of two lengths": (
        lambda e, s: {"stimuli": [s[0], s[1, :-1]]},
        r"stimuli differ in length: \[64, 63\]",
    ),
    "EEG with one axis": (
        lambda e, s: {"eeg": e[:, 0]},
        r"eeg must have shape .*, got \(64,\): a single channel is eeg\[:, None\]",
    ),
    "channels first, sounds alike": (lambda e, s: {"eeg": e.T}, r"eeg has shape \(\d, 64\).*pass"),
    "channels first, no sounds": (
        lambda e, s: {"eeg": e.T, "stimuli": None},
        r"eeg has shape \(\d, 64\).*pass",
    ),
    "channels first, names": (
        lambda e, s: {"eeg": e.T, "channel_names": [f"E{i}" for i in range(e.shape[1])]},
        r"channel_names for 64 eeg channels: .* pass eeg\.T",
    ),
    "rows of channels": (lambda e, s: {"eeg": list(e.T)}, r"eeg has shape \(\d, 64\).*pass"),
    "sounds with time first": (
        lambda e, s: {"stimuli": np.asarray(s)[..., 0].T},
        r"stimuli have shape \(64, \d, 1\), with the 64 samples of eeg first",
    ),
    "sounds with features first": (
        lambda e, s: {"stimuli": np.ones((2, 5, 64))},
        r"stimuli have shape \(2, 5, 64\), with the 64 samples of eeg last: .* swap the last two",
    ),
    "a single sound": (
        lambda e, s: {"stimuli": np.ones(64)},
        r"stimuli must have shape .*, got \(64,\): a single sound is a list of one",
    ),
    "unlike features": (
        lambda e, s: {"stimuli": [np.ones((64, 2)), np.ones((64, 3))]},
        r"stimuli differ in shape: \[\(64, 2\), \(64, 3\)\]",
    ),
    "stimuli with four axes": (
        lambda e, s: {"stimuli": s[None]},
        r"stimuli must have shape .*, got \(1, 2, 64, 1\)",
    ),
    "EEG is text": (lambda e, s: {"eeg": [["a", "b"]]}, "eeg must hold real numbers"),
    "complex EEG": (lambda e, s: {"eeg": e + 1j}, "eeg must hold real numbers, got .*complex"),
    "ragged EEG": (lambda e, s: {"eeg": [[1.0], [1.0, 2.0]]}, "eeg must be an array of numbers"),
    "rate zero": (lambda e, s: {"sfreq": 0}, "sfreq must be a positive number of hertz, got 0"),
    "rate NaN": (lambda e, s: {"sfreq": np.nan}, "sfreq must be a positive number"),
    "rate as text": (lambda e, s: {"sfreq": "64"}, "sfreq must be a positive number"),
    "label too large": (lambda e, s: {"attended": 2}, "attended=2 is not an index into 2"),
    "label negative": (lambda e, s: {"attended": -1}, "attended=-1 is not an index"),
    "label no integer": (lambda e, s: {"attended": 0.5}, "attended must be an integer or None"),
    "label boolean": (lambda e, s: {"attended": True}, "attended must be an integer or None"),
    "too few names": (lambda e, s: {"channel_names": ["a"]}, "1 channel_names for 3 eeg channels"),
    "name twice": (lambda e, s: {"channel_names": "aab"}, "channel_names are not unique"),
    "audio without rate": (lambda e, s: {"audio": np.ones(100)}, "audio needs audio_sfreq"),
    "audio too short": (
        lambda e, s: {"audio": np.ones(100), "audio_sfreq": 8000},
        "audio lasts 0.0125 s but eeg lasts 1 s",
    ),
    "audio with three axes": (
        lambda e, s: {"audio": np.ones((100, 1, 1)), "audio_sfreq": 100},
        "audio must have shape",
    ),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_input_is_named(rng, case):
    change, message = BAD[case]
    eeg, stimuli = rng.normal(size=(64, 3)), rng.random((2, 64, 1))
    fields = {"eeg": eeg, "stimuli": stimuli, "sfreq": 64, "name": "t7"}
    Trial(**fields)
    with pytest.raises(ValueError, match=f"^trial 't7': .*{message}"):
        Trial(**{**fields, **change(eeg, stimuli)})


def test_parts_of_a_trial_have_one_origin_and_whole_trials_none(rng):
    trial, other = make(rng), make(rng)
    parts = [trial.crop(0, 5), trial.crop(5, 10), trial.crop(0, 5).crop(1, 3)]
    parts += [parts[0].replace(subject="x"), pickle.loads(pickle.dumps(parts[0]))]
    assert len({part.origin for part in parts}) == 1
    assert parts[0].origin != other.crop(0, 5).origin
    # What is filled with other content is another trial, though it was made from one that was cut.
    assert trial.origin == ""
    assert trial.replace(subject="x").crop(0, 5).origin != parts[0].origin


def test_what_replaces_the_content_of_a_part_is_checked(rng):
    part = make(rng).crop(2, 6)
    stimuli = part.stimuli.copy()
    stimuli[1] = 0.5
    with pytest.raises(ValueError, match=r"stimulus 1 is constant"):
        part.replace(stimuli=stimuli)
    eeg = part.eeg.copy()
    eeg[:, 1] = 0.0
    with pytest.raises(ValueError, match=r"constant: interpolate or drop"):
        part.replace(eeg=eeg)


def test_what_was_silent_in_a_part_may_stay_so(rng):
    trial = make(rng)
    stimuli = trial.stimuli.copy()
    stimuli[1, trial.n_times // 2 :] = 0.0
    part = trial.replace(stimuli=stimuli).crop(trial.duration / 2)
    again = part.replace(stimuli=2 * part.stimuli)  # as a filter does
    assert not again.stimuli[1].any()
