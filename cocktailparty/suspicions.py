"""Signs of faults in EEG as it was recorded, looked for before anything is averaged.

An average reference or a decoder spreads the fault of one channel over all of them, where nobody
sees it any more. The limits are far from what real recordings showed: in the band from 1 to 9 Hz,
channels of two data sets (64 and 128 channels) were between 0.27 and 3.5 times as large as their
median, and no two of them were closer than 0.002 of the median distance.
"""

import re
import warnings
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.signal import welch

if TYPE_CHECKING:
    import mne

# Ratio to the median size of the channels, in the band, or its inverse.
_LARGE = 20.0
# Fraction of the median distance between two channels that makes them one electrode; and of their
# variance, where there are too few channels for that.
_BRIDGED, _EQUAL, _FEW = 1e-3, 1e-6, 4
# Squared correlation of most channels, above which they are one signal.
_ALIKE = 0.98
# Root mean square of EEG in volts, in the band; electrodes in the brain reach a millivolt.
_VOLTS = (1e-8, 0.005)
# What a filter took away, in decibels, and the seconds that it takes to see it.
_CUT, _SPECTRUM = -35.0, 8.0
# Flatness of a spectrum, above which it is one of noise.
_NOISE = 0.1
# A channel that stands still for this many seconds was not connected, or not recorded.
_STILL = 1.0
_LISTED = 8
# Names of what is recorded beside the scalp; A1 is an ear for some, and the vertex for BioSemi.
_BESIDE = re.compile(
    r"(EXG\d*|[HV]?EOG.*|E[CMK]G.*|M[12]|GSR\d?|RESP|PLET|TEMP|STATUS|TRIG.*|ERG\d|ANA\d|AUDIO.*)",
    re.IGNORECASE,
)


class RecordingWarning(UserWarning):
    """Something in the EEG as it was recorded is probably not what it should be."""


def suspicions(
    recorded: Any,
    filtered: Any,
    names: Sequence[str],
    sfreq: float,
    l_freq: float | None,
    h_freq: float | None,
    *,
    volts: bool = False,
    stated: tuple[float, float] | None = None,
) -> list[str]:
    """Say what is suspicious about the EEG of a trial.

    Parameters
    ----------
    recorded, filtered : ndarray of shape (n_times, n_channels)
        Channels before they are re-referenced, without and with the filter of the trial, each at a
        rate of its own.
    names : sequence of str
        Names of the channels.
    sfreq : float
        Sampling rate of `recorded` in hertz.
    l_freq, h_freq : float, optional
        Edges of the pass band in hertz.
    volts : bool
        Whether the unit is known to be the volt.
    stated : tuple of float, optional
        Band in hertz that the file says it was recorded in.

    Returns
    -------
    doubts : list of str
        One sentence for each: channels that are much larger or smaller than the others, equal to
        each other, or do not move for a second; an impossible unit; a filter that the recording
        has already passed and that leaves out a part of the band.

    References
    ----------
    Alschuler, D. M., Tenke, C. E., Bruder, G. E., Kayser, J. (2014). Identifying electrode
    bridging from electrical distance distributions: a survey of publicly-available EEG data using
    a new method. Clinical Neurophysiology, 125(3), 484-490.
    https://doi.org/10.1016/j.clinph.2013.08.024

    Examples
    --------
    >>> import numpy as np
    >>> eeg = np.random.default_rng(0).normal(size=(640, 3)) * [1, 1000, 1]
    >>> suspicions(eeg, eeg, ["Fz", "Cz", "Pz"], 64, None, None)[0].split(",")[0]
    "channel(s) ['Cz'] are more than 20 times as large as the others"
    """
    recorded, filtered = np.asarray(recorded, dtype=float), np.asarray(filtered, dtype=float)
    doubts = _sizes(recorded, filtered, names, volts)
    # Next to a channel of another size, all others look equal; it was named.
    ordinary = _ordinary(filtered.std(axis=0))
    doubts += _equals(filtered[:, ordinary], [names[i] for i in np.flatnonzero(ordinary).tolist()])
    doubts += _stills(recorded, names, sfreq)
    return doubts + _bands(recorded, sfreq, l_freq, h_freq, stated)


def odd_names(names: Sequence[str]) -> list[str]:
    """Say which channels that count as EEG have names of something else, in one sentence or none.

    Examples
    --------
    >>> odd_names(["Fz", "EXG1"])[0].split(":")[0]
    "channel(s) ['EXG1'] count as EEG, but have names of what is not on the scalp"
    """
    odd = np.array([_BESIDE.fullmatch(name.strip()) is not None for name in names])
    if not odd.any() or odd.all():
        return []
    return [
        f"{_channels(names, odd)} count as EEG, but have names of what is not on the scalp: choose "
        "channels (picks, --picks), or take them as the reference (reference, --reference)"
    ]


def warn_of(doubts: Sequence[str], where: str = "") -> None:
    """Give each suspicion as a `RecordingWarning`, after the text `where`."""
    for text in doubts:
        warnings.warn(f"{where}{text}", RecordingWarning, stacklevel=3)


def stated_band(raw: "mne.io.BaseRaw") -> tuple[float, float]:
    """Lower and upper edge in hertz of the band that a recording says it holds."""
    return float(raw.info["highpass"]), float(raw.info["lowpass"])


def in_volts(raw: "mne.io.BaseRaw", names: Sequence[str]) -> bool:
    """Tell whether channels are potentials in volts, as MNE-Python has them.

    False for arrays of `cocktailparty.recordings.eeg.raw_from_array`, whose unit is their own.
    """
    index = [raw.ch_names.index(name) for name in names]
    potentials = set(raw.get_channel_types(index)) <= {"eeg"}
    of_array = not any(raw.filenames) and bool(raw.info["description"])
    return potentials and not of_array


def _sizes(x: np.ndarray, filtered: np.ndarray, names: Sequence[str], volts: bool) -> list[str]:
    sizes = filtered.std(axis=0)
    middle = float(np.median(sizes[sizes > 0])) if sizes.any() else 0.0
    if not middle:
        return []
    doubts = []
    ratios = sizes / middle
    if len(sizes) > 2:  # the median of two is one of them
        small = (sizes > 0) & (ratios < 1 / _LARGE)
        if small.any():
            doubts.append(
                f"{_channels(names, small)} are less than 1/{_LARGE:g} as large as the others: are "
                "they connected?"
            )
        whole = x.std(axis=0)
        # A drift is no gain.
        large = np.minimum(ratios, whole / np.median(whole)) > _LARGE
        if large.any():
            doubts.append(
                f"{_channels(names, large)} are more than {_LARGE:g} times as large as the others, "
                f"{_rounded(ratios.max())} times at most"
            )
    if volts and middle > _VOLTS[1]:
        doubts.append(
            f"the EEG is {_rounded(middle)} V in root mean square: were microvolts taken for "
            "volts, or millivolts? MNE-Python expects volts"
        )
    elif volts and sizes.max() < _VOLTS[0]:
        doubts.append(
            f"the EEG is {_rounded(sizes.max())} V in root mean square, less than any amplifier "
            "resolves: was it divided by a million twice?"
        )
    return doubts


def _ordinary(sizes: np.ndarray) -> np.ndarray:
    """Tell which channels are about as large as most; all where there are too few to say."""
    alive = sizes > 0
    if len(sizes) <= 2 or not alive.any():
        return np.ones(len(sizes), dtype=bool)
    ratios = sizes / np.median(sizes[alive])
    return np.asarray((ratios >= 1 / _LARGE) & (ratios <= _LARGE))


def _equals(x: np.ndarray, names: Sequence[str]) -> list[str]:
    n_channels = x.shape[1]
    if n_channels < 3:  # two may be meant to be equal, and have no others to compare with
        return []
    # What all have in common hides nothing here, and says nothing of two of them.
    local = x - np.median(x, axis=1, keepdims=True) if n_channels >= _FEW else x
    pairs = np.triu_indices(n_channels, 1)
    covariance = np.cov(local.T)
    power = np.diag(covariance)
    distances = (power[:, None] + power - 2 * covariance)[pairs]
    close = distances <= _EQUAL * np.minimum(power[:, None], power)[pairs]
    # Where all channels hold one and the same signal, there are no electrodes to bridge.
    alike = np.median(covariance[pairs] ** 2) > _ALIKE * np.median(np.multiply.outer(power, power))
    if n_channels >= _FEW and not alike:
        close |= distances <= _BRIDGED * np.median(distances)
    alive = (power > 0)[pairs[0]] & (power > 0)[pairs[1]]
    couples = [
        (names[i], names[k]) for i, k in zip(*(p[close & alive] for p in pairs), strict=True)
    ]
    if not couples:
        return []
    more = f" and {len(couples) - _LISTED} more" * (len(couples) > _LISTED)
    listed = ", ".join(f"{a} and {b}" for a, b in couples[:_LISTED])
    return [f"these pairs of channels are equal, bridged by gel or copied: {listed}{more}"]


def _stills(x: np.ndarray, names: Sequence[str], sfreq: float) -> list[str]:
    moves = np.abs(np.diff(x, axis=0)) > 1e-9 * np.abs(x).max(axis=0)
    at = np.arange(1, len(moves) + 1)[:, None]
    last = np.maximum.accumulate(np.where(moves, at, 0), axis=0)
    longest = (at - last).max(axis=0, initial=0)
    # Those that never move were found before.
    still = (longest >= _STILL * sfreq) & (longest < len(moves))
    if not still.any():
        return []
    seconds = longest[still].max() / sfreq
    return [f"{_channels(names, still)} stand still for up to {seconds:.1f} s"]


def _bands(
    x: np.ndarray,
    sfreq: float,
    l_freq: float | None,
    h_freq: float | None,
    stated: tuple[float, float] | None,
) -> list[str]:
    doubts = []
    if stated is not None and h_freq is not None and 0 < stated[1] < h_freq * (1 - 1e-6):
        doubts.append(
            f"the file says that it was low-passed at {stated[1]:g} Hz, below the upper edge of "
            f"{h_freq:g} Hz"
        )
    if stated is not None and l_freq is not None and stated[0] > l_freq * (1 + 1e-6):
        doubts.append(
            f"the file says that it was high-passed at {stated[0]:g} Hz, above the lower edge of "
            f"{l_freq:g} Hz"
        )
    if doubts or h_freq is None or len(x) < _SPECTRUM * sfreq:
        return doubts
    low = l_freq or 0.0
    frequencies, spectra = welch(x, sfreq, nperseg=round(_SPECTRUM / 2 * sfreq), axis=0)
    spectrum = np.median(spectra, axis=1)

    def power(first: float, last: float) -> np.ndarray:
        edges = low + first * (h_freq - low), low + last * (h_freq - low)
        return np.asarray(spectrum[(frequencies >= edges[0]) & (frequencies <= edges[1])])

    # Quarters of the band that hold noise of the brain; those of tones tell of no filter.
    quarters = [power(i / 4, (i + 1) / 4) for i in range(4)]
    noise = [q.mean() for q in quarters if len(q) > 2 and _flatness(q) > _NOISE]
    limit = max(noise, default=0.0) * 10 ** (_CUT / 10)
    top = power(0.85, 1.0)
    if len(top) and top.mean() < limit:
        doubts.append(
            f"the recording was low-passed below the upper edge of {h_freq:g} Hz: its power there "
            f"is more than {-_CUT:g} dB lower than elsewhere in the band"
        )
    return doubts


def _flatness(power: np.ndarray) -> float:
    """Geometric mean over arithmetic mean: 0.56 for noise, next to nothing for a tone."""
    if not power.min() > 0:
        return 0.0
    return float(np.exp(np.log(power).mean()) / power.mean())


def _channels(names: Sequence[str], chosen: np.ndarray) -> str:
    listed = [names[int(i)] for i in np.flatnonzero(chosen)]
    more = f" and {len(listed) - _LISTED} more" * (len(listed) > _LISTED)
    return f"channel(s) {listed[:_LISTED]}{more}"


def _rounded(x: float) -> str:
    """Round to one digit, so that trials of a recording get the same text."""
    return f"{float(f'{x:.0e}'):g}"
