"""Messages of commands on standard error: progress, warnings once and without paths, -v and -q."""

import argparse
import logging
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

# Loggers of this library, and of what speaks beside it where everything is wanted.
_OWN = ("cocktailparty", "linear_aad", "cnmf", "deep")
_OTHERS = ("mne",)


def add_verbosity(parser: argparse.ArgumentParser) -> None:
    """Add the arguments that say how much is told."""
    group = parser.add_mutually_exclusive_group()
    group.add_argument("-v", "--verbose", action="store_true", help="tell of every step, and what "
                       "MNE-Python says")  # fmt: skip
    group.add_argument("-q", "--quiet", action="store_true", help="no progress; results, warnings "
                       "and errors alone")  # fmt: skip


@contextmanager
def told(options: argparse.Namespace) -> Iterator[None]:
    """Print what loggers say and what is warned of, as much of it as was asked for.

    Warnings are shown once each, as one line without the place in the code.
    """
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(logging.Formatter("%(message)s"))
    level = logging.INFO
    if options.verbose:
        level = logging.DEBUG
    elif options.quiet:
        level = logging.WARNING
    loggers = [logging.getLogger(name) for name in _OWN + _OTHERS * options.verbose]
    before = [(logger.level, logger.propagate) for logger in loggers]
    for logger in loggers:
        logger.addHandler(handler)
        logger.setLevel(level)
        logger.propagate = False
    try:
        with _warnings_once():
            yield
    finally:
        for logger, (old, propagate) in zip(loggers, before, strict=True):
            logger.removeHandler(handler)
            logger.setLevel(old)
            logger.propagate = propagate


@contextmanager
def _warnings_once() -> Iterator[None]:
    shown: set[str] = set()
    before = warnings.showwarning

    def show(message: Warning | str, *place: Any) -> None:
        text = " ".join(str(message).split())
        if text not in shown:
            shown.add(text)
            print(f"cocktailparty: warning: {text}", file=sys.stderr)

    warnings.showwarning = show  # type: ignore[assignment]
    try:
        yield
    finally:
        warnings.showwarning = before
