"""Times of markers in a recording: annotations, and values of a trigger channel."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from cocktailparty.third_party_warnings import shown_once

if TYPE_CHECKING:
    import mne

# Lower bits hold the triggers; BioSemi's higher ones tell of the state of the amplifier.
_TRIGGER_BITS = 0xFFFF
# At most this many markers are listed in errors.
_LISTED = 20


def event_times(raw: "mne.io.BaseRaw", events: str | Sequence[str]) -> np.ndarray:
    """Find the moments that markers name.

    Parameters
    ----------
    raw : mne.io.Raw
        Recording, preloaded or not.
    events : str or sequence of str
        Descriptions of annotations, as they are or behind the last slash (``S  1`` for
        ``Stimulus/S  1``), however many blanks they have; or values of the trigger channels, as
        they appear there or as numbers below 65536.

    Returns
    -------
    times : ndarray of shape (n_events,)
        Rising moments in `raw.times`, in seconds.

    Raises
    ------
    ValueError
        If the recording does not have one of the events; those that it has are listed.

    Examples
    --------
    >>> import mne
    >>> raw = mne.io.RawArray(np.zeros((1, 1000)), mne.create_info(1, 100.0), verbose="WARNING")
    >>> _ = raw.set_annotations(mne.Annotations([2.0, 7.5], 0.0, ["Stimulus/S  1", "pause"]))
    >>> event_times(raw, "S 1").tolist()
    [2.0]
    """
    wanted = [events] if isinstance(events, str) else list(events)
    annotated = _annotated(raw)
    triggers = _triggers(raw)
    times: set[float] = set()
    for name in wanted:
        fitting = _fitting(annotated, name) or triggers.get(name.strip(), [])
        if not fitting:
            known = {
                **{k: len(v) for k, v in annotated.items()},
                **{k: len(v) for k, v in triggers.items()},
            }
            listed = [f"{k!r} ({n} times)" for k, n in list(known.items())[:_LISTED]]
            more = f" and {len(known) - _LISTED} more" if len(known) > _LISTED else ""
            raise ValueError(
                f"the recording has no event {name!r}; it has {', '.join(listed) or 'none'}{more}"
            )
        times.update(fitting)
    return np.array(sorted(times))


def events_of(raw: "mne.io.BaseRaw") -> dict[str, list[float]]:
    """List the moments, in seconds, of all annotations and trigger values by name.

    What is marked as bad, and where a recording is interrupted, are no events.
    """
    annotated = {
        name: times
        for name, times in _annotated(raw).items()
        if not name.lower().startswith(("bad", "edge", "new segment", "boundary"))
    }
    return {**annotated, **_triggers(raw)}


def _annotated(raw: "mne.io.BaseRaw") -> dict[str, list[float]]:
    times: dict[str, list[float]] = {}
    for onset, description in zip(raw.annotations.onset, raw.annotations.description, strict=True):
        times.setdefault(str(description), []).append(float(onset - raw.first_time))
    return times


def _fitting(times: dict[str, list[float]], name: str) -> list[float]:
    def plain(text: str) -> str:
        return " ".join(text.split())

    exact = times.get(name) or [t for k, v in times.items() if plain(k) == plain(name) for t in v]
    last = (v for k, v in times.items() if plain(k.rpartition("/")[2]) == plain(name))
    return exact or [time for times in last for time in times]


def _triggers(raw: "mne.io.BaseRaw") -> dict[str, list[float]]:
    import mne

    if not len(mne.pick_types(raw.info, stim=True)):
        return {}
    # Loaded, since MNE reads segments of some files at wrong places; only these channels are.
    stim = raw.copy().pick("stim").load_data(verbose="WARNING")
    with shown_once():
        events = mne.find_events(
            stim, stim.ch_names, shortest_event=1, mask=_TRIGGER_BITS, mask_type="and",
            verbose="WARNING",
        )  # fmt: skip
    times: dict[str, list[float]] = {}
    for sample, _, value in events:
        times.setdefault(str(value), []).append((sample - raw.first_samp) / raw.info["sfreq"])
    return times
