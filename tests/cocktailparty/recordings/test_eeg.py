import logging

import mne
import numpy as np
import pytest

from cocktailparty.recordings.eeg import Continuous, read_eeg


def make_raw(rng, n_channels=4, duration=20.0, sfreq=256.0, types="eeg"):
    info = mne.create_info([f"C{i}" for i in range(n_channels)], sfreq, types)
    data = 1e-5 * rng.normal(size=(n_channels, int(duration * sfreq)))
    return mne.io.RawArray(data, info, verbose="ERROR")


def write_brainvision(folder, data_microvolts, sfreq):
    """Write the three files of the format by hand: MNE's exporter needs another package."""
    n_channels = len(data_microvolts)
    (folder / "b.vhdr").write_text(
        "Brain Vision Data Exchange Header File Version 1.0\n\n[Common Infos]\nCodepage=UTF-8\n"
        "DataFile=b.eeg\nMarkerFile=b.vmrk\nDataFormat=BINARY\nDataOrientation=MULTIPLEXED\n"
        f"NumberOfChannels={n_channels}\nSamplingInterval={1e6 / sfreq:g}\n\n"
        "[Binary Infos]\nBinaryFormat=IEEE_FLOAT_32\n\n[Channel Infos]\n"
        + "".join(f"Ch{i + 1}=C{i},,1,µV\n" for i in range(n_channels)),
        encoding="utf-8",
    )
    (folder / "b.vmrk").write_text(
        "Brain Vision Data Exchange Marker File, Version 1.0\n\n[Common Infos]\nCodepage=UTF-8\n"
        "DataFile=b.eeg\n\n[Marker Infos]\nMk1=Stimulus,S  1,513,1,0\n"
    )
    (folder / "b.eeg").write_bytes(data_microvolts.T.astype("<f4").tobytes())


# --- reading files --------------------------------------------------------------------------------


def test_read_eeg_reads_fif_whatever_its_name_without_a_warning(tmp_path, rng):
    raw = make_raw(rng)
    raw.save(tmp_path / "s-raw.fif", verbose="ERROR")
    (tmp_path / "s-raw.fif").rename(tmp_path / "oddly named.fif")
    np.testing.assert_allclose(
        read_eeg(tmp_path / "oddly named.fif").get_data(), raw.get_data(), rtol=1e-6
    )


def test_read_eeg_reads_brainvision_in_volts(tmp_path, rng):
    microvolts = rng.normal(size=(3, 1000))
    write_brainvision(tmp_path, microvolts, 500)
    raw = read_eeg(str(tmp_path / "b.vhdr"))
    assert raw.info["sfreq"] == 500
    np.testing.assert_allclose(raw.get_data(), 1e-6 * microvolts, rtol=1e-6)


def test_read_eeg_names_file_and_remedy(tmp_path, rng):
    with pytest.raises(FileNotFoundError, match=r"EEG file .*no-raw\.fif does not exist"):
        read_eeg(tmp_path / "no-raw.fif")
    (tmp_path / "text-raw.fif").write_text("hello" * 100)
    with pytest.raises(OSError, match=r"text-raw\.fif cannot be read \(.*\): it is broken"):
        read_eeg(tmp_path / "text-raw.fif")
    (tmp_path / "data.xyz").write_text("hello")
    with pytest.raises(OSError, match=r"data\.xyz cannot be read \(Unsupported file type"):
        read_eeg(tmp_path / "data.xyz")
    epochs = mne.make_fixed_length_epochs(make_raw(rng), 2, verbose="ERROR")
    epochs.save(tmp_path / "s-epo.fif", verbose="ERROR")
    with pytest.raises(OSError, match=r"s-epo\.fif cannot be read .* not a continuous recording"):
        read_eeg(tmp_path / "s-epo.fif")


@pytest.mark.parametrize("share", [0.01, 0.5])
def test_read_eeg_refuses_half_a_file(tmp_path, rng, share):
    make_raw(rng).save(tmp_path / "s-raw.fif", verbose="ERROR")
    content = (tmp_path / "s-raw.fif").read_bytes()
    (tmp_path / "half-raw.fif").write_bytes(content[: int(share * len(content))])
    with pytest.raises(OSError, match=r"half-raw\.fif cannot be read"):
        read_eeg(tmp_path / "half-raw.fif")


# --- channels and reference -----------------------------------------------------------------------


def sample_all(view):
    return view.rereferenced(view.recorded(np.arange(view.n_times), 1.0, 0, view.n_times))[0]


def test_reference(rng):
    raw = make_raw(rng)
    data = raw.get_data().T
    np.testing.assert_allclose(sample_all(Continuous(raw)), data, atol=1e-12)
    average = sample_all(Continuous(raw, reference="average"))
    np.testing.assert_allclose(average, data - data.mean(axis=1, keepdims=True), atol=1e-12)
    mastoids = Continuous(raw, reference=["C1", "C3"])
    assert mastoids.names == ["C0", "C2"]
    expected = data[:, [0, 2]] - data[:, [1, 3]].mean(axis=1, keepdims=True)
    np.testing.assert_allclose(sample_all(mastoids), expected, atol=1e-12)


def test_channels_are_picked_by_type_or_in_the_named_order(rng, caplog):
    raw = make_raw(rng, 6, types=["eeg", "misc", "eeg", "eog", "eeg", "eeg"])
    raw.info["bads"] = ["C4"]
    with caplog.at_level(logging.INFO, logger="cocktailparty"):
        assert Continuous(raw).names == ["C0", "C2", "C5"]
    assert "left out the channels that are marked bad: C4" in caplog.text
    view = Continuous(raw, picks=["C5", "C4", "C0"], reference=["C1"])
    assert view.names == ["C5", "C0"]
    data = raw.get_data().T
    np.testing.assert_allclose(sample_all(view), data[:, [5, 0]] - data[:, [1]], atol=1e-12)


def test_the_average_leaves_out_bad_channels(rng):
    raw = make_raw(rng)
    raw.info["bads"] = ["C0"]
    view = Continuous(raw, reference="average")
    data = raw.get_data().T[:, 1:]
    np.testing.assert_allclose(
        sample_all(view), data - data.mean(axis=1, keepdims=True), atol=1e-12
    )


@pytest.mark.parametrize(
    ("arguments", "match"),
    [
        ({"reference": "mastoids"}, "reference must be 'average', a list"),
        ({"reference": ["M1"]}, r"reference channel\(s\) \['M1'\] are marked bad or not in"),
        ({"reference": ["C3"]}, r"reference channel\(s\) \['C3'\] are marked bad"),
        ({"picks": ["C0", "Cz"]}, r"picks name channel\(s\) \['Cz'\] that are not in"),
        ({"picks": "mag"}, r"picks='mag' leaves no channel: .* type \['eeg', 'grad'\]"),
        ({"picks": ["C3"]}, "1 of the picked ones are marked bad"),
        ({"picks": "grad", "reference": "average"}, "meant for potentials"),
        ({"picks": ["C0"], "reference": "average"}, "nothing of a single channel.*--reference no"),
    ],
)
def test_impossible_channels_are_named(rng, arguments, match):
    raw = make_raw(rng, types=["eeg", "eeg", "grad", "eeg"])
    raw.info["bads"] = ["C3"]
    with pytest.raises(ValueError, match=match):
        Continuous(raw, **arguments)


def test_a_path_is_no_recording():
    with pytest.raises(TypeError, match="raw must be an MNE Raw, got str: open files by read_eeg"):
        Continuous("s-raw.fif")


# --- stretches ------------------------------------------------------------------------------------


def test_span_ends_at_the_joins_of_concatenated_recordings(rng):
    first, second = make_raw(rng, duration=6).crop(1, None), make_raw(rng, duration=3)
    raw = mne.concatenate_raws([first, second], verbose="ERROR")
    assert raw.first_samp == 256
    join, end = len(raw.times) - 3 * 256, len(raw.times)
    view = Continuous(raw)
    assert view.span(0) == view.span(join - 1) == (0, join)
    assert view.span(join - 0.3) == view.span(join) == view.span(end - 0.3) == (join, end)


def test_sample_reads_the_needed_stretch_from_disk_and_nothing_beyond_the_span(rng, tmp_path):
    raw = make_raw(rng)
    raw.save(tmp_path / "s-raw.fif", verbose="ERROR")
    on_disk = read_eeg(tmp_path / "s-raw.fif")
    asked = []
    get_data = on_disk.get_data
    on_disk.get_data = lambda picks, start, stop, **kw: (
        asked.append((start, stop)) or get_data(picks, start, stop, **kw)
    )
    positions = 1000.25 + 4.0 * np.arange(100)
    view = Continuous(on_disk)
    np.testing.assert_allclose(
        view.recorded(positions, 4.0, 0, view.n_times),
        Continuous(raw).recorded(positions, 4.0, 0, view.n_times),
        atol=1e-10,
    )
    view.recorded(positions, 4.0, 990, 1400)
    assert asked[0][0] == 1000 - 41
    assert asked[0][1] < 1397 + 45
    assert asked[1] == (990, 1400)
    assert not on_disk.preload
