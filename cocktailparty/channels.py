"""Channels and reference of trials that have already been cut."""

from collections.abc import Sequence

import numpy as np

from cocktailparty.backend import to_numpy
from cocktailparty.preprocessing import bandpass, filter_reach
from cocktailparty.suspicions import suspicions, warn_of
from cocktailparty.third_party_warnings import shown_once
from cocktailparty.trial import Trial

__all__ = ["choose_channels"]

# Drifts below this frequency, in hertz, say nothing about the gain of a channel.
_SLOW = 1.0


def choose_channels(
    trials: Sequence[Trial],
    picks: str | Sequence[str] = "eeg",
    reference: str | Sequence[str] | None = None,
) -> list[Trial]:
    """Pick channels of trials and give them another reference.

    `cocktailparty.recordings.trial_from_raw` does the same for recordings.

    Parameters
    ----------
    trials : sequence of Trial
        Trials, filtered or not.
    picks : str or sequence of str
        "eeg" for all channels, or names in the wanted order.
    reference : "average", sequence of str, or None
        Average of all picked channels; mean of the named channels, which are then left out; None
        leaves it as it is.

    Returns
    -------
    trials : list of Trial
        New trials.

    Raises
    ------
    ValueError
        If channels are unknown, none is left, or the trials do not know their names.

    Warns
    -----
    RecordingWarning
        If the EEG looks wrong before it is re-referenced, see `cocktailparty.suspicions`.

    Examples
    --------
    >>> eeg = np.arange(12.0).reshape(4, 3) ** 2
    >>> trial = Trial(eeg, None, 64, channel_names=["Fz", "Cz", "M1"])
    >>> choose_channels([trial], ["Cz"], ["M1"])[0].eeg.ravel().tolist()
    [-3.0, -9.0, -15.0, -21.0]
    """
    with shown_once():
        return [_chosen(trial, picks, reference) for trial in trials]


def _chosen(
    trial: Trial, picks: str | Sequence[str], reference: str | Sequence[str] | None
) -> Trial:
    if isinstance(picks, str) and picks != "eeg":
        raise ValueError(
            f"picks={picks!r}: the trials of this corpus hold EEG only; name its channels, which "
            f"are {trial.channel_names or 'not known by name'}"
        )
    references = [] if reference is None or isinstance(reference, str) else list(reference)
    if isinstance(reference, str) and reference != "average":
        raise ValueError(
            f"reference must be 'average', a list of channel names or None, got {reference!r}"
        )
    known = [str(i) for i in range(trial.n_channels)]
    if trial.channel_names is not None:
        known = list(trial.channel_names)
    elif references or not isinstance(picks, str):
        raise ValueError("the trials of this corpus do not know the names of their channels")
    wanted = known if isinstance(picks, str) else list(picks)
    unknown = [name for name in [*wanted, *references] if name not in known]
    if unknown:
        raise ValueError(f"channel(s) {unknown} are not in the trials, which have {known}")
    kept = [known.index(name) for name in wanted if name not in references]
    if not kept:
        raise ValueError(f"picks={picks!r} with reference={reference!r} leaves no channel")
    eeg = trial.eeg[:, kept]
    text = trial.provenance.get("reference")
    doubts: list[str] = []
    if reference is not None:
        # Afterwards, what is wrong with one channel is in all of them.
        doubts = _doubts(trial, kept, [known[i] for i in kept])
        others = kept if isinstance(reference, str) else [known.index(name) for name in references]
        eeg = eeg - trial.eeg[:, others].mean(axis=1, keepdims=True)
        text = "average" if isinstance(reference, str) else f"mean of {', '.join(references)}"
    positions = trial.channel_positions
    told = [*trial.provenance.get("warnings", ()), *doubts]
    return trial.replace(
        eeg=eeg,
        channel_names=None if trial.channel_names is None else [known[i] for i in kept],
        channel_positions=None if positions is None else np.asarray(positions)[kept],
        provenance={
            **trial.provenance,
            **({} if text is None else {"reference": text}),
            **({"warnings": told} if told else {}),
        },
    )


def _doubts(trial: Trial, kept: list[int], names: list[str]) -> list[str]:
    eeg = to_numpy(trial.eeg[:, kept])
    moving = eeg - eeg.mean(axis=0)
    if trial.sfreq > 2 * _SLOW and trial.duration > 2 * filter_reach(trial.sfreq, _SLOW, None):
        moving = bandpass(eeg, trial.sfreq, _SLOW, None)
    doubts = suspicions(eeg, moving, names, trial.sfreq, None, None)
    warn_of(doubts)
    return doubts
