"""``cocktailparty decode``: which sound was attended in a recording, over time."""

import argparse
import json
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cocktailparty.cli.arguments import (
    Commands,
    add_figures,
    add_on_bad,
    add_output,
    add_title,
    print_json,
)
from cocktailparty.cli.channels import add_events
from cocktailparty.cli.recording import check_files, read_recording, start_of_sounds
from cocktailparty.cli.training import TRAINING, add_training, trained

if TYPE_CHECKING:
    from cocktailparty.decoding.trained import TrainedModel


def add_parser(commands: Commands) -> None:
    """Add the parser of the command."""
    parser = commands.add_parser(
        "decode",
        help="decode which sound was attended in a recording, over time",
        description="Decode which of several sounds was attended in an EEG recording, with a "
        "model that was saved before or is trained on labelled trials. Writes decisions.csv and "
        "decisions.png.",
    )
    parser.set_defaults(run=run, interrupted="interrupted")
    add = parser.add_argument
    add("--eeg", type=Path, required=True, metavar="FILE", help="recording of any format that "
        "MNE-Python reads, XDF, or .npy of shape (n_times, n_channels)")  # fmt: skip
    add("--eeg-sfreq", type=float, metavar="HZ", help="sampling rate of a .npy file")
    add("--audio", type=Path, nargs="+", required=True, metavar="FILE",
        help="the competing sounds, two or more: wav, flac, ...")  # fmt: skip
    add("--start", type=float, metavar="SECONDS", help="moment of the recording at which the "
        "sounds start; default: that of --events, or 0")  # fmt: skip
    add_events(parser)
    add("--duration", type=float, metavar="SECONDS", help="how long to decode; default: the length "
        "of the sounds")  # fmt: skip
    model = parser.add_mutually_exclusive_group(required=True)
    model.add_argument("--model", type=Path, metavar="FILE", help="saved by --save-model")
    model.add_argument("--train", type=Path, nargs="+", metavar="FOLDER", help="train on the "
                       "labelled trials of folders, as `compare --data` reads them")  # fmt: skip
    add("--window", type=float, default=5.0, metavar="SECONDS",
        help="decision windows; default: 5")  # fmt: skip
    add("--hop", type=float, metavar="SECONDS",
        help="between window starts; default: the window")  # fmt: skip
    add("--dwell", type=float, metavar="SECONDS", help="mean time between switches of attention "
        "that the confidence assumes; default: that of the model, 60 if it is trained")  # fmt: skip
    add("--allow-shared-stimuli", action="store_true", help="warn instead of refusing when a "
        "sound also plays in the training trials")  # fmt: skip
    add_on_bad(parser)
    add_output(parser, "cocktailparty-decoded")
    add_figures(parser)
    add_title(parser, "figure; default: none")

    training = parser.add_argument_group("training, with --train")
    add_training(training)
    training.add_argument(
        "--save-model", type=Path, metavar="FILE", help="save the model for --model"
    )
    # To tell arguments that were given from those that were not.
    parser.set_defaults(**dict.fromkeys(TRAINING))


def run(options: argparse.Namespace) -> None:
    """Decode a recording, and write and print the decisions."""
    from matplotlib.figure import Figure

    from cocktailparty.decoding.trained import MIN_SHIFT
    from cocktailparty.evaluation.comparing import SharedStimulusWarning
    from cocktailparty.files import replacing, write_csv
    from cocktailparty.plots.decisions import follows_text, plot_decisions
    from cocktailparty.plots.style import plain, save_figure
    from cocktailparty.suspicions import RecordingWarning

    _check(options)
    start = start_of_sounds(options)
    notes: list[str] = []
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", SharedStimulusWarning)
        warnings.simplefilter("always", RecordingWarning)
        model = _model(options, notes)
        raw = read_recording(options, model)
        trial = model.trial(raw, options.audio, start, options.duration, on_bad=options.on_bad)
        table = model.decode(
            trial,
            options.window,
            options.hop,
            start=start,
            allow_shared_stimuli=options.allow_shared_stimuli,
        )
    notes += _noted(caught)
    follows = None
    if trial.duration >= 2 * MIN_SHIFT:
        follows = model.follows(trial)
    else:
        notes.append(
            f"{trial.duration:g} s are too short to test whether the EEG follows any sound at all."
        )
    sounds = [str(sound) for sound in options.audio]
    figure = Figure(figsize=(9.0, 5.2), layout="constrained")
    names = [sound.name for sound in options.audio]
    plot_decisions(table, names, figure, "" if follows is None else follows_text(follows))
    options.out.mkdir(parents=True, exist_ok=True)
    files = {"table": options.out / "decisions.csv", "figure": options.out / "decisions.png"}
    with replacing(files["table"]) as temporary:
        write_csv(table, temporary)
    if options.title:
        figure.suptitle(plain(options.title))
    save_figure(figure, files["figure"], options.figures)
    if options.json:
        _print_json(files, sounds, table, follows, notes)
        return
    for line in _described(sounds, table, follows):
        print(line)
    print("\n".join([*notes, *(f"{name.title()}: {file}" for name, file in files.items())]))


def _print_json(
    files: dict[str, Path], sounds: list[str], table: Any, follows: Any, notes: list[str]
) -> None:
    decisions = json.loads(table.to_json(orient="records", double_precision=15))
    follows_row = None
    if follows is not None:
        follows_row = {
            "score": follows.observed,
            "highest_shifted": float(follows.null.max()),
            "n_shifts": len(follows.null),
            "p": follows.p_value,
        }
    print_json(
        {
            **{name: str(file) for name, file in files.items()},
            "sounds": sounds,
            "decisions": decisions,
            "follows": follows_row,
            "notes": notes,
        }
    )


def _described(sounds: list[str], table: Any, follows: Any) -> Iterator[str]:
    """Yield lines that tell how often each sound was chosen, and whether any is followed."""
    from cocktailparty.plots.decisions import follows_text

    for k, sound in enumerate(sounds):
        chosen = table["chosen"] == k
        sure = f", mean confidence {table['confidence'][chosen].mean():.2f}" if any(chosen) else ""
        yield f"{sound}: chosen in {chosen.sum()} of {len(table)} windows{sure}"
    none = float(table["follows_none"].iloc[-1])
    if none == none:  # models of former versions do not know
        yield f"none of them followed more than the others: probability {none:.2f}"
    if follows is not None:
        yield follows_text(follows)


def _noted(caught: list[warnings.WarningMessage]) -> list[str]:
    """Warnings about shared sounds and the EEG as notes; others are passed on unchanged."""
    from cocktailparty.evaluation.comparing import SharedStimulusWarning
    from cocktailparty.suspicions import RecordingWarning

    of_interest = SharedStimulusWarning, RecordingWarning
    noted = [w for w in caught if issubclass(w.category, of_interest)]
    for other in caught:
        if other not in noted:
            warnings.warn_explicit(other.message, other.category, other.filename, other.lineno)
    return list(dict.fromkeys(str(warning.message) for warning in noted))


def _check(options: argparse.Namespace) -> None:
    """Check the arguments before anything is read, and fill in the defaults."""
    given = [name for name in TRAINING if getattr(options, name) is not None]
    if options.model is not None and given:
        listed = ", ".join(f"--{name.replace('_', '-')}" for name in given)
        raise ValueError(f"{listed}: only with --train; a model is used as it was trained")
    for name in set(TRAINING) - set(given):
        setattr(options, name, TRAINING[name])
    if len(options.audio) < 2:
        raise ValueError(f"--audio takes two or more sounds, got {len(options.audio)}")
    check_files(options, options.audio)


def _model(options: argparse.Namespace, notes: list[str]) -> "TrainedModel":
    from cocktailparty.decoding.trained import TrainedModel

    if options.model is None:
        model = trained(options, options.train, notes)
        if options.save_model is not None:
            model.save(options.save_model)
    else:
        model = TrainedModel.load(options.model)
    if options.dwell is not None:
        model.tracker.set_params(dwell=options.dwell)
    return model
