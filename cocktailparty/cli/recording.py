"""EEG recordings that commands read: arguments, checks before any work, reading."""

import argparse
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cocktailparty.cli.arguments import check_output

if TYPE_CHECKING:
    from cocktailparty.decoding.trained import TrainedModel


def check_files(options: argparse.Namespace, files: Iterable[Path | None]) -> None:
    """Check the paths of a command before anything is read.

    Takes `eeg`, `eeg_sfreq` and `out` from the options, and `files` that have to exist besides;
    None stands for what was not given.

    Raises
    ------
    ValueError
        If an array has no sampling rate, or another recording is given one.
    FileNotFoundError
        If a file does not exist.
    NotADirectoryError
        If the folder for the results is a file.
    """
    is_array = options.eeg is not None and options.eeg.suffix == ".npy"
    if is_array != (options.eeg_sfreq is not None):
        raise ValueError(
            f"--eeg-sfreq is for .npy files, which need it; --eeg is {options.eeg}, --eeg-sfreq "
            f"{'missing' if options.eeg_sfreq is None else options.eeg_sfreq}"
        )
    for file in (options.eeg, *files):
        if file is not None and not file.exists():
            raise FileNotFoundError(f"{file} does not exist: check the path")
    check_output(options)


def read_recording(options: argparse.Namespace, model: "TrainedModel") -> Any:
    """Read a recording, or make one from an array, whose channels are those of the model.

    Returns an mne.io.Raw. An array without the channels of the model is a ValueError, a file that
    cannot be read an OSError.
    """
    from cocktailparty.recordings.eeg import raw_from_array, read_eeg

    if options.eeg.suffix != ".npy":
        return read_eeg(options.eeg)
    names = model.channel_names or [f"channel {i}" for i in range(model.n_channels)]
    return raw_from_array(
        read_array(options.eeg), options.eeg_sfreq, names, names, str(options.eeg)
    )


def start_of_sounds(options: argparse.Namespace) -> float:
    """Find when the sounds start, in seconds from the start of the recording.

    It is stated, or the time of an event. No such event, more than one, or events of an array are a
    ValueError; a file that cannot be read is an OSError.
    """
    from cocktailparty.recordings.eeg import read_eeg
    from cocktailparty.recordings.events import event_times

    if options.start is not None or options.events is None:
        return float(options.start or 0.0)
    if options.eeg.suffix == ".npy":
        raise ValueError(f"--events: {options.eeg} is an array without markers; give --start")
    times = event_times(read_eeg(options.eeg), options.events)
    if len(times) > 1:
        listed = ", ".join(f"{time:.3f}" for time in times[:10])
        raise ValueError(
            f"--events {','.join(options.events)}: {len(times)} events in {options.eeg}, at "
            f"{listed}{' ...' if len(times) > 10 else ''} s; give the right one as --start"
        )
    return float(times[0])


def read_array(path: Path) -> Any:
    """Read the array of a .npy file of real numbers; any other file is a ValueError."""
    import zipfile

    import numpy as np

    if path.is_dir():
        raise ValueError(f"{path} is a folder: name a .npy file of numbers")
    if zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            held = ", ".join(name.removesuffix(".npy") for name in archive.namelist())
        raise ValueError(
            f"{path} is not a .npy file of numbers but an archive (.npz) that holds "
            f"{held or 'nothing'}: save the one array with numpy.save"
        )
    try:
        with path.open("rb") as file:
            array = np.lib.format.read_array(file, allow_pickle=False)
    except (ValueError, EOFError, MemoryError) as error:
        raise ValueError(f"{path} is not a .npy file of numbers ({error})") from error
    if array.dtype.kind not in "biuf":
        raise ValueError(
            f"{path} is not a .npy file of numbers: its array has the type {array.dtype}, expected "
            "real numbers"
        )
    return array
