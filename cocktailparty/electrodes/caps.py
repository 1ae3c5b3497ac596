"""Places of the electrodes of corpora whose documents say which cap was used."""

from functools import cache

from cocktailparty.electrodes.montages import Places, locate
from cocktailparty.trial import Trial


def on_cap(trial: Trial, montage: str) -> Trial:
    """Give a trial with channel names the places of a cap, a montage of MNE that its authors name.

    Channels can then be left out without the rest losing its places, as a cap that is recognised
    only by all of its names together would. The trial stays as it was if the cap has none of its
    channels, such as external ones.

    Examples
    --------
    >>> from cocktailparty.datasets import simulate_two_talkers
    >>> trial = simulate_two_talkers(n_trials=1, n_channels=8, random_state=0).trials[0]
    >>> on_cap(trial, "biosemi64").provenance["positions"]
    "the montage 'biosemi64', the cap of the data set"
    """
    places = _places(tuple(trial.channel_names or ()), montage)
    if places is None:
        return trial
    provenance = {**trial.provenance, "positions": places.source}
    return trial.replace(channel_positions=places.positions, provenance=provenance)


@cache
def _places(names: tuple[str, ...], montage: str) -> Places | None:
    try:
        positions = locate(names, montage).positions
    except ValueError:  # none of the channels: all are external
        return None
    positions.setflags(write=False)  # all trials share them
    return Places(positions, f"the montage {montage!r}, the cap of the data set")
