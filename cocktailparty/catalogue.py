"""Catalogue of decoders by name, our own and those of other installed packages.

A decoder is one row, a `NamedDecoder`. A package lists its rows in a table and names that table in
an entry point of the group ``cocktailparty.decoders``:

.. code-block:: toml

   [project.entry-points."cocktailparty.decoders"]
   mine = "my_package.catalogue:DECODERS"

Its decoders are then known wherever a decoder is chosen by name. Rows are light: what a decoder
needs is imported when one is made.
"""

import importlib
import warnings
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from typing import Any

from cocktailparty.validation import did_you_mean

__all__ = [
    "GROUP",
    "REFUSALS",
    "CatalogueWarning",
    "NamedDecoder",
    "find_decoder",
    "find_space",
    "named_decoders",
]

#: Group of the entry points that name tables of decoders.
GROUP = "cocktailparty.decoders"

#: What a decoder may refuse to do, if its row says so: "one_trial" and "one_stimulus" to be trained
#: on a single trial or on trials with a single sound, "three_stimuli" on trials with three sounds,
#: "other_stimuli" to decode trials with more sounds than those of training had.
REFUSALS = {
    "one_trial": "to be trained on a single trial",
    "one_stimulus": "to be trained on trials with a single sound",
    "three_stimuli": "to be trained on trials with three sounds",
    "other_stimuli": "trials with more sounds than those of training had",
}

_DISTRIBUTION = "cocktailparty"
# Our own tables, also stated in pyproject.toml. They are not looked up in the metadata: those of
# an editable installation are as old as the installation, and may know nothing of a newer table.
_BUILT_IN = ("linear_aad.catalogue:DECODERS", "deep.catalogue:DECODERS")


class CatalogueWarning(UserWarning):
    """An installed package lists decoders that cannot be used by name."""


def check_refusals(refuses: Iterable[str]) -> None:
    """Raise a ValueError for names that are not in `REFUSALS`."""
    if unknown := sorted(set(refuses) - REFUSALS.keys()):
        raise ValueError(f"refuses={unknown}: unknown, known are {', '.join(REFUSALS)}")


@dataclass(frozen=True)
class NamedDecoder:
    """Row of the catalogue; called with a sampling rate, it makes an unfitted decoder.

    Parameters
    ----------
    name : str
        Short name, without spaces, commas and colons.
    make : callable
        Takes the sampling rate of the trials in hertz, returns an unfitted decoder. Should import
        what it needs itself, so that the catalogue is listed in an instant.
    summary : str
        One line that says what it is.
    space : callable, optional
        Search space: takes an Optuna trial, returns parameters of the decoder.
    needs : tuple of str
        Extras of the distribution that have to be installed.
    refuses : tuple of str
        Names from `REFUSALS` of what it does not do; it then raises a ValueError that says why.
    distribution : str
        Installed distribution that lists it; filled in when the table is read.

    Raises
    ------
    ValueError
        If the name cannot be used on the command line, or it refuses what is not known.
    TypeError
        If `make` or `space` is not callable.

    Examples
    --------
    >>> def make(sfreq):
    ...     from linear_aad import AttentionDecoder, BackwardTRF
    ...     return AttentionDecoder(BackwardTRF(0, 0.25, sfreq, alpha=1e3))
    >>> row = NamedDecoder("short", make, summary="ridge regression of 250 ms of EEG")
    >>> row(128.0).regressor.sfreq
    128.0
    """

    name: str
    make: Callable[[float], Any]
    summary: str
    space: Callable[[Any], dict[str, Any]] | None = None
    needs: tuple[str, ...] = ()
    refuses: tuple[str, ...] = ()
    distribution: str = ""

    def __post_init__(self) -> None:
        if not self.name or set(self.name) & set(",: \t\n"):
            raise ValueError(
                f"name of a decoder must be text without spaces, commas and colons, got "
                f"{self.name!r}"
            )
        check_refusals(self.refuses)
        for field in ("make", "space"):
            value = getattr(self, field)
            if not (callable(value) or (field == "space" and value is None)):
                raise TypeError(f"{field} of decoder {self.name!r} must be callable, got {value!r}")

    @property
    def requirement(self) -> str:
        """Argument for an installer, such as ``"cocktailparty[deep]"``."""
        return f"{self.distribution}[{','.join(self.needs)}]" if self.needs else self.distribution

    def __call__(self, sfreq: float) -> Any:
        """Make an unfitted decoder for trials at `sfreq` hertz.

        Raises an ImportError if a package that it needs is not installed.
        """
        try:
            return self.make(sfreq)
        except ModuleNotFoundError as error:
            remedy = f"pip install '{self.requirement}'" if self.needs else "install it"
            raise ImportError(
                f"decoder {self.name!r} needs {error.name or error}, which is not installed: "
                f"{remedy}"
            ) from error


def named_decoders() -> dict[str, NamedDecoder]:
    """List all decoders that are known by name: our own, then those of other distributions.

    Nothing that they are made of is imported, JAX least of all. A table of another distribution
    that cannot be read is left out with a warning that names the distribution. A name belongs to
    this library first, then to the other distributions in alphabetical order; later decoders of
    that name are left out with a warning.

    Returns
    -------
    decoders : dict of str to NamedDecoder
        By name.

    Warns
    -----
    CatalogueWarning
        If something is left out; once per process.

    Examples
    --------
    >>> rows = named_decoders()
    >>> rows["cca"].summary
    'canonical correlation: EEG and envelope are filtered towards each other'
    >>> rows["siglip"].needs
    ('deep',)
    """
    return {**_built_in(), **_installed()}


def find_decoder(name: str) -> Callable[[float], Any]:
    """Find the factory of a decoder, which takes the sampling rate in hertz.

    `name` is one of the catalogue, or ``module:function``. Raises a ValueError if the name is
    unknown or the module has no such function, an ImportError if there is no such module.

    Examples
    --------
    >>> find_decoder("ledoit-wolf")(64.0)
    AttentionDecoder(regressor=BackwardTRF(alpha='ledoit-wolf'))
    """
    if ":" in name:
        return _function(name, "decoder")
    row = _row(name)
    if row is None:
        known = named_decoders()
        near = did_you_mean(name, known)
        listed = near or f", known are {', '.join(known)} and module:function"
        raise ValueError(f"unknown decoder {name!r}{listed}")
    return row


def find_space(name: str) -> Callable[[Any], dict[str, Any]]:
    """Find a search space, a function of an Optuna trial that returns parameters of a decoder.

    `name` is a decoder of the catalogue that has one, or ``module:function``. Raises a ValueError
    if the name is unknown, the decoder has no space or the module no such function, an ImportError
    if there is no such module.
    """
    otherwise = "--space module:function, a function of an Optuna trial that returns parameters"
    if ":" in name:
        return _function(name, "search space")
    row = _row(name)
    if row is None:
        known = [name for name, row in named_decoders().items() if row.space]
        listed = did_you_mean(name, known) or f", known are {', '.join(known)} and {otherwise}"
        raise ValueError(f"unknown search space {name!r}{listed}")
    if row.space is None:
        raise ValueError(f"decoder {name!r} of {row.distribution} has no space: give {otherwise}")
    return row.space


def _row(name: str) -> NamedDecoder | None:
    """Row of a name; other packages are left alone where one of ours is asked for."""
    return _built_in().get(name) or _installed().get(name)


def _function(name: str, what: str) -> Callable[..., Any]:
    module, _, function = name.partition(":")
    attribute = getattr(importlib.import_module(module), function, None)
    if not callable(attribute):
        raise ValueError(f"{what} {name!r}: module {module} has no function {function!r}")
    return attribute


@cache
def _built_in() -> dict[str, NamedDecoder]:
    tables = [EntryPoint(value, value, GROUP) for value in _BUILT_IN]
    return {row.name: row for table in tables for row in _rows(table, _DISTRIBUTION)}


# Kept, so that what is wrong with a package is said once.
@cache
def _installed() -> dict[str, NamedDecoder]:
    kept: dict[str, NamedDecoder] = {}
    for distribution, table in sorted(_installed_tables(), key=lambda one: (one[0], one[1].name)):
        try:
            rows = list(_rows(table, distribution))
        except Exception as error:  # whatever the code of others may do
            warnings.warn(
                f"the decoders of {distribution} are left out, since its entry point "
                f"{table.name} = {table.value!r} cannot be read ({type(error).__name__}: {error}): "
                f"update or remove {distribution}",
                CatalogueWarning,
                stacklevel=2,
            )
            continue
        for row in rows:
            first = _built_in().get(row.name) or kept.setdefault(row.name, row)
            if first is not row:
                warnings.warn(
                    f"decoder {row.name!r} of {distribution} is left out: "
                    f"{first.distribution} has one of that name",
                    CatalogueWarning,
                    stacklevel=2,
                )
    return kept


def _installed_tables() -> Iterator[tuple[str, EntryPoint]]:
    for table in entry_points(group=GROUP):
        distribution = table.dist.name if table.dist is not None else table.module
        if distribution != _DISTRIBUTION and table.value not in _BUILT_IN:
            yield distribution, table


def _rows(table: EntryPoint, distribution: str) -> Iterator[NamedDecoder]:
    """Rows of a table, or the one row that an entry point names."""
    loaded = table.load()
    rows: Iterable[Any] = [loaded] if isinstance(loaded, NamedDecoder) else loaded
    for row in rows:
        if not isinstance(row, NamedDecoder):
            raise TypeError(f"{row!r} is no NamedDecoder")
        yield replace(row, distribution=distribution)
