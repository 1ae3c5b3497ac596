"""``cocktailparty separate``: the attended sound of a mixture."""

import argparse
from pathlib import Path
from typing import Any

from cocktailparty.cli.arguments import Commands, add_on_bad, add_output, print_json
from cocktailparty.cli.recording import check_files, read_array, read_recording

# Rate in hertz of the envelope of a sound that guides.
_GUIDE_RATE = 64.0
# Files that separate_and_report writes.
FILES = ("attended.wav", "rest.wav", "separation.png", "separation.json")


def add_parser(commands: Commands) -> None:
    """Add the parser of the command."""
    parser = commands.add_parser(
        "separate",
        help="separate the attended sound from a mixture, steered by EEG",
        description="Split a mixture into the attended sound and the rest, steered by EEG or by "
        "anything else that tells how loud the attended sound is over time. Writes attended.wav, "
        "rest.wav, separation.png and separation.json, which says what was chosen and how surely. "
        "EEG tells little in seconds: give it minutes.",
    )
    parser.set_defaults(run=run, interrupted="interrupted")
    add = parser.add_argument
    add("mixture", type=Path, metavar="MIXTURE", help="what was played: wav, flac, ...")
    steer = parser.add_mutually_exclusive_group(required=True)
    steer.add_argument("--eeg", type=Path, metavar="FILE", help="recording of any format that "
                       "MNE-Python reads, or .npy of shape (n_times, n_channels)")  # fmt: skip
    steer.add_argument("--guide", type=Path, metavar="FILE", help="how loud the attended sound "
                       "is, from the start to the end of the mixture: .npy of shape (n_times,) or "
                       "(n_times, n_features), or a sound file for its envelope")  # fmt: skip
    add("--model", type=Path, metavar="FILE", help="with --eeg: saved by `cocktailparty decode "
        "--save-model`")  # fmt: skip
    add("--eeg-sfreq", type=float, metavar="HZ", help="sampling rate of --eeg, if it is .npy")
    add("--start", type=float, metavar="SECONDS", help="moment of the recording at which the "
        "mixture starts; default: 0")  # fmt: skip
    add("--guide-sfreq", type=float, metavar="HZ", help="sampling rate of --guide, if it is .npy; "
        "default: its length over that of the mixture, if that is a whole number")  # fmt: skip
    add("--stems", type=Path, nargs="+", metavar="FILE", help="2 to 8 parts of the mixture, of "
        "which one is attended, such as stems or the output of another separator; they need not "
        "add up to it; default: components are found")  # fmt: skip
    add("--components", type=int, metavar="N", help="number of components to find, 2 to 18; "
        "default: 16")  # fmt: skip
    add("--lag", type=float, metavar="SECONDS", help="how late the EEG or guide is; default: "
        "searched from -0.2 to 0.5 with --stems, else 0")  # fmt: skip
    add("--subtype", choices=("FLOAT", "PCM_16", "PCM_24"), default="FLOAT", help="samples of the "
        "files written; default: FLOAT")  # fmt: skip
    add("--scale-peaks", action="store_true", help="divide both sounds by the larger peak, if it "
        "is above full scale")  # fmt: skip
    add_on_bad(parser)
    add_output(parser, "cocktailparty-separated")


def run(options: argparse.Namespace) -> None:
    """Separate a mixture; write and print what was chosen."""
    from cnmf.separation_report import separate_and_report
    from cocktailparty.recordings.audio.reading import read_audio

    _check(options)
    audio, audio_sfreq = read_audio(options.mixture, mono=False)
    audio = audio[:, 0] if audio.shape[1] == 1 else audio
    separator, steering = _steering(options, audio, audio_sfreq)
    if options.stems is not None:
        steering["parts"] = [_stem(path) for path in options.stems]
        steering["names"] = [path.name for path in options.stems]
    record = separate_and_report(
        separator, audio, audio_sfreq, options.out, **steering, source=str(options.mixture),
        subtype=options.subtype, scale_peaks=options.scale_peaks,
    )  # fmt: skip
    files = {Path(name).stem: str(options.out / name) for name in FILES[:2]}
    files |= {"figure": str(options.out / FILES[2]), "record": str(options.out / FILES[3])}
    if options.json:
        print_json({**files, **record})
        return
    if options.guide is not None:
        print(f"Guide: {len(steering['guide'])} values at {steering['sfreq']:g} Hz.")
    print("\n".join([record["why"], *record["notes"]]))
    print(
        f"Confidence {record['confidence']:.2f} that the {record['steered_by']} follows any part; "
        f"{100 * record['share_of_power']:.0f} % of the power went to the attended part."
    )
    print("\n".join(f"{name.title()}: {file}" for name, file in files.items()))


def _check(options: argparse.Namespace) -> None:
    """Check the arguments before anything is read."""
    if options.eeg is not None and options.model is None:
        raise ValueError(
            "--eeg needs --model, which reconstructs from it what was attended: `cocktailparty "
            "decode --train ... --save-model FILE` makes one"
        )
    by, others = (
        ("--eeg", ("guide_sfreq",))
        if options.eeg is not None
        else ("--guide", ("model", "eeg_sfreq", "start"))
    )
    useless = [
        f"--{name.replace('_', '-')}" for name in others if getattr(options, name) is not None
    ]
    if useless:
        raise ValueError(f"{', '.join(useless)}: of no use with {by}")
    if options.stems is not None and options.components is not None:
        raise ValueError(
            "--components is of no use with --stems: the stems are the parts, none are found"
        )
    stems = options.stems or ()
    check_files(options, (options.mixture, options.guide, options.model, *stems))


def _guide(options: argparse.Namespace, duration: float) -> dict[str, Any]:
    """Guide and its rate, for a mixture of `duration` seconds."""
    if options.guide.suffix != ".npy":
        return _envelope(options, duration)
    guide, sfreq = read_array(options.guide), options.guide_sfreq
    if sfreq is None and (guide.ndim == 0 or len(guide) < duration):
        raise ValueError(
            f"--guide has shape {guide.shape}, less than a value a second for {duration:g} s: "
            "it must be (n_times,) or (n_times, n_features); give --guide-sfreq if it is"
        )
    if sfreq is None:
        sfreq = round(len(guide) / duration)
        if abs(len(guide) - sfreq * duration) > 1:
            raise ValueError(
                f"--guide has {len(guide)} values for {duration:g} s, {len(guide) / duration:g} a "
                "second: it must reach from the start to the end of the mixture; give "
                "--guide-sfreq if its rate is no whole number of hertz"
            )
    return {"guide": guide, "sfreq": float(sfreq)}


def _envelope(options: argparse.Namespace, duration: float) -> dict[str, Any]:
    """Envelope of a sound that guides."""
    from cocktailparty.features import speech_envelope
    from cocktailparty.recordings.audio.reading import read_audio
    from cocktailparty.recordings.trial_requests import TOLERANCE

    if options.guide_sfreq is not None:
        raise ValueError(f"--guide-sfreq is of no use with a sound file, {options.guide}")
    sound, rate = read_audio(options.guide)
    if abs(len(sound) / rate - duration) > TOLERANCE:
        raise ValueError(
            f"--guide lasts {len(sound) / rate:g} s, the mixture {duration:g} s: both must start "
            "and end together"
        )
    return {"guide": speech_envelope(sound, rate, _GUIDE_RATE), "sfreq": _GUIDE_RATE}


def _stem(path: Path) -> tuple[Any, float]:
    from cocktailparty.recordings.audio.reading import read_audio

    audio, rate = read_audio(path, mono=False)
    return (audio[:, 0] if audio.shape[1] == 1 else audio), rate


def _steering(
    options: argparse.Namespace, audio: Any, audio_sfreq: float
) -> tuple[Any, dict[str, Any]]:
    """Separator, and arguments that steer it."""
    from cnmf.steering import NeuroSteeredSeparator

    settings = {} if options.components is None else {"n_components": options.components}
    # The same files give the same result.
    separator = NeuroSteeredSeparator(random_state=0, lag=options.lag, **settings)
    if options.guide is not None:
        return separator, _guide(options, len(audio) / audio_sfreq)

    from cocktailparty.decoding.trained import TrainedModel

    model = TrainedModel.load(options.model)
    decoder = model.tracker.decoder_
    if not hasattr(decoder, "reconstruct"):
        raise ValueError(
            f"--model holds a {type(decoder).__name__}, which does not reconstruct a sound from "
            "EEG: train one that does, such as ridge"
        )
    raw = read_recording(options, model)
    mono = audio if audio.ndim == 1 else audio.mean(axis=1)
    trial = model.trial(raw, [(mono, audio_sfreq)], options.start or 0.0, on_bad=options.on_bad)
    separator.decoder_ = decoder  # it is trained already
    return separator, {"eeg": trial.eeg, "sfreq": model.sfreq}
