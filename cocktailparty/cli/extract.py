"""``cocktailparty extract``: one talker from a mixture, by a sound of the voice or by name."""

import argparse
from pathlib import Path
from typing import Any

from cocktailparty.cli.arguments import Commands, print_json


def add_parser(commands: Commands) -> None:
    """Add the parser of the command."""
    parser = commands.add_parser(
        "extract",
        help="extract one talker from a mixture, by a sound of the voice or by name",
        description="Select one talker from a mixture, with a model of `cocktailparty "
        "train-extractor`, and write what was said as a WAV file.",
    )
    parser.set_defaults(run=run, interrupted="interrupted; nothing was written")
    add = parser.add_argument
    add("mixture", type=Path, metavar="MIXTURE", help="sound file: wav, flac, ...")
    add("--model", type=Path, required=True, metavar="FILE", help="extractor.safetensors")
    whom = parser.add_mutually_exclusive_group(required=True)
    whom.add_argument("--voice", type=Path, metavar="FILE", help="some seconds of clean speech of "
                      "the talker")  # fmt: skip
    whom.add_argument("--speaker", metavar="NAME", help="talker that the model knows")
    add("--out", type=Path, default=Path("extracted.wav"), metavar="FILE",
        help="default: %(default)s")  # fmt: skip
    add("--json", action="store_true", help="print the outcome for machines")


def run(options: argparse.Namespace) -> None:
    """Extract a talker.

    Raises
    ------
    ValueError
        If the output is no .wav, or the model selects no talkers.
    """
    import soundfile

    from cocktailparty.files import replacing

    if options.out.suffix != ".wav":
        raise ValueError(f"--out {options.out} must end in .wav")
    model = _model(options.model)
    cue = options.voice if options.speaker is None else options.speaker
    waveform = model.predict([options.mixture], cue=[cue])[0]
    presence = float(model.predict_presence([options.mixture], cue=[cue])[0])
    with replacing(options.out) as temporary:
        # Floating point: what is selected from a loud mixture may exceed full scale.
        soundfile.write(temporary, waveform, int(model.sfreq), subtype="FLOAT")
    result = {
        "file": str(options.out), "cue": str(cue), "presence": presence, "sfreq": model.sfreq,
        "duration": len(waveform) / model.sfreq,
    }  # fmt: skip
    if options.json:
        print_json(result)
        return
    print(
        f"{options.out}: {result['duration']:.1f} s of {cue}, who is in the mixture with a "
        f"probability of {presence:.2f}"
    )
    if presence < 0.5:
        print("That is little: the network heard hardly anything of this voice.")


def _model(path: Path) -> Any:
    from cocktailparty.decoding.saving import load_model

    model = load_model(path)
    if not hasattr(model, "enroll"):
        raise ValueError(f"{path} holds a {type(model).__name__}, which selects no talkers")
    return model
