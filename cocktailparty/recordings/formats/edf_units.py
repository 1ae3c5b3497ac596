"""Units of EDF, BDF and GDF files, which recorders spell in more ways than MNE-Python knows.

MNE-Python (1.13.2) scales "uV", "µV" and "mV", and takes all other spellings for volts, while it
shows some of them ("UV", "uv") as microvolts.
"""

import logging
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import mne

logger = logging.getLogger(__name__)

#: Volts in a unit of potential, by its name in small letters.
VOLTS = {
    **dict.fromkeys(("microvolt", "microvolts", "uv", "µv", "\u03bcv"), 1e-6),
    **dict.fromkeys(("millivolt", "millivolts", "mv"), 1e-3),
    **dict.fromkeys(("nanovolt", "nanovolts", "nv"), 1e-9),
    **dict.fromkeys(("volt", "volts", "v"), 1.0),
}
_SUFFIXES = (".edf", ".bdf", ".gdf", ".rec")
_POTENTIALS = {"eeg", "eog", "emg", "ecg", "ecog", "seeg", "dbs", "bio"}
# Places in the header: number of signals, then labels and sensors of all before their units.
_N_SIGNALS, _BEFORE_UNITS, _UNIT = slice(252, 256), 16 + 80, 8


def stated_units(path: Path) -> list[str]:
    """Read the units of all signals, as written in the header of an EDF, BDF or GDF file.

    Empty if the header does not have them as text: the second version of GDF has codes for units,
    of which none is unknown.
    """
    with path.open("rb") as file:
        start = file.read(256)
        if start.startswith(b"GDF"):
            if start[4:5] != b"1":
                return []
            n_signals = int.from_bytes(start[_N_SIGNALS], "little")
        else:
            n_signals = int(start[_N_SIGNALS].split(b"\0")[0])
        file.seek(_BEFORE_UNITS * n_signals, 1)
        texts = [file.read(_UNIT) for _ in range(n_signals)]
    return [text.split(b"\0")[0].decode("latin-1").strip() for text in texts]


def scale_to_volts(raw: "mne.io.BaseRaw", path: Path) -> None:
    """Scale channels whose unit MNE-Python took for volts although it is another one.

    The scale of the recording, of one file as MNE-Python opened it, is changed, if that file is
    EDF, BDF or GDF.
    """
    header = raw._raw_extras[0]
    for i, volts in _wrong(raw, 0, path).items():
        logger.info("channel %s is not stored in volts, but in %g V", raw.ch_names[i], volts)
        header["units"][raw._read_picks[0][i]] = volts
        if raw.preload:
            scale = partial(np.multiply, volts)
            raw.apply_function(scale, picks=[raw.ch_names[i]], verbose="WARNING")


def check_units(raw: "mne.io.BaseRaw") -> None:
    """Raise a ValueError if a channel has a unit that `scale_to_volts` would have corrected.

    A recording that is loaded may have been scaled since, and is not looked at.
    """
    if raw.preload:
        return
    for number, file in enumerate(raw.filenames):
        if file is not None and (wrong := _wrong(raw, number, Path(file))):
            names = [raw.ch_names[i] for i in wrong]
            raise ValueError(
                f"{file} states the unit of channel(s) {names} in a way that MNE takes for volts: "
                "open it by cocktailparty.recordings.read_eeg, which scales them"
            )


def _wrong(raw: "mne.io.BaseRaw", number: int, path: Path) -> dict[int, float]:
    """Find channels that are not in volts though taken for it; how many volts their unit is."""
    header = raw._raw_extras[number]
    if path.suffix.lower() not in _SUFFIXES or not isinstance(header, dict) or "sel" not in header:
        return {}
    units = stated_units(path) if path.is_file() else []
    wrong = {}
    for i, (kind, place) in enumerate(
        zip(raw.get_channel_types(), raw._read_picks[number], strict=True)
    ):
        volts = VOLTS.get(units[header["sel"][place]].lower(), 1.0) if units else 1.0
        if kind in _POTENTIALS and header["units"][place] == 1.0 != volts:
            wrong[i] = volts
    return wrong
