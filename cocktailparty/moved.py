"""Modules under the names that they had before they moved, for scripts that use those."""

import importlib
import sys
import warnings
from collections.abc import Sequence
from functools import partial
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from importlib.util import spec_from_loader
from types import ModuleType

#: Former names of documented modules, and where they are now.
MOVED = {
    "cnmf.evidence": "cocktailparty.separation.evidence",
    "cnmf.masking": "cocktailparty.separation.masking",
    "cocktailparty.clusters": "cocktailparty.evaluation.clusters",
    "cocktailparty.comparison": "cocktailparty.report.comparison",
    "cocktailparty.decoder": "cocktailparty.decoding.base",
    "cocktailparty.decoding.following": "cocktailparty.decoding.score_model",
    "cocktailparty.leakage": "cocktailparty.model_selection.leakage",
    "cocktailparty.montages": "cocktailparty.electrodes.montages",
    "cocktailparty.patterns": "cocktailparty.evaluation.patterns",
    "cocktailparty.permutation": "cocktailparty.evaluation.permutation",
    "cocktailparty.recordings.audio.files": "cocktailparty.recordings.audio.reading",
    "cocktailparty.same_sound": "cocktailparty.model_selection.same_sound",
    "cocktailparty.saving": "cocktailparty.decoding.saving",
    "cocktailparty.summary": "cocktailparty.evaluation.summary",
    "cocktailparty.tested_trials": "cocktailparty.evaluation.tested_trials",
    "cocktailparty.timeline": "cocktailparty.plots.decisions",
    "cocktailparty.verdict": "cocktailparty.report.verdict",
    "linear_aad.tracking": "cocktailparty.decoding.tracker",
}


class _Former(MetaPathFinder, Loader):
    """Finds a module under its former name, with a warning that gives the new one."""

    def find_spec(
        self, name: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        return spec_from_loader(name, self) if name in MOVED else None

    def exec_module(self, module: ModuleType) -> None:
        now = MOVED[module.__name__]
        warnings.warn(f"{module.__name__} is {now} now", DeprecationWarning, stacklevel=2)
        module.__getattr__ = partial(getattr, importlib.import_module(now))  # type: ignore[method-assign]


sys.meta_path.append(_Former())
