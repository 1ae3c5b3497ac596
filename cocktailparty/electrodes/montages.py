"""Places of electrodes: those of the recording, or of a montage with the channels' names."""

import re
from collections.abc import Sequence
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from cocktailparty.third_party_warnings import shown_once
from cocktailparty.trial import Trial

if TYPE_CHECKING:
    import mne

__all__ = ["Places", "head_info", "locate", "places_of", "recorded_positions", "with_montage"]

# Montages of the 10-05 system and its subsets, by their names in the versions of MNE, newest first:
# the first that has as many of the names as any other is taken.
_TEN_FIVE = (("biosemi32",), ("biosemi64",), ("colin27_1005", "standard_1005"))
# Caps that share the names A1, A2, ... for different places: a name says nothing without the cap.
_BANKS = ("biosemi128", "biosemi160", "biosemi256")
_BANK = re.compile(r"[A-H]([1-9]|[12][0-9]|3[0-2])", re.IGNORECASE)


class Places(NamedTuple):
    """Places of electrodes, and how they are known.

    Attributes
    ----------
    positions : ndarray of shape (n_channels, 3)
        Metres in the head coordinates of MNE; NaN for channels without a place.
    source : str
        Where they come from, in words that end a sentence.
    """

    positions: np.ndarray
    source: str


def locate(names: Sequence[str], montage: str | PathLike[str] | None = None) -> Places:
    """Look channels up in a montage of MNE.

    Parameters
    ----------
    names : sequence of str
        Channel names; upper and lower case alike.
    montage : str or path, optional
        Name of one of MNE's montages, or a file that `mne.channels.read_custom_montage` reads.
        None chooses one by the names, where they allow only one: those of the 10-05 system, or
        all names of a BioSemi cap. Some of A1 to H32 are at other places on each cap.

    Returns
    -------
    places : Places
        Positions; NaN for channels that the montage does not have.

    Raises
    ------
    ValueError
        If the montage is unknown, has none of the channels, or the names do not tell which it is.

    Examples
    --------
    >>> places = locate(["Fz", "Cz", "Pz", "EXG1"])
    >>> np.isnan(places.positions).any(axis=1).tolist(), places.source
    ([False, False, False, True], "the montage 'biosemi32', which has their names")
    >>> locate(["A1", "A2", "B5"])
    Traceback (most recent call last):
    ...
    ValueError: the names of 3 channels, such as A1, belong to several BioSemi caps, with ...
    """
    import mne

    if montage is None:
        known = _by_names(names)
        source = f"the montage {known!r}, which has their names"
        digitised = mne.channels.make_standard_montage(known)
    else:
        digitised = _montage(montage)
        source = f"the montage {Path(montage).name!r}, as asked for"
    wanted = {name.lower(): name for name in digitised.ch_names}
    places = np.full((len(names), 3), np.nan)
    rows = [i for i, name in enumerate(names) if name.lower() in wanted]
    if not rows:
        raise ValueError(
            f"{source} has none of the {len(names)} channels, whose names begin with "
            f"{list(names)[:5]}: choose another montage, or rename the channels"
        )
    # Setting the montage brings its positions into head coordinates.
    info = mne.create_info([wanted[names[i].lower()] for i in rows], 1.0, "eeg", verbose="WARNING")
    # A file without fiducials is taken to be in head coordinates.
    with shown_once(["Fiducial point nasion not found"]):
        info.set_montage(digitised, verbose="WARNING")
    places[rows] = [channel["loc"][:3] for channel in info["chs"]]
    return Places(places, source)


def with_montage(trials: Sequence[Trial], montage: str | PathLike[str]) -> list[Trial]:
    """Give trials the positions of a montage.

    Parameters
    ----------
    trials : sequence of Trial
        Trials with `channel_names`.
    montage : str or path
        See `locate`.

    Returns
    -------
    placed : list of Trial
        The same trials with `channel_positions`.

    Raises
    ------
    ValueError
        If a trial does not name its channels, or the montage has none of them.

    Examples
    --------
    >>> from cocktailparty.datasets import simulate_two_talkers
    >>> trials = simulate_two_talkers(n_trials=1, n_channels=8, random_state=0).trials
    >>> with_montage(trials, "biosemi64")[0].channel_positions.shape
    (8, 3)
    """
    located: dict[tuple[str, ...], Places] = {}
    placed = []
    for trial in trials:
        if trial.channel_names is None:
            raise ValueError(
                f"trial {trial.label!r} does not name its channels, so that a montage cannot "
                "place them: set channel_names"
            )
        names = tuple(trial.channel_names)
        if names not in located:
            located[names] = locate(names, montage)
        places = located[names]
        provenance = {**trial.provenance, "positions": places.source}
        placed.append(trial.replace(channel_positions=places.positions, provenance=provenance))
    return placed


def places_of(trials: Sequence[Trial]) -> Places:
    """Find where the channels of trials were: as recorded, else by their names.

    Parameters
    ----------
    trials : sequence of Trial
        Trials of the same channels.

    Returns
    -------
    places : Places
        Mean position of each channel over the trials that have one; of a montage, if none has.

    Raises
    ------
    ValueError
        If neither positions nor names say where the channels were; says why.

    Examples
    --------
    >>> from cocktailparty.datasets import simulate_two_talkers
    >>> trials = simulate_two_talkers(n_trials=2, n_channels=8, random_state=0).trials
    >>> places_of(trials).positions.shape
    (8, 3)
    """
    known = [t.channel_positions for t in trials if t.channel_positions is not None]
    if known:
        sources = dict.fromkeys(
            str(t.provenance.get("positions", "the trials"))
            for t in trials
            if t.channel_positions is not None
        )
        return Places(_mean(known), " and ".join(sources))
    names = trials[0].channel_names if trials else None
    if names is None:
        raise ValueError("the trials do not name their channels")
    return locate(names)


def recorded_positions(raw: "mne.io.BaseRaw", names: Sequence[str]) -> np.ndarray | None:
    """Read the places of channels from a recording, digitised or of a montage that was set.

    Parameters
    ----------
    raw : mne.io.Raw
        Recording.
    names : sequence of str
        Its channels.

    Returns
    -------
    positions : ndarray of shape (n_channels, 3) or None
        Metres in head coordinates; NaN for channels without a place, None if no channel has one.

    Examples
    --------
    >>> import mne
    >>> info = mne.create_info(["Fz", "Cz", "EMG"], 64, "eeg")
    >>> raw = mne.io.RawArray(np.zeros((3, 64)), info, verbose="WARNING")
    >>> _ = raw.set_montage("biosemi64", on_missing="ignore")
    >>> np.isnan(recorded_positions(raw, raw.ch_names)).any(axis=1).tolist()
    [False, False, True]
    """
    montage = raw.get_montage()
    known = {} if montage is None else montage.get_positions()["ch_pos"]
    unknown = np.full(3, np.nan)
    places = np.array([known.get(name, unknown) for name in names], dtype=float)
    # Some formats write zeros where a position is unknown.
    places[~places.any(axis=1)] = np.nan
    return places if np.isfinite(places).all(axis=1).any() else None


def head_info(positions: np.ndarray, names: Sequence[str] | None = None) -> tuple[Any, np.ndarray]:
    """Make the measurement info from which MNE draws maps of the head.

    Parameters
    ----------
    positions : ndarray of shape (n_channels, 3)
        As `Trial.channel_positions`.
    names : sequence of str, optional
        Names of the channels; None numbers them.

    Returns
    -------
    info : mne.Info
        The channels that have a place.
    kept : ndarray of int
        Indices of these channels.

    Raises
    ------
    ValueError
        If fewer than four channels have places, or all of them are on a line.
    """
    import mne

    kept = np.flatnonzero(np.isfinite(positions).all(axis=1))
    names = [str(i) for i in range(len(positions))] if names is None else list(names)
    if len(kept) < 4:
        raise ValueError(f"a map of the head takes at least 4 channels, got {len(kept)}")
    flat = positions[kept, :2]
    if np.linalg.matrix_rank(flat - flat.mean(axis=0), tol=1e-3) < 2:
        raise ValueError("a map of the head takes channels that are not all on a line")
    info = mne.create_info([names[i] for i in kept], 1.0, "eeg", verbose="WARNING")
    places = dict(zip(info.ch_names, positions[kept], strict=True))
    info.set_montage(mne.channels.make_dig_montage(places, coord_frame="head"), verbose="WARNING")
    return info, kept


def _mean(known: Sequence[np.ndarray]) -> np.ndarray:
    stack = np.stack(known)
    count = np.isfinite(stack).all(axis=2).sum(axis=0)
    total = np.where(np.isfinite(stack), stack, 0).sum(axis=0)
    return np.where(count[:, None] > 0, total / np.maximum(count, 1)[:, None], np.nan)


def _by_names(names: Sequence[str]) -> str:
    import mne

    built_in = _built_in()

    def names_of(montage: str) -> set[str]:
        return {name.lower() for name in mne.channels.make_standard_montage(montage).ch_names}

    families = [next(name for name in versions if name in built_in) for versions in _TEN_FIVE]
    wanted = {name.lower() for name in names}
    ten_five = wanted & set().union(*map(names_of, families))
    banks = {name for name in wanted if _BANK.fullmatch(name)}
    # C3 or F4 belong to both systems; O1 or Fz only to one.
    if banks - ten_five or (banks and ten_five <= banks):
        whole = [cap for cap in _BANKS if names_of(cap) == banks]
        if whole:
            return whole[0]
        first = next(name for name in names if name.lower() in banks)
        raise ValueError(
            f"the names of {len(banks)} channels, such as {first}, belong to several BioSemi caps, "
            "with different places: state the montage (a 64-channel cap that is labelled A1 to "
            "B32 takes a rename of its channels to 10-20 names first)"
        )
    if not ten_five:
        raise ValueError(
            f"the names of {len(names)} channels, which begin with {list(names)[:5]}, are not "
            "those of the 10-05 system or a BioSemi cap: state the montage"
        )
    return max(families, key=lambda montage: len(wanted & names_of(montage)))


def _built_in() -> list[str]:
    import mne

    return list(mne.channels.get_builtin_montages())


def _montage(montage: str | PathLike[str]) -> Any:
    import mne

    if Path(montage).is_file():
        try:
            return mne.channels.read_custom_montage(montage)
        # The readers raise whatever their parsing runs into.
        except Exception as error:
            raise ValueError(f"{montage} is no file of electrode positions: {error}") from error
    try:
        return mne.channels.make_standard_montage(str(montage))
    except ValueError:
        raise ValueError(
            f"there is no montage {str(montage)!r}: neither a file nor one of MNE's, which are "
            f"{', '.join(_built_in())}"
        ) from None
