import importlib.util
import json
import shutil

import mne
import numpy as np
import pytest
import soundfile

from cocktailparty import datasets
from cocktailparty.cli import main
from cocktailparty.datasets.corpora import bids
from cocktailparty.features import speech_envelope
from cocktailparty.recordings import trial_from_raw

SFREQ, RATE, ONSETS = 128, 8000, (12.0, 40.0)
NAMES = ["Fz", "Cz", "Pz", "Oz", "T7", "T8"]

needs_mne_bids = pytest.mark.skipif(
    importlib.util.find_spec("mne_bids") is None or importlib.util.find_spec("pybv") is None,
    reason="needs mne-bids and pybv",
)


def hilbert(audio, audio_sfreq, sfreq):
    return speech_envelope(audio, audio_sfreq, sfreq, method="hilbert")


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    """Two listeners in BIDS, as MNE-BIDS writes them, with sounds."""
    from mne_bids import BIDSPath, write_raw_bids

    root, rng = tmp_path_factory.mktemp("bids"), np.random.default_rng(0)
    (root / "stimuli").mkdir()
    for name in "abcd":
        envelope = np.interp(np.arange(20 * RATE) / RATE, np.arange(0, 20.25, 0.25), rng.random(81))
        sound = 0.1 * envelope * rng.normal(size=20 * RATE)
        soundfile.write(root / "stimuli" / f"{name}.wav", sound, RATE)
    for subject in ("01", "02"):
        info = mne.create_info(NAMES, SFREQ, "eeg")
        raw = mne.io.RawArray(1e-5 * rng.normal(size=(6, 70 * SFREQ)), info, verbose="ERROR")
        raw.set_montage("biosemi64")
        raw.info["bads"] = ["T8"]
        raw.info["line_freq"] = 50
        raw.set_annotations(mne.Annotations(ONSETS, 20.0, ["story"] * 2))
        path = BIDSPath(subject=subject, task="listen", root=root, datatype="eeg")
        write_raw_bids(raw, path, format="BrainVision", allow_preload=True, verbose="ERROR")
        events = root / f"sub-{subject}" / "eeg" / f"sub-{subject}_task-listen_events.tsv"
        header, *rows = events.read_text(encoding="utf-8-sig").splitlines()
        stories = [["a.wav;b.wav", "a.wav", "-3"], ["c.wav;d.wav", "1", "0"]]
        lines = ["\t".join([row, *story]) for row, story in zip(rows, stories, strict=True)]
        lines = ["\t".join([header, "stim_file", "attended", "snr"]), *lines]
        events.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return root


@needs_mne_bids
def test_trials_have_what_bids_tells(written):
    assert datasets.detect(written).key == "bids"
    trials = datasets.load(written, envelope=hilbert)
    assert [t.subject for t in trials] == ["01", "01", "02", "02"]
    assert [t.attended for t in trials] == [0, 1, 0, 1]
    assert [t.story for t in trials[:2]] == ["a.wav;b.wav", "c.wav;d.wav"]
    assert [t.metadata["snr"] for t in trials] == [-3, 0, -3, 0]
    first = trials[0]
    assert first.channel_names == tuple(NAMES[:5])  # one is marked bad
    assert first.provenance["bads"] == ["T8"]
    assert first.provenance["positions"] == "the recording"
    assert np.isfinite(first.channel_positions).all()
    raw = mne.io.read_raw(next(written.glob("sub-01/eeg/*.vhdr")), verbose="ERROR")
    raw.info["bads"] = ["T8"]
    sounds = [written / "stimuli" / f"{name}.wav" for name in "ab"]
    direct = trial_from_raw(raw, sounds, ONSETS[0], duration=20, envelope=hilbert)
    np.testing.assert_array_equal(first.eeg, direct.eeg)
    np.testing.assert_array_equal(first.stimuli, direct.stimuli)


@needs_mne_bids
def test_one_command_line_makes_a_report(written, tmp_path, undrawn, capsys):
    out = tmp_path / "report"
    decoder = ["--decoders", "tests.cocktailparty.cli.test_compare:quick", "--windows", "5,10"]
    arguments = [*decoder, "--envelope", "hilbert", "--figures", "pdf", "--title", "My study", "-q"]
    assert main(["compare", "--data", str(written), "--out", str(out), *arguments]) == 0
    html = (out / "report.html").read_text(encoding="utf-8")
    assert "<title>My study</title>" in html
    # The methods text says what was done.
    for sentence in (
        "sub-02_task-listen_eeg.eeg; sounds from a.wav, b.wav, c.wav, d.wav.",
        "5 channels (Fz, Cz, Pz, Oz, T7), recorded at 128 Hz",
        "Reference of the EEG: average of the picked channels.",
        "Left out as bad (in some trials at least): T8.",
        "Features of the sounds: speech_envelope(method=&#x27;hilbert&#x27;",
        "EEG and stimuli were band-passed to 1-9 Hz (zero-phase FIR) and resampled from 128 to 64",
    ):
        assert sentence in html, sentence
    assert {"accuracy.pdf", "listeners.pdf"} <= {path.name for path in out.glob("*.pdf")}
    protocol = json.loads((out / "report.json").read_text())
    assert [row["n_subjects"] for row in protocol["group_tests"]] == [2, 2]
    assert "With 2 listeners no test over listeners can be significant" in capsys.readouterr().out


@needs_mne_bids
# MNE-BIDS says of an event beyond the end that it left it out; the error says more.
@pytest.mark.filterwarnings("ignore:Omitted 1 annotation")
@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("a.wav;b.wav", "a.wav;z.wav", "row 1, column 'stim_file': "),
        ("\ta.wav\t", "\tz\t", "row 1, column 'attended': expected an index into the 2 sounds"),
        ("stim_file", "file", "has a stim_file: add it to"),
        ("12.0", "twelve", "row 1, column 'onset': expected seconds from 0, got 'twelve'"),
        ("12.0", "112.0", "lies beyond"),
    ],
)
def test_mistakes_in_the_events_are_named(written, tmp_path, capsys, old, new, message):
    root = shutil.copytree(written, tmp_path / "copy")
    shutil.rmtree(root / "sub-02")
    (events,) = root.glob("sub-01/eeg/*_events.tsv")
    text = events.read_text()
    assert old in text
    events.write_text(text.replace(old, new, 1))
    assert main(["compare", "--data", str(root), "--out", str(tmp_path / "out")]) == 2
    error = capsys.readouterr().err
    assert message in error
    assert error.count("\n") == 1


def test_a_folder_without_recordings_or_mne_bids_is_told(tmp_path, monkeypatch):
    (tmp_path / "dataset_description.json").write_text("{}")
    with pytest.raises(ValueError, match="has no EEG in BIDS"):
        datasets.load(tmp_path, "bids")
    assert not bids.CORPUS.detect(tmp_path)
    monkeypatch.setitem(__import__("sys").modules, "mne_bids", None)
    with pytest.raises(ImportError, match=r"pip install 'cocktailparty\[bids\]'"):
        bids._read(tmp_path / "sub-01_eeg.vhdr")
