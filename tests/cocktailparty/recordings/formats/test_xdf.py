import builtins
import gzip

import numpy as np
import pytest
import soundfile

from cocktailparty import datasets
from cocktailparty.recordings.trials import read_eeg, read_xdf, trial_from_raw
from tests.cocktailparty.xdffiles import stream, write_xdf

RATE = 100.0
T0 = 5000.0


def wave(times):
    """Microvolts at moments of the recorder's clock, slow enough for any interpolation."""
    return np.c_[20 * np.sin(2 * np.pi * 3.1 * times), 30 * np.cos(2 * np.pi * 1.3 * times)]


def recorded(file, true, stamps, offsets=(), markers=(), **arguments):
    eeg = stream(1, "Amp", "EEG", RATE, wave(true - T0), stamps, offsets, **arguments)
    texts, moments = [m[0] for m in markers], [T0 + m[1] for m in markers]
    write_xdf(file, eeg, stream(2, "Task", "Markers", 0, texts, moments, fmt="string"))
    return file


def holes(raw):
    found = [a for a in raw.annotations if a["description"] == "BAD_ACQ_SKIP"]
    return [(a["onset"], a["onset"] + a["duration"]) for a in found]


def assert_as_played(raw, start, but=(), margin=0.15, atol=0.3):
    """Compare the recording with the truth wherever no hole is; atol in microvolts."""
    times = raw.times
    known = np.ones(len(times), dtype=bool)
    for first, stop in [*holes(raw), *but]:
        known &= (times < first - margin) | (times > stop + margin)
    known &= (times > margin) & (times < times[-1] - margin)
    expected = wave(times + start - T0)
    np.testing.assert_allclose(1e6 * raw.get_data().T[known], expected[known], atol=atol)
    return known.mean()


def test_a_plain_recording_comes_back(tmp_path):
    true = T0 + np.arange(6000) / RATE
    file = recorded(tmp_path / "a.xdf", true, true, labels=["Fz", "Cz"], markers=[("go", 12.5)])
    raw = read_eeg(file)
    assert raw.ch_names == ["Fz", "Cz"]
    assert raw.get_channel_types() == ["eeg", "eeg"]
    assert raw.n_times == 6000
    assert raw.info["sfreq"] == RATE
    np.testing.assert_allclose(raw.get_data().T * 1e6, wave(true - T0), atol=1e-2)
    assert [(a["onset"], a["description"]) for a in raw.annotations] == [(12.5, "go")]


def test_clocks_that_drift_and_jitter(tmp_path):
    rng = np.random.default_rng(0)
    true = T0 + 0.003 + np.arange(30000) / 99.97  # and an amplifier that is a little slow
    sender = (true - 4321.0) / (1 + 5e-5)
    measured = np.arange(sender[0], sender[-1], 5.0)
    offset = 4321.0 + 5e-5 * measured + 2e-4 * rng.normal(size=len(measured))
    jitter = 0.01 * rng.exponential(size=len(true))
    jitter -= jitter.mean()
    file = recorded(
        tmp_path / "a.xdf",
        true,
        sender + jitter,
        np.c_[measured, offset],
        [("start", 30.0), ("end", 290.0)],
    )
    raw = read_eeg(file)
    assert holes(raw) == []
    # Markers are on the recorder's clock: where they are in the recording is true as well.
    start = T0 + 30.0 - raw.annotations.onset[0]
    assert start == pytest.approx(T0 + 0.003, abs=2e-3)
    assert raw.annotations.onset[1] == pytest.approx(290 - 0.003, abs=2e-3)
    assert assert_as_played(raw, start, atol=1.0) > 0.99


@pytest.mark.parametrize(("lost", "jitter"), [(0.25, 1e-4), (2.5, 0.004), (12.0, 0.004)])
def test_a_loss_is_a_hole_and_no_smear(tmp_path, lost, jitter):
    rng = np.random.default_rng(1)
    true = T0 + np.arange(12000) / RATE
    kept = (true < T0 + 40) | (true >= T0 + 40 + lost)
    stamps = true[kept] + jitter * rng.normal(size=kept.sum())
    raw = read_xdf(recorded(tmp_path / "a.xdf", true[kept], stamps, markers=[("go", 100.0)]))
    ((first, stop),) = holes(raw)
    assert first == pytest.approx(40, abs=0.015)
    assert stop == pytest.approx(40 + lost, abs=0.015)
    # 0.6 microvolts are 1.5 ms of the faster sine.
    assert assert_as_played(raw, T0, atol=0.6) > 0.85
    assert raw.annotations.onset[-1] == pytest.approx(100.0, abs=2e-3)
    sounds = [rng.random((2000, 1)) for _ in range(2)]
    cut = {"sfreq": 64, "reference": None}
    with pytest.raises(ValueError, match=r"interrupted at 40\.000 s"):
        trial_from_raw(raw, sounds, onset=25.0, **cut)
    after = trial_from_raw(raw, sounds, onset=60.0, **cut)
    assert after.duration == pytest.approx(2000 / 64)


@pytest.mark.parametrize("late", [0.3, 1.0])
def test_samples_that_waited_move_no_others(tmp_path, late):
    """A driver that stalls hands over what it kept at once, with the stamps of that moment."""
    rng = np.random.default_rng(2)
    true = T0 + np.arange(6000) / RATE
    stamps = true + 1e-3 * rng.normal(size=len(true))
    waited = (true >= T0 + 20) & (true < T0 + 20 + late)
    stamps[waited] = T0 + 20 + late + 1e-6 * np.arange(waited.sum())
    raw = read_xdf(recorded(tmp_path / "a.xdf", true, stamps, markers=[("go", 30.0)]))
    assert holes(raw) == []
    assert raw.annotations.onset[0] == pytest.approx(30.0, abs=1e-3)
    assert assert_as_played(raw, T0, atol=0.6) > 0.99


def test_two_losses_shortly_after_each_other(tmp_path):
    true = T0 + np.arange(9000) / RATE
    lost = ((true >= T0 + 30) & (true < T0 + 33)) | ((true >= T0 + 35) & (true < T0 + 36))
    raw = read_xdf(recorded(tmp_path / "a.xdf", true[~lost], true[~lost]))
    np.testing.assert_allclose(holes(raw), [(30, 33), (35, 36)], atol=0.011)
    assert_as_played(raw, T0)


@pytest.mark.parametrize("jump", [-0.3, 0.4, 250.0, -4000.0])
@pytest.mark.parametrize("away", [0.0, 3.0])
def test_a_sender_whose_clock_jumps(tmp_path, jump, away):
    """A restart: stamps and offset jump together, with or without a loss between."""
    true = T0 + np.arange(12000) / RATE
    kept = (true < T0 + 52) | (true >= T0 + 52 + away)
    true = true[kept]
    offset = 100.0 + np.where(true < T0 + 52, 0.0, jump)
    stamps = true - offset
    at = np.arange(0, len(true), 500)
    raw = read_xdf(
        recorded(tmp_path / "a.xdf", true, stamps, np.c_[stamps[at], offset[at]], [("go", 100.0)])
    )
    assert_as_played(raw, T0)
    if away:
        np.testing.assert_allclose(holes(raw), [(52, 52 + away)], atol=0.011)
    else:
        assert holes(raw) == []
    assert raw.annotations.onset[-1] == pytest.approx(100.0, abs=1e-3)


def test_a_jump_of_the_offset_alone_is_no_place_to_trust(tmp_path):
    true = T0 + np.arange(9000) / RATE
    at = np.arange(0, len(true), 500)
    # From 45 s on the offset is wrong against the stamps, and nothing says since when.
    offset = np.where(at < 4500, 100.0, 100.2)
    file = recorded(tmp_path / "a.xdf", true, true - 100.0, np.c_[true[at] - 100.0, offset])
    ((first, stop),) = holes(read_xdf(file))
    assert first == pytest.approx(40, abs=0.05)
    assert stop == pytest.approx(45.2, abs=0.05)


def test_one_wrong_offset_moves_nothing(tmp_path):
    true = T0 + np.arange(9000) / RATE
    at = np.arange(0, len(true), 500)
    for wrong in (0, 7, len(at) - 1):
        offset = np.full(len(at), 100.0)
        offset[wrong] += 0.5
        file = recorded(tmp_path / "a.xdf", true, true - 100.0, np.c_[true[at] - 100.0, offset])
        raw = read_xdf(file)
        assert holes(raw) == []
        assert_as_played(raw, T0)


def test_streams_by_name_and_type(tmp_path):
    true = T0 + np.arange(1000) / RATE
    file = tmp_path / "a.xdf"
    write_xdf(
        file,
        stream(1, "Left", "EEG", RATE, wave(true), true, labels=["a", "b"]),
        stream(2, "Right", "EEG", RATE, wave(true), true, labels=["c", "d"], fmt="double64"),
        stream(3, "Mic", "Audio", RATE, 100 * wave(true), true, fmt="int16", units=["", ""]),
        stream(4, "Keys", "Markers", 0, [[7], [8]], T0 + np.array([1.0, 2.0]), fmt="int32"),
    )
    with pytest.raises(ValueError, match=r"2 streams of type 'EEG'.*'Left'.*'Right'.*'Mic'"):
        read_xdf(file)
    with pytest.raises(ValueError, match="0 streams with the name or type 'Middle'"):
        read_xdf(file, stream="Middle")
    with pytest.raises(ValueError, match="'Keys' has 2 samples of 'int32' at 0 Hz"):
        read_xdf(file, stream="Keys")
    assert read_xdf(file, stream="right").ch_names == ["c", "d"]
    microphone = read_xdf(file, stream="audio")
    assert microphone.get_channel_types() == ["misc", "misc"]
    np.testing.assert_allclose(microphone.get_data().T, np.trunc(100 * wave(true)), atol=0.1)
    assert list(microphone.annotations.description) == ["7", "8"]


@pytest.mark.parametrize(
    ("unit", "factor"),
    [("uV", 1e-6), ("UV", 1e-6), ("µV", 1e-6), ("μV", 1e-6), ("mV", 1e-3), ("Volts", 1.0)],
)
def test_units(tmp_path, unit, factor):
    true = T0 + np.arange(1000) / RATE
    raw = read_xdf(recorded(tmp_path / "a.xdf", true, true, units=[unit] * 2))
    np.testing.assert_allclose(raw.get_data().T, factor * wave(true - T0), atol=factor * 1e-2)


def test_units_that_are_not_known(tmp_path):
    true = T0 + np.arange(1000) / RATE
    with pytest.raises(ValueError, match="channel 'E1' is in 'counts', expected volts"):
        read_xdf(recorded(tmp_path / "a.xdf", true, true, units=["uV", "counts"]))
    with pytest.warns(RuntimeWarning, match=r"states no unit of the channels \['E0', 'E1'\]"):
        raw = read_xdf(recorded(tmp_path / "b.xdf", true, true, units=["", ""]))
    np.testing.assert_allclose(raw.get_data().T, 1e-6 * wave(true - T0), atol=1e-8)


def test_a_folder_with_a_table_of_xdf_files(tmp_path):
    true = T0 + np.arange(6000) / RATE
    eeg = recorded(tmp_path / "S1.xdf", true, true)
    rng = np.random.default_rng(0)
    for name in ("a.wav", "b.wav"):
        soundfile.write(tmp_path / name, 0.1 * rng.normal(size=20 * 8000), 8000)
    (tmp_path / "trials.csv").write_text(f"eeg,audio,onset\n{eeg.name},a.wav;b.wav,20\n")
    (trial,) = datasets.load(tmp_path, reference=None)
    alone = trial_from_raw(
        read_xdf(eeg), [tmp_path / "a.wav", tmp_path / "b.wav"], 20, reference=None
    )
    np.testing.assert_array_equal(trial.eeg, alone.eeg)
    assert trial.duration == 20


def test_no_such_file_and_no_such_format(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"a\.xdf does not exist"):
        read_xdf(tmp_path / "a.xdf")
    (tmp_path / "a.xdf").write_bytes(b"no XDF at all")
    with pytest.raises(OSError, match=r"a\.xdf is no XDF file"):
        read_eeg(tmp_path / "a.xdf")


def test_without_pyxdf(tmp_path, monkeypatch):
    true = T0 + np.arange(1000) / RATE
    file = recorded(tmp_path / "a.xdf", true, true)
    real = builtins.__import__

    def absent(name, *arguments, **keywords):
        if name == "pyxdf":
            raise ImportError(name)
        return real(name, *arguments, **keywords)

    monkeypatch.setattr(builtins, "__import__", absent)
    with pytest.raises(ImportError, match=r"pip install 'cocktailparty\[xdf\]'"):
        read_eeg(file)


@pytest.mark.parametrize(("share", "ends"), [(0.2, 7.8), (0.9, 35.9), (0.999, 39.9)])
@pytest.mark.parametrize("packed", [False, True])
def test_a_file_whose_end_is_missing_says_so(tmp_path, caplog, share, ends, packed):
    times = T0 + np.arange(4000) / RATE
    content = recorded(tmp_path / "a.xdf", times, times).read_bytes()
    content = content[: int(share * len(content))]
    file = tmp_path / ("cut.xdfz" if packed else "cut.xdf")
    file.write_bytes(gzip.compress(content) if packed else content)
    with pytest.warns(RuntimeWarning, match=r"cut\.xdfz? ends in the middle of a chunk: .* after "):
        raw = read_eeg(file)
    assert raw.times[-1] == pytest.approx(ends, abs=1.0)  # a chunk
    assert_as_played(raw, T0)
    assert not caplog.records


def test_a_packed_file_whose_end_is_missing_says_so(tmp_path):
    times = T0 + np.arange(4000) / RATE
    packed = gzip.compress(recorded(tmp_path / "a.xdf", times, times).read_bytes())
    (tmp_path / "cut.xdfz").write_bytes(packed[: len(packed) // 2])
    with pytest.warns(RuntimeWarning, match="ends in the middle of a chunk"):
        assert 5 < read_eeg(tmp_path / "cut.xdfz").times[-1] < 35


def test_a_damaged_file_is_refused_and_named(tmp_path, caplog):
    times = T0 + np.arange(4000) / RATE
    content = recorded(tmp_path / "a.xdf", times, times).read_bytes()
    middle = len(content) // 2
    # Zeros within samples, and a chunk of no known kind.
    (tmp_path / "b.xdf").write_bytes(content[:middle] + bytes(40) + content[middle + 40 :])
    (tmp_path / "c.xdf").write_bytes(content + bytes([1, 3, 9, 0, 0]))
    with pytest.raises(OSError, match=r"b\.xdf cannot be read .*copy it again"):
        read_eeg(tmp_path / "b.xdf")
    with pytest.raises(
        OSError, match=rf"c\.xdf is damaged: .* its byte {len(content)} is no chunk"
    ):
        read_eeg(tmp_path / "c.xdf")
    assert not caplog.records


def test_values_that_are_not_finite_are_so_in_the_recording_and_refused_where_they_matter(tmp_path):
    times = T0 + 0.004 + np.arange(6000) / 99.98
    values = wave(times - T0)
    values[1000, 1] = np.nan
    write_xdf(tmp_path / "a.xdf", stream(1, "Amp", "EEG", RATE, values, times))
    raw = read_eeg(tmp_path / "a.xdf")
    unknown = np.isnan(raw.get_data())
    assert not unknown[0].any()
    assert abs(raw.times[unknown[1]] - 10).max() < 1
    sounds = [np.random.default_rng(0).random(20 * 64) for _ in range(2)]
    assert trial_from_raw(raw, sounds, 20, reference=None).n_times == 20 * 64
    with pytest.raises(ValueError, match=r"NaN or infinite value\(s\) in channel\(s\) \['E1'\]"):
        trial_from_raw(raw, sounds, 5, reference=None)
