"""What has to hold with two threads of Numba: ``python -m tests.cnmf.updates.two_threads``."""

import os
from concurrent.futures import ThreadPoolExecutor

import numba
import numpy as np

from cnmf import ContrastiveNMF
from cnmf.solver import solve
from cnmf.updates import fused_numba
from tests.cnmf.conftest import make_problem


def bits():
    """Check that the number of threads changes no bit."""
    rng = np.random.default_rng(20260)
    x, a, w, objective = make_problem(rng, 900, 200, 8, dtype="float32")
    one = np.ones((), "float32")
    alone = fused_numba.update_activations(x, a, w, objective, one)
    with fused_numba.workspace() as pool:
        assert pool.n_threads == 2
        for _ in range(3):
            together = fused_numba.update_activations(x, a, w, objective, one, None, pool)
            for part, other in zip(together, alone, strict=True):
                np.testing.assert_array_equal(part, other)


def python():
    """Check that two threads of Python do not disturb each other."""
    p = make_problem(np.random.default_rng(20260), 3000, 100, 8, dtype="float32")
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda _: solve(*p, 20, 0.0), range(8)))
    for one in found:
        np.testing.assert_array_equal(one.components, found[0].components)


def fork():
    """Check that a forked process gets the same."""
    x = np.random.default_rng(0).uniform(size=(3000, 100)).astype("float32")

    def fit():
        model = ContrastiveNMF(4, 2, contrast_weight=0, init="random", max_iter=3, random_state=0)
        return model.fit(x).components_

    here, (reader, writer) = fit(), os.pipe()
    if os.fork() == 0:
        os.write(writer, fit().tobytes())
        os._exit(0)
    assert os.waitstatus_to_exitcode(os.wait()[1]) == 0
    assert os.read(reader, 2 * here.nbytes) == here.tobytes()


if __name__ == "__main__":
    assert numba.get_num_threads() == 2
    bits()
    python()
    if hasattr(os, "fork"):  # not on Windows
        fork()
