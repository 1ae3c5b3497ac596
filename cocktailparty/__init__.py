"""Decode which sound a listener attends to, and separate that sound from the mixture.

The ground floor of the library: trials, features, recordings, data sets, splits, metrics,
evaluation, plots and the report. The decoders live in :mod:`linear_aad` and :mod:`deep`, the
factorisations in :mod:`cnmf`.
"""

import importlib
from importlib.metadata import version
from types import ModuleType
from typing import TYPE_CHECKING

import cocktailparty.moved  # noqa: F401  (finds modules by their former names)
from cocktailparty.trial import Trial
from cocktailparty.trials import check_trials

if TYPE_CHECKING:
    from cocktailparty import datasets, evaluation, features, metrics, model_selection, plots

__version__ = version("cocktailparty")

__all__ = [
    "Trial",
    "check_trials",
    "datasets",
    "evaluation",
    "features",
    "metrics",
    "model_selection",
    "plots",
]

# Loaded on first use: `from cocktailparty import Trial` must not pay for matplotlib or pandas.
_LAZY = {"datasets", "evaluation", "features", "metrics", "model_selection", "plots"}


def __getattr__(name: str) -> ModuleType:
    if name in _LAZY:
        return importlib.import_module(f"cocktailparty.{name}")
    raise AttributeError(f"module 'cocktailparty' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(set(globals()) | _LAZY)
