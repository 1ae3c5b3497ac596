"""Training of a model on the trials of folders, for the commands `train` and `decode`."""

import argparse
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cocktailparty.catalogue import find_decoder
from cocktailparty.cli.arguments import (
    Band,
    add_band,
    add_drop_flat,
    add_envelope,
    add_lags,
    load_trials,
)
from cocktailparty.cli.channels import Channels, add_picks
from cocktailparty.cli.data import with_lags

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


def add_training(parser: Any) -> None:
    """Add the arguments that say what is trained, and how its trials are prepared."""
    add = parser.add_argument
    add("--corpus", metavar="NAME", help="what the folders hold, if it is not recognised")
    add("--decoder", metavar="NAME",
        help="a name of `cocktailparty decoders`, or module:function; default: ridge")  # fmt: skip
    add("--subject", metavar="NAME", help="train on this listener alone; default: all")
    add("--cv", choices=("trial", "story", "subject"), help="what is left out to learn how sure "
        "the decoder may be; default: what suits the corpus, and subject for several "
        "listeners")  # fmt: skip
    add_drop_flat(parser)
    add_picks(parser)
    add_band(parser)
    add_envelope(parser)
    add_lags(parser)
    add("--montage", metavar="NAME", help="where the electrodes are: a montage of MNE or a file of "
        "positions; default: as recorded, or by names")  # fmt: skip


def trained(
    options: argparse.Namespace, folders: Sequence[Path], notes: list[str]
) -> "TrainedModel":
    """Train on the trials of folders; what a user should know of it is added to the notes."""
    from cocktailparty import datasets
    from cocktailparty.decoding.tracker import AttentionTracker
    from cocktailparty.decoding.trained import ENVELOPE, train_model
    from cocktailparty.electrodes.montages import with_montage

    band = Band.of(options)
    decoder = find_decoder(options.decoder)(band.sfreq)
    decoder = with_lags({options.decoder: decoder}, options.tmin, options.tmax)[options.decoder]
    corpora = [datasets.detect(folder, options.corpus) for folder in folders]
    if len({corpus.continuous for corpus in corpora}) > 1:
        raise ValueError(
            f"the folders to train on hold {[corpus.key for corpus in corpora]}, whose EEG and "
            "sounds are prepared in different ways: train on one of them"
        )
    # Events of recordings whose onsets are stated are those of the one that is decoded alone.
    chosen = Channels.of(options)
    if corpora[0].key != "table":
        chosen = replace(chosen, events=None)
    channels = chosen.loading(corpora[0])
    trials = [
        trial
        for folder, corpus in zip(folders, corpora, strict=True)
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
    if any(t.provenance.get("features") == "as stored in the files" for t in trials):
        notes.append(
            "Trained on features that were computed elsewhere: what is decoded gets an envelope of "
            "this library, which may differ. Train on the sounds if they are there."
        )
    if not continuous:
        notes.append(
            f"{corpora[0].title}: EEG and envelopes of this corpus were prepared by its authors. "
            "What is decoded must have the same EEG reference, and its envelopes are computed "
            "from the audio in a way that may differ."
        )
    return model
