"""One training for several tests, always the same unless told otherwise."""

import jax
import numpy as np

from deep import Optimizer, fit_network
from tests.deep.tiny import classify, made, tiny


def trained(task=classify, examples=None, model=None, seed=3, **options):
    options = {"batch_size": 8, "max_epochs": 5, "validation": made(17, seed=1)[0]} | options
    optimizer = options.pop("optimizer", Optimizer("adam", 0.02, schedule="cosine"))
    return fit_network(
        task, *(model or tiny()), examples or made(40)[0], optimizer, seed=seed, **options
    )


def arrays(fit):
    return [np.asarray(x) for x in jax.tree.leaves((fit.model, fit.state)) if hasattr(x, "dtype")]


def identical(a, b):
    return all(x.tobytes() == y.tobytes() for x, y in zip(arrays(a), arrays(b), strict=True))
