"""Errors for recordings that cannot be read, in MNE-Python's words as far as they help."""

import importlib
import re
from pathlib import Path
from typing import Any

# What MNE-Python says where the file may be in order: a package, a reader or a parameter is wanted.
_REMEDY = re.compile(
    r"pip install|conda install|please (use|try|install|set|pass|provide|specify)|consider|"
    r"you (can|could|may|might|should|need)|try (setting|reading|using|with)|"
    r"(set|setting|use|using|pass|specify|with) (the )?[`'\"]?\w+[`'\"]?( parameter| argument|=)|"
    r"must be specified|not (yet )?supported|unsupported|not (yet )?implemented|"
    r"required (positional|keyword)|is needed|is required",
    re.IGNORECASE,
)
_PACKAGE = re.compile(r"pip install")
_ARGUMENTS = re.compile(r"(read_raw_\w+)\(\) (?:missing .*arguments?:|got an unexpected keyword)")
# How mne.io.read_raw lists the readers for an extension that several formats share.
_READERS = re.compile(r"mne\.io\.(read_raw_\w+)\s+\((.+?)\)")
_TRACEBACK = re.compile(r'File ".*?\^+ ')  # of the Neuroscan reader, which quotes one
# A text that is longer than this is the content of the file.
_LONGEST = 1500


def reader_error(path: Path, error: BaseException, arguments: dict[str, Any]) -> OSError:
    """Turn what `mne.io.read_raw` raised into an error that names file and remedy.

    `arguments` are those that it was given. Returns the OSError to be raised from `error`. If
    MNE-Python states a remedy, such as a package to install, a reader to call or a parameter to
    give, its whole text is kept.
    """
    reasons = _reasons(path, error, arguments)
    if all(_PACKAGE.search(reason) for reason in reasons):
        return OSError(f"EEG file {path} cannot be read ({'; '.join(reasons)})")
    if any(_REMEDY.search(reason) for reason in reasons):
        return OSError(
            f"EEG file {path} cannot be read ({'; '.join(reasons)}). Parameters of a reader can be "
            "given to read_eeg; for commands and tables, save what a reader of mne.io returns as "
            "NAME_raw.fif and use that"
        )
    return OSError(
        f"EEG file {path} cannot be read ({'; '.join(reasons)}): it is broken, or not a continuous "
        "recording of a format that mne.io.read_raw knows; copy it again, or read it by the MNE "
        "function for its format"
    )


def _reasons(path: Path, error: BaseException, arguments: dict[str, Any]) -> list[str]:
    """Say what was wrong, for each of the readers that were tried."""
    readers = _READERS.findall(str(error))
    if not readers:
        return [_reason(error)]
    # read_raw keeps none of the reasons, of which one is mostly the right one.
    io, reasons = importlib.import_module("mne.io"), []
    for name, kind in readers:
        try:
            getattr(io, name)(path, **arguments)
        except Exception as failure:
            reasons.append(f"as {kind}, by mne.io.{name}: {_reason(failure)}")
    return reasons or [_reason(error)]


def _reason(error: BaseException) -> str:
    text = " ".join(str(error).split())
    if isinstance(error, ImportError) and error.name and "pip install" not in text:
        return f"{text}: pip install {error.name}"
    if isinstance(error, TypeError) and (reader := _ARGUMENTS.search(text)):
        return f"{text}: use mne.io.{reader[1]} with the parameters that it needs"
    text = _TRACEBACK.sub("", text)
    # A bare word, such as the key of a dictionary, says nothing without its kind.
    if not text or " " not in text:
        text = f"{type(error).__name__}: {text}" if text else type(error).__name__
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]} ..."
