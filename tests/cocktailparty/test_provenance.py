import mne
import numpy as np
import soundfile

from cocktailparty.datasets import simulate_two_talkers
from cocktailparty.preprocessing import preprocess
from cocktailparty.provenance import methods_text
from cocktailparty.recordings.trials import read_eeg, trials_from_raw


def recorded(tmp_path, rng, **arguments):
    names = ["Fz", "Cz", "Pz", "Oz", "TP9", "T7"]
    info = mne.create_info(names, 256, "eeg")
    raw = mne.io.RawArray(1e-6 * rng.normal(size=(6, 40 * 256)), info, verbose="ERROR")
    raw.set_montage("colin27_1005")
    raw.info["bads"] = ["T7"]
    raw.save(tmp_path / "S1_raw.fif", verbose="ERROR")
    for name in "ab":
        soundfile.write(tmp_path / f"{name}.wav", 0.1 * rng.normal(size=20 * 8000), 8000)
    sounds = [[tmp_path / "a.wav", tmp_path / "b.wav"]]
    return trials_from_raw(read_eeg(tmp_path / "S1_raw.fif"), [5.0], sounds, **arguments)


def test_the_text_says_what_the_loader_did(tmp_path, rng) -> None:
    trials = recorded(tmp_path, rng, reference=["TP9"])
    text = " ".join(methods_text(trials))
    for part in (
        "EEG from S1_raw.fif; sounds from a.wav, b.wav.",
        "4 channels (Fz, Cz, Pz, Oz), recorded at 256 Hz with a pass band of 0-128 Hz",
        "Reference of the EEG: mean of TP9.",
        "Left out as bad (in some trials at least): T7.",
        "Features of the sounds: speech_envelope.",
        "EEG and stimuli were band-passed to 1-9 Hz (zero-phase FIR) and resampled from 256 to 64",
    ):
        assert part in text, part
    assert trials[0].provenance["eeg_unit"] == "V"
    np.testing.assert_allclose(np.isfinite(trials[0].channel_positions), 1)


def test_another_request_gives_another_text(tmp_path, rng) -> None:
    trials = recorded(tmp_path, rng, reference=None, filter_stimuli=False, l_freq=None)
    text = " ".join(methods_text(preprocess(trials, 32, 2, 8)))
    assert "as recorded" in text
    assert "The EEG was low-passed at 9 Hz" in text
    assert "band-passed to 2-8 Hz (zero-phase FIR) and resampled from 64 to 32 Hz" in text


def test_what_is_unknown_is_said_to_be(rng) -> None:
    trial = simulate_two_talkers(n_trials=1, n_channels=4, random_state=0).trials[0]
    assert "Source: simulated." in methods_text([trial])
    text = methods_text([trial.replace(provenance={})])
    assert text[0] == "The files were not recorded."
    assert "Filters were not recorded." in text
    warned = trial.replace(provenance={"warnings": ["channel Fz is 1000 times too large"]})
    assert "Warning of the loader: channel Fz is 1000 times too large" in methods_text([warned])
