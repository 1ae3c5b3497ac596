import json
from functools import partial

import numpy as np
import pytest
import soundfile
from scipy.signal import butter, sosfiltfilt

from cnmf import NeuroSteeredSeparator
from cocktailparty.cli import main
from cocktailparty.decoding.trained import TrainedModel
from cocktailparty.features import speech_envelope
from cocktailparty.metrics import si_sdr
from linear_aad import AttentionDecoder, BackwardTRF, CCADecoder
from tests.cocktailparty.listener import (
    AUDIO_SFREQ,
    SFREQ,
    START,
    responses,
    save_raw,
    write_listener,
    write_sound,
)

DURATION = 40


def quick(sfreq):
    trf = BackwardTRF(0.0, 0.25, sfreq, alpha=1e-2, alpha_convention="relative")
    return AttentionDecoder(trf)


def cca(sfreq):
    return CCADecoder(sfreq=sfreq, n_components=2)


def write_mixture(folder, rng):
    """Write a bright and a dark sound that play at once, and EEG of listening to the dark one."""
    sounds, envelopes = [], []
    for kind in ("highpass", "lowpass"):
        write_sound(folder / "one.wav", rng, DURATION)
        sos = butter(6, 1500, kind, fs=AUDIO_SFREQ, output="sos")
        sounds.append(sosfiltfilt(sos, soundfile.read(folder / "one.wav")[0]))
        envelopes.append(speech_envelope(sounds[-1], AUDIO_SFREQ, SFREQ)[:, 0])
    stereo = np.stack([np.sum(sounds, axis=0), 0.5 * np.sum(sounds, axis=0)], axis=1)
    soundfile.write(folder / "mixture.wav", stereo, AUDIO_SFREQ, "FLOAT")
    eeg = responses(envelopes, 1, rng, -5.0)
    eeg = np.concatenate([1e-5 * rng.normal(size=(round(START * SFREQ), eeg.shape[1])), eeg])
    save_raw(folder / "mixture_raw.fif", eeg)
    np.save(folder / "mixture.npy", eeg)
    np.save(folder / "guide.npy", np.array(envelopes[1]))
    return sounds


@pytest.fixture(scope="module")
def listener(tmp_path_factory):
    folder = write_listener(tmp_path_factory.mktemp("listener"))
    new = ["--eeg", folder / "new_raw.fif", "--audio", folder / "a.wav", folder / "b.wav"]
    for name in ("quick", "cca"):
        train = ["--train", folder / "train", "--decoder", f"{__name__}:{name}"]
        save = ["--save-model", folder / name, "--out", folder / "decoded"]
        part = ["--start", START, "--duration", 5]
        assert main(["decode", *map(str, [*new, *part, *train, *save])]) == 0
    return folder, write_mixture(folder, np.random.default_rng(5))


@pytest.fixture
def few_components(monkeypatch):
    """All sets of components are weighed: few of them take a small part of the time."""
    few = partial(NeuroSteeredSeparator, n_components=6)
    monkeypatch.setattr("cnmf.steering.NeuroSteeredSeparator", few)


def separate(folder, *arguments):
    return main(["separate", str(folder / "mixture.wav"), *map(str, arguments)])


@pytest.mark.parametrize("form", ["recording", "array"])
def test_eeg_and_a_saved_model_bring_out_what_was_attended(
    listener, tmp_path, capsys, form, request
):
    folder, sounds = listener
    if form == "array":
        request.getfixturevalue("few_components")
    eeg = {
        "recording": ["--eeg", folder / "mixture_raw.fif"],
        "array": ["--eeg", folder / "mixture.npy", "--eeg-sfreq", SFREQ],
    }[form]
    out = tmp_path / "out"
    model = ["--model", folder / "quick", "--start", START, "--out", out]
    assert separate(folder, *eeg, *model) == 0
    printed = capsys.readouterr().out
    assert "follow the EEG better than chance" in printed
    assert f"Attended: {out / 'attended.wav'}" in printed
    attended, rest = (soundfile.read(out / f"{name}.wav")[0] for name in ("attended", "rest"))
    assert attended.shape == (DURATION * AUDIO_SFREQ, 2)
    assert si_sdr(sounds[1], attended[:, 0]) > 5  # from -2 in the mixture
    assert si_sdr(sounds[0], rest[:, 0]) > 8
    assert (out / "separation.png").read_bytes().startswith(b"\x89PNG")
    assert json.loads((out / "separation.json").read_text())["steered_by"] == "EEG"


def test_a_full_disk_is_one_line(
    listener, tmp_path, monkeypatch, full_disk, few_components, undrawn, capsys
):
    folder, _ = listener
    guide = ["--guide", folder / "guide.npy", "--out", tmp_path / "out"]
    assert separate(folder, *guide) == 2
    assert "No space left on device: make room" in capsys.readouterr().err.splitlines()[-1]
    assert not list((tmp_path / "out").iterdir())

    def full(*arguments, **settings):
        raise soundfile.LibsndfileError(2, "System error: ")

    monkeypatch.setattr(soundfile.SoundFile, "write", full)
    assert separate(folder, *guide) == 2
    assert "attended.wav cannot be written: System error" in capsys.readouterr().err


def test_the_eeg_is_that_of_the_mixture(listener, tmp_path, few_components, undrawn, capsys):
    folder, _ = listener
    eeg = ["--eeg", folder / "mixture_raw.fif", "--model", folder / "quick", "--out", tmp_path]
    assert separate(folder, *eeg, "--start", 2.0, "--json") == 0
    shifted = json.loads(capsys.readouterr().out)
    assert separate(folder, *eeg, "--start", START, "--json") == 0
    right = json.loads(capsys.readouterr().out)
    assert right["confidence"] > 0.9 > shifted["confidence"]


@pytest.mark.parametrize("rate", [[], ["--guide-sfreq", SFREQ]])
def test_a_guide_instead_of_eeg(listener, tmp_path, few_components, undrawn, capsys, rate):
    folder, sounds = listener
    guide = ["--guide", folder / "guide.npy", *rate]
    assert separate(folder, *guide, "--out", tmp_path, "--json") == 0
    answer = json.loads(capsys.readouterr().out)
    assert answer["steered_by"] == "guide"
    assert answer["attended"] == str(tmp_path / "attended.wav")
    assert answer["figure"] == str(tmp_path / "separation.png")
    written = json.loads((tmp_path / "separation.json").read_text())
    assert {key: answer[key] for key in written} == written
    assert si_sdr(sounds[1], soundfile.read(answer["attended"])[0][:, 0]) > 8


def test_a_sound_may_be_the_guide(listener, tmp_path, few_components, undrawn, capsys):
    folder, sounds = listener
    soundfile.write(tmp_path / "close.wav", 0.1 * sounds[1], AUDIO_SFREQ, "FLOAT")
    assert separate(folder, "--guide", tmp_path / "close.wav", "--out", tmp_path) == 0
    assert capsys.readouterr().out.startswith("Guide: 2560 values at 64 Hz.\n")
    assert si_sdr(sounds[1], soundfile.read(tmp_path / "attended.wav")[0][:, 0]) > 8


def test_stems_are_the_parts(listener, tmp_path, undrawn, capsys):
    folder, sounds = listener
    for name, sound in zip("ab", sounds, strict=True):
        soundfile.write(tmp_path / f"{name}.wav", 0.5 * sound, AUDIO_SFREQ, "FLOAT")
    stems = ["--stems", tmp_path / "a.wav", tmp_path / "b.wav", "--subtype", "PCM_24"]
    eeg = ["--eeg", folder / "mixture_raw.fif", "--model", folder / "quick", "--start", START]
    assert separate(folder, *eeg, *stems, "--scale-peaks", "--out", tmp_path, "--json") == 0
    answer = json.loads(capsys.readouterr().out)
    assert answer["chosen"] == [1]
    assert answer["parts"] == ["a.wav", "b.wav"]
    assert answer["input"].endswith("mixture.wav")
    assert answer["confidence"] > 0.9
    assert answer["subtype"] == "PCM_24"
    assert si_sdr(sounds[1], soundfile.read(answer["attended"])[0][:, 0]) > 20


BAD = {
    "one stem": (["{mix}", "--guide", "{guide}", "--stems", "{mix}"], "2 to 8 sounds, got 1"),
    "no stem": (["{mix}", "--guide", "{guide}", "--stems", "{mix}", "{none}"], "does not exist"),
    "stems and components": (
        ["{mix}", "--guide", "{guide}", "--stems", "{mix}", "{mix}", "--components", "4"],
        "--components is of no use with --stems",
    ),
    "equal stems": (
        ["{mix}", "--guide", "{guide}", "--stems", "{mix}", "{mix}"],
        "all parts are the same sound",
    ),
    "no mixture": (["{none}", "--guide", "{guide}"], "missing does not exist"),
    "no guide file": (["{mix}", "--guide", "{none}"], "missing does not exist"),
    "no recording": (["{mix}", "--eeg", "{none}", "--model", "{quick}"], "missing does not exist"),
    "no model file": (["{mix}", "--eeg", "{raw}", "--model", "{none}"], "missing does not exist"),
    "no model": (["{mix}", "--eeg", "{raw}"], "--eeg needs --model"),
    "model for a guide": (
        ["{mix}", "--guide", "{guide}", "--model", "{quick}", "--start", "1"],
        "--model, --start: of no use with --guide",
    ),
    "guide rate for EEG": (
        ["{mix}", "--eeg", "{raw}", "--model", "{quick}", "--guide-sfreq", "64"],
        "--guide-sfreq: of no use with --eeg",
    ),
    "array without rate": (
        ["{mix}", "--eeg", "{guide}", "--model", "{quick}"],
        "--eeg-sfreq is for .npy files",
    ),
    "not a model": (["{mix}", "--eeg", "{raw}", "--model", "{mix}"], "is not a model file"),
    "no reconstruction": (
        ["{mix}", "--eeg", "{raw}", "--model", "{cca}"],
        "a CCADecoder, which does not reconstruct",
    ),
    "too little EEG": (
        ["{mix}", "--eeg", "{raw}", "--model", "{quick}", "--start", "20"],
        "lengths differ by more than 0.5 s",
    ),
    "not audio": (["{guide}", "--guide", "{guide}"], "cannot be read"),
    "not a guide": (["{mix}", "--guide", "{raw}"], "cannot be read"),
    "guide ends early": (
        ["{mix}", "--guide", "{short}"],
        "has 2500 values for 40 s, 62.5 a second: it must reach from the start to the end",
    ),
    "short sound as guide": (
        ["{mix}", "--guide", "{brief}"],
        "--guide lasts 2 s, the mixture 40 s",
    ),
    "rate of a sound": (
        ["{mix}", "--guide", "{mix}", "--guide-sfreq", "64"],
        "--guide-sfreq is of no use with a sound file",
    ),
    "transposed guide": (["{mix}", "--guide", "{turned}"], "less than a value a second"),
    "wrong rate": (
        ["{mix}", "--guide", "{guide}", "--guide-sfreq", "100"],
        "guide lasts 51.2 s",
    ),
    "output": (["{mix}", "--guide", "{guide}", "--out", "{mix}"], "is a file: name a folder"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_input_is_one_clear_line(listener, tmp_path, capsys, case):
    folder, _ = listener
    np.save(tmp_path / "turned.npy", np.load(folder / "guide.npy")[None])
    np.save(tmp_path / "short.npy", np.load(folder / "guide.npy")[:2500])
    soundfile.write(tmp_path / "brief.wav", np.ones(2 * AUDIO_SFREQ), AUDIO_SFREQ)
    files = {
        "short": tmp_path / "short.npy",
        "brief": tmp_path / "brief.wav",
        "none": tmp_path / "missing",
        "mix": folder / "mixture.wav",
        "raw": folder / "mixture_raw.fif",
        "guide": folder / "guide.npy",
        "turned": tmp_path / "turned.npy",
        "quick": folder / "quick",
        "cca": folder / "cca",
    }
    arguments, message = BAD[case]
    out = [] if "--out" in arguments else ["--out", str(tmp_path / "out")]
    assert main(["separate", *(a.format(**files) for a in arguments), *out]) == 2
    error = capsys.readouterr().err
    assert error.startswith("cocktailparty: error: ")
    assert error.count("\n") == 1
    assert message in error
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("extra", [[], ["--eeg", "x.fif", "--guide", "g.npy"]])
def test_either_eeg_or_a_guide_is_needed(extra, capsys):
    with pytest.raises(SystemExit) as stop:
        main(["separate", "mixture.wav", *extra])
    assert stop.value.code == 2
    assert "--eeg" in capsys.readouterr().err


def test_a_mixture_alone_can_be_prepared_but_not_decoded(listener):
    from cocktailparty.recordings.trials import read_eeg

    folder, _ = listener
    model = TrainedModel.load(folder / "quick")
    trial = model.trial(read_eeg(folder / "mixture_raw.fif"), [folder / "mixture.wav"], START)
    assert trial.n_stimuli == 1
    with pytest.raises(ValueError, match="two or more sounds, got 1"):
        model.decode(trial)
