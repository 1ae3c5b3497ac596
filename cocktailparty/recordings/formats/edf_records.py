"""EDF+ and BDF+ files with pauses: data records that do not follow each other in time.

Such a file (EDF+D) states when each record was made. MNE-Python reads the records one after
another, as if there were no pauses, but places the annotations by their time.

References
----------
Kemp, B., Olivan, J. (2003). European data format 'plus' (EDF+), an EDF alike standard format for
the exchange of physiological data. Clinical Neurophysiology, 114(9), 1755-1761.
https://doi.org/10.1016/S1388-2457(03)00123-8
"""

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import mne

_LABEL_AT, _LABELS = 192, (b"EDF+D", b"BDF+D")
_MARK = re.compile(rb"([+-]\d+(?:\.\d*)?)(?:\x15(\d+(?:\.\d*)?))?\x14([^\0]*)\x14\0")
# What a recording may grow to in memory when its pauses are filled.
_LARGEST = 16 * 2**30


def has_pauses(path: Path) -> bool:
    """Tell whether a file is EDF+D or BDF+D, whose records need not follow each other."""
    if path.suffix.lower() not in (".edf", ".bdf", ".rec"):
        return False
    with path.open("rb") as file:
        file.seek(_LABEL_AT)
        return file.read(5) in _LABELS


def record_times(raw: "mne.io.BaseRaw", path: Path) -> np.ndarray:
    """Read when the data records of an EDF+ or BDF+ file that MNE opened begin.

    Returns seconds since the first one, (n_records,). Raises an OSError if a record does not say
    when it begins.
    """
    times = np.array([marks[0][0] for marks in _marks(raw, path)])
    return times - times[0]


def with_pauses(raw: "mne.io.BaseRaw", path: Path) -> "mne.io.BaseRaw":
    """Place the records of an EDF+D or BDF+D file that MNE opened at their times.

    Returns the recording itself if its records follow each other; otherwise one in memory, the
    pauses of which are zero and marked BAD_ACQ_SKIP. Raises an OSError if the times are not in
    order, a ValueError if the pauses are too long to be held in memory.
    """
    import mne

    header, sfreq = raw._raw_extras[0], raw.info["sfreq"]
    times = record_times(raw, path)
    n_record = int(header["max_samp"])
    gaps = np.diff(times) * sfreq - n_record
    if np.abs(gaps).max(initial=0.0) <= 0.5:
        return raw
    if gaps.min() < -0.5:
        i = int(gaps.argmin())
        raise OSError(
            f"{path}: data record {i + 1} begins at {times[i + 1]:g} s, before the end of the "
            f"one at {times[i]:g} s: it is damaged"
        )
    # A record that follows at once begins with the next sample, whatever its time is rounded to.
    steps = n_record + np.where(gaps > 0.5, np.rint(gaps), 0).astype(int)
    first = np.concatenate([[0], np.cumsum(steps)])
    n_times = int(first[-1]) + n_record
    if n_times * len(raw.ch_names) * 8 > _LARGEST:
        raise ValueError(
            f"{path} has pauses of {np.maximum(gaps, 0).sum() / sfreq:g} s in all, which would "
            "not fit into memory: cut it at its pauses"
        )
    data = np.zeros((len(raw.ch_names), n_times))
    stored = raw.get_data(verbose="WARNING")
    for i, start in enumerate(first):
        data[:, start : start + n_record] = stored[:, i * n_record : (i + 1) * n_record]
    placed = mne.io.RawArray(data, raw.info, verbose="WARNING")
    placed.filenames = [path]
    paused = np.flatnonzero(steps > n_record)
    marks = mne.Annotations(
        (first[paused] + n_record) / sfreq,
        (steps[paused] - n_record) / sfreq,
        ["BAD_ACQ_SKIP"] * len(paused),
    )
    # Of those that MNE gave the recording, all after its seeming end are lost.
    return placed.set_annotations(_annotations(raw, path) + marks, verbose="WARNING")


def check_no_pauses(raw: "mne.io.BaseRaw") -> None:
    """Raise a ValueError for a recording that was opened as if its file had no pauses."""
    for file, extra in zip(raw.filenames, raw._raw_extras, strict=True):
        # Those that `with_pauses` placed do not have the header any more.
        if file is None or not (isinstance(extra, dict) and "tal_idx" in extra):
            continue
        path = Path(file)
        if not path.is_file() or not has_pauses(path):
            continue
        header = extra
        gaps = np.diff(record_times(raw, path)) * raw.info["sfreq"] - int(header["max_samp"])
        if np.abs(gaps).max(initial=0.0) > 0.5:
            raise ValueError(
                f"{path} has pauses (EDF+D), which MNE leaves out, so that moments after them are "
                "wrong: open it by cocktailparty.recordings.read_eeg, which keeps them"
            )


def _marks(raw: Any, path: Path) -> list[list[tuple[float, float, bytes]]]:
    """Onset, duration and texts of what is noted in each record; the first is when it begins."""
    header = raw._raw_extras[0]
    if not len(header["tal_idx"]):
        raise OSError(f"{path} says that it has pauses, but not when its records begin")
    ends = int(header["dtype_byte"]) * np.cumsum(header["n_samps"], dtype=np.int64)
    begins = ends - int(header["dtype_byte"]) * header["n_samps"].astype(np.int64)
    shape = (int(header["n_records"]), int(ends[-1]))
    records = np.memmap(path, np.uint8, "r", int(header["data_offset"]), shape)
    onsets = []
    for i, record in enumerate(records):
        noted = b"\0".join(record[begins[k] : ends[k]].tobytes() for k in header["tal_idx"])
        marks = [(float(a), float(b or 0), texts) for a, b, texts in _MARK.findall(noted)]
        if not _MARK.match(noted):
            raise OSError(f"{path}: data record {i} does not say when it begins: it is damaged")
        onsets.append(marks)
    return onsets


def _annotations(raw: Any, path: Path) -> Any:
    import mne

    records = _marks(raw, path)
    start = records[0][0][0]
    annotations = [
        (onset - start, duration, text.decode("utf-8", "replace"))
        for marks in records
        for onset, duration, texts in marks
        for text in texts.split(b"\x14")
        if text
    ]
    return mne.Annotations(*(zip(*annotations, strict=True) if annotations else ([], [], [])))
