import warnings

import mne
import numpy as np
import pytest
from scipy.io import savemat

from cocktailparty.provenance import methods_text
from cocktailparty.recordings.interruptions import (
    BadSpanError,
    Interruption,
    check_on_bad,
    first_inside,
    interruptions,
    segment_around,
)
from cocktailparty.recordings.trials import (
    read_eeg,
    trial_from_raw,
    trials_from_epochs,
    trials_from_raw,
)
from cocktailparty.suspicions import RecordingWarning
from tests.cocktailparty.edffiles import write_gdf

SFREQ, SECONDS = 128, 60


@pytest.fixture
def data(rng):
    return 1e-5 * rng.normal(size=(3, SECONDS * SFREQ))


@pytest.fixture
def sounds(rng):
    return [rng.random(20 * 64) for _ in range(2)]


def recording(data, *marks, date=None):
    raw = mne.io.RawArray(data, mne.create_info(["a", "b", "c"], SFREQ, "eeg"), verbose="WARNING")
    raw.set_meas_date(date)
    onsets, durations, texts = zip(*marks, strict=True) if marks else ([], [], [])
    return raw.set_annotations(mne.Annotations(onsets, durations, texts))


# --- what is an interruption ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "length", "bad"),
    [
        ("BAD_ACQ_SKIP", 2, False),
        ("bad_acq_skip", 2, False),
        ("New Segment/", 0, False),
        ("new segment", 0, False),
        ("boundary", 0, False),
        ("Boundary", 0, False),
        ("-99", 0, False),
        ("-99.0", 0, False),
        ("EDGE boundary", 0, False),
        ("BAD boundary", 0, False),
        ("BAD_blink", 2, True),
        ("bad", 2, True),
        ("BAD muscle", 2, True),
        ("Bad Interval/Userdefined", 2, True),
        ("Comment/BAD_blink", 2, True),
        ("Comment/boundary", 0, False),
    ],
)
def test_kinds(data, text, length, bad):
    (found,) = interruptions(recording(data, (10, 2, text)), "abc")
    assert (found.start, found.stop, found.bad) == (10 * SFREQ, (10 + length) * SFREQ, bad)
    assert repr(text) in found.reason


@pytest.mark.parametrize("text", ["Stimulus/S 1", "-9", "32766", "not bad", "blink", "segment"])
def test_other_annotations_interrupt_nothing(data, text):
    assert interruptions(recording(data, (10, 2, text)), "abc") == []


def test_annotations_of_other_channels_do_not_count(data):
    raw = recording(data)
    raw.set_annotations(mne.Annotations([5, 8], [1, 1], ["BAD_x"] * 2, ch_names=[["a"], ["c"]]))
    assert [x.start for x in interruptions(raw, ["a", "b"])] == [5 * SFREQ]
    assert [x.start for x in interruptions(raw, ["b"])] == []


def test_moments_count_from_the_first_sample_whatever_was_cut_and_dated(data):
    for date in (None, 1e9):
        raw = recording(data, (10, 2, "BAD_blink"), date=date).crop(4, 50)
        assert [x.start for x in interruptions(raw, "abc")] == [6 * SFREQ]


def test_a_join_between_two_samples_lies_before_the_second(data):
    # EEGLAB places boundaries half way; so do trials end there, and begin after.
    (found,) = interruptions(recording(data, (1280.5 / SFREQ, 30, "boundary")), "abc")
    assert found.start == found.stop == 1281
    (found,) = interruptions(recording(data, (10, np.nan, "boundary")), "abc")
    assert found.start == found.stop == 1280


def test_stretches():
    found = [Interruption(100, 100, "join"), Interruption(300, 350, "hole")]
    assert segment_around(found, 500, 99.4) == (0, 100)
    assert segment_around(found, 500, 99.6) == (100, 300)
    assert segment_around(found, 500, 350) == segment_around(found, 500, 499.7) == (350, 500)
    assert first_inside(found, 0, 100.4) is None
    assert first_inside(found, 99.6, 300.3) is None
    assert first_inside(found, 90, 400) == found[0]
    assert first_inside(found, 349, 400) == first_inside(found, 200, 310) == found[1]


def test_choices():
    with pytest.raises(ValueError, match=r"on_bad must be one of \['raise', 'keep', 'drop'\]"):
        check_on_bad("ignore")


# --- trials ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("text", ["boundary", "-99", "New Segment/", "EDGE boundary"])
def test_a_trial_reaches_up_to_a_join_and_not_across(data, sounds, text):
    raw = recording(data, (25.0, 10.0, text))
    for onset in (3.0, 5.0, 25.0, 26.0):
        assert trial_from_raw(raw, sounds, onset).duration == 20
    for onset in (5.6, 15.0, 24.9):  # nearly all of it would be too little
        with pytest.raises(ValueError, match=rf"interrupted at 25\.000 s \('{text}'.* begins at"):
            trial_from_raw(raw, sounds, onset)
    with pytest.raises(ValueError, match="interrupted at 25"):
        trial_from_raw(raw, sounds, 10, duration=15.5)
    assert trial_from_raw(raw, sounds, 10, duration=15).duration == 15


def test_beyond_a_join_lies_nothing_that_the_filter_sees(data, sounds):
    raw = recording(data, (25.0, 0.0, "New Segment/"))
    expected = trial_from_raw(raw.copy().crop(25), sounds, 0.5).eeg
    np.testing.assert_allclose(trial_from_raw(raw, sounds, 25.5).eeg, expected, atol=1e-12)


def test_lost_samples_are_no_part_of_a_trial(data, sounds):
    raw = recording(data, (25.0, 10.0, "BAD_ACQ_SKIP"))
    assert trial_from_raw(raw, sounds, 35.0).duration == 20
    for onset in (10.0, 25.0, 30.0, 34.9):
        for on_bad in ("raise", "keep", "drop"):
            with pytest.raises(
                ValueError, match=r"interrupted at 25\.000 s \('BAD_ACQ_SKIP': samp"
            ):
                trial_from_raw(raw, sounds, onset, on_bad=on_bad)


def test_without_sounds_a_trial_lasts_to_the_next_interruption(data):
    raw = recording(data, (25.0, 10.0, "New Segment/"))
    assert trial_from_raw(raw, [], 5.0).duration == 20
    assert trial_from_raw(raw, [], 30.0).duration == 30


@pytest.mark.parametrize("text", ["BAD_blink", "bad", "Bad muscle"])
def test_what_is_marked_bad_is_refused_kept_or_dropped(data, sounds, text):
    raw = recording(data, (12.5, 0.25, text))
    told = rf"bad at 12\.500-12\.750 s \(marked '{text}'\), inside the trial that begins at 5 s"
    with pytest.raises(BadSpanError, match=told):
        trial_from_raw(raw, sounds, 5.0)
    with pytest.raises(BadSpanError, match="on_bad='keep'"):
        trials_from_raw(raw, [5.0, 30.0], [sounds] * 2)
    kept = trial_from_raw(raw, sounds, 5.0, on_bad="keep")
    unmarked = recording(data)
    np.testing.assert_array_equal(kept.eeg, trial_from_raw(unmarked, sounds, 5.0).eeg)
    assert kept.provenance["kept_bad"] == [f"12.500-12.750 s (marked '{text}')"]
    assert any("Used although it is marked bad: 12.5" in line for line in methods_text([kept]))
    with pytest.warns(UserWarning, match=f"1 of 2 trials were left out.*{text}.*begins at 5 s$"):
        (left,) = trials_from_raw(
            raw, [5.0, 30.0], [sounds] * 2, on_bad="drop", name=["first", "second"]
        )
    assert left.name == "second"
    assert any("1 of 2 trials were left out" in line for line in methods_text([left]))
    with pytest.raises(BadSpanError, match="every trial holds something that is marked bad"):
        trials_from_raw(raw, [5.0, 6.0], [sounds] * 2, on_bad="drop")


def test_the_filter_does_not_reach_into_what_is_marked_bad(data, sounds):
    data[:, 24 * SFREQ : 25 * SFREQ] = [[10.0], [5.0], [-20.0]]  # volts
    raw = recording(data, (24.0, 1.0, "BAD_amplifier"))
    for onset in (25.0, 4.0):
        assert np.abs(trial_from_raw(raw, sounds, onset, reference=None).eeg).max() < 1e-4
    with pytest.warns(RecordingWarning, match="were microvolts taken for volts"):
        kept = trial_from_raw(raw, sounds, 25.0, reference=None, on_bad="keep")
    assert np.abs(kept.eeg).max() > 1e-2


def test_epochs_are_looked_into(data, sounds):
    raw = recording(data, (10.0, 0.0, "New Segment/"), (40.0, 0.5, "BAD_x"))
    starts = np.array([[2 * SFREQ, 0, 1], [30 * SFREQ, 0, 1]])
    epochs = mne.Epochs(
        raw, starts, tmin=-1, tmax=21, baseline=None, reject_by_annotation=False, preload=True
    )
    with pytest.raises(ValueError, match=r"interrupted at 9\.000 s \('New Segment/'"):
        trials_from_epochs(epochs[:1], [sounds])
    with pytest.raises(BadSpanError, match=r"bad at 11\.000-11\.500 s"):
        trials_from_epochs(epochs[1:], [sounds])
    assert len(trials_from_epochs(epochs[1:], [sounds], on_bad="keep")) == 1


# --- files ----------------------------------------------------------------------------------------


def test_new_segments_of_brainvision(tmp_path, data, sounds):
    (tmp_path / "b.vhdr").write_text(
        "Brain Vision Data Exchange Header File Version 1.0\n\n[Common Infos]\nCodepage=UTF-8\n"
        "DataFile=b.eeg\nMarkerFile=b.vmrk\nDataFormat=BINARY\nDataOrientation=MULTIPLEXED\n"
        f"NumberOfChannels=3\nSamplingInterval={1e6 / SFREQ:g}\n\n[Binary Infos]\n"
        "BinaryFormat=IEEE_FLOAT_32\n\n[Channel Infos]\nCh1=a,,1,µV\nCh2=b,,1,µV\nCh3=c,,1,µV\n",
        encoding="utf-8",
    )
    (tmp_path / "b.vmrk").write_text(
        "Brain Vision Data Exchange Marker File, Version 1.0\n\n[Common Infos]\nCodepage=UTF-8\n"
        "DataFile=b.eeg\n\n[Marker Infos]\nMk1=New Segment,,1,1,0,20200101100000000000\n"
        f"Mk2=New Segment,,{25 * SFREQ + 1},1,0,20200101101000000000\n"
    )
    (tmp_path / "b.eeg").write_bytes((1e6 * data).T.astype("<f4").tobytes())
    raw = read_eeg(tmp_path / "b.vhdr")
    assert trial_from_raw(raw, sounds, 0.0).duration == 20
    assert trial_from_raw(raw, sounds, 25.0).duration == 20
    with pytest.raises(ValueError, match=r"interrupted at 25\.000 s \('New Segment/'"):
        trial_from_raw(raw, sounds, 10.0)


@pytest.mark.parametrize("kind", ["boundary", -99.0])
def test_boundaries_of_eeglab(tmp_path, data, sounds, kind):
    event = {"type": kind, "latency": 25 * SFREQ + 0.5, "duration": 600.0 * SFREQ}
    eeg = {
        "data": 1e6 * data,
        "setname": "s",
        "nbchan": 3.0,
        "pnts": float(data.shape[1]),
        "trials": 1.0,
        "srate": float(SFREQ),
        "xmin": 0.0,
        "xmax": (data.shape[1] - 1) / SFREQ,
        "chanlocs": np.array([(name,) for name in "abc"], dtype=[("labels", object)]),
        "event": event,
        "icawinv": np.zeros((0, 0)),
        "icaweights": np.zeros((0, 0)),
        "icasphere": np.zeros((0, 0)),
    }
    savemat(tmp_path / "s.set", {"EEG": eeg}, appendmat=False)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        raw = read_eeg(tmp_path / "s.set")
    assert trial_from_raw(raw, sounds, 25.0).duration == 20
    with pytest.raises(ValueError, match=r"interrupted at 25\.000 s"):
        trial_from_raw(raw, sounds, 10.0)


def test_pauses_of_gdf(tmp_path, data, sounds):
    # The runs of the BCI competitions begin with such an event.
    events = [(0, 32766), (25 * SFREQ, 32766), (30 * SFREQ, 768)]
    write_gdf(tmp_path / "a.gdf", 1e6 * data, [SFREQ] * 3, ["a", "b", "c"], events=events)
    raw = read_eeg(tmp_path / "a.gdf")
    assert trial_from_raw(raw, sounds, 0.0).duration == 20
    with pytest.raises(ValueError, match=r"interrupted at 25\.000 s \('32766': the recording was"):
        trial_from_raw(raw, sounds, 10.0)
