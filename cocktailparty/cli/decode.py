"""``cocktailparty decode``: which sound was attended in a recording, over time."""

import argparse
import json
import warnings
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cocktailparty.catalogue import find_decoder
from cocktailparty.cli.arguments import (
    Band,
    Commands,
    add_band,
    add_drop_flat,
    add_envelope,
    add_figures,
    add_lags,
    add_on_bad,
    add_output,
    load_trials,
    print_json,
)
from cocktailparty.cli.channels import Channels, add_events, add_picks
from cocktailparty.cli.data import with_lags
from cocktailparty.cli.recording import check_files, read_recording, start_of_sounds

if TYPE_CHECKING:
    from cocktailparty.decoding.trained import TrainedModel

# Arguments that only matter when a model is trained, and their defaults.
TRAINING: dict[str, Any] = {
    "corpus": None,
    "decoder": "ridge",
    "subject": None,
    "cv": None,
    "save_model": None,
    "drop_flat": False,
    "picks": None,
    "reference": None,
    "bads": None,
    "envelope": None,
    "montage": None,
    "tmin": None,
    "tmax": None,
    "sfreq": 64.0,
    "l_freq": 1.0,
    "h_freq": 9.0,
    "causal": False,
}


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

    training = parser.add_argument_group("training, with --train")
    add = training.add_argument
    add("--corpus", metavar="NAME", help="what the folders hold, if it is not recognised")
    add("--decoder", metavar="NAME",
        help="a name of `cocktailparty decoders`, or module:function; default: ridge")  # fmt: skip
    add("--subject", metavar="NAME", help="train on this listener alone; default: all")
    add("--cv", choices=("trial", "story", "subject"), help="what is left out to learn how sure "
        "the decoder may be; default: what suits the corpus, and subject for several "
        "listeners")  # fmt: skip
    add("--save-model", type=Path, metavar="FILE", help="save the model for --model")
    add_drop_flat(training)
    add_picks(training)
    add_band(training)
    add_envelope(training)
    add_lags(training)
    add("--montage", metavar="NAME", help="where the electrodes are: a montage of MNE or a file of "
        "positions; default: as recorded, or by names")  # fmt: skip
    # To tell arguments that were given from those that were not.
    parser.set_defaults(**dict.fromkeys(TRAINING))


def run(options: argparse.Namespace) -> None:
    """Decode a recording, and write and print the decisions."""
    from matplotlib.figure import Figure

    from cocktailparty.decoding.trained import MIN_SHIFT
    from cocktailparty.evaluation.comparing import SharedStimulusWarning
    from cocktailparty.files import replacing, write_csv
    from cocktailparty.plots.decisions import follows_text, plot_decisions
    from cocktailparty.plots.style import save_figure
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
        model = _trained(options, notes)
        if options.save_model is not None:
            model.save(options.save_model)
    else:
        model = TrainedModel.load(options.model)
    if options.dwell is not None:
        model.tracker.set_params(dwell=options.dwell)
    return model


def _trained(options: argparse.Namespace, notes: list[str]) -> "TrainedModel":
    """Train on the trials of folders; what a user should know of it is added to the notes."""
    from cocktailparty import datasets
    from cocktailparty.decoding.tracker import AttentionTracker
    from cocktailparty.decoding.trained import ENVELOPE, train_model
    from cocktailparty.electrodes.montages import with_montage

    band = Band.of(options)
    decoder = find_decoder(options.decoder)(band.sfreq)
    decoder = with_lags({options.decoder: decoder}, options.tmin, options.tmax)[options.decoder]
    corpora = [datasets.detect(folder, options.corpus) for folder in options.train]
    if len({corpus.continuous for corpus in corpora}) > 1:
        raise ValueError(
            f"--train folders hold {[corpus.key for corpus in corpora]}, whose EEG and sounds are "
            "prepared in different ways: train on one of them"
        )
    # Events of recordings whose onsets are stated are those of the one that is decoded alone.
    chosen = Channels.of(options)
    if corpora[0].key != "table":
        chosen = replace(chosen, events=None)
    channels = chosen.loading(corpora[0])
    trials = [
        trial
        for folder, corpus in zip(options.train, corpora, strict=True)
        for trial in load_trials(
            folder, corpus, band, options.on_bad, options.drop_flat, channels, options.envelope
        )
    ]
    if options.montage is not None:
        trials = with_montage(trials, options.montage)
    subjects = list(dict.fromkeys(trial.subject for trial in trials))
    if options.subject is not None:
        if options.subject not in subjects:
            raise ValueError(f"--subject {options.subject!r} is none of {subjects}")
        subjects = [options.subject]
        trials = [trial for trial in trials if trial.subject == options.subject]
    cv = options.cv or ("subject" if len(subjects) > 1 else corpora[0].default_cv)
    continuous = corpora[0].continuous
    model = train_model(
        AttentionTracker(decoder, cv=cv),
        trials,
        l_freq=band.l_freq,
        h_freq=band.h_freq,
        phase=band.phase,
        reference=channels.get("reference", "average" if continuous else None),
        envelope={**ENVELOPE, **({"method": options.envelope} if options.envelope else {})},
        allow_shared_stimuli=options.allow_shared_stimuli,
    )
    minutes = sum(trial.duration for trial in trials) / 60
    notes.append(
        f"Trained on {len(trials)} trials of {len(subjects)} listener(s), {minutes:.1f} min. The "
        f"confidence was learnt from {model.n_windows} windows of {model.tracker.window:g} s that "
        f"were left out (by {cv})."
    )
    if model.interval()[0] <= 0:
        notes.append(
            "Over these windows, the decoder is not reliably better than guessing: the bands of "
            "the figure reach to where nothing is known. More training data would help."
        )
    if not continuous:
        notes.append(
            f"{corpora[0].title}: EEG and envelopes of this corpus were prepared by its authors. "
            "What is decoded must have the same EEG reference, and its envelopes are computed "
            "from the audio in a way that may differ."
        )
    return model
