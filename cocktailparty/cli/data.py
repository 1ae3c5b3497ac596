"""Trials that a command decodes, of a corpus or simulated, and the split that suits them."""

import argparse
import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from cocktailparty.cli.arguments import Band, load_trials
from cocktailparty.cli.channels import Channels
from cocktailparty.trial import Trial

if TYPE_CHECKING:
    from cocktailparty.model_selection import Split


def load_or_simulate(options: argparse.Namespace, band: Band) -> tuple[list[Trial], str, list[str]]:
    """Load preprocessed trials of a folder, or simulate some where none is given.

    Returns the trials, the name of the split that suits them, and sentences on what they are.
    """
    from cocktailparty import datasets
    from cocktailparty.preprocessing import preprocess

    if options.data is None:
        if options.envelope is not None:
            raise ValueError("--envelope is for sounds: give --data")
        if Channels.of(options) != Channels():
            raise ValueError(
                "--picks, --reference, --bads and --events are for recordings: give --data"
            )
        trials = datasets.simulate_two_talkers(
            n_subjects=3, n_trials=9, n_stories=3, n_channels=16, random_state=options.seed
        ).trials
        text = [
            f"Simulated listeners (seed {options.seed}): the EEG is a known response to two "
            "artificial envelopes in coloured noise. It shows that the software works and says "
            "nothing about a brain."
        ]
        return preprocess(trials, **vars(band)), "story", text
    corpus = datasets.detect(options.data, options.corpus)
    channels = Channels.of(options).loading(corpus)
    trials = load_trials(
        options.data, corpus, band, options.on_bad, options.drop_flat, channels, options.envelope
    )
    text = [f"{corpus.title}, from {options.data.resolve().name}.", corpus.description]
    # A corpus that was loaded holds EEG, and such a corpus has a split that suits it.
    return trials, corpus.default_cv or "trial", text


def with_lags(
    decoders: Mapping[str, Any], tmin: float | None, tmax: float | None
) -> dict[str, Any]:
    """Give decoders, by name, other first and last lags in seconds; None leaves theirs.

    A decoder without such lags, or lags that are none, are a ValueError.
    """
    from sklearn.base import clone

    wanted = {key: value for key, value in (("tmin", tmin), ("tmax", tmax)) if value is not None}
    changed = dict(decoders)
    for name, decoder in decoders.items():
        parameters = decoder.get_params(deep=True)
        for key, value in wanted.items():
            at = [path for path in parameters if path.rpartition("__")[2] == key]
            if not at:
                raise ValueError(f"--{key}: decoder {name!r} has no parameter of that name")
            changed[name] = clone(changed[name]).set_params(**dict.fromkeys(at, value))
        ends = changed[name].get_params(deep=True)
        for path in (path for path in ends if path.rpartition("__")[2] == "tmin" and wanted):
            first, last = ends[path], ends.get(path[:-4] + "tmax")
            if last is not None and not first < last:
                raise ValueError(
                    f"lags of {name!r} from {first:g} to {last:g} s: --tmin must be below --tmax"
                )
    return changed


def safe_gap(band: Band, decoders: Mapping[str, Any]) -> float:
    """Add up the reach of lags and filter on both sides: seconds, up to the next tenth."""
    from cocktailparty.model_selection.gaps import lag_reach
    from cocktailparty.preprocessing import filter_reach

    lags = max(lag_reach(decoder) for decoder in decoders.values())
    reach = filter_reach(**vars(band))
    return math.ceil(10 * (lags + 2 * reach)) / 10


def chosen_split(
    options: argparse.Namespace,
    cv: str,
    band: Band,
    decoders: Mapping[str, Any],
    windows: Sequence[float],
) -> "Split":
    """Make the split that the arguments ask for, or else `cv`, which suits the data.

    The gap, if none was asked for, follows from band and decoders; windows are in seconds.
    """
    from cocktailparty.model_selection import Split

    gap = safe_gap(band, decoders) if options.gap is None else options.gap
    return Split(options.cv or cv, options.n_splits, gap, options.allow_shared_stimuli, windows)
