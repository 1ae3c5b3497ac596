"""Neural decoders and separators on JAX, with the interface of scikit-learn estimators.

Nothing here imports JAX before it is used. By default JAX takes three quarters of a GPU's memory at
its first computation, which leaves nothing for CuPy; importing this package prevents that by the
environment variable ``XLA_PYTHON_CLIENT_PREALLOCATE``, unless the user has set it.
"""

import importlib
import os
from typing import Any

os.environ.setdefault("XLA_PYTHON_CLIENT_PREALLOCATE", "false")

# Loaded on first use, from the module where it lives.
_HOMES = {
    "ASAMSeparator": "asam.estimator",
    "ArrayExamples": "data.examples",
    "Balanced": "data.dealing",
    "ContrastiveAudioClassifier": "contrastive.estimator",
    "Dealing": "data.dealing",
    "Examples": "data.examples",
    "Fit": "training.loop",
    "Network": "training.network",
    "NetworkEstimator": "training.estimator",
    "Optimizer": "training.optimizers",
    "SigLIPDecoder": "siglip.estimator",
    "Stepper": "training.step",
    "TestTimeAdapter": "adaptation.estimator",
    "Training": "training.settings",
    "fit_network": "training.loop",
    "layers": "",
}

__all__ = [
    "ASAMSeparator",
    "ArrayExamples",
    "Balanced",
    "ContrastiveAudioClassifier",
    "Dealing",
    "Examples",
    "Fit",
    "Network",
    "NetworkEstimator",
    "Optimizer",
    "SigLIPDecoder",
    "Stepper",
    "TestTimeAdapter",
    "Training",
    "fit_network",
    "layers",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'deep' has no attribute {name!r}")
    try:
        home = importlib.import_module(f"deep.{_HOMES[name] or name}")
    except ModuleNotFoundError as error:
        if error.name in ("jax", "jaxlib", "equinox", "optax"):
            raise ImportError(
                f"deep.{name} needs {error.name}, which is not installed: "
                "pip install 'cocktailparty[deep]'"
            ) from error
        raise
    return getattr(home, name) if _HOMES[name] else home


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
